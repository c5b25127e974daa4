/** What must be said about how a panel came about. */

import type { Catalog } from "./catalog";
import type { ChartRun } from "./charts";
import type { Shape } from "./shapes";
import type { Ranks, XAxis } from "./view";

/** Says when one rank stands for several. */
export function withRankNote(key: string, catalog: Catalog, runs: readonly ChartRun[], ranks: Ranks): string[] {
  if (ranks !== "one") return [];
  const known = runs.flatMap(({ runId }) => catalog.get(key)?.get(runId) ?? []);
  const most = known.reduce<readonly (number | null)[]>((found, { ranks: all, sure }) => (sure && all.length > found.length ? all : found), []);
  if (most.length < 2) return [];
  return [most[0] === null ? `the line without rank; ${most.length - 1} ranks more` : `rank ${most[0] ?? 0} of ${most.length}`];
}

/** Says how exact a chart over another metric is. */
export function exactnessNote(x: XAxis, shapes: readonly Shape[]): string[] {
  if (typeof x !== "object" || shapes.length === 0) return [];
  return [shapes.every(({ exact }) => exact) ? "joined by step, every point" : "joined by step, the last of each bucket"];
}
