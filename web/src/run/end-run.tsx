/** Ends a run whose job is gone without having said so. */

import { useSignal } from "@preact/signals";
import { RunStatus } from "../api/gen/runstream/v1/run_pb";
import { Confirm } from "../ui/dialog";
import { endRun } from "./acts";
import type { RunProps } from "./header";
import { statusWord } from "./status";

const ENDS = [RunStatus.KILLED, RunStatus.FAILED, RunStatus.FINISHED] as const;

export function EndRun({ store, run }: RunProps) {
  const asking = useSignal(false);
  const status = useSignal<RunStatus>(RunStatus.KILLED);
  return (
    <>
      <button type="button" onClick={() => (asking.value = true)}>
        End run …
      </button>
      {asking.value && (
        <Confirm
          title={`End the run ${run.name}?`}
          action="End run"
          onConfirm={() => void endRun(store, run, status.peek())}
          onClose={() => (asking.value = false)}
        >
          <p>
            For a run whose job is gone without having said so. A job that still works is not stopped by it, and may go on
            logging.
          </p>
          <fieldset class="run-ends">
            <legend>It ended as</legend>
            {ENDS.map((end) => (
              <label key={end}>
                <input type="radio" name="end" checked={status.value === end} onChange={() => (status.value = end)} />{" "}
                {statusWord(end)}
              </label>
            ))}
          </fieldset>
        </Confirm>
      )}
    </>
  );
}
