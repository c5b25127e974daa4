/** The charts beside the table: of the selected runs, else of the first ones. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { RunStatus } from "../api/gen/runstream/v1/run_pb";
import { Charts, type ChartRun } from "../charts/charts";
import { runColor } from "../ui/colors";
import type { RunsModel } from "./model";
import type { RunRow } from "./rows";

const FIRST = 10;
const MOST = 100;

export function ChartsOfRuns({ model }: { readonly model: RunsModel }) {
  const rows = useChartRows(model);
  const key = rows.map(({ runId, name, status }) => `${runId} ${status} ${name}`).join("\n");
  // The rows change with every commit of theirs, the charts only with these.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const runs = useMemo(() => rows.map(chartRun), [key]);
  if (model.list.answered.value && runs.length === 0) {
    return <p class="muted empty">No run to draw: select some, or show those that are hidden.</p>;
  }
  return (
    <>
      {model.selected.value.size === 0 && runs.length === FIRST && (
        <p class="muted charts-note">The first {FIRST} runs. Select others to see theirs.</p>
      )}
      <Charts runs={runs} kind="model" />
    </>
  );
}

function useChartRows(model: RunsModel): readonly RunRow[] {
  const found = useSignal<ReadonlyMap<string, RunRow>>(new Map());
  const { hidden } = model.view.value;
  const selected = [...model.selected.value].slice(0, MOST);
  const answered = model.list.answered.value;
  const isThere = model.list.version.value > 0;
  const missing = selected.filter((id) => model.list.row(id) === undefined && !found.value.has(id)).join();
  useEffect(() => {
    if (!answered || missing === "") return;
    void model.list.find(missing.split(",")).then((rows) => {
      if (rows.length > 0) found.value = new Map([...found.peek(), ...rows.map((row) => [row.runId, row] as const)]);
    });
  }, [model, found, answered, missing]);
  if (!isThere) return [];
  if (selected.length > 0) {
    const rows = selected.map((id) => model.list.row(id) ?? found.value.get(id));
    return rows.filter((row): row is RunRow => row !== undefined && !hidden.has(row.runId));
  }
  const rows: RunRow[] = [];
  for (const line of model.lines.value) {
    if (rows.length === FIRST) break;
    if (line.kind === "run" && !hidden.has(line.row.runId)) rows.push(line.row);
  }
  return rows;
}

function chartRun({ runId, name, startUs, status }: RunRow): ChartRun {
  const startTimeUs = startUs === null ? null : BigInt(startUs);
  return { runId, name, startTimeUs, color: runColor(runId), active: status === RunStatus.RUNNING };
}
