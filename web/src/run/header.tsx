/** What stands above every section of a run: what it is, how it stands, and what can be done to it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { experimentsApi, runsApi } from "../api/transport";
import { href } from "../routing/router";
import { runColor } from "../ui/colors";
import { EditableText } from "../ui/editable-text";
import { formatAgo, formatDuration, formatTime, microseconds } from "../ui/format";
import { Menu } from "../ui/menu";
import { copyText, deleteRun, pythonSnippet, renameRun, restoreRun } from "./acts";
import { EndRun } from "./end-run";
import { useNow } from "./now";
import { isActive, isDeleted, type RunStore } from "./run-store";
import { Status } from "./status";

export interface RunProps {
  readonly store: RunStore;
  readonly run: Run;
}

export function RunHeader({ store, run }: RunProps) {
  const deleted = isDeleted(run);
  return (
    <header class="run-header">
      <Trail run={run} />
      <div class="run-title">
        <h1>
          <span class="run-dot" style={{ background: runColor(run.runId) }} />
          <EditableText value={run.name} label="name" disabled={deleted} onSave={(name) => void renameRun(store, name)} />
        </h1>
        <Status status={run.status} />
        <span class="run-acts">
          <CopyMenu run={run} />
          {isActive(run) && !deleted && <EndRun store={store} run={run} />}
          {!deleted && (
            <button type="button" class="danger" onClick={() => void deleteRun(store, run)}>
              Delete
            </button>
          )}
        </span>
      </div>
      <Facts store={store} run={run} />
      {deleted && (
        <p class="run-notice warning" role="status">
          This run is deleted: it can be read, and nothing can be logged to it.{" "}
          <button type="button" onClick={() => void restoreRun(store, run)}>
            Restore
          </button>
        </p>
      )}
    </header>
  );
}

/** Where the run belongs: its experiment, and the run that it is nested in. */
function Trail({ run }: { readonly run: Run }) {
  const experiment = useSignal("");
  const parent = useSignal("");
  const { experimentId, parentRunId } = run;
  useEffect(() => {
    experimentsApi.getExperiment({ experimentId }).then(
      (answer) => (experiment.value = answer.experiment?.name ?? ""),
      () => (experiment.value = ""),
    );
  }, [experimentId, experiment]);
  useEffect(() => {
    parent.value = "";
    if (parentRunId === "") return;
    runsApi.getRun({ runId: parentRunId, omitMetrics: true, omitInputs: true }).then(
      (answer) => (parent.value = answer.run?.name ?? ""),
      // It need not exist; its id is shown then.
      () => (parent.value = ""),
    );
  }, [parentRunId, parent]);
  return (
    <nav class="run-trail" aria-label="Where the run belongs">
      <a href="#/">Experiments</a>
      <span aria-hidden="true">/</span>
      <a href={href(["experiments", experimentId])}>{experiment.value || `experiment ${experimentId}`}</a>
      {parentRunId !== "" && (
        <>
          <span aria-hidden="true">/</span>
          <a href={href(["runs", parentRunId])} title="The run that this one is nested in">
            {parent.value || parentRunId}
          </a>
        </>
      )}
    </nav>
  );
}

function Facts({ store, run }: RunProps) {
  const active = isActive(run);
  const startUs = microseconds(run.startTime);
  const endUs = microseconds(run.endTime);
  const commitUs = store.lastCommitUs.value;
  const now = useNow(true).value;
  const until = endUs ?? (active ? now : null);
  return (
    <dl class="run-facts">
      {startUs !== null && <Fact name="Started" text={formatTime(startUs)} more={formatAgo(startUs, now)} />}
      {startUs !== null && until !== null && <Fact name="Duration" text={formatDuration(Math.max(0, until - startUs))} />}
      <Fact
        name="Last commit"
        text={commitUs === null ? "no points yet" : formatAgo(commitUs, now)}
        {...(commitUs === null ? {} : { title: formatTime(commitUs) })}
      />
      {run.user !== "" && <Fact name="User" text={run.user} />}
      <Fact name="Run id" text={run.runId} mono />
    </dl>
  );
}

interface FactProps {
  readonly name: string;
  readonly text: string;
  readonly more?: string;
  readonly title?: string;
  readonly mono?: boolean;
}

function Fact({ name, text, more, title, mono }: FactProps) {
  return (
    <div title={title} class={mono === true ? "run-id" : ""}>
      <dt>{name}</dt>
      <dd class={mono === true ? "mono" : ""}>
        {text}
        {more !== undefined && <span class="muted"> · {more}</span>}
      </dd>
    </div>
  );
}

function CopyMenu({ run }: { readonly run: Run }) {
  const items = [
    { label: "Run id", run: () => void copyText(run.runId, "the run's id") },
    { label: "Link to this page", run: () => void copyText(location.href, "the link") },
    { label: "Artifact URI", run: () => void copyText(run.artifactUri, "the artifact URI") },
    { label: "Python that reads it", run: () => void copyText(pythonSnippet(run, location.hostname), "Python that reads the run") },
  ];
  return (
    <Menu label="Copy" items={items}>
      Copy ▾
    </Menu>
  );
}

