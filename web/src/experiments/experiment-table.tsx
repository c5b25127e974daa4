/** The experiments that were found, a row each. */

import type { Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { LifecycleStage, type Experiment } from "../api/gen/runstream/v1/experiment_pb";
import { href } from "../routing/router";
import { formatAgo, formatTime, microseconds } from "../ui/format";
import { Menu } from "../ui/menu";
import { usePageKeys } from "../ui/page-keys";
import { TagChips } from "../ui/tag-chips";
import { DESCRIPTION, deleteExperiment, restoreExperiment } from "./acts";
import type { ExperimentList } from "./experiment-list";

export interface ExperimentTableProps {
  readonly list: ExperimentList;
  readonly selected: Signal<ReadonlySet<string>>;
  readonly onEdit: (experiment: Experiment) => void;
}

export function ExperimentTable({ list, selected, onEdit }: ExperimentTableProps) {
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (by: number) => moveFocus(body.current, by);
  usePageKeys({ j: () => move(1), k: () => move(-1) });
  const items = list.items.value;
  if (list.loaded.value && items.length === 0) {
    return <p class="empty muted">No experiment is here. A job that logs to a new experiment makes it, or you do.</p>;
  }
  return (
    <>
      <table class="list">
        <thead>
          <tr>
            <th class="narrow">
              <span class="visually-hidden">Select</span>
            </th>
            <th>Name</th>
            <th class="wide-only">Tags</th>
            <th class="wide-only">Changed</th>
            <th class="wide-only">Created</th>
            <th class="narrow">
              <span class="visually-hidden">Acts</span>
            </th>
          </tr>
        </thead>
        <tbody ref={body}>
          {items.map((one) => (
            <Row key={one.experimentId} experiment={one} list={list} selected={selected} onEdit={onEdit} />
          ))}
        </tbody>
      </table>
      {list.more.value && (
        <p>
          <button type="button" onClick={() => list.loadMore()}>
            Show more
          </button>
        </p>
      )}
    </>
  );
}

function Row({ experiment, list, selected, onEdit }: ExperimentTableProps & { readonly experiment: Experiment }) {
  const { experimentId: id, name } = experiment;
  const chosen = selected.value.has(id);
  const toggle = () => {
    const next = new Set(selected.peek());
    if (!next.delete(id)) next.add(id);
    selected.value = next;
  };
  const note = firstLine(experiment.tags[DESCRIPTION] ?? "");
  return (
    <tr class={chosen ? "chosen" : ""}>
      <td class="narrow">
        <input type="checkbox" aria-label={`Select ${name}`} checked={chosen} onChange={toggle} />
      </td>
      <td>
        <a class="name" href={href(["experiments", id])} data-row onKeyDown={(event) => event.key === "x" && toggle()}>
          {name}
        </a>
        <span class="muted id" title="id of the experiment">
          {id}
        </span>
        {note !== "" && <div class="note muted">{note}</div>}
      </td>
      <td class="wide-only">
        <TagChips tags={experiment.tags} limit={4} />
      </td>
      <td class="wide-only time">
        <When timeUs={microseconds(experiment.updateTime)} />
      </td>
      <td class="wide-only time">
        <When timeUs={microseconds(experiment.createTime)} />
      </td>
      <td class="narrow">
        <Acts experiment={experiment} list={list} onEdit={() => onEdit(experiment)} />
      </td>
    </tr>
  );
}

interface ActsProps {
  readonly experiment: Experiment;
  readonly list: ExperimentList;
  readonly onEdit: () => void;
}

function Acts({ experiment, list, onEdit }: ActsProps) {
  const changed = () => list.reload();
  const items =
    experiment.lifecycleStage === LifecycleStage.DELETED
      ? [{ label: "Restore", run: () => void restoreExperiment(experiment, changed) }]
      : [
          { label: "Rename, describe, tag …", run: onEdit },
          { label: "Delete", danger: true, run: () => void deleteExperiment(experiment, changed) },
        ];
  return (
    <Menu label={`Acts on ${experiment.name}`} items={items} quiet>
      ⋯
    </Menu>
  );
}

function When({ timeUs }: { readonly timeUs: number | null }) {
  if (timeUs === null) return null;
  return <span title={formatTime(timeUs)}>{formatAgo(timeUs, Date.now() * 1000)}</span>;
}

function firstLine(text: string): string {
  return text.trim().split("\n", 1)[0] ?? "";
}

function moveFocus(body: HTMLElement | null, by: number): void {
  const links = [...(body?.querySelectorAll<HTMLElement>("[data-row]") ?? [])];
  const at = links.findIndex((link) => link === document.activeElement);
  const next = at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next]?.focus();
}
