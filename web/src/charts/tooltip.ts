/** All values at the place that is pointed at. */

import { formatCount, formatNumber, formatTime } from "../ui/format";
import { metricsApi } from "../api/transport";
import type { ChartRun } from "./charts";
import { nameOf, nearest, placeText } from "./facts";
import { dashName } from "./line-color";
import type { Picture } from "./picture";
import type { Shape } from "./shapes";
import { axisName } from "./ticks";
import type { XAxis } from "./view";

const MOST_ROWS = 16;
/** Whoever rests this long wants to know exactly. */
const REST_MS = 300;

interface Row {
  readonly shape: Shape;
  readonly at: number;
}

export interface TooltipSource {
  readonly key: string;
  readonly picture: Picture;
  readonly runs: readonly ChartRun[];
  readonly axis: XAxis;
  readonly colorOf: (shape: Shape) => string;
}

export class Tooltip {
  readonly element: HTMLDivElement;
  #resting: ReturnType<typeof setTimeout> | null = null;
  #abort: AbortController | null = null;
  #moments = new Map<string, string>();

  constructor() {
    this.element = document.createElement("div");
    this.element.className = "chart-tooltip";
    this.element.hidden = true;
  }

  hide(): void {
    this.element.hidden = true;
    this.#rest(null);
  }

  /** Fills it for x; false when no line has anything near. */
  show(x: number, source: TooltipSource): boolean {
    const rows = rowsAt(x, source);
    const [head] = rows;
    if (head === undefined) {
      this.hide();
      return false;
    }
    this.element.replaceChildren(...this.#contents(head, rows, source));
    this.element.hidden = false;
    return true;
  }

  #contents(head: Row, rows: readonly Row[], source: TooltipSource): HTMLElement[] {
    const title = made("div", "place", headText(head, source.axis));
    const moment = made("div", "moment", "");
    if (source.axis === "step" && source.picture.shapes.length > 0) this.#tellMoment(moment, head, source);
    const sorted = [...rows].sort((a, b) => (b.shape.y[b.at] ?? -Infinity) - (a.shape.y[a.at] ?? -Infinity));
    const lines = sorted.slice(0, MOST_ROWS).map((row) => rowElement(row, source));
    const more = rows.length > MOST_ROWS ? [made("div", "more", `and ${rows.length - MOST_ROWS} more`)] : [];
    return [title, moment, ...lines, ...more];
  }

  /** A chart by step does not say the time of its points; the history of that one step does. */
  #tellMoment(element: HTMLElement, { shape, at }: Row, source: TooltipSource): void {
    const step = shape.x1[at] ?? NaN;
    const id = `${shape.runId} ${step}`;
    const known = this.#moments.get(id);
    if (known !== undefined) element.textContent = known;
    this.#rest(known !== undefined || !Number.isSafeInteger(step) ? null : () => {
      void this.#readMoment(shape, step, source.key).then((text) => {
        if (text === null) return;
        this.#moments.set(id, text);
        element.textContent = text;
      });
    });
  }

  async #readMoment(shape: Shape, step: number, key: string): Promise<string | null> {
    this.#abort = new AbortController();
    const selector = { keys: [key], ...(shape.rank === null ? { rankless: shape.ranks === 1 } : { ranks: [shape.rank] }) };
    const request = { runId: shape.runId, selector, minStep: BigInt(step), maxStep: BigInt(step) };
    try {
      for await (const { series } of metricsApi.getHistory(request, { signal: this.#abort.signal })) {
        const time = series.at(-1)?.timeUnixUs.at(-1);
        if (time !== undefined) return formatTime(Number(time));
      }
    } catch {
      // The values are there without it.
    }
    return null;
  }

  #rest(then: (() => void) | null): void {
    if (this.#resting !== null) clearTimeout(this.#resting);
    this.#abort?.abort();
    this.#abort = null;
    this.#resting = then === null ? null : setTimeout(then, REST_MS);
  }
}

/** The entries nearest to x, the nearest of all first. Lines that ended before or begin later are left out. */
function rowsAt(x: number, { picture }: TooltipSource): Row[] {
  const slack = (picture.x.max - picture.x.min) * 0.02;
  const rows: Row[] = [];
  for (const shape of picture.shapes) {
    const at = nearest(shape, x);
    if (at < 0) continue;
    if (distance({ shape, at }, x) <= Math.max(slack, gapAt(shape, at))) rows.push({ shape, at });
  }
  return rows.sort((a, b) => distance(a, x) - distance(b, x));
}

function distance({ shape, at }: Row, x: number): number {
  const [from, to] = [shape.x0[at] ?? NaN, shape.x1[at] ?? NaN];
  return x < from ? from - x : x > to ? x - to : 0;
}

/** Between two far points both are near. */
function gapAt({ x0, x1, ordered }: Shape, at: number): number {
  if (!ordered) return 0;
  return Math.max((x0[at] ?? 0) - (x1[at - 1] ?? x0[at] ?? 0), (x0[at + 1] ?? x1[at] ?? 0) - (x1[at] ?? 0)) / 1.9;
}

function headText({ shape, at }: Row, axis: XAxis): string {
  const [from, to] = [placeText(shape.x0[at] ?? NaN, axis), placeText(shape.x1[at] ?? NaN, axis)];
  return `${axisName(axis)} ${from === to ? from : `${from} – ${to}`}`;
}

function rowElement({ shape, at }: Row, source: TooltipSource): HTMLElement {
  const row = made("div", "row", "");
  const swatch = made("i", "line-sample", "");
  swatch.style.borderTop = `3px ${dashName(shape.runId, source.runs)} ${source.colorOf(shape)}`;
  row.append(swatch, made("span", "name", nameOf(shape, source.runs)), made("b", "", formatNumber(shape.y[at] ?? NaN)));
  const raw = shape.raw?.[at];
  const points = shape.count[at] ?? 0;
  const notes: string[] = [];
  if (raw !== undefined) notes.push(`raw ${formatNumber(raw)}`);
  if (points > 1) notes.push(`${formatNumber(shape.min[at] ?? NaN)} … ${formatNumber(shape.max[at] ?? NaN)} of ${formatCount(points)}`);
  if ((shape.nanCount[at] ?? 0) > 0 && points > 1) notes.push(`${shape.nanCount[at] ?? 0} NaN`);
  row.append(made("span", "note", notes.join(" · ")));
  return row;
}

function made(tag: string, name: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}
