import { expect, test } from "vitest";
import { href, parseHash } from "./router";

test("a path and a view come back as they were written", () => {
  const query = new Map([
    ["filter", "params.lr > '0.1' and tags.`a&b?` = '#%+ü'"],
    ["columns", "metrics.loss,params.a/b"],
  ]);
  const read = parseHash(href(["experiments", "a/b?#c", "d + e"], query));
  expect(read.path).toEqual(["experiments", "a/b?#c", "d + e"]);
  expect(read.query).toEqual(query);
});

test("addresses stay readable", () => {
  expect(href(["experiments", "1,2"], [["columns", "metrics.loss,params.lr"]])).toBe(
    "#/experiments/1,2?columns=metrics.loss,params.lr",
  );
});

test("a broken escape is taken as it is", () => {
  expect(parseHash("#/runs/%E0%A4%A").path).toEqual(["runs", "%E0%A4%A"]);
});
