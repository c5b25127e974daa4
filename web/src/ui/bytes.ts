/** Sizes as people read them. */

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"] as const;
const STEP = 1024;

/** Writes a size in three or four digits: `0 B`, `1 023 B`, `1.50 KiB`, `12.3 MiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < STEP) return `${bytes} B`;
  let size = bytes;
  let unit: string = UNITS[0];
  for (const next of UNITS) {
    size /= STEP;
    unit = next;
    // What would be rounded to 1 024 is one of the next unit.
    if (size < STEP - 0.5) break;
  }
  return `${size.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0)} ${unit}`;
}
