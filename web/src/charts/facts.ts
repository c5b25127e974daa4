/** A panel in words: for those who do not see it, and for tables. */

import { formatCount, formatNumber, formatTime } from "../ui/format";
import type { ChartRun } from "./charts";
import type { Picture } from "./picture";
import type { Shape } from "./shapes";
import { axisName, durationTick } from "./ticks";
import type { XAxis } from "./view";

/** The last place of a line that has a value, NaN included; -1 for none. */
export function lastOf({ y }: Pick<Shape, "y">): number {
  return y.length - 1;
}

export function nameOf(shape: Shape, runs: readonly ChartRun[]): string {
  const name = runs.find(({ runId }) => runId === shape.runId)?.name ?? shape.runId.slice(0, 8);
  if (shape.ranks > 1) return `${name} · ${shape.ranks} ranks`;
  return shape.rank === null ? name : `${name} · rank ${shape.rank}`;
}

/** Writes a place on the horizontal axis. */
export function placeText(x: number, axis: XAxis): string {
  if (axis === "time") return formatTime(x * 1e6);
  if (axis === "relative") return durationTick(x, Math.abs(x) < 60 ? 0.01 : 1);
  return axis === "step" ? formatCount(Math.round(x)).replace(/^-/, "−") : formatNumber(x);
}

const MOST_LINES = 6;

/** Says what a sighted person would take from a panel at a glance. */
export function summaryOf(key: string, { shapes, x }: Picture, runs: readonly ChartRun[], axis: XAxis): string {
  if (shapes.length === 0) return `${key}: no points`;
  const lines = shapes.slice(0, MOST_LINES).map((shape) => {
    const { min, max } = extremes(shape);
    return `${nameOf(shape, runs)}: last ${formatNumber(shape.y[lastOf(shape)] ?? NaN)}, min ${formatNumber(min)}, max ${formatNumber(max)}`;
  });
  const rest = shapes.length > MOST_LINES ? `, and ${shapes.length - MOST_LINES} more` : "";
  const span = `${axisName(axis)} ${placeText(x.min, axis)} to ${placeText(x.max, axis)}`;
  return `${key}: ${shapes.length} ${shapes.length === 1 ? "line" : "lines"}, ${span}. ${lines.join("; ")}${rest}`;
}

function extremes(shape: Shape): { min: number; max: number } {
  let [min, max] = [NaN, NaN];
  for (let at = 0; at < shape.min.length; at++) {
    const [low, high] = [shape.min[at] ?? NaN, shape.max[at] ?? NaN];
    if (!(min <= low) && !Number.isNaN(low)) min = low;
    if (!(max >= high) && !Number.isNaN(high)) max = high;
  }
  return { min, max };
}

/** The entry of a line that is nearest to x; -1 when it has none there. */
export function nearest(shape: Shape, x: number): number {
  const { x0, x1, ordered } = shape;
  if (x0.length === 0) return -1;
  if (!ordered) return nearestOfAll(shape.x, x);
  let low = 0;
  let high = x0.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x1[middle] ?? 0) < x) low = middle + 1;
    else high = middle;
  }
  const before = low - 1;
  return before >= 0 && x - (x1[before] ?? 0) < (x0[low] ?? 0) - x ? before : low;
}

function nearestOfAll(places: Float64Array, x: number): number {
  let [found, distance] = [-1, Infinity];
  for (let at = 0; at < places.length; at++) {
    const away = Math.abs((places[at] ?? NaN) - x);
    if (away < distance) [found, distance] = [at, away];
  }
  return found;
}
