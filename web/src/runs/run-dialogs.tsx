/** The windows in which runs are renamed and tagged. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Dialog } from "../ui/dialog";
import { namesOf, renameRun, tagRuns } from "./acts";
import type { RunRow } from "./rows";

interface FormProps {
  readonly title: string;
  readonly action: string;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

function Form({ title, action, onSubmit, onClose, children }: FormProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onClose();
          onSubmit();
        }}
      >
        <div class="dialog-body">{children}</div>
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

export interface RenameDialogProps {
  readonly row: RunRow;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

export function RenameDialog({ row, onClose, onChanged }: RenameDialogProps) {
  const name = useSignal(row.name);
  const rename = () => {
    const wanted = name.peek().trim();
    if (wanted !== row.name) void renameRun(row, wanted, onChanged);
  };
  return (
    <Form title="Rename the run" action="Rename" onClose={onClose} onSubmit={rename}>
      <label class="field">
        Name
        <input
          required
          maxLength={500}
          pattern=".*\S.*"
          value={name.value}
          onInput={(event) => (name.value = event.currentTarget.value)}
        />
      </label>
    </Form>
  );
}

export interface TagDialogProps {
  readonly rows: readonly RunRow[];
  readonly onClose: () => void;
  readonly onChanged: () => void;
}

export function TagDialog({ rows, onClose, onChanged }: TagDialogProps) {
  const key = useSignal("");
  const value = useSignal("");
  const tag = () => void tagRuns(rows, key.peek().trim(), value.peek(), onChanged);
  return (
    <Form title={`Tag ${namesOf(rows)}`} action="Set the tag" onClose={onClose} onSubmit={tag}>
      <label class="field">
        Key
        <input required maxLength={250} value={key.value} onInput={(event) => (key.value = event.currentTarget.value)} />
      </label>
      <label class="field">
        Value
        <input value={value.value} onInput={(event) => (value.value = event.currentTarget.value)} />
      </label>
    </Form>
  );
}
