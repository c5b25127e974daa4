/** The order of the runs, in the server's grammar: `metrics.loss DESC, params.lr`. */

import { ATTRIBUTES, type Column } from "./columns";

export interface OrderTerm {
  /** A field as the grammar writes it. */
  readonly field: string;
  readonly descending: boolean;
}

const BARE_KEY = /^[A-Za-z0-9_][\w/:@-]*(?:\.[A-Za-z0-9_][\w/:@-]*)*$/;

/** Writes a key as the grammar needs it: in backquotes unless it is plain. */
export function quoteKey(key: string): string {
  return BARE_KEY.test(key) ? key : `\`${key.replaceAll("`", "``")}\``;
}

/** The field to order by for a column; null when the server cannot. */
export function fieldOf(column: Column): string | null {
  if (column.kind === "attribute") return ATTRIBUTES.find(({ key }) => key === column.key)?.field ?? null;
  if (column.statistic !== "latest") return null;
  return `${column.kind}s.${quoteKey(column.key)}`;
}

/** Reads an order; commas in quotes do not end a term. */
export function parseOrder(text: string): OrderTerm[] {
  const terms = text.match(/(?:`(?:``|[^`])*`|"(?:""|[^"])*"|[^,`"]|[`"])+/g) ?? [];
  return terms
    .map((term) => /^\s*(.*?)(?:\s+(ASC|DESC))?\s*$/is.exec(term))
    .filter((match) => match !== null)
    .map(([, field = "", direction]) => ({ field, descending: direction?.toUpperCase() === "DESC" }))
    .filter(({ field }) => field !== "");
}

export function formatTerm({ field, descending }: OrderTerm): string {
  return descending ? `${field} DESC` : field;
}

export function formatOrder(order: readonly OrderTerm[]): string {
  return order.map(formatTerm).join(",");
}

/** The order after a click on a header: up, down, and not at all; `extend` keeps the other columns. */
export function toggleOrder(order: readonly OrderTerm[], field: string, extend: boolean): OrderTerm[] {
  const at = order.findIndex((term) => term.field === field);
  const found = order[at];
  const next: OrderTerm[] =
    found === undefined ? [{ field, descending: false }] : found.descending ? [] : [{ field, descending: true }];
  if (!extend) return next;
  return at < 0 ? [...order, ...next] : [...order.slice(0, at), ...next, ...order.slice(at + 1)];
}
