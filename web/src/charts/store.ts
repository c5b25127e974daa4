/** The data of a page of panels: read when a panel comes into sight, followed while it is. */

import type { SeriesPoints } from "../api/gen/runstream/v1/metric_pb";
import { isUnreachable, messageOf } from "../api/transport";
import { Batch } from "./batch";
import { type Catalog, ranksOf, sameEntries } from "./catalog";
import type { ChartRun } from "./charts";
import { Line, lineId, type SeriesName } from "./line";
import { addPoints, PanelData } from "./panel-data";
import { type DataView, linesFor, MOST_EXACT, requestsFor } from "./requests";
import { sameAxis } from "./view";

/** The browser gives one origin six connections: one follows, one is left for the rest of the page. */
const MOST_BATCHES = 4;
/** The lines of one batch: more make the first ones come later, fewer make more requests. */
const LINES_PER_BATCH = 160;
const GATHER_MS = 12;
const RETRY_MS = 2_000;
const LINGER_MS = 1_500;
const PART_MS = 500;
/** The panels out of sight whose data is kept. */
const MOST_KEPT = 300;

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
  #closed = new AbortController();
  #lastPart = 0;
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
    this.#catalog = catalog;
    for (const key of this.#wanted.keys()) {
      if (!sameEntries(before.get(key), catalog.get(key))) this.#outdate(key);
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
    this.#closed.abort();
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
    this.#lastPart = performance.now();
    void batch.read().finally(() => this.#pump());
  }

  #takeLines(fresh: ReadonlyMap<string, Map<string, Line>>, lines: readonly Line[]): void {
    const touched = new Set<string>();
    for (const line of lines) {
      const own = fresh.get(line.series.key);
      if (own === undefined || !this.#stands(own, line.series)) continue;
      own.set(lineId(line.series), line);
      touched.add(line.series.key);
    }
    // To draw after every part would cost more than to wait for the next.
    if (performance.now() - this.#lastPart < PART_MS) return;
    this.#lastPart = performance.now();
    for (const key of touched) {
      const panel = this.panel(key);
      // Nothing to look at yet: then parts are better than nothing.
      if (panel.complete) continue;
      panel.lines = fresh.get(key) ?? panel.lines;
      this.#tell(key);
    }
  }

  /** Where one rank stands for all it is the first: series come in the order of their ranks, the one without before them. */
  #stands(lines: ReadonlyMap<string, Line>, { runId, rank }: SeriesName): boolean {
    if (this.#view.ranks !== "one") return true;
    for (const { series } of lines.values()) if (series.runId === runId) return series.rank === rank;
    return true;
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
      if (view.range === null) this.#askRanks(key, lines);
    }
  }

  /** A metric without points in the likely ranks was logged by others. */
  #askRanks(key: string, lines: ReadonlyMap<string, Line>): void {
    const there = new Set([...lines.values()].map(({ series }) => series.runId));
    for (const [runId, entry] of this.#catalog.get(key) ?? []) {
      if (entry.sure || there.has(runId) || this.#view.ranks !== "one") continue;
      void ranksOf(runId, { keys: [key] }, this.#closed.signal).then((found) => {
        const runs = new Map(this.#catalog.get(key));
        runs.set(runId, { ranks: found.get(key) ?? [], sure: true });
        this.#catalog = new Map(this.#catalog).set(key, runs);
        if (found.size > 0) this.#outdate(key);
      }, () => undefined);
    }
  }

  #takePoints(runId: string, series: readonly SeriesPoints[]): void {
    for (const points of series) {
      const name = points.series;
      const panel = name === undefined ? undefined : this.#panels.get(name.key);
      if (name === undefined || panel?.complete !== true) continue;
      const series = { runId, key: name.key, rank: name.rank ?? null, attempt: name.attempt };
      if (!this.#stands(panel.lines, series)) continue;
      const id = lineId(series);
      let line = panel.lines.get(id);
      if (line === undefined) panel.lines.set(id, (line = new Line(series, 0)));
      addPoints(line, points, this.#view, this.#runs);
      if (line.size > 2 * (typeof this.#view.x === "object" ? MOST_EXACT : this.#view.maxBuckets)) this.#outdate(name.key);
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
