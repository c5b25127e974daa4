/** One canvas with axes, on which pictures are drawn. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type Look, paint } from "./paint";
import type { Picture } from "./picture";
import { bindGestures, type Gestures } from "./gestures";
import { DURATION_STEPS, durationTick, logTicks, numberTicks, TIME_TICKS } from "./ticks";
import type { XAxis } from "./view";

export interface PlotCallbacks extends Gestures {
  /** Called with the x that is pointed at; null when none is. */
  readonly onPoint: (x: number | null) => void;
}

export interface PlotKind {
  readonly x: XAxis;
  readonly logarithmic: boolean;
}

/** uPlot's number for it. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- an enum of declarations alone has no value to name
const LOGARITHMIC: NonNullable<uPlot.Scale["distr"]> = 3;

const EMPTY: Picture = {
  shapes: [], x: { min: 0, max: 1 }, y: { min: 0, max: 1 }, logarithmic: false,
  counts: {
    nan: 0, positiveInfinite: { count: 0, exact: true }, negativeInfinite: { count: 0, exact: true },
    notPositive: { count: 0, exact: true }, clipped: { count: 0, exact: true },
  },
};

export class Plot {
  readonly #chart: uPlot;
  readonly #line: HTMLDivElement;
  #picture: Picture = EMPTY;
  #look: Look = { colorOf: () => "gray", dashOf: () => [], highlighted: null };

  constructor(host: HTMLElement, kind: PlotKind, size: { readonly width: number; readonly height: number }, callbacks: PlotCallbacks) {
    const options = optionsFor(kind, size, host, () => this.#picture);
    options.hooks = {
      draw: [(chart) => this.#paint(chart)],
      setCursor: [
        (chart) => {
          const { left } = chart.cursor;
          callbacks.onPoint(left === undefined || left < 0 ? null : chart.posToVal(left, "x"));
        },
      ],
    };
    this.#chart = new uPlot(options, [[0, 1], [0, 1]], host);
    this.#line = document.createElement("div");
    this.#line.className = "crosshair";
    this.#line.hidden = true;
    this.#chart.over.append(this.#line);
    bindGestures(this.#chart, callbacks);
  }

  get canvas(): HTMLCanvasElement {
    return this.#chart.ctx.canvas;
  }

  get picture(): Picture {
    return this.#picture;
  }

  /** Where the drawing lies on the canvas, in the canvas' own pixels. */
  get frame() {
    const { left, top, width, height } = this.#chart.bbox;
    return { left, top, width, height, scale: uPlot.pxRatio };
  }

  /** The axes as they are drawn, for a copy in another form. */
  get ticks() {
    const of = (at: number, scale: "x" | "y") => {
      const axis = this.#chart.axes[at] as { _splits?: number[]; _values?: (string | null)[] } | undefined;
      return (axis?._splits ?? []).map((value, place) => ({
        at: this.#chart.valToPos(value, scale, true), text: axis?._values?.[place] ?? "",
      }));
    };
    return { x: of(0, "x"), y: of(1, "y") };
  }

  draw(picture: Picture, look: Look): void {
    this.#picture = picture;
    this.#look = look;
    const { x, y } = picture;
    this.#chart.setData([[x.min, x.max], [y.min, y.max]], true);
  }

  resize(width: number, height: number): void {
    if (this.#chart.width !== width || this.#chart.height !== height) this.#chart.setSize({ width, height });
  }

  /** Shows the place that is pointed at here or in another panel. */
  pointAt(x: number | null): void {
    const { min, max } = this.#picture.x;
    this.#line.hidden = x === null || x < min || x > max;
    if (x !== null && !this.#line.hidden) this.#line.style.transform = `translateX(${this.#chart.valToPos(x, "x").toFixed(1)}px)`;
  }

  /** The place of x in pixels from the left edge of the plot. */
  placeOf(x: number): number {
    return this.#chart.valToPos(x, "x") + this.#chart.bbox.left / uPlot.pxRatio;
  }

  destroy(): void {
    this.#chart.destroy();
  }

  #paint({ ctx }: uPlot): void {
    const frame = this.frame;
    ctx.save();
    ctx.beginPath();
    ctx.rect(frame.left, frame.top, frame.width, frame.height);
    ctx.clip();
    ctx.lineJoin = "round";
    paint(ctx, this.#picture, frame, this.#look);
    ctx.restore();
  }
}

function optionsFor(
  kind: PlotKind,
  size: { readonly width: number; readonly height: number },
  host: HTMLElement,
  picture: () => Picture,
): uPlot.Options {
  const style = getComputedStyle(host);
  // Another theme makes another plot.
  const color = (name: string) => style.getPropertyValue(name).trim() || "gray";
  const common: uPlot.Axis = {
    stroke: color("--muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: color("--grid"), width: 1 },
    ticks: { show: false },
    border: { show: false },
    gap: 4,
  };
  const spread: Partial<uPlot.Scale> = kind.logarithmic ? { distr: LOGARITHMIC, log: 10 } : {};
  return {
    ...size,
    padding: [8, 20, 0, 2],
    legend: { show: false },
    cursor: { x: false, y: false, points: { show: false }, drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => null } },
    scales: {
      x: { time: kind.x === "time", range: () => [picture().x.min, picture().x.max] },
      y: { ...spread, range: () => [picture().y.min, picture().y.max] },
    },
    series: [{}, { paths: () => null, points: { show: false } }],
    axes: [
      { ...common, size: kind.x === "time" ? 36 : 24, space: 56, ...horizontal(kind.x) },
      {
        ...common,
        size: (_chart, values) => Math.max(34, ...(values as string[] | null ?? []).map((text) => text.length * 6.3 + 12)),
        space: 30,
        values: (_chart, splits, _at, _space, distance) => (kind.logarithmic ? logTicks(splits) : numberTicks(splits, distance)),
      },
    ],
  };
}

function horizontal(x: XAxis): Partial<uPlot.Axis> {
  if (x === "time") return { values: TIME_TICKS };
  if (x === "relative") {
    return { incrs: DURATION_STEPS, values: (_chart, splits, _at, _space, distance) => splits.map((at) => durationTick(at, distance)) };
  }
  const whole = x === "step" ? { incrs: STEPS } : {};
  return { ...whole, values: (_chart, splits, _at, _space, distance) => numberTicks(splits, distance) };
}

/** There is nothing between two steps. */
const STEPS = Array.from({ length: 19 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();
