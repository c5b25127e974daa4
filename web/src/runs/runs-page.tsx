/** The runs of one or more experiments: a table of them, their charts, or both. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import { href } from "../routing/router";
import { formatCount } from "../ui/format";
import { usePageKeys } from "../ui/page-keys";
import { ChartsOfRuns } from "./charts-of-runs";
import { unfollow } from "./live-rows";
import { RunsModel } from "./model";
import { RunsTable } from "./runs-table";
import { SelectionBar } from "./selection-bar";
import { Split } from "./split";
import { compareAddress, Toolbar } from "./toolbar";
import { changeView, type Shown } from "./view";
import "../ui/page.css";
import "./runs.css";

export function RunsPage({ experimentIds }: { readonly experimentIds: readonly string[] }) {
  const ids = experimentIds.join();
  return <RunsOf key={ids} experimentIds={experimentIds} />;
}

const REREAD_MS = 30_000;

function RunsOf({ experimentIds }: { readonly experimentIds: readonly string[] }) {
  // The ids are the key of this component: they never change.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const model = useMemo(() => new RunsModel(experimentIds), []);
  const filter = useRef<HTMLInputElement>(null);
  useEffect(() => {
    model.start();
    return () => {
      unfollow(model.list);
      model.stop();
    };
  }, [model]);
  useRereading(model);
  const title = titleOf(model);
  useEffect(() => {
    document.title = `${title} · runstream`;
  }, [title]);
  usePageKeys({
    "/": () => filter.current?.focus(),
    t: () => changeView({ shown: nextShown(model.view.peek().shown) }),
    c: () => {
      if (model.selected.peek().size > 1) location.hash = compareAddress(model);
    },
    Escape: () => model.selected.peek().size > 0 && model.select(new Set()),
  });
  const { shown } = model.view.value;
  const table = <RunsTable model={model} />;
  const charts = shown === "table" ? null : <ChartsOfRuns model={model} />;
  return (
    <div class="runs-page">
      <Head model={model} title={title} />
      <Toolbar model={model} input={filter} />
      {shown === "table" && table}
      {shown === "charts" && <div class="runs-charts">{charts}</div>}
      {shown === "both" && <Split first={table} second={<div class="runs-charts">{charts}</div>} />}
    </div>
  );
}

function Head({ model, title }: { readonly model: RunsModel; readonly title: string }) {
  return (
    <div class="runs-title">
      <nav aria-label="Where this is">
        <a href={href([])}>Experiments</a> <span class="muted">/</span>
      </nav>
      <h1 title={title}>{title}</h1>
      {model.selected.value.size > 0 ? <SelectionBar model={model} /> : <Count model={model} />}
      <ShownSwitch shown={model.view.value.shown} />
    </div>
  );
}

function Count({ model }: { readonly model: RunsModel }) {
  const { list } = model;
  const count = list.version.value > 0 ? list.rows.length : 0;
  const runs = `${formatCount(count)} run${count === 1 ? "" : "s"}`;
  const failure = list.failure.value;
  return (
    <span class="runs-count muted" role="status">
      {list.answered.value && (list.more.value ? `${runs} loaded, more below` : runs)}
      {list.loading.value && <span class="busy" role="status" aria-label="loading" />}
      {failure && failure.reason !== "INVALID_FILTER" && <span class="failure"> {failure.message}</span>}
    </span>
  );
}

const SHOWN: readonly (readonly [Shown, string])[] = [
  ["table", "Table"],
  ["both", "Both"],
  ["charts", "Charts"],
];

function nextShown(shown: Shown): Shown {
  const at = SHOWN.findIndex(([one]) => one === shown);
  return SHOWN[(at + 1) % SHOWN.length]?.[0] ?? "table";
}

function ShownSwitch({ shown }: { readonly shown: Shown }) {
  return (
    <span class="segments runs-shown" role="group" aria-label="What to show">
      {SHOWN.map(([one, label]) => (
        <button key={one} type="button" aria-pressed={one === shown} onClick={() => changeView({ shown: one })}>
          {label}
        </button>
      ))}
    </span>
  );
}

function titleOf(model: RunsModel): string {
  const names = model.experimentIds.map((id) => model.names.value.get(id) ?? `experiment ${id}`);
  const [first = "", ...others] = names;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** New runs show when one comes back to the page, and from time to time. */
function useRereading(model: RunsModel): void {
  useEffect(() => {
    const reread = () => {
      if (!document.hidden && model.view.peek().group === null) model.list.reread();
    };
    addEventListener("focus", reread);
    const timer = setInterval(reread, REREAD_MS);
    return () => {
      removeEventListener("focus", reread);
      clearInterval(timer);
    };
  }, [model]);
}
