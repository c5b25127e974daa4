/** Filters that the pages ask runs by. */

/** The runs of these ids. */
export function withIds(runIds: readonly string[]): string {
  return `run_id IN (${runIds.map((id) => `'${id.replaceAll("'", "''")}'`).join(", ")})`;
}
