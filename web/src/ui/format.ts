/** Numbers, times and durations as people read them, none of them saying more than is so. */

import type { Timestamp } from "@bufbuild/protobuf/wkt";

const DIGITS = 6;
const WHOLE_BELOW = 1e10;
const SMALL_FROM = 1e-4;

/** Writes a number in at most 6 digits; zeros at its end are left out only where the text is exact. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  if (Object.is(value, -0)) return "-0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < WHOLE_BELOW) return String(value);
  const plain = size >= SMALL_FROM && size < 10 ** DIGITS;
  const text = plain ? value.toPrecision(DIGITS) : value.toExponential(DIGITS - 1);
  return Number(text) === value ? withoutZeros(text) : text;
}

function withoutZeros(text: string): string {
  const [digits = "", exponent] = text.split("e");
  const short = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  return exponent === undefined ? short : `${short}e${exponent}`;
}

/** Writes a count with thin spaces between the thousands. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

const SECOND_US = 1e6;
const MINUTE_US = 60 * SECOND_US;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;

/** Writes a duration by its two greatest units: `2 d 3 h`, `1 h 05 m`, `4 m 09 s`, `12.3 s`, `250 ms`. */
export function formatDuration(durationUs: number): string {
  if (durationUs < 0) return `-${formatDuration(-durationUs)}`;
  if (durationUs < SECOND_US) return `${Math.round(durationUs / 1000)} ms`;
  if (durationUs < MINUTE_US - SECOND_US / 20) return `${(durationUs / SECOND_US).toFixed(1)} s`;
  const [unit, part, names] =
    durationUs < HOUR_US
      ? [MINUTE_US, SECOND_US, ["m", "s"] as const]
      : durationUs < DAY_US
        ? [HOUR_US, MINUTE_US, ["h", "m"] as const]
        : [DAY_US, HOUR_US, ["d", "h"] as const];
  const whole = Math.max(Math.floor(durationUs / unit), 1);
  const rest = Math.max(Math.floor((durationUs - whole * unit) / part), 0);
  return `${whole} ${names[0]} ${names[1] === "h" ? rest : String(rest).padStart(2, "0")} ${names[1]}`;
}

/** Writes how long ago something was, roughly. */
export function formatAgo(timeUs: number, nowUs: number): string {
  const ago = nowUs - timeUs;
  if (ago < 5 * SECOND_US) return ago < -5 * SECOND_US ? "in the future" : "just now";
  if (ago < MINUTE_US) return `${Math.floor(ago / SECOND_US)} s ago`;
  if (ago < HOUR_US) return `${Math.floor(ago / MINUTE_US)} min ago`;
  if (ago < DAY_US) return `${Math.floor(ago / HOUR_US)} h ago`;
  return `${Math.floor(ago / DAY_US)} d ago`;
}

/** Writes a moment in the reader's time zone: `2026-11-23 06:02:24`. */
export function formatTime(timeUs: number): string {
  const at = new Date(timeUs / 1000);
  if (Number.isNaN(at.getTime())) return "not a time";
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** The microseconds since the epoch of a timestamp; null for none. Exact until the year 2255. */
export function microseconds(time: Timestamp | undefined): number | null {
  return time === undefined ? null : Number(time.seconds) * SECOND_US + Math.trunc(time.nanos / 1000);
}

/** Whether a text is a number, so that it is aligned as one. */
export function isNumeric(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}
