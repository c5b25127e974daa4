/** How wide the columns are: as a person drew them, in this browser. */

import { signal } from "@preact/signals";
import { type Column, usualWidth } from "./columns";

const STORED_AS = "runstream.widths";
export const NARROWEST_PX = 48;
/** The column of names, which is no `Column`. */
export const NAME = "name";
const NAME_PX = 300;

const widths = signal<Readonly<Record<string, number>>>(stored());

export function widthOf(column: Column): number {
  return widths.value[column.id] ?? usualWidth(column);
}

export function nameWidth(most: number): number {
  return Math.min(widths.value[NAME] ?? NAME_PX, most);
}

export function setWidth(id: string, width: number): void {
  widths.value = { ...widths.peek(), [id]: Math.max(Math.round(width), NARROWEST_PX) };
}

export function keepWidths(): void {
  localStorage.setItem(STORED_AS, JSON.stringify(widths.peek()));
}

function stored(): Record<string, number> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(STORED_AS) ?? "{}");
    if (typeof found !== "object" || found === null) return {};
    return Object.fromEntries(Object.entries(found).filter((pair): pair is [string, number] => typeof pair[1] === "number"));
  } catch {
    return {};
  }
}
