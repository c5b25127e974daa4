/** A text that becomes a field when it is to be changed. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export interface EditableTextProps {
  readonly value: string;
  /** What the text is, e.g. "name". */
  readonly label: string;
  readonly onSave: (value: string) => void;
  readonly disabled?: boolean;
}

export function EditableText({ value, label, onSave, disabled }: EditableTextProps) {
  const editing = useSignal(false);
  if (editing.value && disabled !== true) {
    return <Field value={value} label={label} onSave={onSave} onEnd={() => (editing.value = false)} />;
  }
  return (
    <span class="editable">
      <span>{value}</span>
      {disabled !== true && (
        <button type="button" class="quiet" aria-label={`Change the ${label}`} onClick={() => (editing.value = true)}>
          ✎
        </button>
      )}
    </span>
  );
}

function Field({ value, label, onSave, onEnd }: EditableTextProps & { readonly onEnd: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.select(), []);
  const save = () => {
    const text = input.current?.value.trim() ?? "";
    onEnd();
    if (text !== "" && text !== value) onSave(text);
  };
  return (
    <input
      ref={input}
      aria-label={label}
      defaultValue={value}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.key === "Enter") save();
        else if (event.key === "Escape") onEnd();
        else return;
        event.stopPropagation();
      }}
    />
  );
}
