/** A Parquet file as a table, some rows at a time. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isAborted } from "../../api/transport";
import { formatCount } from "../../ui/format";
import { readRange } from "./content";
import { DataTable } from "./data-table";
import type { ParquetFile } from "./parquet";

const PAGE_ROWS = 1000;

export interface ParquetContentProps {
  readonly url: string;
  readonly size: number;
}

interface Page {
  readonly from: number;
  readonly rows: readonly (readonly string[])[];
}

export function ParquetContent({ url, size }: ParquetContentProps) {
  const file = useSignal<ParquetFile | null>(null);
  const page = useSignal<Page | null>(null);
  const from = useSignal(0);
  const failure = useSignal("");
  useEffect(() => {
    const stop = new AbortController();
    const read = async () => {
      const { openParquet } = await import("./parquet");
      file.value = await openParquet(size, async (start, end) => (await readRange(url, start, end, stop.signal)).bytes);
    };
    read().catch((error: unknown) => isAborted(error) || (failure.value = String(error)));
    return () => stop.abort();
  }, [url, size, file, failure]);
  const opened = file.value;
  const first = from.value;
  useEffect(() => {
    if (opened === null) return;
    let wanted = true;
    opened.rows(first, Math.min(first + PAGE_ROWS, opened.count)).then(
      (rows) => wanted && (page.value = { from: first, rows }),
      (error: unknown) => wanted && !isAborted(error) && (failure.value = String(error)),
    );
    return () => {
      wanted = false;
    };
  }, [opened, first, page, failure]);
  if (failure.value !== "") return <p class="failure">The file cannot be read as Parquet: {failure.value}</p>;
  const shown = page.value;
  if (opened === null || shown === null) return <p class="muted">Loading …</p>;
  const last = shown.from + shown.rows.length;
  return (
    <>
      <DataTable columns={opened.columns} count={shown.rows.length} rowAt={(index) => shown.rows[index] ?? []} from={shown.from} />
      <p class="more-line">
        <button type="button" disabled={first === 0} onClick={() => (from.value = Math.max(0, first - PAGE_ROWS))}>
          ‹ Before
        </button>{" "}
        rows {formatCount(Math.min(shown.from + 1, last))} to {formatCount(last)} of {formatCount(opened.count)}{" "}
        <button type="button" disabled={last >= opened.count} onClick={() => (from.value = first + PAGE_ROWS)}>
          After ›
        </button>
      </p>
    </>
  );
}
