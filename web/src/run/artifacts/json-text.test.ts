import { expect, test } from "vitest";
import { prettyJson } from "./json-text";

test("JSON is laid out as usual", () => {
  const value = { a: [1, 2, { b: null }], "c{": '}"[', d: {}, e: [], f: [[]] };
  expect(prettyJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2));
});

test("nothing of it changes", () => {
  const text = '{"big":12345678901234567890,"small":1.0,"a":1,"a":2,"__proto__":{"x":1}}';
  expect(prettyJson(text)?.replace(/\s/g, "")).toBe(text);
});

test("a text in lines stays as it is", () => {
  const text = '{\n  "a": "b \\" c",\n  "d": [\n    1\n  ]\n}';
  expect(prettyJson(text)).toBe(text);
});

test("what is no JSON is left alone", () => {
  expect(prettyJson("{'a': 1}")).toBeNull();
  expect(prettyJson('{"a": NaN}')).toBeNull();
});
