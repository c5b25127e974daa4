import { expect, test } from "vitest";
import { complete } from "./completion";

const vocabulary = {
  keys: { param: ["lr", "optimizer.lr", "a b"], tag: ["team"], metric: ["loss", "val/loss"] },
  valuesOf: (field: string) => (field === "tags.team" ? ["vision", "o'hara"] : []),
};

/** What is suggested where `|` stands, and the filter after the first one is taken. */
function at(marked: string): { labels: string[]; taken: string } {
  const cursor = marked.indexOf("|");
  const text = marked.replace("|", "");
  const { from, to, suggestions } = complete(text, cursor, vocabulary);
  return {
    labels: suggestions.map(({ label }) => label),
    taken: text.slice(0, from) + (suggestions[0]?.insert ?? "") + text.slice(to),
  };
}

test("an empty filter offers kinds of fields and attributes", () => {
  expect(at("|").labels.slice(0, 4)).toEqual(["metrics.", "params.", "tags.", "status"]);
});

test("keys are found by any part of them, those that begin with it first", () => {
  expect(at("params.l|").labels).toEqual(["params.lr", "params.optimizer.lr"]);
  expect(at("los|").labels).toEqual(["metrics.loss", "metrics.val/loss"]);
});

test("a key that needs quotes gets them", () => {
  expect(at("params.a|").taken).toBe("params.`a b` ");
  expect(at("params.`a b|` = 1").taken).toBe("params.`a b`  = 1");
});

test("the word around the cursor is replaced whole", () => {
  expect(at("metrics.va|l/loss < 1").taken).toBe("metrics.val/loss  < 1");
});

test("operators fit the field", () => {
  expect(at("metrics.loss |").labels).toEqual(["<", "<=", ">", ">=", "=", "!="]);
  expect(at("params.lr |").labels).toContain("IS NULL");
  expect(at("params.lr li|").labels).toEqual(["LIKE"]);
});

test("values are those that runs have, quoted", () => {
  expect(at("tags.team = |").labels).toEqual(["'vision'", "'o''hara'"]);
  expect(at("tags.team = 'v|").taken).toBe("tags.team = 'vision'");
  expect(at("tags.team = vi|").taken).toBe("tags.team = 'vision'");
  expect(at("status = F|").labels).toEqual(["'FINISHED'", "'FAILED'"]);
  expect(at("status IN ('FAILED', |").labels).toContain("'KILLED'");
});

test("after a comparison comes and or or, after that a field again", () => {
  expect(at("metrics.loss < 1 |").labels).toEqual(["AND", "OR"]);
  expect(at("metrics.loss < 1 AND NOT (|").labels).toContain("status");
  expect(at("params.lr IS NOT NULL a|").labels).toEqual(["AND"]);
  expect(at("status IN ('FAILED') |").labels).toEqual(["AND", "OR"]);
});
