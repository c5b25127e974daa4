/** Tags as small labels, which can be added, changed and removed where there is a way to. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import "./tag-chips.css";

export interface TagChipsProps {
  readonly tags: Readonly<Record<string, string>>;
  readonly onSet?: (key: string, value: string) => void;
  readonly onRemove?: (key: string) => void;
  /** Shows only so many, and the number of the others. */
  readonly limit?: number;
}

/** Whether a tag is a person's, not one that a program keeps for itself. */
export function isOwnTag(key: string): boolean {
  return !key.startsWith("mlflow.") && !key.startsWith("runstream.");
}

export function TagChips({ tags, onSet, onRemove, limit }: TagChipsProps) {
  const own = Object.entries(tags).filter(([key]) => isOwnTag(key));
  own.sort(([one], [other]) => (one < other ? -1 : 1));
  const shown = limit === undefined ? own : own.slice(0, limit);
  return (
    <span class="tags">
      {shown.map(([key, value]) => (
        <span key={key} class="tag" title={`${key}: ${value}`}>
          <span class="tag-key">{key}</span>
          {value !== "" && <span class="tag-value">{value}</span>}
          {onRemove && (
            <button type="button" class="quiet" aria-label={`Remove the tag ${key}`} onClick={() => onRemove(key)}>
              ×
            </button>
          )}
        </span>
      ))}
      {own.length > shown.length && <span class="tag muted">+{own.length - shown.length}</span>}
      {onSet && <NewTag onSet={onSet} />}
    </span>
  );
}

function NewTag({ onSet }: { readonly onSet: (key: string, value: string) => void }) {
  const open = useSignal(false);
  const key = useSignal("");
  const value = useSignal("");
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (open.value) first.current?.focus();
  }, [open.value]);
  if (!open.value) {
    return (
      <button type="button" class="quiet tag-add" onClick={() => (open.value = true)}>
        + tag
      </button>
    );
  }
  const end = () => {
    open.value = false;
    key.value = "";
    value.value = "";
  };
  const save = () => {
    if (key.peek().trim() === "") return;
    onSet(key.peek().trim(), value.peek());
    end();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") save();
    else if (event.key === "Escape") end();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <span class="tag-form" onKeyDown={onKeyDown}>
      <input
        aria-label="key of the tag"
        placeholder="key"
        size={8}
        ref={first}
        onInput={(event) => (key.value = event.currentTarget.value)}
      />
      <input
        aria-label="value of the tag"
        placeholder="value"
        size={10}
        onInput={(event) => (value.value = event.currentTarget.value)}
      />
      <button type="button" onClick={save}>
        Add
      </button>
    </span>
  );
}
