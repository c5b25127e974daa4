/** The axes of parallel coordinates, and which runs lie in the parts of them that were marked. */

import type { Run } from "../api/gen/runstream/v1/run_pb";
import { splitAxes } from "./axis-choice";
import { type Scale, scaleOf, wantsLog } from "./scales";
import { dataOf, type Field, fieldsOf, usualAxes } from "./values";

export const TOP_PX = 40;
export const PLOT_HEIGHT_PX = 380;

/** The marked part of an axis, from 0 to 1. */
export type Brush = readonly [from: number, to: number];

export interface ParallelAxis {
  readonly field: Field;
  readonly scale: Scale;
  /** Where each run is; null where it has no place. */
  readonly places: readonly (number | null)[];
  readonly gaps: boolean;
}

/** The axes that the address names, else the usual ones. */
export function axesFrom(runs: readonly Run[], chosen: string | null): ParallelAxis[] {
  const known = new Map(fieldsOf(runs).map((field) => [field.id, field]));
  const fields =
    chosen === null
      ? usualAxes(runs)
      : splitAxes(chosen).flatMap((id) => known.get(id) ?? []);
  return fields.map((field) => {
    const data = dataOf(runs, field);
    const scale = scaleOf(data, wantsLog(data));
    const places = data.map((value) => scale.place(value));
    return { field, scale, places, gaps: places.includes(null) };
  });
}

/** Whether a run lies in all marked parts. */
export function isWithin(axes: readonly ParallelAxis[], brushes: ReadonlyMap<string, Brush>, at: number): boolean {
  return axes.every(({ field, places }) => {
    const brush = brushes.get(field.id);
    const place = places[at] ?? null;
    return brush === undefined || (place !== null && place >= brush[0] && place <= brush[1]);
  });
}
