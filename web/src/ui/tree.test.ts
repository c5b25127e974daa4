import { expect, test } from "vitest";
import { keyAct, type TreeRow } from "./tree";

const ROWS: readonly TreeRow[] = [
  { id: "a", label: "a", depth: 0, expanded: true },
  { id: "a/b", label: "b", depth: 1, expanded: false },
  { id: "a/c", label: "c", depth: 1 },
  { id: "d", label: "d", depth: 0 },
];

test("the arrows to the sides open, close, and go in and out", () => {
  expect(keyAct("ArrowRight", ROWS, 1)).toBe("toggle");
  expect(keyAct("ArrowRight", ROWS, 0)).toBe(1);
  expect(keyAct("ArrowLeft", ROWS, 0)).toBe("toggle");
  expect(keyAct("ArrowLeft", ROWS, 2)).toBe(0);
  expect(keyAct("ArrowLeft", ROWS, 3)).toBe(0);
});

test("the others move, and Enter selects", () => {
  expect(["ArrowDown", "ArrowUp", "Home", "End", "Enter", "x"].map((key) => keyAct(key, ROWS, 1))).toEqual([
    2,
    0,
    0,
    3,
    "select",
    null,
  ]);
});
