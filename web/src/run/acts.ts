/** What can be done to a run, told to the person who did it, with a way back where there is one. */

import type { Run, RunStatus } from "../api/gen/runstream/v1/run_pb";
import { messageOf, runsApi } from "../api/transport";
import { notify } from "../ui/toasts";
import type { RunStore } from "./run-store";

export const NOTE_TAG = "mlflow.note.content";

/** Does `act`, reads the run again, and shows why when it fails. Returns whether it was done. */
export async function attempt(store: RunStore, act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
  } catch (error) {
    notify({ kind: "failure", text: messageOf(error) });
    return false;
  }
  await store.read();
  return true;
}

export async function renameRun(store: RunStore, name: string): Promise<void> {
  await attempt(store, () => runsApi.updateRun({ run: { runId: store.runId, name } }));
}

export async function deleteRun(store: RunStore, run: Run): Promise<void> {
  if (!(await attempt(store, () => runsApi.deleteRun({ runId: run.runId })))) return;
  const undo = { label: "Undo", run: () => void restoreRun(store, run) };
  notify({ text: `Deleted the run ${run.name}`, action: undo });
}

export async function restoreRun(store: RunStore, run: Run): Promise<void> {
  if (!(await attempt(store, () => runsApi.restoreRun({ runId: run.runId })))) return;
  notify({ text: `Restored the run ${run.name}` });
}

export async function endRun(store: RunStore, run: Run, status: RunStatus): Promise<void> {
  if (!(await attempt(store, () => runsApi.finishRun({ runId: run.runId, status })))) return;
  const undo = { label: "Undo", run: () => void resumeRun(store) };
  notify({ text: `Ended the run ${run.name}`, action: undo });
}

async function resumeRun(store: RunStore): Promise<void> {
  await attempt(store, () => runsApi.resumeRun({ runId: store.runId }));
}

export async function setTag(store: RunStore, key: string, value: string): Promise<boolean> {
  return attempt(store, () => runsApi.setTags({ runId: store.runId, tags: { [key]: value } }));
}

/** Removes a tag, and offers to set it again. */
export async function removeTag(store: RunStore, key: string, value: string): Promise<void> {
  if (!(await attempt(store, () => runsApi.deleteTags({ runId: store.runId, keys: [key] })))) return;
  const undo = { label: "Undo", run: () => void setTag(store, key, value) };
  notify({ text: `Removed the tag ${key}`, action: undo });
}

export async function copyText(text: string, what: string): Promise<void> {
  try {
    // Browsers have no clipboard for pages that came without TLS from another machine.
    await navigator.clipboard.writeText(text);
    notify({ text: `Copied ${what}` });
  } catch {
    notify({ kind: "failure", text: `This browser does not let the page copy ${what}: ${text}` });
  }
}

/** A program that reads the run. The gRPC port is the default one, which this page cannot know better. */
export function pythonSnippet(run: Run, host: string): string {
  return [
    "import runstream",
    "",
    `with runstream.Client("grpc://${host}:50051") as client:`,
    `    run = client.get_run("${run.runId}")`,
    `    history = client.history("${run.runId}")`,
    "",
    "print(run.name, run.params)",
    "",
  ].join("\n");
}
