/** What can be done to runs, told to the person who did it, with a way back where there is one. */

import { RunStatus } from "../api/gen/runstream/v1/run_pb";
import { runsApi } from "../api/transport";
import { attempt, eachOf, type Outcome } from "../ui/attempt";
import { notify } from "../ui/toasts";
import type { RunRow } from "./rows";

type Rows = readonly RunRow[];

/** `3 runs`, or the name of the only one. */
export function namesOf(rows: Rows): string {
  return rows.length === 1 ? `the run ${rows[0]?.name ?? ""}` : `${rows.length} runs`;
}

export async function deleteRuns(rows: Rows, changed: () => void): Promise<void> {
  const outcome = await eachOf(rows, ({ runId }) => runsApi.deleteRun({ runId }));
  changed();
  tell("Deleted", outcome, () => void restoreRuns(outcome.done, changed));
}

export async function restoreRuns(rows: Rows, changed: () => void): Promise<void> {
  const outcome = await eachOf(rows, ({ runId }) => runsApi.restoreRun({ runId }));
  changed();
  tell("Restored", outcome);
}

/** Ends runs whose jobs are gone without having said so. */
export async function endRuns(rows: Rows, changed: () => void): Promise<void> {
  const outcome = await eachOf(rows, ({ runId }) => runsApi.finishRun({ runId, status: RunStatus.KILLED }));
  changed();
  tell("Ended", outcome);
}

export async function tagRuns(rows: Rows, key: string, value: string, changed: () => void): Promise<void> {
  const outcome = await eachOf(rows, ({ runId }) => runsApi.setTags({ runId, tags: { [key]: value } }));
  changed();
  tell("Tagged", outcome);
}

export async function renameRun(row: RunRow, name: string, changed: () => void): Promise<void> {
  if (await attempt(() => runsApi.updateRun({ run: { runId: row.runId, name } }))) changed();
}

function tell(verb: string, { done, failed, message }: Outcome<RunRow>, undo?: () => void): void {
  if (done.length > 0) {
    const text = `${verb} ${namesOf(done)}`;
    notify(undo === undefined ? { text } : { text, action: { label: "Undo", run: undo } });
  }
  if (failed.length > 0) notify({ kind: "failure", text: `Not so ${namesOf(failed)}: ${message}` });
}
