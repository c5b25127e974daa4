/** What can be done with the selected runs. */

import { useSignal } from "@preact/signals";
import { RunStatus } from "../api/gen/runstream/v1/run_pb";
import { Confirm } from "../ui/dialog";
import { formatCount } from "../ui/format";
import { deleteRuns, endRuns, namesOf, restoreRuns } from "./acts";
import type { RunsModel } from "./model";
import { RenameDialog, TagDialog } from "./run-dialogs";
import { compareAddress } from "./toolbar";

type Asking = "tag" | "rename" | "end" | null;

export function SelectionBar({ model }: { readonly model: RunsModel }) {
  const asking = useSignal<Asking>(null);
  const rows = model.selectedRows();
  const count = model.selected.value.size;
  const active = rows.filter((row) => !row.deleted);
  const deleted = rows.filter((row) => row.deleted);
  const atWork = active.filter(({ status }) => status === RunStatus.RUNNING || status === RunStatus.SCHEDULED);
  const changed = () => model.list.reload();
  const close = () => (asking.value = null);
  const removeAll = () => {
    model.select(new Set());
    void deleteRuns(active, changed);
  };
  const [only] = active;
  return (
    <div class="selection" role="toolbar" aria-label="Selected runs">
      <strong>{formatCount(count)} selected</strong>
      <a class={`button ${count < 2 ? "disabled" : ""}`} aria-disabled={count < 2} href={compareAddress(model)}>
        Compare
      </a>
      <button type="button" disabled={active.length === 0} onClick={() => (asking.value = "tag")}>
        Tag
      </button>
      <button type="button" disabled={active.length !== 1 || count !== 1} onClick={() => (asking.value = "rename")}>
        Rename
      </button>
      {atWork.length > 0 && (
        <button type="button" onClick={() => (asking.value = "end")}>
          End
        </button>
      )}
      {deleted.length > 0 && (
        <button type="button" onClick={() => void restoreRuns(deleted, changed)}>
          Restore
        </button>
      )}
      <button type="button" class="danger" disabled={active.length === 0} onClick={removeAll}>
        Delete
      </button>
      <button type="button" class="quiet" aria-label="Select nothing" onClick={() => model.select(new Set())}>
        ×
      </button>
      {asking.value === "tag" && <TagDialog rows={active} onClose={close} onChanged={changed} />}
      {asking.value === "rename" && only && <RenameDialog row={only} onClose={close} onChanged={changed} />}
      {asking.value === "end" && (
        <Confirm
          title={`End ${namesOf(atWork)}?`}
          action="End as killed"
          onClose={close}
          onConfirm={() => void endRuns(atWork, changed)}
        >
          <p>
            For runs whose job is gone and could not say so. They are marked as killed, now. A job that is alive goes on,
            and what it logs is still taken.
          </p>
        </Confirm>
      )}
    </div>
  );
}
