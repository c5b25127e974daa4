/** Draws a picture with a pen: on a canvas, or into an SVG. */

import type { Picture } from "./picture";
import type { Shape } from "./shapes";

/** The part of a canvas context that is drawn with. */
export interface Pen {
  strokeStyle: CanvasRenderingContext2D["strokeStyle"];
  fillStyle: CanvasRenderingContext2D["fillStyle"];
  globalAlpha: number;
  lineWidth: number;
  beginPath(): void;
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  closePath(): void;
  rect(x: number, y: number, width: number, height: number): void;
  fill(): void;
  stroke(): void;
  setLineDash(pattern: number[]): void;
}

export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Pixels of the drawing for one of the page. */
  readonly scale: number;
}

export interface Look {
  readonly colorOf: (shape: Shape) => string;
  /** The dashes of a line, in pixels of the page: none for a whole line. */
  readonly dashOf: (shape: Shape) => readonly number[];
  /** The run that stands out; null for none. */
  readonly highlighted: string | null;
}

/** Places on a frame. */
export interface Places {
  readonly toX: (x: number) => number;
  readonly toY: (y: number) => number;
}

export function placesOf({ x, y, logarithmic }: Picture, frame: Frame): Places {
  const scaleX = frame.width / (x.max - x.min);
  const bottom = frame.top + frame.height;
  const low = logarithmic ? Math.log10(y.min) : y.min;
  const high = logarithmic ? Math.log10(y.max) : y.max;
  // Half first, because the difference of two great numbers may overflow.
  const scaleY = frame.height / 2 / (high / 2 - low / 2);
  // Far outside is as good as just outside, and canvases have limits.
  const clamp = (place: number) => Math.max(frame.top - 20 * frame.scale, Math.min(bottom + 20 * frame.scale, place));
  return {
    toX: (value) => frame.left + (value - x.min) * scaleX,
    toY: (value) => {
      const height = logarithmic ? (value > 0 ? Math.log10(value) : -Infinity) : value;
      return clamp(bottom - (height / 2 - low / 2) * 2 * scaleY);
    },
  };
}

const BAND_ALPHA = 0.17;
const FAINT_ALPHA = 0.3;
const DOT_SPACE = 7;

export function paint(pen: Pen, picture: Picture, frame: Frame, look: Look): void {
  const places = placesOf(picture, frame);
  const dimmed = (shape: Shape) => look.highlighted !== null && shape.runId !== look.highlighted;
  const ordered = [...picture.shapes].sort((a, b) => Number(dimmed(b)) - Number(dimmed(a)));
  const faintBands = picture.shapes.length > 6 ? 0.6 : 1;
  for (const shape of ordered) {
    pen.fillStyle = look.colorOf(shape);
    pen.globalAlpha = (dimmed(shape) ? 0.04 : BAND_ALPHA) * faintBands;
    if (shape.ordered) paintBand(pen, shape, places, picture);
  }
  for (const shape of ordered) {
    const weight = dimmed(shape) ? 0.25 : 1;
    pen.strokeStyle = look.colorOf(shape);
    pen.fillStyle = look.colorOf(shape);
    pen.lineWidth = (look.highlighted === shape.runId ? 2.2 : 1.4) * frame.scale;
    if (shape.raw !== null) {
      pen.globalAlpha = FAINT_ALPHA * weight;
      paintLine(pen, shape, shape.raw, places, picture);
    }
    pen.globalAlpha = weight;
    pen.setLineDash(look.dashOf(shape).map((length) => length * frame.scale));
    paintLine(pen, shape, shape.y, places, picture);
    pen.setLineDash([]);
    if (shape.exact) paintDots(pen, shape, places, frame, picture);
  }
  pen.globalAlpha = 1;
  for (const shape of ordered) paintMarks(pen, shape, picture, frame, places, look.colorOf(shape));
}

/** The entries of a shape that touch the frame, and one more on each side, so that lines run out of it. */
function visible({ x0, x1, ordered }: Shape, { x }: Picture): [number, number] {
  if (!ordered) return [0, x0.length];
  let from = 0;
  let to = x0.length;
  while (from < to && (x1[from] ?? 0) < x.min) from++;
  while (to > from && (x0[to - 1] ?? 0) > x.max) to--;
  return [Math.max(0, from - 1), Math.min(x0.length, to + 1)];
}

function paintBand(pen: Pen, shape: Shape, { toX, toY }: Places, picture: Picture): void {
  const [from, to] = visible(shape, picture);
  for (let at = from; at < to; ) {
    let end = at;
    while (end < to && !Number.isNaN(shape.min[end] ?? NaN)) end++;
    if (hasHeight(shape, at, end)) {
      pen.beginPath();
      for (let i = at; i < end; i++) corner(pen, i === at, toX(shape.x0[i] ?? 0), toX(shape.x1[i] ?? 0), toY(shape.max[i] ?? 0));
      for (let i = end - 1; i >= at; i--) corner(pen, false, toX(shape.x1[i] ?? 0), toX(shape.x0[i] ?? 0), toY(shape.min[i] ?? 0));
      pen.closePath();
      pen.fill();
    }
    at = Math.max(end, at + 1);
  }
}

function corner(pen: Pen, isFirst: boolean, from: number, to: number, y: number): void {
  if (isFirst) pen.moveTo(from, y);
  else pen.lineTo(from, y);
  if (Math.abs(to - from) > 0.5) pen.lineTo(to, y);
}

function hasHeight({ min, max }: Shape, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (min[at] !== max[at]) return true;
  return false;
}

function paintLine(pen: Pen, shape: Shape, y: Float64Array, { toX, toY }: Places, picture: Picture): void {
  const [from, to] = visible(shape, picture);
  let drawing = false;
  pen.beginPath();
  for (let at = from; at < to; at++) {
    const value = y[at] ?? NaN;
    const place = shape.x[at] ?? NaN;
    if (!Number.isFinite(value) || Number.isNaN(place) || (picture.logarithmic && value <= 0)) {
      drawing = false;
      continue;
    }
    if (drawing) pen.lineTo(toX(place), toY(value));
    else pen.moveTo(toX(place), toY(value));
    drawing = true;
  }
  pen.stroke();
}

/** Points stand out as such once there is room for them. A point without neighbours would not be seen at all otherwise. */
function paintDots(pen: Pen, shape: Shape, { toX, toY }: Places, frame: Frame, picture: Picture): void {
  const [from, to] = visible(shape, picture);
  const roomy = to - from <= frame.width / frame.scale / DOT_SPACE;
  const y = shape.raw ?? shape.y;
  const half = (roomy ? 2 : 1.2) * frame.scale;
  pen.beginPath();
  for (let at = from; at < to; at++) {
    const value = y[at] ?? NaN;
    if (!Number.isFinite(value) || (picture.logarithmic && value <= 0)) continue;
    const alone = !Number.isFinite(y[at - 1] ?? NaN) && !Number.isFinite(y[at + 1] ?? NaN);
    if (roomy || alone) pen.rect(toX(shape.x[at] ?? NaN) - half, toY(value) - half, 2 * half, 2 * half);
  }
  pen.fill();
}

/** Marks what no line can show: NaN and -∞ below, +∞ above, and what lies beyond an edge. */
function paintMarks(pen: Pen, shape: Shape, picture: Picture, frame: Frame, { toX }: Places, color: string): void {
  const [from, to] = visible(shape, picture);
  const size = 3.5 * frame.scale;
  const bottom = frame.top + frame.height - size;
  const top = frame.top + size;
  const taken = new Map<string, number>();
  pen.strokeStyle = color;
  pen.fillStyle = color;
  pen.lineWidth = 1.3 * frame.scale;
  const mark = (kind: string, at: number, draw: (x: number) => void) => {
    const x = toX(((shape.x0[at] ?? 0) + (shape.x1[at] ?? 0)) / 2);
    if (Number.isNaN(x) || x < frame.left || x > frame.left + frame.width || x - (taken.get(kind) ?? -Infinity) < size * 2) return;
    taken.set(kind, x);
    draw(x);
  };
  for (let at = from; at < to; at++) {
    const [min, max] = [shape.min[at] ?? NaN, shape.max[at] ?? NaN];
    if ((shape.nanCount[at] ?? 0) > 0) mark("nan", at, (x) => cross(pen, x, bottom, size));
    if (max === Infinity) mark("up", at, (x) => triangle(pen, x, top, size, -1));
    if (min === -Infinity) mark("down", at, (x) => triangle(pen, x, bottom - 2 * size, size, 1));
    if (max > picture.y.max && max < Infinity) mark("above", at, (x) => triangle(pen, x, top, size * 0.8, -1));
    if (min < picture.y.min && min > -Infinity) mark("below", at, (x) => triangle(pen, x, bottom, size * 0.8, 1));
  }
}

function cross(pen: Pen, x: number, y: number, size: number): void {
  pen.beginPath();
  pen.moveTo(x - size, y - size);
  pen.lineTo(x + size, y + size);
  pen.moveTo(x - size, y + size);
  pen.lineTo(x + size, y - size);
  pen.stroke();
}

function triangle(pen: Pen, x: number, y: number, size: number, down: 1 | -1): void {
  pen.beginPath();
  pen.moveTo(x, y + down * size);
  pen.lineTo(x + size, y - down * size);
  pen.lineTo(x - size, y - down * size);
  pen.closePath();
  pen.fill();
}
