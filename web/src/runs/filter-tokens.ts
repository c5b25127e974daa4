/** The words of a filter, read with patience: a filter that is being typed is never whole. */

export type TokenKind = "field" | "text" | "number" | "operator" | "word" | "open" | "close" | "comma" | "other";

export interface FilterToken {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ["text", /'(?:''|[^'])*(?:'|$)/y],
  ["field", /[A-Za-z]\w*\.(?:`(?:``|[^`])*(?:`|$)|"(?:""|[^"])*(?:"|$)|[\w./:@-]*)/y],
  ["text", /"(?:""|[^"])*(?:"|$)/y],
  ["number", /[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d*)?/y],
  ["operator", /[=!<>]+/y],
  ["word", /[A-Za-z_]\w*/y],
  ["open", /\(/y],
  ["close", /\)/y],
  ["comma", /,/y],
  ["other", /\S/y],
];
const SPACE = /\s*/y;

export function tokensOf(text: string): FilterToken[] {
  const tokens: FilterToken[] = [];
  let at = 0;
  for (;;) {
    at += matchAt(SPACE, text, at).length;
    if (at >= text.length) return tokens;
    for (const [kind, pattern] of PATTERNS) {
      const found = matchAt(pattern, text, at);
      if (found === "") continue;
      tokens.push({ kind, text: found, start: at, end: at + found.length });
      at += found.length;
      break;
    }
  }
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

/** What may come next in a filter. */
export type Expected = "field" | "operator" | "value" | "list" | "conjunction";

export interface Position {
  readonly expected: Expected;
  /** The field that the operator or value belongs to, as written; empty when there is none. */
  readonly field: string;
}

/** What may come after these words. */
export function positionAfter(tokens: readonly FilterToken[]): Position {
  let expected: Expected = "field";
  let field = "";
  for (const token of tokens) {
    const word = token.text.toUpperCase();
    if (expected === "field") {
      if (token.kind === "open" || word === "NOT") continue;
      field = token.text;
      expected = "operator";
    } else if (expected === "operator") {
      if (["NOT", "IS"].includes(word)) continue;
      expected = word === "IN" ? "list" : word === "NULL" ? "conjunction" : "value";
    } else if (expected === "list") {
      if (token.kind === "close") expected = "conjunction";
    } else if (expected === "value") {
      expected = "conjunction";
    } else if (["AND", "OR"].includes(word)) {
      expected = "field";
      field = "";
    }
  }
  return { expected, field };
}
