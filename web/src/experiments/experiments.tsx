/** All experiments: found, made, changed, deleted, and opened, one or several at once. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { ViewType, type Experiment } from "../api/gen/runstream/v1/experiment_pb";
import { href, navigate, route, updateQuery } from "../routing/router";
import { formatCount } from "../ui/format";
import { EditExperiment, NewExperiment } from "./experiment-dialogs";
import { ExperimentList } from "./experiment-list";
import { ExperimentTable } from "./experiment-table";
import { usePageKeys } from "../ui/page-keys";
import "../ui/page.css";
import "./experiments.css";

export function Experiments() {
  const query = route.value.query;
  const text = query.get("search") ?? "";
  const deleted = query.get("view") === "deleted";
  const list = useMemo(() => new ExperimentList(), []);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const creating = useSignal(false);
  const edited = useSignal<Experiment | null>(null);
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    list.search(text, deleted ? ViewType.DELETED_ONLY : ViewType.ACTIVE_ONLY);
    return () => list.stop();
  }, [list, text, deleted]);
  useEffect(() => {
    document.title = "Experiments · runstream";
  }, []);
  usePageKeys({ "/": () => search.current?.focus(), c: () => (creating.value = true) });
  const refresh = () => list.reload();
  return (
    <div class="page experiments">
      <div class="page-head">
        <h1>Experiments</h1>
        <button type="button" class="primary" onClick={() => (creating.value = true)}>
          New experiment
        </button>
      </div>
      <div class="bar">
        <input
          ref={search}
          type="search"
          class="search"
          placeholder="Search by name"
          aria-label="Search by name"
          value={text}
          onInput={(event) => updateQuery({ search: event.currentTarget.value || null })}
        />
        <Stages deleted={deleted} />
        <OpenTogether selected={selected.value} />
        <span class="muted bar-end" role="status">
          {found(list)}
        </span>
      </div>
      {list.failure.value !== "" && <p class="failure">{list.failure.value}</p>}
      <ExperimentTable list={list} selected={selected} onEdit={(one) => (edited.value = one)} />
      {creating.value && (
        <NewExperiment
          onClose={() => (creating.value = false)}
          onCreated={(id) => navigate(["experiments", id])}
        />
      )}
      {edited.value && (
        <EditExperiment experiment={edited.value} onClose={() => (edited.value = null)} onSaved={refresh} />
      )}
    </div>
  );
}

function found(list: ExperimentList): string {
  if (!list.loaded.value) return "loading …";
  const count = list.items.value.length;
  return `${formatCount(count)} experiment${count === 1 ? "" : "s"}${list.more.value ? ", more below" : ""}`;
}

function Stages({ deleted }: { readonly deleted: boolean }) {
  return (
    <span class="segments" role="group" aria-label="Which experiments">
      <button type="button" aria-pressed={!deleted} onClick={() => updateQuery({ view: null })}>
        Active
      </button>
      <button type="button" aria-pressed={deleted} onClick={() => updateQuery({ view: "deleted" })}>
        Deleted
      </button>
    </span>
  );
}

function OpenTogether({ selected }: { readonly selected: ReadonlySet<string> }) {
  if (selected.size === 0) return null;
  return (
    <a class="button" href={href(["experiments", [...selected].join(",")])}>
      Open the runs of {selected.size} together
    </a>
  );
}
