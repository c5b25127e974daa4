/** Params, metrics and tags, a column a run. */

import { useSignal, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { href, route, updateQuery } from "../routing/router";
import { runColor } from "../ui/colors";
import { formatDuration, formatNumber, formatTime, isNumeric, microseconds } from "../ui/format";
import { isOwnTag } from "../ui/tag-chips";
import { type Better, bestOf, metricRows, type MetricRow, type Statistic, statisticOf, type TextRow, textRows, usualBetter } from "./values";

const STATISTICS: readonly Statistic[] = ["latest", "min", "max"];
const MOST_ROWS = 200;

export function Tables({ runs }: { readonly runs: readonly Run[] }) {
  const { query } = route.value;
  const all = query.get("all") === "1";
  const statistic = STATISTICS.find((one) => one === query.get("statistic")) ?? "latest";
  const search = useSignal("");
  const params = useMemo(() => textRows(runs.map((run) => run.params)), [runs]);
  const tags = useMemo(() => textRows(runs.map((run) => ownTags(run))), [runs]);
  const metrics = useMemo(() => metricRows(runs), [runs]);
  const holds = ({ key }: { readonly key: string }) => key.toLowerCase().includes(search.value.toLowerCase());
  const shown = (rows: readonly TextRow[]) => rows.filter((row) => (all || row.differs) && holds(row));
  return (
    <>
      <div class="bar compare-bar">
        <input
          type="search"
          placeholder="Search keys"
          aria-label="Search keys"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        <label>
          <input type="checkbox" checked={!all} onChange={() => updateQuery({ all: all ? null : "1" })} /> Only what differs
        </label>
        <label>
          Metrics{" "}
          <select
            value={statistic}
            onChange={({ currentTarget: { value } }) => updateQuery({ statistic: value === "latest" ? null : value })}
          >
            {STATISTICS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      <div class="compare-scroll" tabIndex={0} role="region" aria-label="The runs side by side">
        <table class="compare-table">
          <thead>
            <tr>
              <td />
              {runs.map((run) => (
                <th key={run.runId} scope="col">
                  <a href={href(["runs", run.runId])} title={run.name}>
                    <span class="compare-swatch" style={{ background: runColor(run.runId) }} />
                    {run.name}
                  </a>
                </th>
              ))}
            </tr>
          </thead>
          <Section title="Run" count={runs.length}>
            <Facts runs={runs} />
          </Section>
          <TextSection title="Params" rows={shown(params)} hidden={params.length} count={runs.length} />
          <Section title="Metrics" count={runs.length}>
            <Metrics rows={metrics.filter(holds)} statistic={statistic} />
          </Section>
          <TextSection title="Tags" rows={shown(tags)} hidden={tags.length} count={runs.length} />
        </table>
      </div>
    </>
  );
}

function ownTags({ tags }: Run): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).filter(([key]) => isOwnTag(key)));
}

function Section({ title, count, children }: { readonly title: string; readonly count: number; readonly children: ComponentChildren }) {
  return (
    <tbody>
      <tr class="compare-section">
        <th scope="rowgroup">{title}</th>
        <td colSpan={count} />
      </tr>
      {children}
    </tbody>
  );
}

function Facts({ runs }: { readonly runs: readonly Run[] }) {
  const duration = (run: Run) => {
    const [start, end] = [microseconds(run.startTime), microseconds(run.endTime)];
    return start === null || end === null ? "" : formatDuration(end - start);
  };
  const start = (run: Run) => formatTime(microseconds(run.startTime) ?? NaN);
  const rows: [string, (run: Run) => string][] = [["started", start], ["duration", duration], ["user", (run) => run.user]];
  return (
    <>
      {rows.map(([key, textOf]) => (
        <tr key={key}>
          <th scope="row">{key}</th>
          {runs.map((run) => (
            <td key={run.runId}>{textOf(run)}</td>
          ))}
        </tr>
      ))}
    </>
  );
}

interface TextSectionProps {
  readonly title: string;
  readonly rows: readonly TextRow[];
  readonly hidden: number;
  readonly count: number;
}

function TextSection({ title, rows, hidden, count }: TextSectionProps) {
  const others = hidden - rows.length;
  return (
    <Section title={others > 0 ? `${title} · ${others} hidden` : title} count={count}>
      {rows.slice(0, MOST_ROWS).map(({ key, values, differs }) => (
        <tr key={key} class={differs ? "" : "same"}>
          <th scope="row" title={key}>
            {key}
          </th>
          {values.map((value, at) => (
            <td key={at} class={value !== undefined && isNumeric(value) ? "number" : ""} title={value}>
              {value ?? <span class="muted">–</span>}
            </td>
          ))}
        </tr>
      ))}
      <More count={rows.length} />
    </Section>
  );
}

function More({ count }: { readonly count: number }) {
  if (count <= MOST_ROWS) return null;
  return (
    <tr>
      <th scope="row" class="muted">
        {count - MOST_ROWS} more: search for them
      </th>
    </tr>
  );
}

function Metrics({ rows, statistic }: { readonly rows: readonly MetricRow[]; readonly statistic: Statistic }) {
  const chosen = useSignal<ReadonlyMap<string, Better>>(new Map());
  return (
    <>
      {rows.slice(0, MOST_ROWS).map((row) => (
        <Metric key={row.key} row={row} statistic={statistic} chosen={chosen} />
      ))}
      <More count={rows.length} />
    </>
  );
}

const NEXT = new Map<Better, Better>([["lower", "higher"], ["higher", null], [null, "lower"]]);
const MARKS = new Map<Better, string>([["lower", "↓"], ["higher", "↑"], [null, "·"]]);

interface MetricProps {
  readonly row: MetricRow;
  readonly statistic: Statistic;
  readonly chosen: Signal<ReadonlyMap<string, Better>>;
}

function Metric({ row, statistic, chosen }: MetricProps) {
  const better = chosen.value.has(row.key) ? (chosen.value.get(row.key) ?? null) : usualBetter(row.key);
  const values = row.values.map((metric) => metric && statisticOf(metric, statistic));
  const best = bestOf(values, better);
  const title = better === null ? "No value is better: click to say which" : `${better} is better: click to change`;
  return (
    <tr>
      <th scope="row" title={row.key}>
        {row.key}
        <button
          type="button"
          class="quiet better"
          title={title}
          aria-label={`${row.key}: ${title}`}
          onClick={() => (chosen.value = new Map(chosen.peek()).set(row.key, NEXT.get(better) ?? null))}
        >
          {MARKS.get(better)}
        </button>
      </th>
      {values.map((value, at) => (
        <td key={at} class={`number ${value === best ? "best" : ""}`} title={value === undefined ? "" : String(value)}>
          {value === undefined ? <span class="muted">–</span> : formatNumber(value)}
        </td>
      ))}
    </tr>
  );
}
