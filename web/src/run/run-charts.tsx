/** The charts of one run. */

import { useMemo } from "preact/hooks";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { Charts, type ChartRun, type ChartsProps } from "../charts/charts";
import { runColor } from "../ui/colors";
import { isActive } from "./run-store";

export function RunCharts({ run, kind }: { readonly run: Run; readonly kind: ChartsProps["kind"] }) {
  const { runId, name } = run;
  const active = isActive(run);
  const seconds = run.startTime?.seconds ?? null;
  const startTimeUs = seconds === null ? null : seconds * 1_000_000n + BigInt(Math.trunc((run.startTime?.nanos ?? 0) / 1000));
  const runs = useMemo<readonly ChartRun[]>(
    () => [{ runId, name, startTimeUs, color: runColor(runId), active }],
    [runId, name, startTimeUs, active],
  );
  return <Charts runs={runs} kind={kind} />;
}
