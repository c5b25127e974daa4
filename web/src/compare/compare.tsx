/** Several runs side by side. */

import { useComputed } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { RunStatus, type Run } from "../api/gen/runstream/v1/run_pb";
import { Charts } from "../charts/charts";
import { href, route, updateQuery } from "../routing/router";
import { runColor } from "../ui/colors";
import { microseconds } from "../ui/format";
import { ComparedRuns } from "./compared-runs";
import { useLazy } from "./lazy";
import { Tables } from "./tables";
import "../ui/page.css";
import "./compare.css";

const VIEWS = [
  ["table", "Params and metrics"],
  ["charts", "Charts"],
  ["parallel", "Parallel coordinates"],
  ["scatter", "Scatter"],
] as const;
type View = (typeof VIEWS)[number][0];

export function Compare({ runIds }: { readonly runIds: readonly string[] }) {
  const key = runIds.join();
  return <CompareOf key={key} runIds={runIds} />;
}

function CompareOf({ runIds }: { readonly runIds: readonly string[] }) {
  // The ids are the key of this component: they never change.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const compared = useMemo(() => new ComparedRuns(runIds), []);
  useEffect(() => {
    document.title = "Compare · runstream";
    compared.start();
    return () => compared.stop();
  }, [compared]);
  const view = useComputed(() => VIEWS.find(([one]) => one === route.value.query.get("show"))?.[0] ?? "table");
  const runs = compared.runs.value;
  return (
    <div class="compare">
      <div class="compare-head">
        <h1>
          {runs?.length ?? runIds.length} runs compared
          {runs && <Experiments runs={runs} />}
        </h1>
        <span class="segments" role="group" aria-label="What to show">
          {VIEWS.map(([one, label]) => (
            <button key={one} type="button" aria-pressed={one === view.value} onClick={() => show(one)}>
              {label}
            </button>
          ))}
        </span>
      </div>
      {compared.failure.value !== "" && <p class="failure">{compared.failure.value}</p>}
      {compared.missing.value > 0 && (
        <p class="muted">{compared.missing.value} of the runs are no longer there.</p>
      )}
      {runs && (runs.length === 0 ? <Nothing /> : <Shown view={view.value} runs={runs} />)}
    </div>
  );
}

function show(view: View): void {
  updateQuery({ show: view === "table" ? null : view }, { push: true });
}

function Nothing() {
  return (
    <p class="empty muted">
      Nothing to compare: select runs in <a href={href([])}>an experiment</a>, and press Compare.
    </p>
  );
}

function Experiments({ runs }: { readonly runs: readonly Run[] }) {
  const ids = [...new Set(runs.map(({ experimentId }) => experimentId))];
  return (
    <a class="compare-back" href={href(["experiments", ids.join(",")])}>
      back to their table
    </a>
  );
}

function Shown({ view, runs }: { readonly view: View; readonly runs: readonly Run[] }) {
  const Parallel = useLazy(view === "parallel" ? loadParallel : null);
  const Scatter = useLazy(view === "scatter" ? loadScatter : null);
  if (view === "parallel") return Parallel && <Parallel.ParallelCoordinates runs={runs} />;
  if (view === "scatter") return Scatter && <Scatter.Scatter runs={runs} />;
  if (view === "charts") return <ComparedCharts runs={runs} />;
  return <Tables runs={runs} />;
}

const loadParallel = () => import("./parallel");
const loadScatter = () => import("./scatter");

function ComparedCharts({ runs }: { readonly runs: readonly Run[] }) {
  const key = runs.map(({ runId, name, status }) => `${runId} ${status} ${name}`).join("\n");
  const drawn = useMemo(
    () =>
      runs.map((run) => {
        const startUs = microseconds(run.startTime);
        return {
          runId: run.runId,
          name: run.name,
          startTimeUs: startUs === null ? null : BigInt(startUs),
          color: runColor(run.runId),
          active: run.status === RunStatus.RUNNING,
          keys: run.metrics.map((metric) => metric.key),
        };
      }),
    // The runs change with every commit of theirs, the charts only with these.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [key],
  );
  return (
    <div class="compare-part">
      <Charts runs={drawn} kind="model" />
    </div>
  );
}
