/** One run: what stands above all its sections, and the section that the address names. */

import { effect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { href } from "../routing/router";
import { Artifacts } from "./artifacts/artifacts";
import { RunCharts } from "./run-charts";
import { Children } from "./children";
import { RunHeader } from "./header";
import { Logs } from "./logs/logs";
import { Overview } from "./overview/overview";
import { RunStore } from "./run-store";
import "./run.css";

export function RunPage({ runId, section }: { readonly runId: string; readonly section: readonly string[] }) {
  const store = useMemo(() => new RunStore(runId), [runId]);
  useEffect(() => store.start(), [store]);
  useEffect(() => titled(store), [store]);
  const run = store.run.value;
  if (run === null) {
    return (
      <div class="page">
        {store.missing.value ? <Missing runId={runId} why={store.failure.value} /> : <p role="status">{store.failure.value || "Loading …"}</p>}
      </div>
    );
  }
  const [name = "overview", ...rest] = section;
  return (
    <div class={`run-page ${name === "artifacts" || name === "logs" ? "filling" : ""}`}>
      <RunHeader store={store} run={run} />
      <Tabs runId={runId} current={name} />
      {store.failure.value !== "" && <p class="run-notice failure">{store.failure.value}</p>}
      <Section store={store} run={run} name={name} rest={rest} />
    </div>
  );
}

interface SectionProps {
  readonly store: RunStore;
  readonly run: Run;
  readonly name: string;
  readonly rest: readonly string[];
}

function Section({ store, run, name, rest }: SectionProps) {
  if (name === "overview") return <Overview store={store} run={run} />;
  if (name === "charts") return <RunCharts run={run} kind="model" />;
  if (name === "system") return <RunCharts run={run} kind="system" />;
  if (name === "artifacts") return <Artifacts key={run.runId} store={store} run={run} path={rest.join("/")} />;
  if (name === "logs") return <Logs key={run.runId} store={store} run={run} path={rest.join("/")} />;
  if (name === "children") return <Children store={store} run={run} />;
  return <p class="run-notice">A run has no section “{name}”.</p>;
}

const TABS = ["overview", "charts", "artifacts", "system", "logs", "children"] as const;
const TITLES: Readonly<Record<(typeof TABS)[number], string>> = {
  overview: "Overview",
  charts: "Charts",
  artifacts: "Artifacts",
  system: "System",
  logs: "Logs",
  children: "Child runs",
};

function Tabs({ runId, current }: { readonly runId: string; readonly current: string }) {
  return (
    <nav class="run-tabs" aria-label="Sections of the run">
      {TABS.map((name) => (
        <a
          key={name}
          href={href(name === "overview" ? ["runs", runId] : ["runs", runId, name])}
          aria-current={name === current ? "page" : undefined}
        >
          {TITLES[name]}
        </a>
      ))}
    </nav>
  );
}

function Missing({ runId, why }: { readonly runId: string; readonly why: string }) {
  return (
    <>
      <h1>There is no such run</h1>
      <p>
        No run has the id <code>{runId}</code>: {why}. It is shown here as soon as it arrives, as that of a job which has
        just begun.
      </p>
      <p>
        <a href="#/">All experiments</a>
      </p>
    </>
  );
}

/** Names the browser's tab after the run. */
function titled(store: RunStore): () => void {
  const before = document.title;
  const stop = effect(() => {
    const run = store.run.value;
    if (run !== null) document.title = `${run.name} · runstream`;
  });
  return () => {
    stop();
    document.title = before;
  };
}
