/** The data of a page of panels: read when a panel comes into sight, followed while it is. */

import type { SeriesPoints } from "../api/gen/runstream/v1/metric_pb";
import { isUnreachable, messageOf } from "../api/transport";
import { Batch } from "./batch";
import { type Catalog, mainRank } from "./catalog";
import type { ChartRun } from "./charts";
import { Line, lineId } from "./line";
import { type DataView, linesFor, requestsFor } from "./requests";
import { sameAxis } from "./view";

/** The browser gives one origin six connections: one follows, one is left for the rest of the page. */
const MOST_BATCHES = 4;
/** The lines of one batch: more make the first ones come later, fewer make more requests. */
const LINES_PER_BATCH = 80;
const GATHER_MS = 12;
const RETRY_MS = 2_000;
const LINGER_MS = 1_500;
/** The panels out of sight whose data is kept. */
const MOST_KEPT = 300;

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

export class ChartStore {
  #runs: readonly ChartRun[] = [];
  #catalog: Catalog = new Map();
  #view: DataView;
  #panels = new Map<string, PanelData>();
  #wanted = new Map<string, Set<() => void>>();
  #releaseAxis: (() => void) | null = null;
  #queue = new Set<string>();
  #batches = new Set<Batch>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lingering = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(view: DataView) {
    this.#view = view;
    this.#wantAxis();
  }

  get view(): DataView {
    return this.#view;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }

  /** The data of a panel, whether or not there is any yet. */
  panel(key: string): PanelData {
    const found = this.#panels.get(key);
    if (found !== undefined) return found;
    const made = new PanelData(key);
    this.#panels.set(key, made);
    return made;
  }

  /** Reads and follows a panel until what it returns is called. */
  want(key: string, onChange: () => void): () => void {
    const others = this.#wanted.get(key);
    if (others === undefined) this.#wanted.set(key, new Set([onChange]));
    else others.add(onChange);
    clearTimeout(this.#lingering.get(key));
    this.#lingering.delete(key);
    if (!this.#current(key)) this.#enqueue(key);
    return () => this.#unwant(key, onChange);
  }

  setCatalog(catalog: Catalog): void {
    const before = this.#catalog;
    this.#catalog = new Map([...catalog].map(([key, runs]) => [key, new Map(runs)]));
    for (const key of this.#wanted.keys()) {
      if ((before.get(key)?.size ?? 0) !== (catalog.get(key)?.size ?? 0)) this.#outdate(key);
    }
  }

  setRuns(runs: readonly ChartRun[]): void {
    const known = new Set(this.#runs.map(({ runId, active }) => `${runId} ${active}`));
    this.#runs = runs;
    if (runs.every(({ runId, active }) => known.has(`${runId} ${active}`))) this.#tellAll();
    else this.#restart();
  }

  setView(view: DataView): void {
    const old = this.#view;
    this.#view = view;
    if (!sameAxis(old.x, view.x)) this.#wantAxis();
    const sameRange = old.range?.[0] === view.range?.[0] && old.range?.[1] === view.range?.[1];
    const ranged = sameRange || typeof view.x === "object";
    if (sameAxis(old.x, view.x) && ranged && old.ranks === view.ranks && old.maxBuckets === view.maxBuckets) return;
    // Places on another axis mean nothing on this one.
    if (!sameAxis(old.x, view.x)) this.#panels.clear();
    this.#restart();
  }

  /** What the other panels are drawn over is read as if it were in sight. */
  #wantAxis(): void {
    this.#releaseAxis?.();
    this.#releaseAxis = typeof this.#view.x === "object" ? this.want(this.#view.x.metric, () => undefined) : null;
  }

  close(): void {
    this.#wanted.clear();
    this.#stopAll();
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Reads a panel again, as when it has grown beyond what one draws. */
  #outdate(key: string): void {
    this.panel(key).view = null;
    if (this.#wanted.has(key)) this.#enqueue(key);
  }

  #restart(): void {
    this.#stopAll();
    this.#queue.clear();
    for (const panel of this.#panels.values()) panel.view = null;
    for (const key of this.#wanted.keys()) this.#enqueue(key);
  }

  #stopAll(): void {
    for (const batch of this.#batches) batch.stop();
    this.#batches.clear();
  }

  #current(key: string): boolean {
    if (this.#queue.has(key)) return true;
    const batch = [...this.#batches].some(({ keys }) => keys.has(key));
    if (batch) return true;
    return this.panel(key).view === this.#view && !this.#runs.some(({ active }) => active);
  }

  #enqueue(key: string): void {
    this.#queue.add(key);
    this.#pumpIn(GATHER_MS);
  }

  #pumpIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#pump();
    }, ms);
  }

  #pump(): void {
    while (this.#queue.size > 0 && [...this.#batches].filter(({ reading }) => reading).length < MOST_BATCHES) {
      const keys: string[] = [];
      let lines = 0;
      for (const key of this.#queue) {
        lines += linesFor(key, this.#runs, this.#catalog, this.#view.ranks);
        if (keys.length > 0 && lines > LINES_PER_BATCH) break;
        keys.push(key);
        this.#queue.delete(key);
      }
      this.#begin(keys);
    }
  }

  #begin(keys: readonly string[]): void {
    const view = this.#view;
    for (const batch of this.#batches) for (const key of keys) if (batch.keys.delete(key)) this.#stopUnused(batch);
    const requests = requestsFor(keys, this.#runs, this.#catalog, view);
    const active = this.#runs.filter(({ runId, active }) => active && keys.some((key) => this.#catalog.get(key)?.has(runId)));
    const fresh = new Map(keys.map((key) => [key, new Map<string, Line>()]));
    const batch: Batch = new Batch(keys, requests, active.map(({ runId }) => runId), {
      onLines: (lines) => this.#takeLines(fresh, lines),
      onRead: () => this.#takeAll(fresh, view),
      onPoints: (runId, series) => this.#takePoints(runId, series),
      onFailed: (error) => this.#failed(batch, error),
      onStale: () => {
        for (const key of batch.keys) this.#outdate(key);
      },
    });
    this.#batches.add(batch);
    void batch.read().finally(() => this.#pump());
  }

  #takeLines(fresh: ReadonlyMap<string, Map<string, Line>>, lines: readonly Line[]): void {
    const touched = new Set<string>();
    for (const line of lines) {
      const { key, runId, rank } = line.series;
      const known = this.#catalog.get(key)?.get(runId);
      if (this.#view.ranks === "one" && rank !== mainRank(known)) continue;
      fresh.get(key)?.set(lineId(line.series), line);
      touched.add(key);
    }
    for (const key of touched) {
      const panel = this.panel(key);
      // Nothing to look at yet: then parts are better than nothing.
      if (panel.complete) continue;
      panel.lines = fresh.get(key) ?? panel.lines;
      this.#tell(key);
    }
  }

  #takeAll(fresh: ReadonlyMap<string, Map<string, Line>>, view: DataView): void {
    for (const [key, lines] of fresh) {
      const panel = this.panel(key);
      if (view.range === null) panel.whole = null;
      else if (panel.complete && panel.whole === null) panel.whole = panel.lines;
      panel.lines = lines;
      panel.complete = true;
      panel.error = null;
      panel.view = view;
      this.#tell(key);
    }
  }

  #takePoints(runId: string, series: readonly SeriesPoints[]): void {
    for (const points of series) {
      const name = points.series;
      const panel = name === undefined ? undefined : this.#panels.get(name.key);
      if (name === undefined || panel?.complete !== true) continue;
      const rank = name.rank ?? null;
      if (this.#view.ranks === "one" && rank !== mainRank(this.#catalog.get(name.key)?.get(runId))) continue;
      const id = lineId({ runId, rank, attempt: name.attempt });
      let line = panel.lines.get(id);
      if (line === undefined) panel.lines.set(id, (line = new Line({ runId, key: name.key, rank, attempt: name.attempt }, 0)));
      addPoints(line, points, this.#view, runId, this.#runs);
      if (line.size > 2 * this.#view.maxBuckets) this.#outdate(name.key);
      this.#tell(name.key);
    }
  }

  #failed(batch: Batch, error: unknown): void {
    this.#batches.delete(batch);
    batch.stop();
    for (const key of batch.keys) {
      this.panel(key).error = messageOf(error);
      this.#tell(key);
      if (isUnreachable(error) && this.#wanted.has(key)) setTimeout(() => this.#wanted.has(key) && this.#enqueue(key), RETRY_MS);
    }
  }

  #unwant(key: string, onChange: () => void): void {
    const listeners = this.#wanted.get(key);
    if (listeners?.delete(onChange) !== true || listeners.size > 0) return;
    this.#wanted.delete(key);
    if (this.#queue.delete(key)) return;
    // Who scrolls a little back and forth asks for nothing anew.
    this.#lingering.set(key, setTimeout(() => this.#letGo(key), LINGER_MS));
  }

  #letGo(key: string): void {
    this.#lingering.delete(key);
    for (const batch of this.#batches) if (batch.keys.delete(key)) this.#stopUnused(batch);
    for (const kept of this.#panels.keys()) {
      if (this.#panels.size <= MOST_KEPT) break;
      if (!this.#wanted.has(kept)) this.#panels.delete(kept);
    }
  }

  #stopUnused(batch: Batch): void {
    if (batch.keys.size > 0) return;
    batch.stop();
    this.#batches.delete(batch);
  }

  #tell(key: string): void {
    for (const listener of this.#wanted.get(key) ?? []) listener();
    if (typeof this.#view.x === "object" && key === this.#view.x.metric) this.#tellAll();
  }

  #tellAll(): void {
    for (const listeners of this.#wanted.values()) for (const listener of listeners) listener();
  }
}

/** Adds points that were committed since, as far as they are in the range that is shown. */
function addPoints(line: Line, points: SeriesPoints, view: DataView, runId: string, runs: readonly ChartRun[]): void {
  const byTime = view.x === "time" || view.x === "relative";
  const scale = byTime ? 1e6 : 1;
  const start = view.x === "relative" ? Number(runs.find((run) => run.runId === runId)?.startTimeUs ?? 0n) : 0;
  const range = typeof view.x === "object" ? null : view.range;
  for (const [at, value] of points.value.entries()) {
    const step = Number(points.step[at]);
    const time = Number(points.timeUnixUs[at]);
    const x = byTime ? time : step;
    if (range !== null && ((x - start) / scale < range[0] || (x - start) / scale > range[1])) continue;
    line.add(x, byTime ? step : time, value);
  }
}
