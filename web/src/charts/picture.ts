/** All that is drawn in a panel, and what must be said about it. */

import { padded, type Range, rangeWithoutOutliers } from "./outliers";
import type { Shape } from "./shapes";

export interface Picture {
  readonly shapes: readonly Shape[];
  readonly x: Range;
  readonly y: Range;
  readonly logarithmic: boolean;
  readonly counts: Counts;
}

/** Points in the range shown that no line goes through. */
export interface Counts {
  readonly nan: number;
  readonly positiveInfinite: Bound;
  readonly negativeInfinite: Bound;
  /** Values that a logarithmic axis has no place for. */
  readonly notPositive: Bound;
  /** Points beyond the upper or lower edge, when outliers are ignored. */
  readonly clipped: Bound;
}

/** A count that may be exact or "at least": buckets say that there is such a point, not how many. */
export interface Bound {
  readonly count: number;
  readonly exact: boolean;
}

/** Puts shapes into a frame. `range` is the range of x to show; null for all of it. */
export function pictureOf(
  shapes: readonly Shape[],
  range: readonly [number, number] | null,
  options: { readonly logarithmic: boolean; readonly ignoreOutliers: boolean },
): Picture {
  const x = range === null ? extentOf(shapes) : { min: range[0], max: range[1] };
  const y = heights(shapes, x, options);
  return { shapes, x, y, logarithmic: options.logarithmic, counts: countAll(shapes, x, y, options) };
}

/** The whole range of x that shapes cover. */
export function extentOf(shapes: readonly Shape[]): Range {
  let [min, max] = [Infinity, -Infinity];
  for (const { x0, x1, ordered } of shapes) {
    for (const at of ordered ? [0, x0.length - 1] : x0.keys()) {
      const [from, to] = [x0[at] ?? NaN, x1[at] ?? NaN];
      if (Number.isFinite(from) && from < min) min = from;
      if (Number.isFinite(to) && to > max) max = to;
    }
  }
  if (min > max) return { min: 0, max: 1 };
  return min === max ? { min: min - 0.5, max: max + 0.5 } : { min, max };
}

function* inside(shape: Shape, x: Range): Iterable<number> {
  for (let at = 0; at < shape.x.length; at++) {
    if ((shape.x1[at] ?? NaN) >= x.min && (shape.x0[at] ?? NaN) <= x.max) yield at;
  }
}

function heights(shapes: readonly Shape[], x: Range, options: { readonly logarithmic: boolean; readonly ignoreOutliers: boolean }): Range {
  const found = options.ignoreOutliers ? inner(shapes, x, options.logarithmic) : outer(shapes, x, options.logarithmic);
  if (found === null) return options.logarithmic ? { min: 0.1, max: 10 } : { min: 0, max: 1 };
  if (options.ignoreOutliers && options.logarithmic && found.min <= 0) return padded(outer(shapes, x, true) ?? { min: 0.1, max: 10 }, true);
  return padded(found, options.logarithmic);
}

function outer(shapes: readonly Shape[], x: Range, logarithmic: boolean): Range | null {
  let [min, max] = [Infinity, -Infinity];
  for (const shape of shapes) {
    for (const at of inside(shape, x)) {
      for (const value of [shape.min[at] ?? NaN, shape.y[at] ?? NaN, shape.max[at] ?? NaN]) {
        if (!Number.isFinite(value) || (logarithmic && value <= 0)) continue;
        if (value < min) min = value;
        if (value > max) max = value;
      }
    }
  }
  return min > max ? null : { min, max };
}

function inner(shapes: readonly Shape[], x: Range, logarithmic: boolean): Range | null {
  const [least, greatest]: [number[], number[]] = [[], []];
  const fits = (value: number) => !logarithmic || value > 0;
  for (const shape of shapes) {
    for (const at of inside(shape, x)) {
      const [min, max] = [shape.min[at] ?? NaN, shape.max[at] ?? NaN];
      if (fits(min)) least.push(min);
      if (fits(max)) greatest.push(max);
    }
  }
  return rangeWithoutOutliers(least, greatest);
}

function countAll(shapes: readonly Shape[], x: Range, y: Range, options: { readonly logarithmic: boolean; readonly ignoreOutliers: boolean }): Counts {
  let nan = 0;
  const [up, down, low, clipped] = [new Tally(), new Tally(), new Tally(), new Tally()];
  for (const shape of shapes) {
    for (const at of inside(shape, x)) {
      const points = (shape.count[at] ?? 0) - (shape.nanCount[at] ?? 0);
      const [min, max] = [shape.min[at] ?? NaN, shape.max[at] ?? NaN];
      nan += shape.nanCount[at] ?? 0;
      if (max === Infinity) up.add(points, min === Infinity);
      if (min === -Infinity) down.add(points, max === -Infinity);
      if (options.logarithmic && min <= 0 && min > -Infinity) low.add(points, max <= 0);
      if (!options.ignoreOutliers) continue;
      if (max > y.max && max < Infinity) clipped.add(points, min > y.max);
      if (min < y.min && min > (options.logarithmic ? 0 : -Infinity)) clipped.add(points, max < y.min);
    }
  }
  return { nan, positiveInfinite: up, negativeInfinite: down, notPositive: low, clipped };
}

class Tally implements Bound {
  count = 0;
  exact = true;

  /** Counts a bucket of which all points are such, or at least one. */
  add(points: number, all: boolean): void {
    this.count += all ? points : 1;
    if (!all && points > 1) this.exact = false;
  }
}

/** What to say below a panel. */
export function notesOf({ counts, shapes }: Picture): string[] {
  const said = (bound: Bound, what: string) => (bound.count === 0 ? [] : [`${bound.exact ? "" : "≥ "}${bound.count} ${what}`]);
  const bands = shapes.filter(({ ranks }) => ranks > 1);
  return [
    ...(counts.nan === 0 ? [] : [`${counts.nan} NaN`]),
    ...said(counts.positiveInfinite, "+∞"),
    ...said(counts.negativeInfinite, "−∞"),
    ...said(counts.notPositive, "≤ 0 not on a log axis"),
    ...said(counts.clipped, "beyond the edge"),
    ...(bands.length === 0 ? [] : [`band over ${Math.max(...bands.map(({ ranks }) => ranks))} ranks, line = mean`]),
  ];
}
