/** Which colour is which run. */

import { useState } from "preact/hooks";
import type { ChartRun } from "./charts";
import { dashName } from "./line-color";
import type { Scene } from "./scene";

const FOLDED = 24;

export function Legend({ scene, runs }: { readonly scene: Scene; readonly runs: readonly ChartRun[] }) {
  const [all, setAll] = useState(false);
  const { view, change, highlighted } = scene;
  const { hidden } = view.value;
  const isHidden = ({ runId }: ChartRun) => hidden.some((id) => runId.startsWith(id));
  const toggle = (run: ChartRun) => {
    const others = hidden.filter((id) => !run.runId.startsWith(id));
    change({ hidden: isHidden(run) ? others : [...others, shortId(run, runs)] });
  };
  return (
    <ul class="chart-legend" aria-label="Runs">
      {(all ? runs : runs.slice(0, FOLDED)).map((run) => (
        <li key={run.runId}>
          <button
            type="button"
            class="quiet"
            aria-pressed={!isHidden(run)}
            title={`${isHidden(run) ? "Show" : "Hide"} ${run.name}`}
            onClick={() => toggle(run)}
            onPointerEnter={() => (highlighted.value = isHidden(run) ? null : run.runId)}
            onPointerLeave={() => (highlighted.value = null)}
            onFocus={() => (highlighted.value = isHidden(run) ? null : run.runId)}
            onBlur={() => (highlighted.value = null)}
          >
            <i class="line-sample" ref={styled(run.color, dashName(run.runId, runs))} />
            <span>{run.name}</span>
            {run.active && <span class="growing" title="still running" />}
          </button>
        </li>
      ))}
      {runs.length > FOLDED && (
        <li>
          <button type="button" class="quiet" aria-expanded={all} onClick={() => setAll(!all)}>
            {all ? "fewer" : `${runs.length - FOLDED} more`}
          </button>
        </li>
      )}
    </ul>
  );
}

/** The policy of the page allows styles from scripts only. */
function styled(color: string, dash: string) {
  return (element: HTMLElement | null) => {
    if (element !== null) element.style.borderTop = `3px ${dash} ${color}`;
  };
}

/** As much of an id as tells the run from the others. */
function shortId({ runId }: ChartRun, runs: readonly ChartRun[]): string {
  for (let size = 8; size < runId.length; size += 4) {
    const short = runId.slice(0, size);
    if (runs.filter((run) => run.runId.startsWith(short)).length === 1) return short;
  }
  return runId;
}
