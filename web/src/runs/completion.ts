/** What could be typed next in the filter box. */

import type { KeyedKind } from "./keys";
import { type FilterToken, type Position, positionAfter, tokensOf } from "./filter-tokens";
import { quoteKey } from "./order";

export interface Suggestion {
  /** What is shown. */
  readonly label: string;
  /** What takes the place of the text from `Completion.from` to `Completion.to`. */
  readonly insert: string;
  readonly hint: string;
}

export interface Completion {
  readonly from: number;
  readonly to: number;
  readonly suggestions: readonly Suggestion[];
}

export interface Vocabulary {
  readonly keys: Readonly<Record<KeyedKind, readonly string[]>>;
  /** Values that runs have for a field, as far as known. */
  readonly valuesOf: (field: string) => readonly string[];
}

const MOST = 50;
const ATTRIBUTES: readonly (readonly [string, string])[] = [
  ["status", "RUNNING, FINISHED, FAILED, KILLED, SCHEDULED"],
  ["run_name", "name of the run"],
  ["user_id", "who started it"],
  ["start_time", "ms since the epoch"],
  ["end_time", "ms since the epoch"],
  ["create_time", "ms since the epoch"],
  ["run_id", "id of the run"],
  ["experiment_id", "id of the experiment"],
  ["parent_run_id", "run that it is nested under"],
  ["artifact_uri", "where its artifacts are"],
  ["datasets.name", "a dataset that it read"],
  ["datasets.digest", "a dataset that it read"],
  ["datasets.context", "a dataset that it read"],
];
const TIMES = ["start_time", "end_time", "create_time"];
const STATUSES = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];
const NUMBER_OPERATORS = ["<", "<=", ">", ">=", "=", "!="];
const TEXT_OPERATORS = ["=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"];
const KINDS: readonly (readonly [string, KeyedKind])[] = [["metrics.", "metric"], ["params.", "param"], ["tags.", "tag"]];

/** Finds what could stand where the cursor is. */
export function complete(text: string, cursor: number, vocabulary: Vocabulary): Completion {
  const tokens = tokensOf(text.slice(0, cursor));
  const last = tokens.at(-1);
  const touched = last?.end === cursor && last.kind !== "open" && last.kind !== "comma" ? last : undefined;
  const before = touched === undefined ? tokens : tokens.slice(0, -1);
  const position = positionAfter(before);
  const typed = touched?.text ?? "";
  const suggestions = suggestionsFor(position, typed, vocabulary).slice(0, MOST);
  return { from: touched?.start ?? cursor, to: endOf(text, cursor, touched), suggestions };
}

/** A word in the middle of which the cursor stands is replaced whole. */
function endOf(text: string, cursor: number, touched: FilterToken | undefined): number {
  if (touched === undefined) return cursor;
  return tokensOf(text).find(({ start, end }) => start === touched.start && end > cursor)?.end ?? cursor;
}

function suggestionsFor({ expected, field }: Position, typed: string, vocabulary: Vocabulary): Suggestion[] {
  if (expected === "field") return fields(typed, vocabulary);
  if (expected === "operator") return matching(operatorsOf(field), typed, "operator").map(spaced);
  if (expected === "conjunction") return matching(["AND", "OR"], typed, "and or or").map(spaced);
  return matching(valuesFor(field, vocabulary), typed, "value").filter(({ insert }) => insert !== typed);
}

function fields(typed: string, { keys }: Vocabulary): Suggestion[] {
  const known = KINDS.find(([prefix]) => typed.toLowerCase().startsWith(prefix));
  if (known !== undefined) {
    const [prefix, kind] = known;
    const part = typed.slice(prefix.length).replace(/^[`"]|[`"]$/g, "");
    return ranked(keys[kind], part).map((key) => spaced({ label: prefix + key, insert: prefix + quoteKey(key), hint: kind }));
  }
  const attributes = ATTRIBUTES.filter(([name]) => name.includes(typed.toLowerCase()));
  const named = attributes.map(([name, hint]) => spaced({ label: name, insert: name, hint }));
  const prefixes = KINDS.filter(([prefix]) => prefix.startsWith(typed.toLowerCase()));
  const kinds = prefixes.map(([prefix, kind]) => ({ label: prefix, insert: prefix, hint: `a ${kind}` }));
  const inKeys = KINDS.flatMap(([prefix, kind]) =>
    typed === ""
      ? []
      : ranked(keys[kind], typed).map((key) => spaced({ label: prefix + key, insert: prefix + quoteKey(key), hint: kind })),
  );
  return [...kinds, ...inKeys, ...named];
}

/** Keys that hold a text: those that begin with it first. */
export function ranked(keys: readonly string[], part: string): string[] {
  const wanted = part.toLowerCase();
  const holding = keys.filter((key) => key.toLowerCase().includes(wanted));
  const begins = (key: string) => (key.toLowerCase().startsWith(wanted) ? 0 : 1);
  return holding.sort((one, other) => begins(one) - begins(other));
}

function operatorsOf(field: string): readonly string[] {
  if (field.startsWith("metrics.") || TIMES.includes(field)) return NUMBER_OPERATORS;
  const keyed = field.startsWith("params.") || field.startsWith("tags.");
  return keyed ? [...TEXT_OPERATORS, "IS NULL", "IS NOT NULL"] : TEXT_OPERATORS;
}

function valuesFor(field: string, { valuesOf }: Vocabulary): string[] {
  const values = field === "status" ? STATUSES : valuesOf(field);
  return values.map((value) => `'${value.replaceAll("'", "''")}'`);
}

function matching(words: readonly string[], typed: string, hint: string): Suggestion[] {
  const wanted = typed.toLowerCase().replace(/'$/, "");
  return words
    .filter((word) => word.toLowerCase().startsWith(wanted) || (word.startsWith("'") && word.slice(1).toLowerCase().startsWith(wanted)))
    .map((word) => ({ label: word, insert: word, hint }));
}

function spaced(suggestion: Suggestion): Suggestion {
  return { ...suggestion, insert: `${suggestion.insert} ` };
}
