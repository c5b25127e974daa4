import { describe, expect, test } from "vitest";
import { type BucketColumns, Line, noColumns } from "./line";

interface Point {
  readonly x: number;
  readonly other: number;
  readonly value: number;
}

const NAME = { runId: "r", key: "loss", rank: null, attempt: 0 };
const COLUMNS = ["xFirst", "xLast", "count", "nanCount", "first", "last", "min", "max"] as const;

/** The server's rules, word for word: order by (x, other, value), one bucket per floor(x / width), NaN apart. */
function byTheRules(points: readonly Point[], width: number): BucketColumns {
  const order = [...points].sort((a, b) => a.x - b.x || a.other - b.other || rank(a.value) - rank(b.value));
  const groups: Point[][] = [];
  for (const point of order) {
    const last = groups.at(-1)?.[0];
    if (width > 0 && last !== undefined && Math.floor(last.x / width) === Math.floor(point.x / width)) groups.at(-1)?.push(point);
    else groups.push([point]);
  }
  const columns = noColumns(groups.length);
  for (const [at, group] of groups.entries()) {
    const numbers = group.map(({ value }) => value).filter((value) => !Number.isNaN(value));
    columns.xFirst[at] = group[0]?.x ?? 0;
    columns.xLast[at] = group.at(-1)?.x ?? 0;
    columns.count[at] = group.length;
    columns.nanCount[at] = group.length - numbers.length;
    columns.first[at] = group[0]?.value ?? 0;
    columns.last[at] = group.at(-1)?.value ?? 0;
    columns.min[at] = numbers.length > 0 ? Math.min(...numbers) : NaN;
    columns.max[at] = numbers.length > 0 ? Math.max(...numbers) : NaN;
    columns.sum[at] = numbers.reduce((sum, value) => sum + value, 0);
  }
  return columns;
}

function rank(value: number): number {
  return Number.isNaN(value) ? -Number.MAX_VALUE : Math.max(-1e300, Math.min(1e300, value));
}

/** The same numbers each time. */
function chance(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

function somePoints(count: number, seed: number): Point[] {
  const next = chance(seed);
  const special = [NaN, Infinity, -Infinity, -0];
  return Array.from({ length: count }, (_, at) => ({
    x: Math.floor((next() - 0.3) * count * 2),
    other: 1_000 + at,
    value: next() < 0.1 ? (special[Math.floor(next() * 4)] ?? 0) : Math.round(next() * 100) / 8,
  }));
}

/** Of -0 and 0, either may be the least. */
function plain(column: Float64Array): number[] {
  return [...column].map((value) => value + 0);
}

function expectSame(line: Line, wanted: BucketColumns): void {
  expect(line.size).toBe(wanted.xFirst.length);
  for (const name of COLUMNS) expect([name, plain(line.columns[name].subarray(0, line.size))]).toEqual([name, plain(wanted[name])]);
  for (let at = 0; at < line.size; at++) {
    const [sum, right] = [line.columns.sum[at] ?? 0, wanted.sum[at] ?? 0];
    if (Number.isFinite(right)) expect(sum).toBeCloseTo(right, 9);
    else expect(sum).toBe(right);
  }
}

describe("points that come later", () => {
  test.each([0, 1, 4, 32, 1024])("end up in the buckets that the server would make, width %i", (width) => {
    for (const seed of [1, 2, 3]) {
      const points = somePoints(300, seed);
      const line = new Line(NAME, width, byTheRules(points.slice(0, 120), width));
      for (const { x, other, value } of points.slice(120)) line.add(x, other, value);
      expectSame(line, byTheRules(points, width));
    }
  });

  test("that are told twice count once", () => {
    const line = new Line(NAME, 0);
    for (const value of [1, 1, NaN, NaN]) line.add(5, 10, value);
    expect(line.size).toBe(2);
    const bucket = new Line(NAME, 8);
    bucket.add(5, 10, 1);
    bucket.add(5, 10, 1);
    expect(bucket.columns.count[0]).toBe(1);
  });

  test("with a negative step are in the bucket below zero", () => {
    const line = new Line(NAME, 16);
    for (const x of [-1, -16, -17, 0]) line.add(x, 0, 1);
    expect([...line.columns.xFirst.subarray(0, line.size)]).toEqual([-17, -16, 0]);
  });
});
