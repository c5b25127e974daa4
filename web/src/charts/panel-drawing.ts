/** The canvas of one panel: drawn again when its data, the view or the size has changed, and only while it is near. */

import { effect, signal } from "@preact/signals";
import { theme } from "../ui/theme";
import { lineColor, lineDash } from "./line-color";
import { drawNever, drawSoon } from "./frames";
import { lastOf, summaryOf } from "./facts";
import { PanelShapes } from "./panel-shapes";
import { notesOf, type Picture, pictureOf } from "./picture";
import { Plot } from "./plot";
import type { Scene } from "./scene";
import { exactnessNote, withRankNote } from "./notes";
import { Tooltip } from "./tooltip";

/** What a panel says beside its canvas. */
export interface PanelFacts {
  readonly state: "reading" | "drawn" | "empty" | "failed";
  readonly error: string;
  readonly notes: readonly string[];
  readonly summary: string;
}

const NOTHING: PanelFacts = { state: "reading", error: "", notes: [], summary: "" };
/** Words change slower than lines. */
const FACTS_MS = 500;

export class PanelDrawing {
  readonly facts = signal<PanelFacts>(NOTHING);
  readonly key: string;
  readonly #scene: Scene;
  readonly #host: HTMLElement;
  readonly #wheelZooms: boolean;
  readonly #shapes = new PanelShapes();
  readonly #tooltip = new Tooltip();
  readonly #stops: (() => void)[] = [];
  #plot: Plot | null = null;
  #plotKind = "";
  /** As the observer told: to ask for it would lay the page out at every drawing. */
  #size = { width: 0, height: 0 };
  #moved: readonly [number, number] | null = null;
  #factsTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(scene: Scene, key: string, host: HTMLElement, wheelZooms: boolean) {
    this.#scene = scene;
    this.key = key;
    this.#host = host;
    this.#wheelZooms = wheelZooms;
    const resized = new ResizeObserver(([entry]) => {
      if (entry !== undefined) this.#size = { width: Math.round(entry.contentRect.width), height: Math.round(entry.contentRect.height) };
      this.redraw();
    });
    resized.observe(host);
    this.#stops.push(
      scene.store.want(key, () => this.redraw()),
      scene.crosshairs.listen((now) => this.#point(now?.x ?? null, now?.panel === key)),
      effect(() => {
        this.#changed(scene.view.value, scene.runs.value, scene.highlighted.value, theme.value);
      }),
      () => resized.disconnect(),
    );
  }

  /** What is drawn now; null before the first time. */
  get plot(): Plot | null {
    return this.#plot;
  }

  redraw(): void {
    drawSoon(this, () => this.#draw());
  }

  /** Whatever of it changed: all of it is read again at the drawing. */
  #changed(...signals: readonly unknown[]): void {
    if (signals.length > 0) this.#moved = null;
    this.redraw();
  }

  close(): void {
    for (const stop of this.#stops) stop();
    drawNever(this);
    if (this.#factsTimer !== null) clearTimeout(this.#factsTimer);
    this.#tooltip.hide();
    this.#plot?.destroy();
  }

  #draw(): void {
    const { store, view, runs } = this.#scene;
    const data = store.panel(this.key);
    const now = view.peek();
    const shapes = this.#shapes.build(data, store, runs.peek(), now);
    const picture = pictureOf(shapes, this.#moved ?? now.range, now);
    const plot = this.#plotFor();
    if (plot === null) return;
    plot.draw(picture, {
      colorOf: (shape) => lineColor(shape, runs.peek(), now.ranks),
      dashOf: (shape) => lineDash(shape, runs.peek()),
      highlighted: this.#scene.highlighted.peek(),
    });
    this.#describe(plot.canvas, picture);
    this.#tellSoon();
  }

  /** Axes of another kind are another plot. */
  #plotFor(): Plot | null {
    const { x, logarithmic } = this.#scene.view.peek();
    const { width, height } = this.#size;
    if (width < 40 || height < 40) return null;
    const kind = JSON.stringify([x, logarithmic, theme.peek()]);
    if (this.#plot !== null && kind === this.#plotKind) {
      this.#plot.resize(width, height);
      return this.#plot;
    }
    this.#plot?.destroy();
    this.#plotKind = kind;
    this.#plot = new Plot(this.#host, { x, logarithmic }, { width, height }, {
      onPoint: (place) => this.#scene.crosshairs.set(place === null ? null : { x: place, panel: this.key }),
      onRange: (from, to) => this.zoom(from, to),
      onMove: (from, to) => {
        this.#moved = [from, to];
        this.redraw();
      },
      onReset: () => this.#scene.change({ range: null }, true),
      wheelZooms: this.#wheelZooms,
    });
    this.#host.append(this.#tooltip.element);
    return this.#plot;
  }

  zoom(from: number, to: number): void {
    if (to > from && Number.isFinite(to - from)) this.#scene.change({ range: [rounded(from, to - from), rounded(to, to - from)] }, true);
  }

  #point(x: number | null, isHere: boolean): void {
    const plot = this.#plot;
    if (plot === null) return;
    plot.pointAt(x);
    if (x === null || !isHere) {
      this.#tooltip.hide();
      return;
    }
    const { view, runs } = this.#scene;
    const now = view.peek();
    const colorOf = (shape: Parameters<typeof lineColor>[0]) => lineColor(shape, runs.peek(), now.ranks);
    const shown = this.#tooltip.show(x, { key: this.key, picture: plot.picture, runs: runs.peek(), axis: now.x, colorOf });
    if (!shown) return;
    const place = plot.placeOf(x);
    const { offsetWidth: size } = this.#tooltip.element;
    const edge = this.#host.getBoundingClientRect().left;
    const right = edge + place + 14 + size < innerWidth - 8;
    this.#tooltip.element.style.left = `${right ? place + 14 : Math.max(8 - edge, place - 14 - size)}px`;
  }

  /** What a test compares with the history. */
  #describe(canvas: HTMLCanvasElement, { shapes, x }: Picture): void {
    const last = shapes.reduce<{ x: number; y: number } | null>((found, shape) => {
      const at = lastOf(shape);
      const place = shape.x1[at];
      return place === undefined || (found !== null && place <= found.x) ? found : { x: place, y: shape.y[at] ?? NaN };
    }, null);
    const facts = {
      key: this.key,
      points: String(shapes.reduce((sum, { points }) => sum + points, 0)),
      buckets: String(shapes.reduce((sum, shape) => sum + shape.x.length, 0)),
      lines: String(shapes.length),
      exact: String(shapes.length > 0 && shapes.every(({ exact }) => exact)),
      lastX: String(last?.x ?? ""),
      lastY: String(last?.y ?? ""),
      range: `${x.min}..${x.max}`,
    };
    const { dataset } = canvas;
    for (const [name, fact] of Object.entries(facts)) if (dataset[name] !== fact) dataset[name] = fact;
  }

  #tellSoon(): void {
    if (this.facts.peek() === NOTHING) this.#tell();
    else this.#factsTimer ??= setTimeout(() => this.#tell(), FACTS_MS);
  }

  #tell(): void {
    this.#factsTimer = null;
    const plot = this.#plot;
    if (plot === null) return;
    const { store, view, runs } = this.#scene;
    const data = store.panel(this.key);
    const now = view.peek();
    const empty = plot.picture.shapes.every(({ x }) => x.length === 0);
    const state = data.error !== null ? "failed" : !empty ? "drawn" : data.complete ? "empty" : "reading";
    const notes = [
      ...withRankNote(this.key, store.catalog, runs.peek(), now.ranks),
      ...exactnessNote(now.x, plot.picture.shapes),
      ...notesOf(plot.picture),
    ];
    const facts = { state, error: data.error ?? "", notes, summary: summaryOf(this.key, plot.picture, runs.peek(), now.x) } as const;
    if (JSON.stringify(facts) !== JSON.stringify(this.facts.peek())) this.facts.value = facts;
  }
}

/** As many digits as can be seen. */
function rounded(value: number, size: number): number {
  const digits = Math.ceil(4 - Math.log10(size));
  return digits <= 0 ? Math.round(value) : Number(value.toFixed(Math.min(digits, 12)));
}
