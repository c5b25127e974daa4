/** The windows in which experiments are made and changed. */

import { useSignal } from "@preact/signals";
import type { Experiment } from "../api/gen/runstream/v1/experiment_pb";
import { experimentsApi, messageOf } from "../api/transport";
import { Dialog } from "../ui/dialog";
import { TagChips } from "../ui/tag-chips";
import { DESCRIPTION, type ExperimentEdit, saveExperiment } from "./acts";

interface FormProps {
  readonly title: string;
  readonly action: string;
  readonly start: ExperimentEdit;
  /** Writes what was entered; what it throws is shown. */
  readonly onSave: (edit: ExperimentEdit) => Promise<void>;
  readonly onClose: () => void;
}

function ExperimentForm({ title, action, start, onSave, onClose }: FormProps) {
  const name = useSignal(start.name);
  const description = useSignal(start.description);
  const tags = useSignal(start.tags);
  const failure = useSignal("");
  const save = async () => {
    try {
      await onSave({ name: name.peek().trim(), description: description.peek().trim(), tags: tags.peek() });
      onClose();
    } catch (error) {
      failure.value = messageOf(error);
    }
  };
  const remove = (key: string) => {
    tags.value = Object.fromEntries(Object.entries(tags.peek()).filter(([other]) => other !== key));
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <div class="dialog-body">
          <label class="field">
            Name
            <input
              required
              maxLength={500}
              value={name.value}
              placeholder="vision/resnet"
              onInput={(event) => (name.value = event.currentTarget.value)}
            />
          </label>
          <label class="field">
            Description
            <textarea
              rows={3}
              value={description.value}
              onInput={(event) => (description.value = event.currentTarget.value)}
            />
          </label>
          <TagChips
            tags={tags.value}
            onSet={(key, value) => (tags.value = { ...tags.peek(), [key]: value })}
            onRemove={remove}
          />
          {failure.value !== "" && (
            <p class="failure" role="alert">
              {failure.value}
            </p>
          )}
        </div>
        <footer>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary">
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

export interface NewExperimentProps {
  readonly onClose: () => void;
  readonly onCreated: (experimentId: string) => void;
}

export function NewExperiment({ onClose, onCreated }: NewExperimentProps) {
  const create = async ({ name, description, tags }: ExperimentEdit) => {
    const all = description === "" ? tags : { ...tags, [DESCRIPTION]: description };
    const answer = await experimentsApi.createExperiment({ name, tags: all });
    onCreated(answer.experiment?.experimentId ?? "");
  };
  const start = { name: "", description: "", tags: {} };
  return <ExperimentForm title="New experiment" action="Create" start={start} onSave={create} onClose={onClose} />;
}

export interface EditExperimentProps {
  readonly experiment: Experiment;
  readonly onClose: () => void;
  readonly onSaved: () => void;
}

export function EditExperiment({ experiment, onClose, onSaved }: EditExperimentProps) {
  const { [DESCRIPTION]: description = "", ...tags } = experiment.tags;
  const save = async (edit: ExperimentEdit) => {
    await saveExperiment(experiment, edit);
    onSaved();
  };
  const start = { name: experiment.name, description, tags };
  return <ExperimentForm title="Change the experiment" action="Save" start={start} onSave={save} onClose={onClose} />;
}
