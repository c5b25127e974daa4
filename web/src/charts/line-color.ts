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

/** The dashes that tell runs of the same colour apart, in pixels. */
const DASHES = [[], [6, 3], [2, 2], [9, 3, 2, 3]] as const;

/** How often a run's colour is taken by runs before it. */
export function colorTurn(runId: string, runs: readonly ChartRun[]): number {
  const own = runs.find((run) => run.runId === runId);
  let turn = 0;
  for (const run of runs) {
    if (run === own) break;
    if (run.color === own?.color) turn++;
  }
  return turn;
}

export function lineDash(shape: Pick<Shape, "runId">, runs: readonly ChartRun[]): readonly number[] {
  return DASHES[colorTurn(shape.runId, runs) % DASHES.length] ?? [];
}

/** The style of a border that looks like the line. */
export function dashName(runId: string, runs: readonly ChartRun[]): string {
  return ["solid", "dashed", "dotted", "double"][colorTurn(runId, runs) % DASHES.length] ?? "solid";
}

/** One-letter ids, each of which gives another colour of the palette. */
const RANK_SEEDS = "lmnopqrstuvw".split("");
