/** Filters that take one click: a comparison that is put into the filter, changed, or taken out of it. */

import { type FilterToken, tokensOf } from "./filter-tokens";

/** What `field` is compared with by `=` at the top of a filter; null when it is not. */
export function clauseValue(filter: string, field: string): string | null {
  const found = clauseAt(tokensOf(filter), field);
  return found === null ? null : found.value.text.slice(1, -1).replaceAll("''", "'");
}

/** The filter with `field = 'value'` in it, or without a comparison of that field when `value` is null. */
export function withClause(filter: string, field: string, value: string | null): string {
  const tokens = tokensOf(filter);
  const found = clauseAt(tokens, field);
  const quoted = value === null ? null : `'${value.replaceAll("'", "''")}'`;
  if (found !== null && quoted !== null) {
    return filter.slice(0, found.value.start) + quoted + filter.slice(found.value.end);
  }
  if (found !== null) return without(filter, tokens, found.at);
  if (quoted === null) return filter;
  const clause = `${field} = ${quoted}`;
  if (filter.trim() === "") return clause;
  return tokens.some(({ text }) => text.toUpperCase() === "OR") && !isEnclosed(tokens)
    ? `(${filter.trim()}) AND ${clause}`
    : `${filter.trim()} AND ${clause}`;
}

interface Clause {
  readonly at: number;
  readonly value: FilterToken;
}

/** Finds a comparison that the whole filter depends on: outside of parentheses, joined by AND. */
function clauseAt(tokens: readonly FilterToken[], field: string): Clause | null {
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (token.kind === "open") depth++;
    if (token.kind === "close") depth--;
    const [operator, value] = [tokens[at + 1], tokens[at + 2]];
    if (depth > 0 || token.text !== field || operator?.text !== "=" || value?.kind !== "text") continue;
    const [before, after] = [tokens[at - 1]?.text.toUpperCase(), tokens[at + 3]?.text.toUpperCase()];
    if ([before, after].every((word) => word === undefined || word === "AND")) return { at, value };
  }
  return null;
}

function without(filter: string, tokens: readonly FilterToken[], at: number): string {
  const [first, last] = at > 0 ? [at - 1, at + 2] : [at, at + 3];
  const start = tokens[first]?.start ?? 0;
  const end = tokens[last]?.end ?? filter.length;
  return (filter.slice(0, start) + filter.slice(end)).trim();
}

/** Whether one pair of parentheses encloses all. */
function isEnclosed(tokens: readonly FilterToken[]): boolean {
  let depth = 0;
  for (const [at, { kind }] of tokens.entries()) {
    if (kind === "open") depth++;
    if (kind === "close") depth--;
    if (depth === 0 && at < tokens.length - 1) return false;
  }
  return tokens.length > 0;
}
