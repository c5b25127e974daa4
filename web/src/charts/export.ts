/** A panel as a file. */

import { metricsApi } from "../api/transport";
import type { ChartRun } from "./charts";
import { CSV_HEAD, csvLines } from "./csv";
import { nameOf } from "./facts";
import { lineDash } from "./line-color";
import { paint } from "./paint";
import type { Plot } from "./plot";
import type { Shape } from "./shapes";
import { SvgPen, svgDocument } from "./svg";
import { axisName } from "./ticks";
import type { XAxis } from "./view";

export interface ExportedPanel {
  readonly title: string;
  readonly axis: XAxis;
  readonly notes: readonly string[];
  readonly runs: readonly ChartRun[];
  readonly colorOf: (shape: Shape) => string;
}

/** Gives a file to the browser. */
export function save(content: Blob, name: string): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A name that every file system takes. */
export function fileName(key: string, ending: string): string {
  return `${key.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 100) || "chart"}.${ending}`;
}

export function svgOf(plot: Plot, panel: ExportedPanel): string {
  const canvasFrame = plot.frame;
  const { scale } = canvasFrame;
  const frame = {
    left: canvasFrame.left / scale, top: canvasFrame.top / scale,
    width: canvasFrame.width / scale, height: canvasFrame.height / scale, scale: 1,
  };
  const pen = new SvgPen();
  paint(pen, plot.picture, frame, { colorOf: panel.colorOf, dashOf: (shape) => lineDash(shape, panel.runs), highlighted: null });
  const { x, y } = plot.ticks;
  const onPage = (ticks: typeof x) => ticks.filter(({ text }) => text !== "").map(({ at, text }) => ({ at: at / scale, text }));
  return svgDocument(pen.parts, frame, plot.canvas.width / scale, {
    title: panel.title,
    xName: axisName(panel.axis),
    notes: panel.notes.join(" · "),
    legend: plot.picture.shapes.map((shape) => ({ name: nameOf(shape, panel.runs), color: panel.colorOf(shape) })),
    ticks: { x: onPage(x), y: onPage(y) },
    colors: themeColors(),
  });
}

function themeColors() {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return { ground: color("--ground"), text: color("--text"), muted: color("--muted"), grid: color("--line") };
}

/** Draws the SVG of a panel twice as large as it is on the page. */
export async function pngOf(plot: Plot, panel: ExportedPanel): Promise<Blob> {
  const image = new Image();
  const address = URL.createObjectURL(new Blob([svgOf(plot, panel)], { type: "image/svg+xml" }));
  try {
    image.src = address;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width * 2;
    canvas.height = image.height * 2;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((done, fail) => {
      canvas.toBlob((blob) => (blob === null ? fail(new Error("the browser made no image")) : done(blob)), "image/png");
    });
  } finally {
    URL.revokeObjectURL(address);
  }
}

/** Reads the complete histories of a metric, point by point, as text. */
export async function csvOf(key: string, runs: readonly ChartRun[], signal: AbortSignal, onPoints: (points: number) => void): Promise<Blob> {
  const parts: BlobPart[] = [CSV_HEAD];
  let points = 0;
  for (const { runId, name } of runs) {
    for await (const { series } of metricsApi.getHistory({ runId, selector: { keys: [key] } }, { signal })) {
      for (const each of series) {
        const { rank, key: own } = each.series ?? { rank: undefined, key };
        parts.push(csvLines({ runId, runName: name, key: own, rank: rank ?? null, step: each.step, timeUs: each.timeUnixUs, value: each.value }));
        points += each.value.length;
      }
      onPoints(points);
    }
  }
  return new Blob(parts, { type: "text/csv" });
}
