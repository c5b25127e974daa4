/** The run's params. */

import { useSignal } from "@preact/signals";
import { formatCount } from "../../ui/format";
import { copyText } from "../acts";
import { Card, Search } from "./card";
import { PairTable } from "./pair-table";
import { matching } from "./pairs";

const SEARCH_FROM = 8;

export function Params({ params }: { readonly params: Readonly<Record<string, string>> }) {
  const searched = useSignal("");
  const all = Object.entries(params);
  const shown = matching(all, searched.value);
  const aside = (
    <>
      {all.length >= SEARCH_FROM && <Search label="Search params" onInput={(text) => (searched.value = text)} />}
      {all.length > 0 && (
        <button type="button" class="quiet" onClick={() => void copyText(JSON.stringify(params, null, 2), "the params as JSON")}>
          Copy JSON
        </button>
      )}
    </>
  );
  return (
    <Card title="Params" count={all.length > 0 ? formatCount(all.length) : ""} aside={aside}>
      <PairTable pairs={shown} label="Params" empty={all.length === 0 ? "No params were logged." : "No param matches."} />
    </Card>
  );
}
