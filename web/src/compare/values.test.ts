import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { RunSchema } from "../api/gen/runstream/v1/run_pb";
import { joinAxes, splitAxes } from "./axis-choice";
import { axesFrom, isWithin } from "./parallel-axes";
import { bestOf, dataOf, textRows, usualAxes, usualBetter } from "./values";

function run(params: Record<string, string>, metrics: Record<string, number>) {
  const latest = Object.entries(metrics).map(([key, value]) => ({ key, value }));
  return create(RunSchema, { runId: JSON.stringify([params, metrics]), params, metrics: latest });
}

test("what differs is told from what is the same; what is lacking differs", () => {
  const rows = textRows([{ a: "1", b: "x" }, { a: "1", b: "y", c: "" }]);
  expect(rows.map(({ key, differs }) => [key, differs])).toEqual([["a", false], ["b", true], ["c", true]]);
});

test.each([["val/loss", "lower"], ["top1_accuracy", "higher"], ["test.RMSE", "lower"], ["mAP", "higher"], ["lr", null], ["loss_accuracy", null]])(
  "of %s the %s values are better",
  (key, better) => {
    expect(usualBetter(key)).toBe(better);
  },
);

test("the best is no NaN, and none when all are alike", () => {
  expect(bestOf([NaN, 2, undefined, 1], "lower")).toBe(1);
  expect(bestOf([NaN, 2, Infinity], "higher")).toBe(Infinity);
  expect(bestOf([1, 1], "lower")).toBeNull();
  expect(bestOf([1, 2], null)).toBeNull();
});

test("a param with one text among its numbers is a text", () => {
  const runs = [run({ a: "1", b: "1e-3" }, {}), run({ a: "auto", b: "2" }, {})];
  expect(dataOf(runs, { id: "params.a", kind: "param", key: "a" })).toEqual(["1", "auto"]);
  expect(dataOf(runs, { id: "params.b", kind: "param", key: "b" })).toEqual([0.001, 2]);
});

test("the usual axes are what differs and what is validated", () => {
  const runs = [run({ a: "1", b: "1" }, { loss: 1, "val/loss": 1, zeta: 1 }), run({ a: "2", b: "1" }, { loss: 2, "val/loss": 1, zeta: 1 })];
  expect(usualAxes(runs).map(({ id }) => id)).toEqual(["params.a", "metrics.val/loss", "metrics.loss"]);
});

test("a marked part keeps the runs in it, and none without a value", () => {
  const runs = [run({ a: "1" }, {}), run({ a: "5" }, {}), run({}, {})];
  const axes = axesFrom(runs, "params.a");
  const kept = runs.map((_, at) => isWithin(axes, new Map([["params.a", [0, 0.5]]]), at));
  expect(kept).toEqual([true, false, false]);
});

test("axes with commas in their keys come back from the address", () => {
  expect(splitAxes(joinAxes(["params.a,b", "metrics.c\\"]))).toEqual(["params.a,b", "metrics.c\\"]);
});
