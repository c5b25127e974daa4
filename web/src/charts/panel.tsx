/** One metric: its name, its canvas, and what can be done with it. */

import { useComputed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Menu } from "../ui/menu";
import { notify } from "../ui/toasts";
import { messageOf } from "../api/transport";
import { DataTable } from "./data-table";
import { csvOf, type ExportedPanel, fileName, pngOf, save, svgOf } from "./export";
import { rangeByKey } from "./gestures";
import { lineColor } from "./line-color";
import { PanelDrawing } from "./panel-drawing";
import type { Scene } from "./scene";
import { useNear } from "./use-near";

export interface PanelProps {
  readonly scene: Scene;
  readonly name: string;
  /** What the panel is called among those around it. */
  readonly title: string;
  /** Fills the screen. */
  readonly full?: boolean;
}

/** Canvases are made this early before they come into sight, and given up this long after. */
const NEAR_PX = 250;

export function Panel({ scene, name, title, full }: PanelProps) {
  const host = useRef<HTMLDivElement>(null);
  const near = useNear(host, NEAR_PX);
  const [drawing, setDrawing] = useState<PanelDrawing | null>(null);
  const [table, setTable] = useState(false);
  useEffect(() => {
    if (!near || host.current === null) return;
    const made = new PanelDrawing(scene, name, host.current, full === true);
    setDrawing(made);
    return () => {
      made.close();
      setDrawing(null);
    };
  }, [near, scene, name, full]);
  const pinned = useComputed(() => scene.view.value.pinned.includes(name));
  const facts = drawing?.facts.value ?? null;
  return (
    <article class={`panel ${full === true ? "full" : ""}`} data-panel={name} aria-label={name}>
      <header>
        <h4 title={name}>{title}</h4>
        <PanelActions {...{ scene, name, drawing, full: full === true, pinned: pinned.value }} onTable={() => setTable(true)} />
      </header>
      <div
        ref={host}
        class="plot"
        role="img"
        tabIndex={0}
        aria-label={facts?.summary ?? name}
        onKeyDown={(event) => onKey(event, scene, name, drawing)}
        onBlur={() => scene.crosshairs.set(null)}
      >
        {facts?.state !== "drawn" && <p class="plot-state">{stateText(facts)}</p>}
      </div>
      <p class="panel-notes">{facts?.notes.join(" · ")}</p>
      {table && drawing?.plot && (
        <DataTable title={name} picture={drawing.plot.picture} axis={scene.view.value.x} runs={scene.runs.value} onClose={() => setTable(false)} />
      )}
    </article>
  );
}

function stateText(facts: { readonly state: string; readonly error: string } | null): string {
  if (facts === null || facts.state === "reading") return "reading …";
  return facts.state === "failed" ? facts.error : "no points in this range";
}

interface ActionsProps {
  readonly scene: Scene;
  readonly name: string;
  readonly drawing: PanelDrawing | null;
  readonly full: boolean;
  readonly pinned: boolean;
  readonly onTable: () => void;
}

function PanelActions({ scene, name, drawing, full, pinned, onTable }: ActionsProps) {
  const { change, view } = scene;
  const pin = () => {
    const others = view.peek().pinned.filter((each) => each !== name);
    change({ pinned: pinned ? others : [...others, name] });
  };
  const image = (ending: "png" | "svg") => {
    const plot = drawing?.plot;
    if (drawing === null || plot === null || plot === undefined) return;
    const panel = exported(scene, name, drawing.facts.peek().notes);
    if (ending === "svg") save(new Blob([svgOf(plot, panel)], { type: "image/svg+xml" }), fileName(name, "svg"));
    else void pngOf(plot, panel).then((blob) => save(blob, fileName(name, "png")), failed);
  };
  return (
    <span class="panel-actions">
      <button type="button" class="quiet" aria-pressed={pinned} aria-label={`${pinned ? "Unpin" : "Pin"} ${name}`} title={pinned ? "Unpin" : "Pin"} onClick={pin}>
        {pinned ? "★" : "☆"}
      </button>
      <button
        type="button"
        class="quiet"
        aria-label={full ? `Leave full screen` : `Show ${name} in full screen`}
        title={full ? "Leave full screen" : "Full screen"}
        onClick={() => change({ full: full ? null : name }, true)}
      >
        {full ? "×" : "⤢"}
      </button>
      <Menu
        quiet
        label={`More for ${name}`}
        items={[
          { label: "Show as table", run: onTable },
          { label: "Save as PNG", run: () => image("png") },
          { label: "Save as SVG", run: () => image("svg") },
          { label: "Save all points as CSV", run: () => void saveCsv(scene, name) },
          { label: "Use as x axis", run: () => change({ x: { metric: name }, range: null }) },
        ]}
      >
        ⋯
      </Menu>
    </span>
  );
}

function exported({ view, runs }: Scene, title: string, notes: readonly string[]): ExportedPanel {
  const now = view.peek();
  return { title, axis: now.x, notes, runs: runs.peek(), colorOf: (shape) => lineColor(shape, runs.peek(), now.ranks) };
}

async function saveCsv({ runs }: Scene, name: string): Promise<void> {
  const abort = new AbortController();
  let points = 0;
  notify({ text: `Reading all points of ${name} …`, action: { label: "Stop", run: () => abort.abort() } });
  try {
    save(await csvOf(name, runs.peek(), abort.signal, (read) => (points = read)), fileName(name, "csv"));
    notify({ text: `Saved ${points} points of ${name}.` });
  } catch (error) {
    if (!abort.signal.aborted) failed(error);
  }
}

function failed(error: unknown): void {
  notify({ kind: "failure", text: messageOf(error) });
}

/** Steps of the crosshair by the arrow keys, of the whole width. */
const CROSSHAIR_STEP = 1 / 50;

function onKey(event: KeyboardEvent, scene: Scene, name: string, drawing: PanelDrawing | null): void {
  const { plot } = drawing ?? {};
  if (drawing === null || plot === null || plot === undefined || event.target !== event.currentTarget) return;
  const { min, max } = plot.picture.x;
  const range = rangeByKey(event, min, max);
  const { crosshairs, change } = scene;
  if (range !== null) drawing.zoom(...range);
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
    const by = (max - min) * CROSSHAIR_STEP * (event.key === "ArrowLeft" ? -1 : 1);
    const from = crosshairs.now?.x ?? (min + max) / 2;
    crosshairs.set({ x: Math.min(max, Math.max(min, from + by)), panel: name });
  } else if (event.key === "0") change({ range: null }, true);
  else if (event.key === "Enter") change({ full: scene.view.peek().full === name ? null : name }, true);
  else if (event.key === "Escape" && crosshairs.now !== null) crosshairs.set(null);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
