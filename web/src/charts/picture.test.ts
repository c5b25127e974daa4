import { describe, expect, test } from "vitest";
import { Line } from "./line";
import { notesOf, pictureOf } from "./picture";
import { mergeRanks } from "./ranks";
import { overMetric, shapeOf } from "./shapes";

const HOW = { view: { line: "mean", smooth: 0 }, toAxis: (x: number) => x, halfLife: 0 } as const;

function lineOf(values: readonly number[], width = 0, rank: number | null = null): Line {
  const line = new Line({ runId: "r", key: "k", rank, attempt: 0 }, width);
  for (const [step, value] of values.entries()) line.add(step, 1_000 + step, value);
  return line;
}

function draw(line: Line, options: { logarithmic?: boolean; ignoreOutliers?: boolean } = {}, range: [number, number] | null = null) {
  return pictureOf([shapeOf(line, 1, null, HOW)], range, { logarithmic: false, ignoreOutliers: false, ...options });
}

describe("a picture", () => {
  test("has room for every point by default", () => {
    const { y } = draw(lineOf([1, 2, 1_000, -3, 2], 4));
    expect(y.min).toBeLessThan(-3);
    expect(y.max).toBeGreaterThan(1_000);
  });

  test("without outliers leaves them out and says how many there are", () => {
    const values = Array.from({ length: 500 }, (_, at) => Math.sin(at));
    values[100] = 1_000;
    values[200] = -500;
    const picture = draw(lineOf(values), { ignoreOutliers: true });
    expect(picture.y.max).toBeLessThan(2);
    expect(picture.counts.clipped.count).toBe(2);
    expect(notesOf(picture).join()).toContain("beyond the edge");
  });

  test("on a logarithmic axis says how many values have no place", () => {
    const picture = draw(lineOf([0.1, 0, -2, 10, NaN]), { logarithmic: true });
    expect(picture.counts.notPositive).toMatchObject({ count: 2, exact: true });
    expect(picture.y.min).toBeGreaterThan(0);
    expect(notesOf(picture)).toEqual(["1 NaN", "2 ≤ 0 not on a log axis"]);
  });

  test("counts what is no number, and says where a bucket tells only that there is such", () => {
    const exact = draw(lineOf([1, NaN, Infinity, -Infinity, NaN]));
    expect(notesOf(exact)).toEqual(["2 NaN", "1 +∞", "1 −∞"]);
    const buckets = draw(lineOf([1, NaN, Infinity, 2], 4));
    expect(notesOf(buckets)).toEqual(["1 NaN", "≥ 1 +∞"]);
  });

  test("of a range counts only what is in it", () => {
    const picture = draw(lineOf([NaN, 1, 2, NaN, 100]), {}, [0.5, 2.5]);
    expect(picture.counts.nan).toBe(0);
    expect(picture.y.max).toBeLessThan(10);
  });

  test("of nothing is empty, not broken", () => {
    expect(pictureOf([], null, { logarithmic: true, ignoreOutliers: true })).toMatchObject({ x: { min: 0, max: 1 } });
    const nan = draw(lineOf([NaN]));
    expect(nan.y).toEqual({ min: 0, max: 1 });
  });
});

describe("a bucket", () => {
  test("is drawn at the mean of its numbers, or at its last", () => {
    const line = lineOf([1, NaN, 5, 9], 4);
    expect([...shapeOf(line, 1, null, HOW).y]).toEqual([5]);
    expect([...shapeOf(line, 1, null, { ...HOW, view: { line: "last", smooth: 0 } }).y]).toEqual([9]);
  });
});

describe("ranks", () => {
  test("are summed up to a band with their mean", () => {
    const merged = mergeRanks([lineOf([1, 2, 3], 0, 0), lineOf([3, NaN, 9], 0, 1)]);
    const shape = shapeOf(merged, 2, null, HOW);
    expect([...shape.min]).toEqual([1, 2, 3]);
    expect([...shape.max]).toEqual([3, 2, 9]);
    expect([...shape.y]).toEqual([2, 2, 6]);
  });

  test("with buckets of different widths meet in the widest", () => {
    const merged = mergeRanks([lineOf([1, 2, 3, 4], 0, 0), lineOf([5, 6, 7, 8], 2, 1)]);
    expect([merged.width, merged.size]).toEqual([2, 2]);
    expect([...merged.columns.count.subarray(0, 2)]).toEqual([4, 4]);
  });
});

describe("another metric as axis", () => {
  test("is joined by step, the newest before it where there is none of the same", () => {
    const axis = new Line({ runId: "r", key: "epoch", rank: null, attempt: 0 }, 0);
    axis.add(1, 0, 10);
    axis.add(3, 0, 30);
    const shape = overMetric(lineOf([5, 6, 7, 8]), axis, "mean");
    expect([...shape.x]).toEqual([NaN, 10, 10, 30]);
    expect(shape.exact).toBe(true);
  });
});
