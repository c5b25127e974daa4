/** The window in which the columns are chosen and put in order. */

import { useSignal, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Dialog } from "../ui/dialog";
import { ATTRIBUTES, type Column, column, type ColumnKind, kindTitle, labelOf, type Statistic } from "./columns";
import { ranked } from "./completion";
import type { KeyedKind } from "./keys";
import type { RunsModel } from "./model";
import { changeView } from "./view";
import "./column-dialog.css";

interface ColumnDialogProps {
  readonly model: RunsModel;
  readonly onClose: () => void;
}

const SEARCH_PAUSE_MS = 150;

export function ColumnDialog({ model, onClose }: ColumnDialogProps) {
  const chosen = useSignal<readonly Column[]>(model.columns.peek());
  const search = useSignal("");
  const { keys } = model;
  const typed = search.value;
  useEffect(() => {
    const timer = setTimeout(() => {
      for (const kind of ["metric", "param", "tag"] as const) void keys.find(kind, typed);
    }, SEARCH_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [keys, typed]);
  const known = keys.known.value;
  return (
    <Dialog title="Columns" wide onClose={onClose}>
      <div class="dialog-body columns-dialog">
        <section>
          <input
            type="search"
            placeholder="Search params, metrics, tags"
            aria-label="Search params, metrics, tags"
            value={typed}
            onInput={(event) => (search.value = event.currentTarget.value)}
          />
          <div class="columns-offered">
            <Offered kind="attribute" keys={ATTRIBUTES.map(({ key }) => key)} search={typed} chosen={chosen} />
            {(["metric", "param", "tag"] as const).map((kind: KeyedKind) => (
              <Offered key={kind} kind={kind} keys={known[kind].keys} search={typed} chosen={chosen} />
            ))}
          </div>
        </section>
        <Chosen chosen={chosen} />
      </div>
      <footer>
        <button
          type="button"
          class="quiet footer-start"
          onClick={() => {
            changeView({ columns: null });
            onClose();
          }}
        >
          Back to the usual ones
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="primary"
          onClick={() => {
            changeView({ columns: chosen.peek() });
            onClose();
          }}
        >
          Show {chosen.value.length} columns
        </button>
      </footer>
    </Dialog>
  );
}

interface OfferedProps {
  readonly kind: ColumnKind;
  readonly keys: readonly string[];
  readonly search: string;
  readonly chosen: Signal<readonly Column[]>;
}

const MOST_OFFERED = 200;
const STATISTICS: readonly Statistic[] = ["latest", "min", "max"];

function Offered({ kind, keys, search, chosen }: OfferedProps) {
  const found = kind === "attribute" ? keys.filter((key) => holds(key, search)) : ranked(keys, search);
  if (found.length === 0) return null;
  return (
    <fieldset>
      <legend>{kindTitle(kind)}</legend>
      {found.slice(0, MOST_OFFERED).map((key) => (
        <div key={key} class="offered">
          {(kind === "metric" ? STATISTICS : STATISTICS.slice(0, 1)).map((statistic) => (
            <Choice key={statistic} column={column(kind, key, statistic)} chosen={chosen} named={statistic === "latest"} />
          ))}
        </div>
      ))}
      {found.length > MOST_OFFERED && <p class="muted">{found.length - MOST_OFFERED} more: type a part of the name</p>}
    </fieldset>
  );
}

interface ChoiceProps {
  readonly column: Column;
  readonly chosen: Signal<readonly Column[]>;
  readonly named: boolean;
}

function Choice({ column: one, chosen, named }: ChoiceProps) {
  const isChosen = chosen.value.some(({ id }) => id === one.id);
  const toggle = () => {
    chosen.value = isChosen ? chosen.peek().filter(({ id }) => id !== one.id) : [...chosen.peek(), one];
  };
  return (
    <label class={named ? "choice named" : "choice muted"} title={one.id}>
      <input type="checkbox" checked={isChosen} onChange={toggle} />
      <span>{named ? labelOf(one) : one.statistic}</span>
    </label>
  );
}

function holds(key: string, search: string): boolean {
  return labelOf(column("attribute", key)).toLowerCase().includes(search.toLowerCase());
}

function Chosen({ chosen }: { readonly chosen: Signal<readonly Column[]> }) {
  const move = (at: number, by: number) => {
    const next = [...chosen.peek()];
    const moved = next.splice(at, 1);
    next.splice(at + by, 0, ...moved);
    chosen.value = next;
  };
  const remove = (id: string) => (chosen.value = chosen.peek().filter((one) => one.id !== id));
  return (
    <section class="columns-chosen" aria-label="Chosen columns">
      <h3>Shown, from left to right</h3>
      <ol>
        {chosen.value.map((one, at) => (
          <li key={one.id}>
            <span class="chosen-name" title={one.id}>
              <span class="muted">{one.kind === "attribute" ? "" : `${kindTitle(one.kind).toLowerCase()} `}</span>
              {labelOf(one)}
              {one.statistic !== "latest" && <span class="statistic">{one.statistic}</span>}
            </span>
            <button type="button" class="quiet" aria-label={`Move ${one.id} left`} disabled={at === 0} onClick={() => move(at, -1)}>
              ↑
            </button>
            <button
              type="button"
              class="quiet"
              aria-label={`Move ${one.id} right`}
              disabled={at === chosen.value.length - 1}
              onClick={() => move(at, 1)}
            >
              ↓
            </button>
            <button type="button" class="quiet" aria-label={`Leave ${one.id} out`} onClick={() => remove(one.id)}>
              ×
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
