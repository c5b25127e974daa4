/** One line for all ranks of a run. */

import { type BucketColumns, Line, noColumns } from "./line";

/** The bucket that x is in, or x itself where every point stands alone. */
export function floorWidth(x: number, width: number): number {
  return width === 0 ? x : Math.floor(x / width);
}

/** Sums up lines in the widest of their buckets: least and greatest of all, the sum of all, the last by x. */
export function mergeRanks(lines: readonly Line[]): Line {
  const width = Math.max(...lines.map((line) => line.width));
  const buckets = new Map<number, number>();
  for (const { columns, size } of lines) {
    for (let at = 0; at < size; at++) buckets.set(floorWidth(columns.xFirst[at] ?? 0, width), 0);
  }
  const order = [...buckets.keys()].sort((a, b) => a - b);
  for (const [place, bucket] of order.entries()) buckets.set(bucket, place);
  const merged = noColumns(order.length);
  merged.min.fill(NaN);
  merged.max.fill(NaN);
  for (const { columns, size } of lines) {
    for (let at = 0; at < size; at++) {
      add(merged, buckets.get(floorWidth(columns.xFirst[at] ?? 0, width)) ?? 0, columns, at);
    }
  }
  const [one] = lines;
  return new Line({ runId: one?.series.runId ?? "", key: one?.series.key ?? "", rank: null, attempt: 0 }, width, merged);
}

function add(into: BucketColumns, place: number, from: Readonly<BucketColumns>, at: number): void {
  const isNew = into.count[place] === 0;
  const { xFirst, xLast, first, last } = from;
  if (isNew || (xFirst[at] ?? 0) < (into.xFirst[place] ?? 0)) {
    into.xFirst[place] = xFirst[at] ?? 0;
    into.first[place] = first[at] ?? NaN;
  }
  if (isNew || (xLast[at] ?? 0) >= (into.xLast[place] ?? 0)) {
    into.xLast[place] = xLast[at] ?? 0;
    into.last[place] = last[at] ?? NaN;
  }
  for (const name of ["count", "nanCount", "sum"] as const) into[name][place] = (into[name][place] ?? 0) + (from[name][at] ?? 0);
  const least = from.min[at] ?? NaN;
  const greatest = from.max[at] ?? NaN;
  if (!((into.min[place] ?? NaN) <= least) && !Number.isNaN(least)) into.min[place] = least;
  if (!((into.max[place] ?? NaN) >= greatest) && !Number.isNaN(greatest)) into.max[place] = greatest;
}
