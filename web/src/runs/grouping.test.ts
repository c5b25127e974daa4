import { expect, test } from "vitest";
import { RunStatus } from "../api/gen/runstream/v1/run_pb";
import { column } from "./columns";
import { aggregate, groupRows, linesOf } from "./grouping";
import { durationText, type RunRow, slotsOf, type Value } from "./rows";

function row(...values: Value[]): RunRow {
  const times = { startUs: 0, endUs: null, lastCommitUs: null };
  const texts = { runId: String(values), experimentId: "1", name: "n", user: "", source: "", commit: "" };
  return { ...texts, ...times, status: RunStatus.RUNNING, deleted: false, values };
}

test("groups come in the order of their first runs, runs without the key last", () => {
  const groups = groupRows([row("b"), row(undefined), row("a"), row("b")], 0);
  expect(groups.map(({ value, rows }) => [value, rows.length])).toEqual([["b", 2], ["a", 1], [undefined, 1]]);
});

test("sums leave NaN out, and say so", () => {
  expect(aggregate([row(1), row(NaN), row(3), row(undefined)], 0)).toEqual({ mean: 2, min: 1, max: 3, count: 2, nans: 1 });
  expect(aggregate([row(NaN)], 0)).toEqual({ mean: NaN, min: NaN, max: NaN, count: 0, nans: 1 });
  expect(aggregate([row(undefined)], 0)).toBeNull();
});

test("an infinite value shows in the sums", () => {
  expect(aggregate([row(1), row(Infinity)], 0)).toMatchObject({ mean: Infinity, min: 1, max: Infinity });
});

test("a closed group shows its head alone", () => {
  const group = column("param", "p");
  const lines = linesOf([row("a"), row("a"), row("b")], group, slotsOf([group]), new Set(["a"]));
  expect(lines.map(({ kind }) => kind)).toEqual(["group", "group", "run"]);
});

test("a run at work lasts until now, one that ended without a time has no duration", () => {
  const running = row();
  expect(durationText(running, 90e6).text).toBe("1 m 30 s");
  expect(durationText({ ...running, status: RunStatus.KILLED }, 90e6).text).toBe("");
  expect(durationText({ ...running, endUs: 2e6 }, 90e6).text).toBe("2.0 s");
});
