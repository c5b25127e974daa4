/** Writes what is drawn as SVG. */

import type { Frame, Pen } from "./paint";

/** A pen that writes instead of drawing. */
export class SvgPen implements Pen {
  strokeStyle: Pen["strokeStyle"] = "black";
  fillStyle: Pen["fillStyle"] = "black";
  globalAlpha = 1;
  lineWidth = 1;
  readonly parts: string[] = [];
  #path: string[] = [];
  #dash = "";

  beginPath(): void {
    this.#path = [];
  }

  moveTo(x: number, y: number): void {
    this.#path.push(`M${short(x)} ${short(y)}`);
  }

  lineTo(x: number, y: number): void {
    this.#path.push(`L${short(x)} ${short(y)}`);
  }

  closePath(): void {
    this.#path.push("Z");
  }

  rect(x: number, y: number, width: number, height: number): void {
    this.#path.push(`M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}Z`);
  }

  setLineDash(pattern: number[]): void {
    this.#dash = pattern.length === 0 ? "" : ` stroke-dasharray="${pattern.map(short).join(" ")}"`;
  }

  fill(): void {
    this.#write(`fill="${colorText(this.fillStyle)}"`);
  }

  stroke(): void {
    this.#write(`fill="none" stroke="${colorText(this.strokeStyle)}" stroke-width="${short(this.lineWidth)}" stroke-linejoin="round"${this.#dash}`);
  }

  #write(attributes: string): void {
    if (this.#path.length === 0) return;
    const opacity = this.globalAlpha === 1 ? "" : ` opacity="${short(this.globalAlpha)}"`;
    this.parts.push(`<path d="${this.#path.join("")}" ${attributes}${opacity}/>`);
  }
}

export interface SvgTick {
  readonly at: number;
  readonly text: string;
}

export interface SvgText {
  readonly title: string;
  readonly xName: string;
  readonly notes: string;
  readonly legend: readonly { readonly name: string; readonly color: string }[];
  readonly ticks: { readonly x: readonly SvgTick[]; readonly y: readonly SvgTick[] };
  readonly colors: { readonly ground: string; readonly text: string; readonly muted: string; readonly grid: string };
}

const HEAD = 26;
const LEGEND_LINE = 16;
const FOOT = 34;
const FONT = "system-ui, sans-serif";

/** Puts a title, axes and a legend around the parts that a pen wrote for a frame. All places are in pixels of the page. */
export function svgDocument(parts: readonly string[], frame: Frame, width: number, text: SvgText): string {
  const { colors } = text;
  const plotBottom = HEAD + frame.top + frame.height;
  const height = plotBottom + FOOT + LEGEND_LINE * text.legend.length;
  const write = (x: number, y: number, words: string, more = "") =>
    words === "" ? "" : `<text x="${short(x)}" y="${short(y)}" ${more}>${escapeXml(words)}</text>`;
  const { left, top } = frame;
  const lines = [
    ...text.ticks.x.map(({ at }) => `<path d="M${short(at)} ${HEAD + top}V${plotBottom}" stroke="${colors.grid}"/>`),
    ...text.ticks.y.map(({ at }) => `<path d="M${left} ${short(HEAD + at)}H${left + frame.width}" stroke="${colors.grid}"/>`),
  ];
  const labels = [
    ...text.ticks.x.map(({ at, text: words }) => write(at, plotBottom + 14, words.replace(/\n.*/, ""), 'text-anchor="middle"')),
    ...text.ticks.y.map(({ at, text: words }) => write(left - 5, HEAD + at + 4, words, 'text-anchor="end"')),
    write(left + frame.width, plotBottom + 27, text.xName, 'text-anchor="end"'),
    write(left, plotBottom + 27, text.notes),
  ];
  const legend = text.legend.map(({ name, color }, at) => {
    const y = plotBottom + FOOT + LEGEND_LINE * at;
    return `<rect x="${left}" y="${y}" width="10" height="10" fill="${escapeXml(color)}"/>${write(left + 15, y + 9, name)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${short(width)}" height="${short(height)}" viewBox="0 0 ${short(width)} ${short(height)}">`,
    `<rect width="100%" height="100%" fill="${colors.ground}"/>`,
    `<clipPath id="plot"><rect x="${left}" y="${top}" width="${frame.width}" height="${frame.height}"/></clipPath>`,
    `<g font-family="${FONT}" font-size="11" fill="${colors.muted}">${lines.join("")}${labels.join("")}${legend.join("")}</g>`,
    `<text x="${left}" y="18" font-family="${FONT}" font-size="13" font-weight="600" fill="${colors.text}">${escapeXml(text.title)}</text>`,
    `<g transform="translate(0 ${HEAD})"><g clip-path="url(#plot)">${parts.join("")}</g></g>`,
    "</svg>",
  ].join("\n");
}

/** Whatever XML cannot hold at all is left out. */
export function escapeXml(text: string): string {
  return text
    // eslint-disable-next-line no-control-regex -- that is what is looked for
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replace(/[&<>"']/g, (found) => `&#${found.charCodeAt(0)};`);
}

/** Gradients and patterns are not drawn with. */
function colorText(style: Pen["fillStyle"]): string {
  return typeof style === "string" ? escapeXml(style) : "gray";
}

function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}
