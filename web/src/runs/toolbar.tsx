/** What stands above the table: filter, presets, groups, columns. */

import { useSignal } from "@preact/signals";
import { type RefObject } from "preact";
import { useMemo } from "preact/hooks";
import { href } from "../routing/router";
import { Menu, type MenuItem } from "../ui/menu";
import { isOwnTag } from "../ui/tag-chips";
import { ColumnDialog } from "./column-dialog";
import { column, labelOf } from "./columns";
import type { Vocabulary } from "./completion";
import { FilterBox } from "./filter-box";
import type { RunsModel } from "./model";
import { quoteKey } from "./order";
import { clauseValue, withClause } from "./presets";
import { changeView, type Stage } from "./view";

interface ToolbarProps {
  readonly model: RunsModel;
  readonly input: RefObject<HTMLInputElement | null>;
}

export function Toolbar({ model, input }: ToolbarProps) {
  const choosing = useSignal(false);
  const { filter, columns } = model.view.value;
  const known = model.keys.known.value;
  const vocabulary = useMemo<Vocabulary>(
    () => ({
      keys: { param: known.param.keys, tag: known.tag.keys, metric: known.metric.keys },
      valuesOf: (field) => valuesOf(model, field),
    }),
    [known, model],
  );
  return (
    <div class="runs-toolbar">
      <FilterBox
        filter={filter}
        vocabulary={vocabulary}
        failure={model.list.failure}
        input={input}
        onApply={(text) => (text === filter ? model.list.reload() : changeView({ filter: text }))}
      />
      <StatusMenu filter={filter} />
      <UserMenu model={model} />
      <StageMenu stage={model.view.value.stage} />
      <GroupMenu model={model} />
      <button type="button" class={columns === null ? "" : "on"} onClick={() => (choosing.value = true)}>
        Columns
      </button>
      <button type="button" class="quiet" aria-label="Read again" title="Read again" onClick={() => model.list.reload()}>
        ⟳
      </button>
      {choosing.value && <ColumnDialog model={model} onClose={() => (choosing.value = false)} />}
    </div>
  );
}

const STATUSES = ["RUNNING", "FINISHED", "FAILED", "KILLED", "SCHEDULED"];

function StatusMenu({ filter }: { readonly filter: string }) {
  const held = clauseValue(filter, "status");
  return (
    <ClauseMenu filter={filter} field="status" label="Status" values={STATUSES} held={held} any="Any status" />
  );
}

function UserMenu({ model }: { readonly model: RunsModel }) {
  const { filter } = model.view.value;
  const held = clauseValue(filter, "user_id");
  const values = [...new Set([...valuesOf(model, "user_id"), ...(held === null ? [] : [held])])];
  return <ClauseMenu filter={filter} field="user_id" label="User" values={values} held={held} any="Anybody" />;
}

interface ClauseMenuProps {
  readonly filter: string;
  readonly field: string;
  readonly label: string;
  readonly values: readonly string[];
  readonly held: string | null;
  readonly any: string;
}

function ClauseMenu({ filter, field, label, values, held, any }: ClauseMenuProps) {
  const choose = (value: string | null) => changeView({ filter: withClause(filter, field, value) });
  const items: MenuItem[] = [
    { label: any, checked: held === null, run: () => choose(null) },
    ...values.map((value) => ({ label: value, checked: held === value, run: () => choose(value) })),
  ];
  return (
    <Menu label={label} items={items} on={held !== null}>
      {held === null ? label : held} <span aria-hidden="true">▾</span>
    </Menu>
  );
}

const STAGES: readonly (readonly [Stage, string])[] = [
  ["active", "Active"],
  ["deleted", "Deleted"],
  ["all", "Active and deleted"],
];

function StageMenu({ stage }: { readonly stage: Stage }) {
  const items = STAGES.map(([one, label]) => ({ label, checked: one === stage, run: () => changeView({ stage: one }) }));
  const text = STAGES.find(([one]) => one === stage)?.[1] ?? "";
  return (
    <Menu label="Active or deleted" items={items} on={stage !== "active"}>
      {text} <span aria-hidden="true">▾</span>
    </Menu>
  );
}

function GroupMenu({ model }: { readonly model: RunsModel }) {
  const { group } = model.view.value;
  const { param, tag } = model.keys.known.value;
  const choices = [
    ...param.keys.map((key) => column("param", key)),
    ...tag.keys.filter(isOwnTag).map((key) => column("tag", key)),
  ];
  const items: MenuItem[] = [
    { label: "No groups", checked: group === null, run: () => changeView({ group: null }) },
    ...choices.map((one) => ({
      label: one.id,
      checked: one.id === group?.id,
      run: () => changeView({ group: one }),
    })),
  ];
  return (
    <Menu label="Group by a param or a tag" items={items} on={group !== null}>
      {group === null ? "Group" : `By ${labelOf(group)}`} <span aria-hidden="true">▾</span>
    </Menu>
  );
}

const MOST_VALUES = 100;

/** Values that the loaded runs have for a field of the filter. */
function valuesOf(model: RunsModel, field: string): string[] {
  const { list } = model;
  const found = new Set<string>();
  const columnOf = model.columns.peek().find((one) => one.kind !== "attribute" && `${one.kind}s.${quoteKey(one.key)}` === field);
  const slot = columnOf && list.slots.get(columnOf.id);
  const texts: Record<string, (at: number) => string | undefined> = {
    user_id: (at) => list.rows[at]?.user,
    run_name: (at) => list.rows[at]?.name,
    experiment_id: (at) => list.rows[at]?.experimentId,
  };
  const read = texts[field];
  for (let at = 0; at < list.rows.length && found.size < MOST_VALUES; at++) {
    const value = read ? read(at) : slot === undefined ? undefined : list.rows[at]?.values[slot];
    if (typeof value === "string" && value !== "") found.add(value);
  }
  return [...found].sort();
}

/** Where the selected runs are side by side. */
export function compareAddress(model: RunsModel): string {
  return href(["compare"], [["runs", [...model.selected.peek()].slice(0, MOST_VALUES).join(",")]]);
}
