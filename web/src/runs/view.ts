/** What a page of runs shows: read from the address, and written to it. */

import { ViewType } from "../api/gen/runstream/v1/experiment_pb";
import { route, updateQuery } from "../routing/router";
import { type Column, formatColumns, parseColumn, parseColumns } from "./columns";
import { formatOrder, type OrderTerm, parseOrder } from "./order";

export type Shown = "table" | "charts" | "both";
export type Stage = "active" | "deleted" | "all";

export interface RunsView {
  readonly filter: string;
  readonly order: readonly OrderTerm[];
  /** Null until a person chooses. */
  readonly columns: readonly Column[] | null;
  readonly stage: Stage;
  readonly shown: Shown;
  readonly group: Column | null;
  readonly selected: ReadonlySet<string>;
  /** Runs that the charts leave out. */
  readonly hidden: ReadonlySet<string>;
}

export const VIEW_TYPES: Readonly<Record<Stage, ViewType>> = {
  active: ViewType.ACTIVE_ONLY,
  deleted: ViewType.DELETED_ONLY,
  all: ViewType.ALL,
};

export function parseView(query: ReadonlyMap<string, string>): RunsView {
  const columns = query.get("columns");
  const group = parseColumn(query.get("group") ?? "");
  return {
    filter: query.get("filter") ?? "",
    order: parseOrder(query.get("order") ?? ""),
    columns: columns === undefined ? null : parseColumns(columns),
    stage: oneOf(query.get("view"), ["deleted", "all"], "active"),
    shown: oneOf(query.get("show"), ["charts", "both"], "table"),
    group: group?.kind === "param" || group?.kind === "tag" ? group : null,
    selected: idsOf(query.get("selected")),
    hidden: idsOf(query.get("hidden")),
  };
}

export interface ViewChanges {
  readonly filter?: string;
  readonly order?: readonly OrderTerm[];
  readonly columns?: readonly Column[] | null;
  readonly stage?: Stage;
  readonly shown?: Shown;
  readonly group?: Column | null;
  readonly selected?: ReadonlySet<string>;
  readonly hidden?: ReadonlySet<string>;
}

/** Writes changes to the address; what asks the server for other runs is a step to go back from. */
export function changeView(changes: ViewChanges): void {
  const query: Record<string, string | null> = {};
  if (changes.filter !== undefined) query["filter"] = changes.filter || null;
  if (changes.order !== undefined) query["order"] = formatOrder(changes.order) || null;
  if (changes.columns !== undefined) query["columns"] = changes.columns && formatColumns(changes.columns);
  if (changes.stage !== undefined) query["view"] = changes.stage === "active" ? null : changes.stage;
  if (changes.shown !== undefined) query["show"] = changes.shown === "table" ? null : changes.shown;
  if (changes.group !== undefined) query["group"] = changes.group && changes.group.id;
  if (changes.selected !== undefined) query["selected"] = [...changes.selected].join(",") || null;
  if (changes.hidden !== undefined) query["hidden"] = [...changes.hidden].join(",") || null;
  const push = changes.filter !== undefined || changes.stage !== undefined || changes.shown !== undefined;
  updateQuery(query, { push });
}

/** The view as the address has it now. */
export function currentView(): RunsView {
  return parseView(route.peek().query);
}

function oneOf<T extends string>(text: string | undefined, known: readonly T[], usual: T): T {
  return known.find((one) => one === text) ?? usual;
}

function idsOf(text: string | undefined): ReadonlySet<string> {
  return new Set((text ?? "").split(",").filter(Boolean));
}
