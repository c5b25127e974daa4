/** What is asked of the server for some panels. */

import { ChartAxis } from "../api/gen/runstream/v1/metric_pb";
import type { ChartRequest } from "./batch";
import type { Catalog } from "./catalog";
import type { ChartRun } from "./charts";
import type { Ranks, XAxis } from "./view";

/** The part of a view that decides what must be read. */
export interface DataView {
  readonly x: XAxis;
  readonly range: readonly [number, number] | null;
  readonly ranks: Ranks;
  readonly maxBuckets: number;
}

/** As many points as the server gives one by one. */
export const MOST_EXACT = 10_000;
/** Lines enter and leave the picture where they do in truth, so a little more than the range is read. */
const MARGIN = 0.03;
const US = 1e6;

/** The requests for some metrics: one, or one a run where each run has its own range of time. */
export function requestsFor(keys: readonly string[], runs: readonly ChartRun[], catalog: Catalog, view: DataView): ChartRequest[] {
  const having = runs.filter(({ runId }) => keys.some((key) => catalog.get(key)?.has(runId) === true));
  if (having.length === 0) return [];
  const base = {
    selector: selectorFor(keys, having, catalog, view.ranks),
    xAxis: view.x === "time" || view.x === "relative" ? ChartAxis.TIME : ChartAxis.STEP,
    // As many as there may be: two metrics of fewer points are then joined exactly.
    maxBuckets: typeof view.x === "object" ? MOST_EXACT : view.maxBuckets,
  };
  if (view.range !== null && view.x === "relative") {
    return having.map(({ runId, startTimeUs }) => ({ ...base, ...rangeRead(view, startTimeUs), runIds: [runId] }));
  }
  return [{ ...base, ...rangeRead(view, null), runIds: having.map(({ runId }) => runId) }];
}

/** The range of x that is read of a run, in units of its columns; null for all. */
export function rangeRead({ x, range }: DataView, startTimeUs: bigint | null): { readonly xMin: bigint; readonly xMax: bigint } | null {
  if (range === null || typeof x === "object" || (x === "relative" && startTimeUs === null)) return null;
  return bounds(range, x, x === "relative" ? Number(startTimeUs ?? 0n) : 0);
}

function selectorFor(keys: readonly string[], runs: readonly ChartRun[], catalog: Catalog, ranks: Ranks) {
  if (ranks !== "one") return { keys: [...keys] };
  const main = new Set<number>();
  for (const key of keys) for (const { runId } of runs) main.add(lowest(catalog.get(key)?.get(runId)?.ranks));
  return { keys: [...keys], rankless: true, ranks: [...main] };
}

/** The rank that stands for a run which has no series without rank. */
function lowest(ranks: readonly (number | null)[] | undefined): number {
  return ranks?.find((rank) => rank !== null) ?? 0;
}

function bounds([from, to]: readonly [number, number], x: "step" | "time" | "relative", startUs: number) {
  const room = (to - from) * MARGIN;
  const scale = x === "step" ? 1 : US;
  return {
    xMin: integer(Math.floor((from - room) * scale + startUs)),
    xMax: integer(Math.ceil((to + room) * scale + startUs)),
  };
}

const LEAST = -(2n ** 63n);
const GREATEST = 2n ** 63n - 1n;

function integer(value: number): bigint {
  const exact = BigInt(value);
  return exact < LEAST ? LEAST : exact > GREATEST ? GREATEST : exact;
}

/** The lines that a panel gets. */
export function linesFor(key: string, runs: readonly ChartRun[], catalog: Catalog, ranks: Ranks): number {
  let lines = 0;
  for (const { runId } of runs) {
    const known = catalog.get(key)?.get(runId);
    if (known !== undefined) lines += ranks === "one" ? 1 : Math.max(1, known.ranks.length);
  }
  return lines;
}
