import { expect, test } from "vitest";
import { scaleOf, steps, wantsLog } from "./scales";

test("what has no place on an axis gets none", () => {
  const log = scaleOf([0.1, 10, -1, 0], true);
  expect([NaN, Infinity, undefined, 0, -1].map((value) => log.place(value))).toEqual([null, null, null, null, null]);
  expect(log.place(1)).toBeCloseTo(0.5);
});

test("a single value stands in the middle", () => {
  expect(scaleOf([3], false).place(3)).toBeCloseTo(0.5);
  expect(scaleOf([0, 0], false).place(0)).toBeCloseTo(0.5);
  expect(scaleOf(["a"], false).place("a")).toBe(0.5);
});

test("ticks are round and without noise", () => {
  expect(steps(0, 1)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(steps(-0.3, 0.3)).toEqual([-0.2, 0, 0.2]);
});

test("numbers far apart want a logarithm, none that have no logarithm", () => {
  expect(wantsLog([1e-5, 1e-1])).toBe(true);
  expect(wantsLog([0, 1e-1])).toBe(false);
  expect(wantsLog([1, 2, 3])).toBe(false);
});

test("a logarithmic axis has ticks however short it is", () => {
  expect(scaleOf([0.30, 0.31], true).ticks.length).toBeGreaterThan(1);
});
