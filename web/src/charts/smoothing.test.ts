import { describe, expect, test } from "vitest";
import { smooth, smoothedUntil } from "./smoothing";

const f = (...values: number[]) => Float64Array.from(values);

/** As everybody else does it: an exponential moving average, divided by what its weights add up to. */
function debiased(values: readonly number[], factor: number): number[] {
  let [average, weight] = [0, 0];
  return values.map((value) => {
    average = average * factor + value * (1 - factor);
    weight = weight * factor + (1 - factor);
    return average / weight;
  });
}

describe("smoothing", () => {
  test("of points at equal distances is the debiased moving average", () => {
    const values = [3, 1, 4, 1, 5, 9, 2, 6];
    const x = f(...values.map((_, at) => at * 10));
    const found = smooth(x, f(...values), f(...values.map(() => 1)), 20);
    for (const [at, right] of debiased(values, 2 ** -0.5).entries()) expect(found[at]).toBeCloseTo(right, 12);
  });

  test("begins at the first value", () => {
    expect(smooth(f(0, 1), f(7, 7), f(1, 1), 5)[0]).toBe(7);
  });

  test("takes a bucket for its points at their mean", () => {
    const one = smooth(f(0, 4, 4, 4, 9), f(1, 2, 3, 4, 5), f(1, 1, 1, 1, 1), 3);
    const bucket = smooth(f(0, 4, 9), f(1, 3, 5), f(1, 3, 1), 3);
    expect(bucket[1]).toBeCloseTo(one[3] ?? 0, 12);
    expect(bucket[2]).toBeCloseTo(one[4] ?? 0, 12);
  });

  test("passes over what is no number", () => {
    const found = smooth(f(0, 1, 2, 3), f(1, NaN, Infinity, 1), f(1, 1, 1, 1), 2);
    expect([...found]).toEqual([1, NaN, NaN, 1]);
  });

  test("of a part goes on from what came before it", () => {
    const [x, y, w] = [f(0, 1, 2, 3, 4), f(5, 1, 4, 2, 8), f(1, 2, 1, 3, 1)];
    const whole = smooth(x, y, w, 2);
    const before = smoothedUntil(3, x, y, w, 2);
    const part = smooth(x.subarray(3), y.subarray(3), w.subarray(3), 2, before);
    expect(part[0]).toBeCloseTo(whole[3] ?? 0, 12);
    expect(part[1]).toBeCloseTo(whole[4] ?? 0, 12);
  });
});
