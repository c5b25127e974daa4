/** What stands below the last line. */

import type { RunsModel } from "./model";

export function TableEnd({ model }: { readonly model: RunsModel }) {
  const { list } = model;
  if (!list.answered.value) {
    return list.failure.value ? null : <p class="table-end muted">Loading …</p>;
  }
  if (list.more.value) return <p class="table-end muted">Loading more …</p>;
  if (list.rows.length > 0 || list.version.value === 0) return null;
  const { filter, stage } = model.view.value;
  if (filter !== "") return <p class="table-end muted">No run matches the filter.</p>;
  if (stage === "deleted") return <p class="table-end muted">No run is deleted.</p>;
  return <p class="table-end muted">No run is here yet. It shows as soon as a job starts one in this experiment.</p>;
}
