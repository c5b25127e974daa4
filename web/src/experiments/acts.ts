/** What can be done to experiments, told to the person who did it, with a way back where there is one. */

import { experimentsApi } from "../api/transport";
import type { Experiment } from "../api/gen/runstream/v1/experiment_pb";
import { attempt } from "../ui/attempt";
import { notify } from "../ui/toasts";

export async function deleteExperiment(experiment: Experiment, changed: () => void): Promise<void> {
  const { experimentId, name } = experiment;
  if (!(await attempt(() => experimentsApi.deleteExperiment({ experimentId })))) return;
  changed();
  notify({
    text: `Deleted the experiment ${name}`,
    action: { label: "Undo", run: () => void restoreExperiment(experiment, changed) },
  });
}

export async function restoreExperiment(experiment: Experiment, changed: () => void): Promise<void> {
  const { experimentId, name } = experiment;
  if (!(await attempt(() => experimentsApi.restoreExperiment({ experimentId })))) return;
  changed();
  notify({ text: `Restored the experiment ${name}` });
}

/** Where MLflow, too, keeps an experiment's description. */
export const DESCRIPTION = "mlflow.note.content";

export interface ExperimentEdit {
  readonly name: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Writes the differences between an experiment and what a person made of it. */
export async function saveExperiment(experiment: Experiment, edit: ExperimentEdit): Promise<void> {
  const { experimentId } = experiment;
  if (edit.name !== experiment.name) {
    await experimentsApi.updateExperiment({ experiment: { experimentId, name: edit.name } });
  }
  const wanted: Record<string, string> = { ...edit.tags };
  if (edit.description !== "") wanted[DESCRIPTION] = edit.description;
  const set = Object.entries(wanted).filter(([key, value]) => experiment.tags[key] !== value);
  if (set.length > 0) await experimentsApi.setExperimentTags({ experimentId, tags: Object.fromEntries(set) });
  const removed = Object.keys(experiment.tags).filter((key) => !(key in wanted));
  if (removed.length > 0) await experimentsApi.deleteExperimentTags({ experimentId, keys: removed });
}

/** The filter that finds experiments whose name holds what a person typed. */
export function nameFilter(text: string): string {
  const typed = text.trim();
  return typed === "" ? "" : `name ILIKE '%${typed.replaceAll("'", "''")}%'`;
}
