import { expect, test } from "vitest";
import { wholeCharacters } from "./text-content";

test("a text is cut between characters", () => {
  const bytes = new TextEncoder().encode("aé€😀");
  const cuts = Array.from({ length: bytes.length + 1 }, (_, end) => wholeCharacters(bytes.subarray(0, end)));
  expect(cuts).toEqual([0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10]);
});

test("bytes that are no UTF-8 are not waited for", () => {
  expect(wholeCharacters(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80))).toBe(5);
});
