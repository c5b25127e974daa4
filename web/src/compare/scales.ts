/** From values to pixels. */

import { formatNumber } from "../ui/format";
import type { Datum } from "./values";

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface Scale {
  /** Where a value is, from 0 to 1; null for those that have no place: gaps, NaN, and what a logarithm cannot show. */
  readonly place: (value: Datum) => number | null;
  readonly ticks: readonly Tick[];
  readonly kind: "linear" | "log" | "category";
}

const TICKS = 5;
/** Numbers with a greater ratio are crowded at one end of a linear axis. */
const FAR_APART = 20;

export function scaleOf(data: readonly Datum[], log: boolean): Scale {
  if (data.some((value) => typeof value === "string")) return categories(data);
  const numbers = data.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  return log && numbers.some((value) => value > 0) ? logarithmic(numbers) : linear(numbers);
}

/** Whether numbers are so far apart that only a logarithm shows all of them. */
export function wantsLog(data: readonly Datum[]): boolean {
  const numbers = data.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  if (numbers.length < 2 || numbers.some((value) => value <= 0)) return false;
  return Math.max(...numbers) / Math.min(...numbers) >= FAR_APART;
}

function categories(data: readonly Datum[]): Scale {
  const names = [...new Set(data.filter((value) => value !== undefined).map(String))].sort();
  const at = (index: number) => (names.length === 1 ? 0.5 : index / (names.length - 1));
  const places = new Map(names.map((name, index) => [name, at(index)]));
  const place = (value: Datum) => (value === undefined ? null : (places.get(String(value)) ?? null));
  return { kind: "category", place, ticks: names.map((label, index) => ({ at: at(index), label })) };
}

function linear(numbers: readonly number[]): Scale {
  const [from, to] = spread(numbers);
  const place = (value: Datum) =>
    typeof value === "number" && Number.isFinite(value) ? (value - from) / (to - from) : null;
  const ticks = steps(from, to).map((value) => ({ at: (value - from) / (to - from), label: formatNumber(value) }));
  return { kind: "linear", place, ticks };
}

function logarithmic(numbers: readonly number[]): Scale {
  const [from, to] = spread(numbers.filter((value) => value > 0).map((value) => Math.log10(value)));
  const place = (value: Datum) =>
    typeof value === "number" && value > 0 && Number.isFinite(value) ? (Math.log10(value) - from) / (to - from) : null;
  return { kind: "log", place, ticks: decades(from, to).map((value) => ({ at: (Math.log10(value) - from) / (to - from), label: formatNumber(value) })) };
}

/** The range of some numbers, never empty, a little wider than they are. */
function spread(numbers: readonly number[]): [number, number] {
  if (numbers.length === 0) return [0, 1];
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const margin = most > least ? (most - least) * 0.04 : Math.abs(least) * 0.1 || 0.5;
  return [least - margin, most + margin];
}

/** Round numbers between two. */
export function steps(from: number, to: number): number[] {
  const rough = (to - from) / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? rough;
  const first = Math.ceil(from / step);
  const count = Math.floor(to / step) - first + 1;
  return Array.from({ length: Math.max(count, 0) }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

function decades(from: number, to: number): number[] {
  const [first, last] = [Math.floor(from), Math.ceil(to)];
  const factors = to - from > 2.5 ? [1] : to - from > 1 ? [1, 3] : [1, 2, 5];
  const all = Array.from({ length: last - first + 1 }, (_, at) => factors.map((factor) => Number(`${factor}e${first + at}`)));
  const within = all.flat().filter((value) => Math.log10(value) >= from && Math.log10(value) <= to);
  return within.length >= 2 ? within : steps(10 ** from, 10 ** to).filter((value) => value > 0);
}
