/** The run's tags: people's own, and those that programs keep for themselves. */

import { useSignal } from "@preact/signals";
import { EditableText } from "../../ui/editable-text";
import { isOwnTag } from "../../ui/tag-chips";
import { NOTE_TAG, removeTag, setTag } from "../acts";
import type { RunProps } from "../header";
import { isDeleted } from "../run-store";
import { Card } from "./card";
import { PairTable } from "./pair-table";
import { matching } from "./pairs";

export function Tags({ store, run }: RunProps) {
  const adding = useSignal(false);
  const readOnly = isDeleted(run);
  const all = matching(Object.entries(run.tags), "");
  const own = all.filter(([key]) => isOwnTag(key));
  const kept = all.filter(([key]) => !isOwnTag(key) && key !== NOTE_TAG);
  const add = (
    <button type="button" class="quiet" onClick={() => (adding.value = true)}>
      Add
    </button>
  );
  return (
    <Card title="Tags" aside={readOnly || adding.value ? null : add}>
      {own.length === 0 && !adding.value && <p class="muted card-empty">No tags.</p>}
      {own.length > 0 && (
        <table class="run-pairs" aria-label="Tags">
          <tbody>
            {own.map(([key, value]) => (
              <tr key={key}>
                <th scope="row">{key}</th>
                <td>
                  <EditableText
                    value={value}
                    label={`tag ${key}`}
                    disabled={readOnly}
                    onSave={(text) => void setTag(store, key, text)}
                  />
                </td>
                <td class="pair-acts">
                  {!readOnly && (
                    <button
                      type="button"
                      class="quiet"
                      aria-label={`Remove the tag ${key}`}
                      title="Remove"
                      onClick={() => void removeTag(store, key, value)}
                    >
                      ×
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {adding.value && <NewTag store={store} run={run} onEnd={() => (adding.value = false)} />}
      {kept.length > 0 && (
        <details class="kept-tags">
          <summary>{kept.length} kept by programs</summary>
          <PairTable pairs={kept} label="Tags of programs" empty="" />
        </details>
      )}
    </Card>
  );
}

function NewTag({ store, onEnd }: RunProps & { readonly onEnd: () => void }) {
  const save = async (form: HTMLFormElement) => {
    const data = new FormData(form);
    const key = textOf(data.get("key")).trim();
    if (key !== "" && (await setTag(store, key, textOf(data.get("value"))))) onEnd();
  };
  return (
    <form
      class="run-new-tag"
      onSubmit={(event) => {
        event.preventDefault();
        void save(event.currentTarget);
      }}
      onKeyDown={(event) => event.key === "Escape" && onEnd()}
    >
      <input name="key" aria-label="Key of the new tag" placeholder="key" required autoFocus />
      <input name="value" aria-label="Value of the new tag" placeholder="value" />
      <button type="submit" class="primary">
        Add
      </button>
      <button type="button" onClick={onEnd}>
        Cancel
      </button>
    </form>
  );
}

function textOf(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}
