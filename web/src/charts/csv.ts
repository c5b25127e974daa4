/** Exact points as text. */

export interface CsvPoints {
  readonly runId: string;
  readonly runName: string;
  readonly key: string;
  readonly rank: number | null;
  readonly step: readonly bigint[];
  readonly timeUs: readonly bigint[];
  readonly value: readonly number[];
}

export const CSV_HEAD = "run_id,run_name,metric,rank,step,time,value\r\n";

/** Writes points, one a line, nothing rounded. */
export function csvLines({ runId, runName, key, rank, step, timeUs, value }: CsvPoints): string {
  const begin = `${csvField(runId)},${csvField(runName)},${csvField(key)},${rank ?? ""}`;
  let text = "";
  for (const [at, number] of value.entries()) {
    text += `${begin},${step[at] ?? ""},${csvTime(timeUs[at] ?? 0n)},${csvNumber(number)}\r\n`;
  }
  return text;
}

/** Writes a number so that it is read back bit for bit (but for the payload of a NaN). */
export function csvNumber(value: number): string {
  return Object.is(value, -0) ? "-0.0" : String(value);
}

/** Writes microseconds since the epoch as UTC to the microsecond. */
export function csvTime(us: bigint): string {
  const micro = ((us % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((us - micro) / 1_000n));
  if (Number.isNaN(date.getTime())) return String(us);
  return `${date.toISOString().slice(0, 19)}.${String(micro).padStart(6, "0")}Z`;
}

/** Quotes a text where needed, and keeps spreadsheets from taking it for a formula. */
export function csvField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
