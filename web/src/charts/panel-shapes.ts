/** From the data of a panel to what is drawn, done again only for what has changed. */

import type { ChartRun } from "./charts";
import type { Line } from "./line";
import { type Range } from "./outliers";
import { linesToDraw, overMetric, type Shape, shapeOf, type ToAxis } from "./shapes";
import type { PanelData } from "./panel-data";
import type { ChartStore } from "./store";
import type { ChartView } from "./view";

interface Kept {
  readonly version: string;
  readonly shape: Shape;
}

export class PanelShapes {
  #kept = new Map<string, Kept>();

  /** Shapes the lines of the runs that are shown, in the order of the runs. */
  build(data: PanelData, store: ChartStore, runs: readonly ChartRun[], view: ChartView): Shape[] {
    const kept = new Map<string, Kept>();
    const shapes: Shape[] = [];
    const halfLife = view.smooth > 0 ? (sizeOf(data, view) * view.smooth) / 100 : 0;
    const options = `${view.line} ${halfLife.toPrecision(3)} ${axisId(view)}`;
    for (const run of runs) {
      const toAxis = toAxisOf(view, run, data);
      const own = linesOf(data.lines, run.runId);
      const whole = data.whole === null ? [] : linesOf(data.whole, run.runId);
      for (const [at, { line, ranks }] of linesToDraw(own, view.ranks === "band").entries()) {
        const id = `${run.runId} ${at}`;
        const axis = typeof view.x === "object" ? axisLine(store.panel(view.x.metric), line) : null;
        const version = `${options} ${numberOf(own[at] ?? line)} ${versionOf(own)} ${ranks} ${axis === null ? "" : versionOf([axis])}`;
        const before = this.#kept.get(id);
        const shape = before?.version === version ? before.shape : this.#shape(line, ranks, { view, toAxis, halfLife }, axis, whole[at]);
        if (shape === null) continue;
        kept.set(id, { version, shape });
        shapes.push(shape);
      }
    }
    this.#kept = kept;
    return shapes;
  }

  #shape(
    line: Line,
    ranks: number,
    options: { view: ChartView; toAxis: ToAxis; halfLife: number },
    axis: Line | null,
    whole: Line | undefined,
  ): Shape | null {
    if (typeof options.view.x !== "object") return shapeOf(line, ranks, whole ?? null, options);
    return axis === null ? null : overMetric(line, axis, options.view.line);
  }
}

const numbers = new WeakMap<Line, number>();
let lastNumber = 0;

/** Tells lines apart that have the same name. */
function numberOf(line: Line): number {
  let number = numbers.get(line);
  if (number === undefined) numbers.set(line, (number = ++lastNumber));
  return number;
}

function versionOf(lines: readonly Line[]): string {
  let version = 0;
  for (const line of lines) version += line.version + numberOf(line);
  return `${lines.length} ${version}`;
}

function linesOf(lines: ReadonlyMap<string, Line>, runId: string): Line[] {
  const own = [...lines.values()].filter(({ series }) => series.runId === runId);
  return own.sort((a, b) => (a.series.rank ?? -1) - (b.series.rank ?? -1) || a.series.attempt - b.series.attempt);
}

/** The line of the same rank, else the run's first. */
function axisLine(data: PanelData, line: Line): Line | null {
  const candidates = linesOf(data.lines, line.series.runId);
  return candidates.find(({ series }) => series.rank === line.series.rank) ?? candidates[0] ?? null;
}

function axisId({ x }: ChartView): string {
  return typeof x === "object" ? `metric ${x.metric}` : x;
}

function toAxisOf({ x }: ChartView, { runId, startTimeUs }: ChartRun, data: PanelData): ToAxis {
  if (x === "time") return (us) => us / 1e6;
  if (x !== "relative") return (step) => step;
  const start = startTimeUs === null ? firstOf(data, runId) : Number(startTimeUs);
  return (us) => (us - start) / 1e6;
}

/** A run that does not say when it began did so with its first point. */
function firstOf(data: PanelData, runId: string): number {
  let first = Infinity;
  for (const line of linesOf(data.whole ?? data.lines, runId)) if (line.size > 0) first = Math.min(first, line.columns.xFirst[0] ?? first);
  return Number.isFinite(first) ? first : 0;
}

/** How long the axis is over all that is known, in its own units. */
function sizeOf(data: PanelData, { x }: ChartView): number {
  let size = 0;
  const whole: Range = { min: Infinity, max: -Infinity };
  for (const line of (data.whole ?? data.lines).values()) {
    if (line.size === 0) continue;
    const [from, to] = [line.columns.xFirst[0] ?? 0, line.columns.xLast[line.size - 1] ?? 0];
    size = x === "relative" ? Math.max(size, to - from) : Math.max(whole.max, to) - Math.min(whole.min, from);
    Object.assign(whole, { min: Math.min(whole.min, from), max: Math.max(whole.max, to) });
  }
  return x === "time" || x === "relative" ? size / 1e6 : size;
}
