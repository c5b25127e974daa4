/** What is drawn of the lines of a panel: places and values in units of the axes. */

import { floorWidth, mergeRanks } from "./ranks";
import type { Line } from "./line";
import { smooth, smoothedUntil } from "./smoothing";
import type { ChartView } from "./view";

/** One drawn line with its band. Columns of equal length. */
export interface Shape {
  readonly runId: string;
  readonly rank: number | null;
  /** How many ranks it sums up. */
  readonly ranks: number;
  /** Where the line goes through, and where each bucket begins and ends. */
  readonly x: Float64Array;
  readonly x0: Float64Array;
  readonly x1: Float64Array;
  readonly y: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly count: Float64Array;
  readonly nanCount: Float64Array;
  /** The line before smoothing; null when it is the line. */
  readonly raw: Float64Array | null;
  /** Whether every point stands for itself. */
  readonly exact: boolean;
  /** Whether x never decreases: not so over another metric. */
  readonly ordered: boolean;
  readonly points: number;
}

/** How x of the columns becomes x of the axis. */
export type ToAxis = (x: number) => number;

export interface ShapeOptions {
  readonly view: Pick<ChartView, "line" | "smooth">;
  readonly toAxis: ToAxis;
  /** The half-life of the smoothing in units of the axis; 0 for none. */
  readonly halfLife: number;
}

/** Shapes one line; `whole` is the same line over its whole range, from which the smoothing of a part goes on. */
export function shapeOf(line: Line, ranks: number, whole: Line | null, options: ShapeOptions): Shape {
  const { toAxis, halfLife, view } = options;
  const shape = bare(line, ranks, toAxis, view.line);
  if (halfLife <= 0) return shape;
  const points = Float64Array.from(shape.count, (count, at) => count - (shape.nanCount[at] ?? 0));
  const before = whole === null ? undefined : beginOf(whole, shape.x0[0] ?? NaN, ranks, options);
  return { ...shape, raw: shape.y, y: smooth(shape.x, shape.y, points, halfLife, before) };
}

function beginOf(whole: Line, until: number, ranks: number, { toAxis, halfLife, view }: ShapeOptions) {
  const shape = bare(whole, ranks, toAxis, view.line);
  const points = Float64Array.from(shape.count, (count, at) => count - (shape.nanCount[at] ?? 0));
  return smoothedUntil(until, shape.x, shape.y, points, halfLife);
}

function bare(line: Line, ranks: number, toAxis: ToAxis, how: "mean" | "last"): Shape {
  const { size, columns: c, series, width } = line;
  const column = () => new Float64Array(size);
  const [x, x0, x1, y] = [column(), column(), column(), column()];
  let points = 0;
  for (let at = 0; at < size; at++) {
    const begin = toAxis(c.xFirst[at] ?? 0);
    const end = toAxis(c.xLast[at] ?? 0);
    const count = c.count[at] ?? 0;
    const numbers = count - (c.nanCount[at] ?? 0);
    const isMean = how === "mean" || ranks > 1;
    x0[at] = begin;
    x1[at] = end;
    x[at] = isMean ? (begin + end) / 2 : end;
    y[at] = isMean ? (numbers > 0 ? (c.sum[at] ?? 0) / numbers : NaN) : (c.last[at] ?? NaN);
    points += count;
  }
  const cut = (values: Float64Array) => values.subarray(0, size);
  return {
    runId: series.runId, rank: series.rank, ranks, x, x0, x1, y, points,
    min: cut(c.min), max: cut(c.max), count: cut(c.count), nanCount: cut(c.nanCount),
    raw: null, exact: width === 0 && ranks === 1, ordered: true,
  };
}

/** Lines of one run to draw: one a rank, or one for all of them. */
export function linesToDraw(lines: readonly Line[], band: boolean): { readonly line: Line; readonly ranks: number }[] {
  if (!band || lines.length < 2) return lines.map((line) => ({ line, ranks: 1 }));
  return [{ line: mergeRanks(lines), ranks: lines.length }];
}

/**
 * Puts a line over another metric of the same run: each value at what that metric was then.
 *
 * Values are joined by step; where there is none of the same step, the newest one before it counts.
 */
export function overMetric(line: Line, axis: Line, how: "mean" | "last"): Shape {
  const shape = bare(line, 1, (x) => x, how);
  const { columns: a, size } = axis;
  const places = new Float64Array(shape.x.length).fill(NaN);
  const widest = Math.max(line.width, axis.width);
  let from = 0;
  for (let at = 0; at < places.length; at++) {
    const step = shape.x1[at] ?? 0;
    while (from < size && floorWidth(a.xLast[from] ?? 0, widest) <= floorWidth(step, widest)) from++;
    if (from > 0) places[at] = a.last[from - 1] ?? NaN;
  }
  return { ...shape, x: places, x0: places, x1: places, ordered: false, exact: line.width === 0 && axis.width === 0 };
}
