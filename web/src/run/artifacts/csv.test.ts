import { expect, test } from "vitest";
import { parseCsv, separatorOf } from "./csv";

test.each([
  ["", []],
  ["a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
  ["a,b\r\n1,2", [["a", "b"], ["1", "2"]]],
  ["a\rb\r", [["a"], ["b"]]],
  ['"a,b","say ""hi""","two\nlines"\n', [["a,b", 'say "hi"', "two\nlines"]]],
  ["a,,\n,,c\n", [["a", "", ""], ["", "", "c"]]],
  ["a,", [["a", ""]]],
  ["\n\nx\n", [[""], [""], ["x"]]],
  ['"cut off, here', [["cut off, here"]]],
  ['"a"b,c\n', [["ab", "c"]]],
  ['a"b,c\n', [['a"b', "c"]]],
  ["\ufeffa,b\n", [["a", "b"]]],
  ["=HYPERLINK(\"x\"),@SUM(1)\n", [['=HYPERLINK("x")', "@SUM(1)"]]],
  ["__proto__,constructor\n1,2\n", [["__proto__", "constructor"], ["1", "2"]]],
])("%j is read as it was written", (text, rows) => {
  expect(parseCsv(text, ",")).toEqual(rows);
});

test("the separator is the one that the first line uses", () => {
  expect(separatorOf("a;b;c\n1,5;2;3\n", "x.csv")).toBe(";");
  expect(separatorOf("a\tb\n", "x.csv")).toBe("\t");
  expect(separatorOf('"a;b;c",d\n', "x.csv")).toBe(",");
  expect(separatorOf("a,b\n", "x.tsv")).toBe("\t");
  expect(separatorOf("alone\n", "x.csv")).toBe(",");
});

test("a hundred thousand fields take no time worth mentioning", () => {
  const text = "1.25,\"x\",\n".repeat(33_334);
  expect(parseCsv(text, ",")).toHaveLength(33_334);
});
