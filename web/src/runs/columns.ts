/** The columns of the runs table, and how the address writes them. */

export type ColumnKind = "attribute" | "param" | "tag" | "metric";
export type Statistic = "latest" | "min" | "max";

export interface Column {
  /** How the address writes the column: `status`, `params.lr`, `metrics.loss`, `min:metrics.loss`. */
  readonly id: string;
  readonly kind: ColumnKind;
  readonly key: string;
  readonly statistic: Statistic;
}

export interface Attribute {
  readonly key: string;
  readonly label: string;
  /** The field that the server orders by; null when it cannot. */
  readonly field: string | null;
  readonly width: number;
}

/** The name, which is always there. */
export const NAME_FIELD = "run_name";

export const ATTRIBUTES: readonly Attribute[] = [
  { key: "status", label: "Status", field: "status", width: 104 },
  { key: "start_time", label: "Started", field: "start_time", width: 92 },
  { key: "end_time", label: "Ended", field: "end_time", width: 92 },
  { key: "duration", label: "Duration", field: null, width: 92 },
  { key: "last_commit_time", label: "Last commit", field: null, width: 100 },
  { key: "user", label: "User", field: "user_id", width: 84 },
  { key: "source", label: "Source", field: "tags.`mlflow.source.name`", width: 120 },
  { key: "git_commit", label: "Commit", field: "tags.`mlflow.source.git.commit`", width: 92 },
  { key: "experiment", label: "Experiment", field: "experiment_id", width: 92 },
  { key: "run_id", label: "Run id", field: "run_id", width: 270 },
];

const PREFIXES: Readonly<Record<Exclude<ColumnKind, "attribute">, string>> = {
  param: "params.",
  tag: "tags.",
  metric: "metrics.",
};

export function column(kind: ColumnKind, key: string, statistic: Statistic = "latest"): Column {
  const place = kind === "attribute" ? key : PREFIXES[kind] + key;
  return { id: statistic === "latest" ? place : `${statistic}:${place}`, kind, key, statistic };
}

/** Reads one column; null when there can be no such one. */
export function parseColumn(id: string): Column | null {
  const [, statistic = "latest", place = ""] = /^(?:(min|max):)?(.*)$/s.exec(id) ?? [];
  for (const kind of ["param", "tag", "metric"] as const) {
    const key = place.slice(PREFIXES[kind].length);
    if (!place.startsWith(PREFIXES[kind]) || key === "") continue;
    if (kind !== "metric" && statistic !== "latest") return null;
    return column(kind, key, statistic as Statistic);
  }
  const known = ATTRIBUTES.some((attribute) => attribute.key === place);
  return known && statistic === "latest" ? column("attribute", place) : null;
}

/** Reads what `formatColumns` wrote; leaves out what is no column, and what comes again. */
export function parseColumns(text: string): Column[] {
  const found = new Map<string, Column>();
  for (const part of splitList(text)) {
    const one = parseColumn(part);
    if (one !== null) found.set(one.id, one);
  }
  return [...found.values()];
}

export function formatColumns(columns: readonly Column[]): string {
  return joinList(columns.map((one) => one.id));
}

/** Joins texts by commas; a comma or a backslash in a text stands behind a backslash. */
export function joinList(parts: readonly string[]): string {
  return parts.map((part) => part.replace(/[\\,]/g, "\\$&")).join(",");
}

/** Takes apart what `joinList` joined. */
export function splitList(text: string): string[] {
  if (text === "") return [];
  const pieces = text.match(/(?:\\.|[^\\,])+|,/gs) ?? [];
  return pieces.filter((piece) => piece !== ",").map((piece) => piece.replace(/\\(.)/gs, "$1"));
}

export function labelOf({ kind, key }: Column): string {
  if (kind !== "attribute") return key;
  return ATTRIBUTES.find((attribute) => attribute.key === key)?.label ?? key;
}

const WIDTHS: Readonly<Record<Exclude<ColumnKind, "attribute">, number>> = { param: 112, tag: 112, metric: 104 };
const CHARACTER_PX = 7;
const WIDEST_PX = 190;

/** How wide a column is until a person changes it: so that its name can be read. */
export function usualWidth(one: Column): number {
  if (one.kind === "attribute") return ATTRIBUTES.find(({ key }) => key === one.key)?.width ?? WIDTHS.param;
  const named = labelOf(one).length * CHARACTER_PX + (one.statistic === "latest" ? 30 : 62);
  return Math.min(Math.max(WIDTHS[one.kind], named), WIDEST_PX);
}

const KIND_TITLES: Readonly<Record<ColumnKind, string>> = {
  attribute: "Run",
  param: "Params",
  tag: "Tags",
  metric: "Metrics",
};

export function kindTitle(kind: ColumnKind): string {
  return KIND_TITLES[kind];
}

const MOST_PARAMS = 5;
const MOST_METRICS = 6;

/** What is shown until a person chooses: what tells runs apart, without the machine's own metrics. */
export function usualColumns(params: readonly string[], metrics: readonly string[], several: boolean): Column[] {
  const attributes = ["status", ...(several ? ["experiment"] : []), "start_time", "duration", "user"];
  const own = metrics.filter((key) => !key.startsWith("system/"));
  return [
    ...attributes.map((key) => column("attribute", key)),
    ...own.slice(0, MOST_METRICS).map((key) => column("metric", key)),
    ...params.slice(0, MOST_PARAMS).map((key) => column("param", key)),
  ];
}
