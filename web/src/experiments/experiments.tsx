/** All experiments. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Experiment } from "../api/gen/runstream/v1/experiment_pb";
import { experimentsApi, messageOf } from "../api/transport";
import { href } from "../routing/router";

export function Experiments() {
  const found = useSignal<readonly Experiment[]>([]);
  const failure = useSignal("");
  useEffect(() => {
    experimentsApi.searchExperiments({}).then(
      (answer) => (found.value = answer.experiments),
      (error: unknown) => (failure.value = messageOf(error)),
    );
  }, [found, failure]);
  return (
    <div class="page">
      <h1>Experiments</h1>
      {failure.value !== "" && <p class="failure">{failure.value}</p>}
      <ul>
        {found.value.map((experiment) => (
          <li key={experiment.experimentId}>
            <a href={href(["experiments", experiment.experimentId])}>{experiment.name}</a>
          </li>
        ))}
      </ul>
    </div>
  );
}
