/** What is asked of the server for some panels. */

import { ChartAxis } from "../api/gen/runstream/v1/metric_pb";
import type { ChartRequest } from "./batch";
import { type Catalog, mainRank } from "./catalog";
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
    maxBuckets: typeof view.x === "object" ? exactBuckets(keys, having, catalog, view) : view.maxBuckets,
  };
  if (view.range === null || typeof view.x === "object") return [{ ...base, runIds: having.map(({ runId }) => runId) }];
  if (view.x !== "relative") return [{ ...base, ...bounds(view.range, view.x, 0), runIds: having.map(({ runId }) => runId) }];
  const { range } = view;
  return having.map(({ runId, startTimeUs }) => ({
    ...base,
    runIds: [runId],
    ...(startTimeUs === null ? {} : bounds(range, "relative", Number(startTimeUs))),
  }));
}

function selectorFor(keys: readonly string[], runs: readonly ChartRun[], catalog: Catalog, ranks: Ranks) {
  if (ranks !== "one") return { keys: [...keys] };
  const main = new Set(keys.flatMap((key) => runs.map(({ runId }) => mainRank(catalog.get(key)?.get(runId)))));
  const rankless = main.delete(null);
  return { keys: [...keys], rankless, ranks: [...main].filter((rank) => rank !== null) };
}

/** Two metrics are joined exactly when both are short enough to come point by point. */
function exactBuckets(keys: readonly string[], runs: readonly ChartRun[], catalog: Catalog, view: DataView): number {
  const longest = Math.max(...keys.flatMap((key) => runs.map(({ runId }) => catalog.get(key)?.get(runId)?.points ?? 0)));
  return longest <= MOST_EXACT ? MOST_EXACT : Math.max(view.maxBuckets, 1_000);
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
    if (known !== undefined) lines += ranks === "one" ? 1 : known.ranks.length;
  }
  return lines;
}
