/** The metrics of one or more runs, one panel per metric. */

import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { route, updateQuery } from "../routing/router";
import { type Catalog, isRanked, sectionsOf } from "./catalog";
import "./charts.css";
import { Crosshairs } from "./crosshair";
import { FullPanel } from "./full-panel";
import { globTest } from "./glob";
import { Legend } from "./legend";
import type { Scene } from "./scene";
import { PanelSection } from "./sections";
import { ChartStore } from "./store";
import { Toolbar } from "./toolbar";
import { useStable } from "./use-stable";
import { useCatalog } from "./use-catalog";
import { type ChartView, queryChanges, readView } from "./view";

/** A run whose metrics are drawn. */
export interface ChartRun {
  readonly runId: string;
  readonly name: string;
  readonly startTimeUs: bigint | null;
  /** A CSS colour, the same wherever the run is shown. */
  readonly color: string;
  /** Whether points may still come. */
  readonly active: boolean;
  /** The metrics that it has for sure, where they are known: their charts begin without asking. */
  readonly keys?: readonly string[];
}

export interface ChartsProps {
  readonly runs: readonly ChartRun[];
  /** Which metrics: those of the system (`system/…`), or the others. */
  readonly kind: "model" | "system";
}

/** About as many as a panel has pixels, of which the line of a bucket needs one and its band another. */
const PANEL_BUCKETS = 300;

export function Charts({ runs: given, kind }: ChartsProps) {
  const runs = useStable(given, sameRuns);
  const { catalog, reading, error } = useCatalog(runs, kind);
  const scene = useScene(runs, kind, catalog);
  const { view } = scene;
  const keys = useMemo(() => sectionsOf(catalog.keys(), kind).flatMap((section) => section.keys), [catalog, kind]);
  const found = useMemo(() => keys.filter(globTest(view.value.find)), [keys, view.value.find]);
  const ranked = useMemo(() => [...catalog.values()].some(isRanked), [catalog]);
  const pinned = view.value.pinned.filter((key) => found.includes(key));
  const root = useRef<HTMLDivElement>(null);
  const columns = useColumns(root);
  if (keys.length === 0) return <p class="charts-empty muted">{emptyText(runs.length, kind, reading, error)}</p>;
  return (
    <div class="charts" ref={root}>
      <Toolbar {...{ scene, keys, ranked }} shown={found.length} />
      {runs.length > 1 && <Legend scene={scene} runs={runs} />}
      {error !== null && <p class="failure">{error}</p>}
      {found.length === 0 && <p class="muted">No panel is called like that.</p>}
      {pinned.length > 0 && <PanelSection {...{ scene, columns }} label="pinned" section={{ name: "", keys: pinned }} />}
      {sectionsOf(found, kind).map((section) => (
        <PanelSection key={section.name} {...{ scene, columns, section }} label={section.name === "" ? "metrics" : section.name} />
      ))}
      {view.value.full !== null && <FullPanel {...{ scene, runs, catalog }} name={view.value.full} />}
    </div>
  );
}

function emptyText(runs: number, kind: "model" | "system", reading: boolean, error: string | null): string {
  if (error !== null) return error;
  if (runs === 0) return "No run is chosen.";
  if (reading) return "reading …";
  return kind === "system" ? "No system metrics were logged." : "No metrics were logged yet. They appear here as soon as they are.";
}

/** The state of the page that panels share. */
function useScene(runs: readonly ChartRun[], kind: "model" | "system", catalog: Catalog): Scene {
  const view = useComputed(() => readView(route.value.query));
  const highlighted = useSignal<string | null>(null);
  const all = useSignal(runs);
  all.value = runs;
  const shown = useComputed(() => {
    const { hidden } = view.value;
    return hidden.length === 0 ? all.value : all.value.filter(({ runId }) => !hidden.some((id) => runId.startsWith(id)));
  });
  const store = useMemo(() => new ChartStore({ ...dataView(view.peek()), maxBuckets: PANEL_BUCKETS }), [view]);
  const { x, range, ranks } = view.value;
  const axis = typeof x === "object" ? `metric:${x.metric}` : x;
  useEffect(() => store.setCatalog(catalog), [store, catalog]);
  useEffect(() => store.setRuns(runs), [store, runs]);
  const [from, to] = range ?? [null, null];
  useEffect(() => store.setView({ ...dataView(view.peek()), maxBuckets: PANEL_BUCKETS }), [store, view, axis, from, to, ranks]);
  useEffect(() => () => store.close(), [store]);
  return useMemo(
    () => ({
      kind, store, view, runs: shown, highlighted,
      crosshairs: new Crosshairs(),
      change: (changes: Partial<ChartView>, push = false) => updateQuery(queryChanges(changes), { push }),
    }),
    [kind, store, view, shown, highlighted],
  );
}

function sameRuns(a: readonly ChartRun[], b: readonly ChartRun[]): boolean {
  return a.length === b.length && a.every((run, at) => JSON.stringify(run, plain) === JSON.stringify(b[at], plain));
}

function plain(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

export function dataView({ x, range, ranks }: ChartView) {
  return { x, range, ranks };
}

/** How many columns the stylesheet makes of the width there is. */
function useColumns(root: { readonly current: HTMLElement | null }): number {
  const [columns, setColumns] = useState(3);
  useEffect(() => {
    const element = root.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setColumns(Math.max(1, Math.floor((element.clientWidth + GAP_PX) / (LEAST_PX + GAP_PX)))));
    observer.observe(element);
    return () => observer.disconnect();
  });
  return columns;
}

/** As in the stylesheet. */
const LEAST_PX = 320;
const GAP_PX = 12;
