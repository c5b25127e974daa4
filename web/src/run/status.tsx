/** How far a run has come, in a word and a colour. */

import { RunStatus } from "../api/gen/runstream/v1/run_pb";

const WORDS: Readonly<Partial<Record<RunStatus, string>>> = {
  [RunStatus.RUNNING]: "running",
  [RunStatus.SCHEDULED]: "scheduled",
  [RunStatus.FINISHED]: "finished",
  [RunStatus.FAILED]: "failed",
  [RunStatus.KILLED]: "killed",
};

export function statusWord(status: RunStatus): string {
  // A newer server may know more of them.
  return WORDS[status] ?? "unknown";
}

export function Status({ status }: { readonly status: RunStatus }) {
  const word = statusWord(status);
  return <span class={`run-status ${word}`}>{word}</span>;
}
