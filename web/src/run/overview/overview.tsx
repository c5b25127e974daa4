/** The run at a glance. */

import type { RunProps } from "../header";
import { Inputs } from "./inputs";
import { Metrics } from "./metrics";
import { Note } from "./note";
import { Params } from "./params";
import { Provenance } from "./provenance";
import { Tags } from "./tags";
import { Writers } from "./writers";

export function Overview({ store, run }: RunProps) {
  return (
    <div class="run-overview">
      <div class="overview-main">
        <Note store={store} run={run} />
        <Params params={run.params} />
        <Metrics store={store} run={run} />
      </div>
      <div class="overview-side">
        <Provenance run={run} />
        <Tags store={store} run={run} />
        <Inputs run={run} />
        <Writers store={store} run={run} />
      </div>
    </div>
  );
}
