/** Which params and metrics are the axes. */

import { useSignal } from "@preact/signals";
import { updateQuery } from "../routing/router";
import { Dialog } from "../ui/dialog";
import type { Field } from "./values";

/** Commas in keys stand behind a backslash. */
export function joinAxes(ids: readonly string[]): string {
  return ids.map((id) => id.replace(/[\\,]/g, "\\$&")).join(",");
}

export function splitAxes(text: string): string[] {
  const pieces = text.match(/(?:\\.|[^\\,])+|,/gs) ?? [];
  return pieces.filter((piece) => piece !== ",").map((piece) => piece.replace(/\\(.)/gs, "$1"));
}

interface AxisChoiceProps {
  readonly fields: readonly Field[];
  readonly axes: readonly Field[];
}

const MOST_SHOWN = 300;

export function AxisChoice({ fields, axes }: AxisChoiceProps) {
  const open = useSignal(false);
  const search = useSignal("");
  const chosen = axes.map(({ id }) => id);
  const toggle = (id: string) => {
    const next = chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id];
    updateQuery({ axes: joinAxes(next) });
  };
  const found = fields.filter(({ id }) => id.toLowerCase().includes(search.value.toLowerCase()));
  return (
    <>
      <button type="button" onClick={() => (open.value = true)}>
        Axes ({axes.length})
      </button>
      {open.value && (
        <Dialog title="Axes" onClose={() => (open.value = false)}>
          <div class="dialog-body">
            <input
              type="search"
              placeholder="Search"
              aria-label="Search params and metrics"
              onInput={(event) => (search.value = event.currentTarget.value)}
            />
            <ul class="axis-list">
              {found.slice(0, MOST_SHOWN).map(({ id }) => (
                <li key={id}>
                  <label>
                    <input type="checkbox" checked={chosen.includes(id)} onChange={() => toggle(id)} /> {id}
                  </label>
                </li>
              ))}
            </ul>
          </div>
        </Dialog>
      )}
    </>
  );
}
