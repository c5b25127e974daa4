/** The lines of one panel, and how points that are committed later are added to them. */

import type { SeriesPoints } from "../api/gen/runstream/v1/metric_pb";
import type { ChartRun } from "./charts";
import type { Line } from "./line";
import { type DataView, rangeRead } from "./requests";

/** What is known of one panel. */
export class PanelData {
  readonly key: string;
  lines = new Map<string, Line>();
  /** The lines over the whole range, while a part of it is shown. */
  whole: ReadonlyMap<string, Line> | null = null;
  /** Whether all lines are there. */
  complete = false;
  error: string | null = null;
  /** The view that the lines were read for. */
  view: DataView | null = null;

  constructor(key: string) {
    this.key = key;
  }
}

/** Adds points that were committed since, as far as they are in the range that was read. */
export function addPoints(line: Line, points: SeriesPoints, view: DataView, runs: readonly ChartRun[]): void {
  const byTime = view.x === "time" || view.x === "relative";
  const start = runs.find(({ runId }) => runId === line.series.runId)?.startTimeUs ?? null;
  const range = rangeRead(view, start);
  for (const [at, value] of points.value.entries()) {
    const step = points.step[at] ?? 0n;
    const time = points.timeUnixUs[at] ?? 0n;
    const x = byTime ? time : step;
    if (range !== null && (x < range.xMin || x > range.xMax)) continue;
    line.add(Number(x), Number(byTime ? step : time), value);
  }
}
