/** What people wrote about the run, in Markdown. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Markdown } from "../../ui/markdown";
import { NOTE_TAG, removeTag, setTag } from "../acts";
import type { RunProps } from "../header";
import { isDeleted } from "../run-store";
import { Card } from "./card";

export function Note({ store, run }: RunProps) {
  const editing = useSignal(false);
  const text = run.tags[NOTE_TAG] ?? "";
  const readOnly = isDeleted(run);
  if (editing.value && !readOnly) {
    const save = async (note: string) => {
      if (note === text || (await saved(store, text, note))) editing.value = false;
    };
    return <Editor text={text} onSave={(note) => void save(note)} onEnd={() => (editing.value = false)} />;
  }
  const edit = (
    <button type="button" class="quiet" onClick={() => (editing.value = true)}>
      {text === "" ? "Write a note" : "Edit"}
    </button>
  );
  return (
    <Card title="Note" aside={readOnly ? null : edit}>
      {text === "" ? <p class="muted card-empty">What was tried, and what came of it.</p> : <Markdown text={text} />}
    </Card>
  );
}

async function saved(store: RunProps["store"], before: string, note: string): Promise<boolean> {
  if (note !== "") return setTag(store, NOTE_TAG, note);
  await removeTag(store, NOTE_TAG, before);
  return true;
}

interface EditorProps {
  readonly text: string;
  readonly onSave: (text: string) => void;
  readonly onEnd: () => void;
}

function Editor({ text, onSave, onEnd }: EditorProps) {
  const draft = useSignal(text);
  const preview = useSignal(false);
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) onSave(draft.peek().trim());
    else if (event.key === "Escape") onEnd();
    else return;
    event.preventDefault();
  };
  const toggle = (
    <button type="button" class="quiet" aria-pressed={preview.value} onClick={() => (preview.value = !preview.peek())}>
      Preview
    </button>
  );
  return (
    <Card title="Note" aside={toggle}>
      <div class="note-editor" onKeyDown={onKeyDown}>
        {preview.value ? (
          <Markdown text={draft.value} />
        ) : (
          <textarea
            ref={field}
            rows={10}
            aria-label="Note, in Markdown"
            value={draft.value}
            onInput={(event) => (draft.value = event.currentTarget.value)}
          />
        )}
        <p class="note-acts">
          <button type="button" class="primary" onClick={() => onSave(draft.peek().trim())}>
            Save
          </button>
          <button type="button" onClick={onEnd}>
            Cancel
          </button>
          <span class="muted">Markdown · Ctrl+Enter saves</span>
        </p>
      </div>
    </Card>
  );
}
