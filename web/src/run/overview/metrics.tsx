/** The run's metrics as numbers: the latest, the extremes and how many, of every rank. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { SeriesSummary } from "../../api/gen/runstream/v1/metric_pb";
import { href } from "../../routing/router";
import { formatCount, formatNumber } from "../../ui/format";
import { useVirtualList } from "../../ui/virtual";
import type { RunProps } from "../header";
import { isActive } from "../run-store";
import { Card, Search } from "./card";
import { SeriesList } from "./series";

const ROW_PX = 28;
const REFRESH_MS = 2_000;
const SEARCH_PAUSE_MS = 250;

export function Metrics({ store, run }: RunProps) {
  const searched = useSignal("");
  const pause = useRef<ReturnType<typeof setTimeout>>(undefined);
  const { runId } = run;
  const text = searched.value;
  const list = useMemo(() => new SeriesList(runId, text), [runId, text]);
  useEffect(() => () => list.stop(), [list]);
  const beat = Math.floor((store.lastCommitUs.value ?? 0) / (REFRESH_MS * 1000));
  const active = isActive(run);
  useEffect(() => void list.refresh(), [list, beat, active]);
  const found = list.found.value;
  const any = found.length > 0 || text !== "";
  const search = (typed: string) => {
    clearTimeout(pause.current);
    pause.current = setTimeout(() => (searched.value = typed), SEARCH_PAUSE_MS);
  };
  return (
    <Card
      title="Metrics"
      count={found.length > 0 ? `${formatCount(found.length)}${list.complete ? "" : "+"}` : ""}
      aside={
        <>
          {any && <Search label="Search metrics" onInput={search} />}
          {any && (
            <a class="button quiet" href={href(["runs", runId, "charts"])}>
              Charts
            </a>
          )}
        </>
      }
    >
      {list.failure.value !== "" && <p class="failure">{list.failure.value}</p>}
      {found.length > 0 ? (
        <MetricTable key={text} list={list} found={found} />
      ) : (
        <p class="muted card-empty">{emptyText(list.loaded.value, text)}</p>
      )}
    </Card>
  );
}

function emptyText(loaded: boolean, searched: string): string {
  if (!loaded) return "Loading …";
  return searched === "" ? "No metrics were logged." : "No metric matches.";
}

function MetricTable({ list, found }: { readonly list: SeriesList; readonly found: readonly SeriesSummary[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const ranked = found.some((each) => each.series?.rank !== undefined);
  const rows = useVirtualList({ count: found.length, scroller, sizeOf: () => ROW_PX, covered: ROW_PX });
  const last = rows.items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= found.length - 1) void list.more();
  }, [last, found.length, list]);
  return (
    <div class="run-metrics" role="table" aria-label="Metrics" aria-rowcount={found.length + 1} ref={scroller} tabIndex={0}>
      <div class={`metric-row head ${ranked ? "ranked" : ""}`} role="row">
        <span role="columnheader">Metric</span>
        {ranked && <span role="columnheader">Rank</span>}
        {["Latest", "Min", "Max", "Points", "Step"].map((name) => (
          <span key={name} role="columnheader">
            {name}
          </span>
        ))}
      </div>
      <div class="metric-rows" role="rowgroup" style={{ height: `${rows.total}px` }}>
        {rows.items.map(({ index, start }) => {
          const summary = found[index];
          if (summary === undefined) return null;
          const first = found[index - 1]?.series?.key !== summary.series?.key;
          return <MetricRow key={index} {...{ index, start, summary, first, ranked }} />;
        })}
      </div>
    </div>
  );
}

interface MetricRowProps {
  readonly index: number;
  readonly start: number;
  readonly summary: SeriesSummary;
  /** Whether it is the first row of its metric. */
  readonly first: boolean;
  readonly ranked: boolean;
}

function MetricRow({ index, start, summary, first, ranked }: MetricRowProps) {
  const { series, last, min, max, count, nanCount } = summary;
  const name = series?.key ?? "";
  const nans = nanCount > 0n ? `${formatCount(Number(nanCount))} of them NaN` : undefined;
  return (
    <div
      class={`metric-row ${ranked ? "ranked" : ""}`}
      role="row"
      aria-rowindex={index + 2}
      style={{ transform: `translateY(${start}px)` }}
    >
      <span role="cell" class={`metric-key ${first ? "" : "again"}`} title={name}>
        <bdi>{name}</bdi>
      </span>
      {ranked && <span role="cell">{series?.rank ?? ""}</span>}
      <Value value={last?.value ?? Number.NaN} />
      <Value value={min} />
      <Value value={max} />
      <span role="cell" title={nans}>
        {formatCount(Number(count))}
        {nanCount > 0n && <span class="warning"> ⚠</span>}
      </span>
      <span role="cell">{formatCount(Number(last?.step ?? 0n))}</span>
    </div>
  );
}

function Value({ value }: { readonly value: number }) {
  return (
    <span role="cell" class={Number.isFinite(value) ? "" : "warning"} title={String(value)}>
      {formatNumber(value)}
    </span>
  );
}
