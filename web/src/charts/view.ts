/** How charts are looked at, and how that stands in the address. */

import type { QueryChanges } from "../routing/router";

export type XAxis = "step" | "time" | "relative" | { readonly metric: string };
export type Ranks = "one" | "lines" | "band";

export interface ChartView {
  readonly x: XAxis;
  readonly logarithmic: boolean;
  readonly line: "mean" | "last";
  /** The half-life of the smoothing in percent of the whole range of x; 0 for none. */
  readonly smooth: number;
  readonly ignoreOutliers: boolean;
  readonly ranks: Ranks;
  /** Which panels, by a glob. */
  readonly find: string;
  readonly pinned: readonly string[];
  readonly closed: readonly string[];
  /** The range of x that is shown, in units of the axis; null for all. */
  readonly range: readonly [number, number] | null;
  /** The metric whose panel fills the screen. */
  readonly full: string | null;
  /** The runs that are not drawn, by the beginnings of their ids. */
  readonly hidden: readonly string[];
}

export const DEFAULT_VIEW: ChartView = {
  x: "step", logarithmic: false, line: "mean", smooth: 0, ignoreOutliers: false, ranks: "one",
  find: "", pinned: [], closed: [], range: null, full: null, hidden: [],
};

const NAMES = {
  x: "x", logarithmic: "y", line: "line", smooth: "smooth", ignoreOutliers: "outliers", ranks: "ranks",
  find: "panels", pinned: "pin", closed: "closed", range: "range", full: "full", hidden: "hide",
} as const satisfies Record<keyof ChartView, string>;

/** Reads a view; what cannot be read is as by default. */
export function readView(query: ReadonlyMap<string, string>): ChartView {
  const text = (name: keyof ChartView) => query.get(NAMES[name]);
  const smooth = Number(text("smooth") ?? 0);
  const ranks = text("ranks");
  return {
    x: readAxis(text("x")),
    logarithmic: text("logarithmic") === "log",
    line: text("line") === "last" ? "last" : "mean",
    smooth: smooth > 0 && smooth <= 100 ? smooth : 0,
    ignoreOutliers: text("ignoreOutliers") === "ignore",
    ranks: ranks === "lines" || ranks === "band" ? ranks : "one",
    find: text("find") ?? "",
    pinned: readList(text("pinned")),
    closed: readList(text("closed")),
    range: readRange(text("range")),
    full: text("full") ?? null,
    hidden: readList(text("hidden")),
  };
}

/** What changes in the address when a view changes. */
export function queryChanges(changes: Partial<ChartView>): QueryChanges {
  const result: Record<string, string | null> = {};
  for (const name of Object.keys(changes) as (keyof ChartView)[]) result[NAMES[name]] = writeOne(changes, name);
  return result;
}

function writeOne(changes: Partial<ChartView>, name: keyof ChartView): string | null {
  const value = changes[name];
  if (value === undefined || value === null || value === DEFAULT_VIEW[name]) return null;
  if (name === "logarithmic") return "log";
  if (name === "ignoreOutliers") return "ignore";
  if (name === "range") return (value as readonly number[]).join("..");
  if (Array.isArray(value)) return value.length === 0 ? null : value.map((each) => writeListed(String(each))).join(",");
  if (typeof value === "object" && "metric" in value) return `metric:${value.metric}`;
  return value.toString();
}

function readAxis(text: string | undefined): XAxis {
  if (text === "time" || text === "relative") return text;
  if (text?.startsWith("metric:") === true && text.length > 7) return { metric: text.slice(7) };
  return "step";
}

function readRange(text: string | undefined): [number, number] | null {
  const [from, to, ...rest] = (text ?? "").split("..").map((part) => (part === "" ? NaN : Number(part)));
  if (from === undefined || to === undefined || rest.length > 0) return null;
  return Number.isFinite(from) && Number.isFinite(to) && from < to ? [from, to] : null;
}

/** Commas part a list, so one in a name is doubled by an escape. */
function writeListed(name: string): string {
  return name.replace(/[\\,]/g, "\\$&");
}

function readList(text: string | undefined): string[] {
  if (text === undefined || text === "") return [];
  return (text.match(/(?:\\.|[^\\,])+/g) ?? []).map((name) => name.replace(/\\(.)/g, "$1"));
}

export function sameAxis(a: XAxis, b: XAxis): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.metric === b.metric;
}
