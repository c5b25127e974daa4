/** Colours that tell runs apart, the same in every table and chart, readable on light and dark. */

const PALETTE = [
  "#2f7ed8", "#d1495b", "#2a9d6f", "#c77d0a", "#8a5cd1", "#1495a8",
  "#b8457f", "#6d8a1f", "#5566c9", "#a5603a", "#4c8f8b", "#9a6a9e",
] as const;

/** The colour of a run, by its id alone, so that it is the same on every page. */
export function runColor(runId: string): string {
  let hash = 0;
  for (let at = 0; at < runId.length; at++) hash = (hash * 31 + runId.charCodeAt(at)) >>> 0;
  return PALETTE[hash % PALETTE.length] ?? PALETTE[0];
}
