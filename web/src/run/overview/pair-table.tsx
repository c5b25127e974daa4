/** Keys with texts as a table; each text can be copied, and a long one unfolded. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { copyText } from "../acts";
import { CopyIcon } from "./copy-icon";
import type { Pair } from "./pairs";

export interface PairTableProps {
  readonly pairs: readonly Pair[];
  readonly label: string;
  readonly empty: string;
  /** What can be done to a pair beside copying its text. */
  readonly acts?: (pair: Pair) => ComponentChildren;
}

/** What comes below is to be found without long scrolling. */
const FIRST_SHOWN = 24;
const LONG_CHARS = 240;

export function PairTable({ pairs, label, empty, acts }: PairTableProps) {
  const all = useSignal(false);
  const shown = all.value ? pairs : pairs.slice(0, FIRST_SHOWN);
  if (pairs.length === 0) return <p class="muted card-empty">{empty}</p>;
  return (
    <>
      <table class="run-pairs" aria-label={label}>
        <tbody>
          {shown.map((pair) => (
            <tr key={pair[0]}>
              <th scope="row">{pair[0]}</th>
              <td>
                <Value text={pair[1]} />
              </td>
              <td class="pair-acts">
                <button
                  type="button"
                  class="quiet"
                  aria-label={`Copy the value of ${pair[0]}`}
                  title="Copy"
                  onClick={() => void copyText(pair[1], `the value of ${pair[0]}`)}
                >
                  <CopyIcon />
                </button>
                {acts?.(pair)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < pairs.length && (
        <button type="button" class="quiet" onClick={() => (all.value = true)}>
          Show all {pairs.length}
        </button>
      )}
    </>
  );
}

function Value({ text }: { readonly text: string }) {
  const whole = useSignal(false);
  if (text === "") return <span class="muted">(empty)</span>;
  if (text.length <= LONG_CHARS) return <bdi class="mono">{text}</bdi>;
  return (
    <>
      <bdi class="mono">{whole.value ? text : `${text.slice(0, LONG_CHARS)}…`}</bdi>{" "}
      <button type="button" class="quiet" aria-expanded={whole.value} onClick={() => (whole.value = !whole.peek())}>
        {whole.value ? "less" : "more"}
      </button>
    </>
  );
}
