import { expect, test } from "vitest";
import { linesWith, plainLine } from "./lines";

test.each([
  ["\u001b[31mred\u001b[0m text", "red text"],
  ["\u001b[38;5;208mcolour\u001b[m", "colour"],
  ["\u001b]0;title\u0007shown", "shown"],
  ["\u001b]8;;https://x\u001b\\link\u001b]8;;\u001b\\", "link"],
  ["10 %\r50 %\r100 %", "100 %"],
  ["windows line\r", "windows line"],
  ["plain [31m text", "plain [31m text"],
])("%j is shown as a terminal would leave it", (line, shown) => {
  expect(plainLine(line)).toBe(shown);
});

test("a search finds lines, whatever the case", () => {
  expect(linesWith(["Epoch 1", "loss 0.5", "EPOCH 2"], "epoch")).toEqual([0, 2]);
  expect(linesWith(["a"], "")).toEqual([]);
});
