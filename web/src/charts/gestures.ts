/** Zooming and panning with pointer and wheel. */

import type uPlot from "uplot";

export interface Gestures {
  /** Called with the range of x that was chosen. */
  readonly onRange: (from: number, to: number) => void;
  /** Called while a range is being moved, before `onRange` says that it stays. */
  readonly onMove: (from: number, to: number) => void;
  readonly onReset: () => void;
  /** Whether the wheel alone zooms: elsewhere it belongs to the page, and needs Ctrl or ⌘. */
  readonly wheelZooms: boolean;
}

/** What a person did not mean to drag. */
const LEAST_DRAG_PX = 5;
const WHEEL_FACTOR = 1.0015;
const WHEEL_SETTLES_MS = 180;

/** Listens to an axis' plot; what is removed with the plot needs no taking off. */
export function bindGestures(chart: uPlot, gestures: Gestures): void {
  const { over } = chart;
  const valueAt = (px: number) => chart.posToVal(px, "x");
  chart.hooks.setSelect = [
    () => {
      const { left, width } = chart.select;
      if (width >= LEAST_DRAG_PX) gestures.onRange(valueAt(left), valueAt(left + width));
      if (width > 0) chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    },
  ];
  over.addEventListener("dblclick", () => gestures.onReset());
  over.addEventListener("mousedown", (event) => event.shiftKey && event.button === 0 && pan(event, chart, gestures), { capture: true });
  over.addEventListener("wheel", wheelZoom(chart, gestures), { passive: false });
}

function pan(down: MouseEvent, chart: uPlot, gestures: Gestures): void {
  down.preventDefault();
  down.stopImmediatePropagation();
  const [from, to] = [chart.posToVal(0, "x"), chart.posToVal(chart.over.clientWidth, "x")];
  const moved = (event: MouseEvent): [number, number] => {
    const by = ((down.clientX - event.clientX) * (to - from)) / chart.over.clientWidth;
    return [from + by, to + by];
  };
  const move = (event: MouseEvent) => gestures.onMove(...moved(event));
  const up = (event: MouseEvent) => {
    removeEventListener("mousemove", move);
    removeEventListener("mouseup", up);
    if (Math.abs(event.clientX - down.clientX) >= LEAST_DRAG_PX) gestures.onRange(...moved(event));
  };
  addEventListener("mousemove", move);
  addEventListener("mouseup", up);
}

function wheelZoom(chart: uPlot, gestures: Gestures): (event: WheelEvent) => void {
  let settling: ReturnType<typeof setTimeout> | null = null;
  let range: [number, number] | null = null;
  return (event) => {
    if (!gestures.wheelZooms && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const [from, to] = range ?? [chart.posToVal(0, "x"), chart.posToVal(chart.over.clientWidth, "x")];
    const factor = WHEEL_FACTOR ** event.deltaY;
    const share = (event.clientX - chart.over.getBoundingClientRect().left) / chart.over.clientWidth;
    const fixed = from + (to - from) * share;
    const next: [number, number] = [fixed - (fixed - from) * factor, fixed + (to - fixed) * factor];
    range = next;
    gestures.onMove(...next);
    if (settling !== null) clearTimeout(settling);
    settling = setTimeout(() => {
      range = null;
      gestures.onRange(...next);
    }, WHEEL_SETTLES_MS);
  };
}

/** A range for a key: arrows with Shift move it, plus and minus change its size; null for another key. */
export function rangeByKey(event: KeyboardEvent, from: number, to: number): [number, number] | null {
  const size = to - from;
  if (event.key === "+" || event.key === "=") return [from + size / 4, to - size / 4];
  if (event.key === "-") return [from - size / 2, to + size / 2];
  if (!event.shiftKey) return null;
  if (event.key === "ArrowLeft") return [from - size / 4, to - size / 4];
  if (event.key === "ArrowRight") return [from + size / 4, to + size / 4];
  return null;
}
