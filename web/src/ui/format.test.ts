import { expect, test } from "vitest";
import { formatAgo, formatCount, formatDuration, formatNumber } from "./format";

test.each([
  [0, "0"], [-0, "-0"], [1, "1"], [0.1, "0.1"], [1 / 3, "0.333333"], [123456789, "123456789"],
  [1e10, "1e+10"], [12345.678, "12345.7"], [0.00001, "1e-5"], [0.0000123456789, "1.23457e-5"],
  [NaN, "NaN"], [Infinity, "∞"], [-Infinity, "-∞"], [1e300, "1e+300"], [1234567.25, "1.23457e+6"],
])("%d reads %s", (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

test("a number that only nearly is a round one does not look like it", () => {
  expect(formatNumber(0.99999999)).toBe("1.00000");
  expect(formatNumber(2.0000001)).toBe("2.00000");
});

test.each([
  [0, "0 ms"], [250_000, "250 ms"], [12_340_000, "12.3 s"], [59_990_000, "1 m 00 s"], [249_000_000, "4 m 09 s"],
  [3_900_000_000, "1 h 05 m"], [183_600_000_000, "2 d 3 h"], [-1_500_000, "-1.5 s"],
])("%d µs read %s", (durationUs, text) => {
  expect(formatDuration(durationUs)).toBe(text);
});

test("counts are read in thousands", () => {
  expect(formatCount(1_234_567)).toBe("1\u2009234\u2009567");
  expect(formatCount(999)).toBe("999");
});

test("what was is told roughly", () => {
  expect(formatAgo(0, 1e6)).toBe("just now");
  expect(formatAgo(0, 3_700 * 1e6)).toBe("1 h ago");
  expect(formatAgo(60 * 1e6, 0)).toBe("in the future");
});
