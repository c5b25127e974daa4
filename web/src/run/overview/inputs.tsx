/** What the run read and what it made: datasets and logged models. */

import type { DatasetInput } from "../../api/gen/runstream/v1/input_pb";
import type { Run } from "../../api/gen/runstream/v1/run_pb";
import { Card } from "./card";

const CONTEXT = "mlflow.data.context";

export function Inputs({ run }: { readonly run: Run }) {
  const { datasetInputs, modelInputs, modelOutputs } = run;
  return (
    <>
      {datasetInputs.length > 0 && (
        <Card title="Datasets" count={String(datasetInputs.length)}>
          <ul class="run-plain-list">
            {datasetInputs.map((input) => (
              <Dataset key={`${input.dataset?.name ?? ""}\n${input.dataset?.digest ?? ""}`} input={input} />
            ))}
          </ul>
        </Card>
      )}
      {modelInputs.length + modelOutputs.length > 0 && (
        <Card title="Models">
          <ul class="run-plain-list">
            {modelOutputs.map((output) => (
              <li key={`${output.modelId} ${output.step}`}>
                <bdi class="mono">{output.modelId}</bdi> <span class="muted">made at step {String(output.step)}</span>
              </li>
            ))}
            {modelInputs.map((input) => (
              <li key={input.modelId}>
                <bdi class="mono">{input.modelId}</bdi> <span class="muted">read</span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

function Dataset({ input }: { readonly input: DatasetInput }) {
  const { dataset, tags } = input;
  if (dataset === undefined) return null;
  const context = tags[CONTEXT] ?? "";
  return (
    <li>
      <details>
        <summary>
          <bdi>{dataset.name}</bdi> {context !== "" && <span class="run-badge">{context}</span>}{" "}
          <span class="muted mono">{dataset.digest}</span>
        </summary>
        <dl class="run-details">
          <Detail name="Source" text={[dataset.sourceType, dataset.source].filter(Boolean).join(" ")} />
          <Detail name="Profile" text={dataset.profile ?? ""} />
          <Detail name="Schema" text={dataset.schema ?? ""} />
        </dl>
      </details>
    </li>
  );
}

function Detail({ name, text }: { readonly name: string; readonly text: string }) {
  if (text === "") return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <bdi class="mono">{text}</bdi>
      </dd>
    </div>
  );
}
