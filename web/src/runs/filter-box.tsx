/** The filter: typed in the server's grammar, with what could come next, and what is wrong with it. */

import { useComputed, useSignal, type Signal } from "@preact/signals";
import { type RefObject } from "preact";
import { useEffect, useId } from "preact/hooks";
import { complete, type Completion, type Vocabulary } from "./completion";
import type { SearchFailure } from "./run-list";
import "./filter-box.css";

export interface FilterBoxProps {
  /** The filter that holds. */
  readonly filter: string;
  readonly vocabulary: Vocabulary;
  readonly failure: Signal<SearchFailure | null>;
  readonly input: RefObject<HTMLInputElement | null>;
  readonly onApply: (filter: string) => void;
}

const NOTHING: Completion = { from: 0, to: 0, suggestions: [] };

export function FilterBox({ filter, vocabulary, failure, input, onApply }: FilterBoxProps) {
  const draft = useSignal(filter);
  const cursor = useSignal<number | null>(null);
  const chosen = useSignal(-1);
  const id = useId();
  useEffect(() => {
    draft.value = filter;
  }, [draft, filter]);
  const found = useComputed(() => (cursor.value === null ? NOTHING : complete(draft.value, cursor.value, vocabulary)));
  const close = () => {
    cursor.value = null;
    chosen.value = -1;
  };
  const follow = () => {
    cursor.value = input.current?.selectionStart ?? null;
    chosen.value = -1;
  };
  const take = (at: number) => {
    const { from, to, suggestions } = found.peek();
    const insert = suggestions[at]?.insert ?? "";
    const rest = draft.peek().slice(to);
    const text = draft.peek().slice(0, from) + insert + (insert.endsWith(" ") ? rest.trimStart() : rest);
    const place = from + insert.length;
    draft.value = text;
    if (input.current === null) return;
    // At once, not with the next frame: what is typed meanwhile belongs behind it.
    input.current.value = text;
    input.current.focus();
    input.current.setSelectionRange(place, place);
    follow();
  };
  const apply = () => {
    close();
    onApply(draft.peek().trim());
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const count = found.peek().suggestions.length;
    if (event.key === "ArrowDown" && count > 0) chosen.value = (chosen.peek() + 1) % count;
    else if (event.key === "ArrowUp" && count > 0) chosen.value = (chosen.peek() + count - (chosen.peek() < 0 ? 0 : 1)) % count;
    else if (event.key === "Tab" && !event.shiftKey && chosen.peek() >= 0) take(chosen.peek());
    else if (event.key === "Enter") {
      if (chosen.peek() >= 0) take(chosen.peek());
      else apply();
    } else if (event.key === "Escape") {
      if (count > 0) close();
      else input.current?.blur();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const { suggestions } = found.value;
  const wrong = failure.value?.reason === "INVALID_FILTER" && draft.value.trim() === filter ? failure.value : null;
  return (
    <div class="filter-box">
      <input
        ref={input}
        class={`mono ${wrong ? "wrong" : ""}`}
        role="combobox"
        aria-label="Filter"
        aria-expanded={suggestions.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={chosen.value >= 0 ? `${id}-${chosen.value}` : undefined}
        aria-invalid={wrong !== null}
        aria-describedby={wrong ? `${id}-error` : undefined}
        placeholder="Filter, e.g. metrics.loss < 0.1 AND params.optimizer = 'adam'"
        autocomplete="off"
        spellcheck={false}
        value={draft.value}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
          follow();
        }}
        onClick={follow}
        onFocus={follow}
        onBlur={close}
        onKeyUp={(event) => ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key) && follow()}
        onKeyDown={onKeyDown}
      />
      {draft.value.trim() !== filter && <span class="filter-hint muted">Enter ↵</span>}
      {draft.value !== "" && draft.value.trim() === filter && (
        <button type="button" class="quiet filter-clear" aria-label="Clear the filter" onClick={() => onApply("")}>
          ×
        </button>
      )}
      {suggestions.length > 0 && (
        <Suggestions id={id} completion={found.value} chosen={chosen.value} onTake={take} />
      )}
      {wrong && <Wrong id={`${id}-error`} filter={filter} failure={wrong} />}
    </div>
  );
}

interface SuggestionsProps {
  readonly id: string;
  readonly completion: Completion;
  readonly chosen: number;
  readonly onTake: (at: number) => void;
}

function Suggestions({ id, completion, chosen, onTake }: SuggestionsProps) {
  useEffect(() => {
    document.getElementById(`${id}-${chosen}`)?.scrollIntoView({ block: "nearest" });
  }, [id, chosen]);
  return (
    <ul id={`${id}-list`} role="listbox" aria-label="What could come next" class="suggestions">
      {completion.suggestions.map(({ label, hint }, at) => (
        <li
          key={`${label} ${hint}`}
          id={`${id}-${at}`}
          role="option"
          aria-selected={at === chosen}
          onMouseDown={(event) => {
            event.preventDefault();
            onTake(at);
          }}
        >
          <span class="mono">{label}</span>
          <span class="muted">{hint}</span>
        </li>
      ))}
    </ul>
  );
}

interface WrongProps {
  readonly id: string;
  readonly filter: string;
  readonly failure: SearchFailure;
}

/** The filter again, with the place where the server stopped understanding underlined. */
function Wrong({ id, filter, failure }: WrongProps) {
  const position = Number(failure.metadata.get("position") ?? NaN);
  const at = Number.isInteger(position) ? codeUnits(filter, position) : null;
  const length = at === null ? 0 : Math.max((/^(?:\w+|\W)/u.exec(filter.slice(at))?.[0] ?? " ").length, 1);
  return (
    <div id={id} class="filter-error" role="alert">
      {at !== null && (
        <code>
          {filter.slice(0, at)}
          <mark>{filter.slice(at, at + length) || "\u00a0"}</mark>
          {filter.slice(at + length)}
        </code>
      )}
      <span class="failure">{failure.message}</span>
    </div>
  );
}

/** The server counts characters; a string here counts UTF-16 code units. */
function codeUnits(text: string, characters: number): number {
  return Array.from(text).slice(0, characters).join("").length;
}
