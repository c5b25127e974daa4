/** Runs as the table holds them: only what it shows, because there may be very many. */

import { LifecycleStage } from "../api/gen/runstream/v1/experiment_pb";
import { type Run, RunStatus } from "../api/gen/runstream/v1/run_pb";
import { formatAgo, formatDuration, formatNumber, formatTime, isNumeric, microseconds } from "../ui/format";
import type { Column } from "./columns";

export type Value = string | number | undefined;

export interface RunRow {
  readonly runId: string;
  readonly experimentId: string;
  readonly name: string;
  readonly status: RunStatus;
  readonly deleted: boolean;
  readonly startUs: number | null;
  readonly endUs: number | null;
  readonly lastCommitUs: number | null;
  readonly user: string;
  readonly source: string;
  readonly commit: string;
  /** The columns' values, in the order of the list's slots. */
  readonly values: readonly Value[];
}

/** Which place in `RunRow.values` is whose column. */
export type Slots = ReadonlyMap<string, number>;

export function slotsOf(columns: readonly Column[]): Slots {
  return new Map(columns.filter(({ kind }) => kind !== "attribute").map(({ id }, at) => [id, at]));
}

export function rowOf(run: Run, columns: readonly Column[]): RunRow {
  const kept = columns.filter(({ kind }) => kind !== "attribute");
  const metrics = new Map(run.metrics.map((metric) => [metric.key, metric]));
  const valueOf = ({ kind, key, statistic }: Column): Value => {
    // Keys are anybody's: `constructor` and `__proto__` are on every object.
    if (kind === "param") return Object.hasOwn(run.params, key) ? run.params[key] : undefined;
    if (kind === "tag") return Object.hasOwn(run.tags, key) ? run.tags[key] : undefined;
    const metric = metrics.get(key);
    return metric && (statistic === "latest" ? metric.value : metric[statistic]);
  };
  return { ...factsOf(run), values: kept.map(valueOf) };
}

/** A row after the server told that its run has changed; params, tags and metrics stay as they were. */
export function refreshed(row: RunRow, run: Run): RunRow {
  return { ...factsOf(run), lastCommitUs: row.lastCommitUs, values: row.values };
}

function factsOf(run: Run): Omit<RunRow, "values"> {
  return {
    runId: run.runId,
    experimentId: run.experimentId,
    name: run.name,
    status: run.status,
    deleted: run.lifecycleStage === LifecycleStage.DELETED,
    startUs: microseconds(run.startTime),
    endUs: microseconds(run.endTime),
    lastCommitUs: microseconds(run.lastCommitTime),
    user: run.user,
    source: run.source?.name ?? "",
    commit: run.source?.gitCommit ?? "",
  };
}

const STATUS_TEXTS: ReadonlyMap<RunStatus, string> = new Map([
  [RunStatus.RUNNING, "running"],
  [RunStatus.SCHEDULED, "scheduled"],
  [RunStatus.FINISHED, "finished"],
  [RunStatus.FAILED, "failed"],
  [RunStatus.KILLED, "killed"],
]);

export function statusText(status: RunStatus): string {
  return STATUS_TEXTS.get(status) ?? "unknown";
}

export interface CellText {
  readonly text: string;
  /** What the text stands for, in full. */
  readonly title: string;
  readonly numeric: boolean;
}

const EMPTY: CellText = { text: "", title: "", numeric: false };

/** What a cell says; the status is drawn by itself. */
export function cellText(row: RunRow, column: Column, slots: Slots, nowUs: number): CellText {
  if (column.kind === "attribute") return attributeText(row, column.key, nowUs);
  const value = row.values[slots.get(column.id) ?? -1];
  if (value === undefined) return EMPTY;
  if (typeof value === "number") return { text: formatNumber(value), title: String(value), numeric: true };
  return { text: value, title: value, numeric: isNumeric(value) };
}

function attributeText(row: RunRow, key: string, nowUs: number): CellText {
  if (key === "start_time") return momentText(row.startUs, nowUs);
  if (key === "end_time") return momentText(row.endUs, nowUs);
  if (key === "last_commit_time") return momentText(row.lastCommitUs, nowUs);
  if (key === "duration") return durationText(row, nowUs);
  const texts: Record<string, string> = {
    status: statusText(row.status),
    user: row.user,
    source: row.source,
    experiment: row.experimentId,
    run_id: row.runId,
  };
  if (key === "git_commit") return { text: row.commit.slice(0, 8), title: row.commit, numeric: false };
  const text = texts[key] ?? "";
  return { text, title: text, numeric: false };
}

function momentText(timeUs: number | null, nowUs: number): CellText {
  return timeUs === null ? EMPTY : { text: formatAgo(timeUs, nowUs), title: formatTime(timeUs), numeric: true };
}

/** How long a run took, or has been at work until now. */
export function durationText({ startUs, endUs, status }: RunRow, nowUs: number): CellText {
  if (startUs === null) return EMPTY;
  if (endUs === null && status !== RunStatus.RUNNING) return EMPTY;
  const durationUs = (endUs ?? nowUs) - startUs;
  return { text: formatDuration(durationUs), title: `${durationUs / 1e6} s`, numeric: true };
}
