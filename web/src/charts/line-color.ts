/** Which colour a line has. */

import { runColor } from "../ui/colors";
import type { ChartRun } from "./charts";
import type { Shape } from "./shapes";
import type { Ranks } from "./view";

/** A run's own colour; the ranks of a single run are told apart by colours of their own. */
export function lineColor(shape: Pick<Shape, "runId" | "rank">, runs: readonly ChartRun[], ranks: Ranks): string {
  if (ranks === "lines" && runs.length === 1 && shape.rank !== null) return runColor(RANK_SEEDS[shape.rank % RANK_SEEDS.length] ?? "a");
  return runs.find(({ runId }) => runId === shape.runId)?.color ?? runColor(shape.runId);
}

/** One-letter ids, each of which gives another colour of the palette. */
const RANK_SEEDS = "lmnopqrstuvw".split("");
