/** Which page a route shows. */

import type { Route } from "../routing/router";
import { Experiments } from "../experiments/experiments";
import { RunPage } from "../run/run-page";
import { RunsPage } from "../runs/runs-page";
import { Compare } from "../compare/compare";

export function Page({ route }: { readonly route: Route }) {
  const [room, id, within, inner, ...rest] = route.path;
  if (room === undefined) return <Experiments />;
  if (room === "experiments" && id !== undefined) {
    // The address that MLflow's clients print.
    if (within === "runs" && inner !== undefined) return <RunPage runId={inner} section={rest} />;
    return <RunsPage experimentIds={id.split(",")} />;
  }
  if (room === "runs" && id !== undefined) {
    return <RunPage runId={id} section={route.path.slice(2)} />;
  }
  if (room === "compare") return <Compare runIds={(route.query.get("runs") ?? "").split(",").filter(Boolean)} />;
  return (
    <div class="page">
      <h1>There is no such page</h1>
      <p>
        Nothing is at <code>#/{route.path.join("/")}</code>. <a href="#/">All experiments</a>
      </p>
    </div>
  );
}
