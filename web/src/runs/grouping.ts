/** Runs with the same value of a param or a tag, put together and summed up. */

import type { Column } from "./columns";
import type { RunRow, Slots } from "./rows";

export interface Aggregate {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** How many numbers were summed up. */
  readonly count: number;
  /** How many values were NaN, which no sum counts. */
  readonly nans: number;
}

export interface Group {
  /** The common value; undefined for the runs that lack the key. */
  readonly value: string | undefined;
  readonly rows: readonly RunRow[];
}

/** Puts rows together, in the order in which their values first come; runs without one come last. */
export function groupRows(rows: readonly RunRow[], slot: number): Group[] {
  const groups = new Map<string | undefined, RunRow[]>();
  for (const row of rows) {
    const value = row.values[slot];
    const key = value === undefined ? undefined : String(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  const made = [...groups].map(([value, members]) => ({ value, rows: members }));
  return [...made.filter(({ value }) => value !== undefined), ...made.filter(({ value }) => value === undefined)];
}

/** Sums up a metric over the runs that have it, NaN apart; null when none has. */
export function aggregate(rows: readonly RunRow[], slot: number): Aggregate | null {
  let [sum, min, max, count, nans] = [0, Infinity, -Infinity, 0, 0];
  for (const row of rows) {
    const value = row.values[slot];
    if (typeof value !== "number") continue;
    if (Number.isNaN(value)) {
      nans++;
      continue;
    }
    sum += value;
    min = Math.min(min, value);
    max = Math.max(max, value);
    count++;
  }
  if (count + nans === 0) return null;
  if (count === 0) return { mean: NaN, min: NaN, max: NaN, count, nans };
  return { mean: sum / count, min, max, count, nans };
}

/** One line of the table: a run, or the head of a group. */
export type Line =
  | { readonly kind: "run"; readonly row: RunRow }
  | { readonly kind: "group"; readonly group: Group; readonly open: boolean };

/** The lines of the table: all runs, or groups with the runs of those that are open. */
export function linesOf(
  rows: readonly RunRow[],
  group: Column | null,
  slots: Slots,
  closed: ReadonlySet<string | undefined>,
): Line[] {
  const slot = group && slots.get(group.id);
  if (slot === null || slot === undefined) return rows.map((row) => ({ kind: "run", row }));
  return groupRows(rows, slot).flatMap((found): Line[] => {
    const open = !closed.has(found.value);
    const head: Line = { kind: "group", group: found, open };
    return open ? [head, ...found.rows.map((row): Line => ({ kind: "run", row }))] : [head];
  });
}
