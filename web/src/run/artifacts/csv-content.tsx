/** A file of separated values as a table. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { isAborted } from "../../api/transport";
import { formatBytes } from "../../ui/bytes";
import { formatCount } from "../../ui/format";
import { readRange } from "./content";
import { parseCsv, separatorOf } from "./csv";
import { DataTable } from "./data-table";
import { wholeCharacters } from "./text-content";

const CHUNK_BYTES = 4 * 1024 * 1024;

export interface CsvContentProps {
  readonly url: string;
  readonly path: string;
  readonly size: number;
}

export function CsvContent({ url, path, size }: CsvContentProps) {
  const wanted = useSignal(CHUNK_BYTES);
  const text = useSignal<string | null>(null);
  const failure = useSignal("");
  const to = Math.min(wanted.value, size);
  useEffect(() => {
    const stop = new AbortController();
    readRange(url, 0, to, stop.signal).then(
      ({ bytes }) => (text.value = new TextDecoder().decode(bytes.subarray(0, wholeCharacters(bytes)))),
      (error: unknown) => isAborted(error) || (failure.value = String(error)),
    );
    return () => stop.abort();
  }, [url, to, text, failure]);
  const rows = useMemo(() => (text.value === null ? null : parsedRows(text.value, path, to < size)), [text.value, path, to, size]);
  if (failure.value !== "") return <p class="failure">{failure.value}</p>;
  if (rows === null) return <p class="muted">Loading …</p>;
  const [header = [], ...body] = rows;
  return (
    <>
      <DataTable columns={header} count={body.length} rowAt={(index) => body[index] ?? []} />
      <p class="more-line">
        {formatCount(body.length)} rows
        {to < size && (
          <>
            {" "}
            from the first {formatBytes(to)} of {formatBytes(size)}{" "}
            <button type="button" onClick={() => (wanted.value = to + CHUNK_BYTES)}>
              Show more
            </button>
          </>
        )}
      </p>
    </>
  );
}

/** The row that the end of what was read cuts off is left out. */
function parsedRows(text: string, path: string, cut: boolean): string[][] {
  const rows = parseCsv(text, separatorOf(text, path));
  return cut ? rows.slice(0, -1) : rows;
}
