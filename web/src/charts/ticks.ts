/** Numbers and times beside an axis. */

import type { XAxis } from "./view";

const SECOND = 1;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** Steps between ticks of durations, in seconds. */
export const DURATION_STEPS = [
  0.000001, 0.00001, 0.0001, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30,
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000].map((count) => count * DAY),
];

/** Writes ticks of plain numbers, all with as many digits as their distance needs. */
export function numberTicks(values: readonly number[], distance: number): string[] {
  const largest = Math.max(...values.map(Math.abs));
  const unit = unitFor(largest);
  if (unit !== null) return fixed(values.map((value) => value / unit.size), distance / unit.size).map((text) => (Number(text) === 0 ? "0" : text + unit.name));
  return largest >= 1e6 || (largest > 0 && largest < 1e-3) ? exponential(values, distance) : fixed(values, distance);
}

function unitFor(largest: number): { readonly size: number; readonly name: string } | null {
  if (largest >= 1e15 || largest < 1e6) return null;
  if (largest >= 1e12) return { size: 1e12, name: "T" };
  return largest >= 1e9 ? { size: 1e9, name: "G" } : { size: 1e6, name: "M" };
}

function fixed(values: readonly number[], distance: number): string[] {
  const digits = distance > 0 ? Math.max(0, Math.min(11, Math.ceil(-Math.log10(distance) - 1e-9))) : 0;
  // A distance such as 2.5 needs a digit more than its size says.
  const enough = values.every((value) => Math.abs(Number(value.toFixed(digits)) - value) <= distance / 100) ? digits : digits + 1;
  return values.map((value) => (Math.abs(value) >= 10_000 ? grouped(value.toFixed(enough)) : value.toFixed(enough)));
}

function grouped(text: string): string {
  const [whole = "", part] = text.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+$)/g, "\u2009");
  return part === undefined ? spaced : `${spaced}.${part}`;
}

function exponential(values: readonly number[], distance: number): string[] {
  const size = Math.floor(Math.log10(distance || 1) + 1e-9);
  const digitsOf = (value: number) => Math.max(0, Math.min(8, Math.floor(Math.log10(Math.abs(value))) - size));
  const exact = (value: number) => Math.abs(Number(value.toExponential(digitsOf(value))) - value) <= distance / 100;
  const more = values.every((value) => value === 0 || exact(value)) ? 0 : 1;
  return values.map((value) => (value === 0 ? "0" : value.toExponential(digitsOf(value) + more).replace("e+", "e")));
}

/** Writes ticks of a logarithmic axis; those that uPlot leaves out are null. */
export function logTicks(values: readonly (number | null)[]): string[] {
  return values.map((value) => {
    if (value === null || value <= 0) return "";
    const size = Math.log10(value);
    // The ends of the axis are no ticks.
    const digit = value / 10 ** Math.floor(size + 1e-9);
    if (![1, 2, 5].some((round) => Math.abs(digit - round) < 1e-6)) return "";
    if (size >= -3 && size <= 4) return String(Number(value.toPrecision(6)));
    return value.toExponential(0).replace("e+", "e");
  });
}

/** Writes a duration in seconds, as exactly as the distance between ticks needs. */
export function durationTick(seconds: number, distance: number): string {
  const sign = seconds < 0 ? "−" : "";
  const size = Math.abs(seconds);
  if (size === 0) return "0";
  if (distance < SECOND) {
    const digits = Math.min(6, Math.ceil(-Math.log10(distance) - 1e-9));
    return size < MINUTE ? `${sign}${size.toFixed(digits)} s` : `${sign}${clock(size, digits)}`;
  }
  const parts: string[] = [];
  const days = Math.floor(size / DAY + 1e-9);
  const hours = Math.floor((size % DAY) / HOUR + 1e-9) % 24;
  const minutes = Math.floor((size % HOUR) / MINUTE + 1e-9) % 60;
  if (days > 0) parts.push(`${days} d`);
  if (hours > 0 && distance < DAY) parts.push(`${hours} h`);
  if (minutes > 0 && distance < HOUR) parts.push(`${minutes} min`);
  if (size % MINUTE > 1e-9 && distance < MINUTE) parts.push(`${Math.round(size % MINUTE)} s`);
  return sign + (parts.slice(0, 2).join(" ") || "0");
}

function clock(seconds: number, digits: number): string {
  return `${Math.floor(seconds / MINUTE)} min ${(seconds % MINUTE).toFixed(digits)} s`;
}

/** uPlot's templates for times of day, by the distance between ticks: [seconds, each tick, …, at a new year, …, day, …]. */
export const TIME_TICKS: (string | number | null)[][] = [
  [365 * DAY, "{YYYY}", null, null, null, null, null, null, 1],
  [28 * DAY, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [DAY, "{D} {MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [HOUR, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [MINUTE, "{HH}:{mm}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [SECOND, "{HH}:{mm}:{ss}", "\n{D} {MMM} {YYYY}", null, "\n{D} {MMM}", null, null, null, 1],
  [0.001, "{mm}:{ss}.{fff}", "\n{D} {MMM} {HH}:{mm}", null, "\n{D} {MMM} {HH}:{mm}", null, "\n{HH}:{mm}", null, 1],
];

/** What an axis is called. */
export function axisName(x: XAxis): string {
  if (typeof x === "object") return x.metric;
  return { step: "step", time: "time", relative: "time since start" }[x];
}
