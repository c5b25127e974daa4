import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { collecting, Scene } from "./scripted-stream";
import { LONGEST_PAUSE_MS, SETTLE_MS } from "./stream";

let scene: Scene;

beforeEach(() => {
  vi.useFakeTimers();
  scene = new Scene();
});
afterEach(() => vi.useRealTimers());

describe("one stream", () => {
  test("watches that begin together share it, each from its own cursor", async () => {
    const a = collecting("a");
    const b = collecting("b", ["loss"]);
    scene.hub.watch({ ...a.watch, cursor: 3n });
    scene.hub.watch({ ...b.watch, cursor: 7n });
    await scene.settle();
    expect(scene.opened).toHaveLength(1);
    expect(scene.last.watches).toEqual([
      { runId: "a", cursor: 3n },
      { runId: "b", cursor: 7n, selector: { keys: ["loss"] } },
    ]);
    await scene.last.points("b", 8n, [1]);
    await scene.last.points("a", 4n, [2]);
    expect([a.values, b.values]).toEqual([[2], [1]]);
  });

  test("who wants no points gets none, and the run at once when it is known", async () => {
    const names: string[] = [];
    scene.hub.watch({ runId: "a", onRun: (run) => names.push(run.name) });
    await scene.settle();
    expect(scene.last.watches).toEqual([{ runId: "a", omitPoints: true }]);
    await scene.last.run("a", "first");
    scene.hub.watch({ runId: "a", onRun: (run) => names.push(run.name) });
    await vi.advanceTimersByTimeAsync(SETTLE_MS);
    expect(names).toEqual(["first", "first"]);
    expect(scene.opened).toHaveLength(1);
  });

  test("a new watch opens it again from where the others are, without a hole or a repeat", async () => {
    const a = collecting("a", ["loss"]);
    scene.hub.watch({ ...a.watch, cursor: 3n });
    await scene.settle();
    await scene.last.points("a", 4n, [1]);
    const other = collecting("a", ["acc"]);
    const watching = scene.hub.watch(other.watch);
    expect(scene.opened[0]?.signal.aborted).toBe(true);
    await scene.settle();
    expect(scene.last.watches).toEqual([{ runId: "a", cursor: 4n, selector: { keys: ["loss", "acc"] } }]);
    await scene.last.points("a", 5n, [10], "acc");
    await scene.last.points("a", 6n, [20], "acc");
    watching.from(5n);
    await scene.last.points("a", 7n, [30], "acc");
    await scene.last.points("a", 8n, [2]);
    expect(other.values).toEqual([20, 30]);
    expect(a.values).toEqual([1, 2]);
  });

  test("holding points back needs no stream", async () => {
    const watching = scene.hub.watch(collecting("a").watch);
    await scene.settle();
    expect(scene.opened).toHaveLength(0);
    watching.from(5n);
    await scene.settle();
    expect(scene.last.watches).toEqual([{ runId: "a", cursor: 5n }]);
  });

  test("the last one to stop closes it", async () => {
    const stop = scene.hub.watch({ ...collecting("a").watch, cursor: 1n });
    await scene.settle();
    stop();
    await scene.settle();
    expect(scene.last.signal.aborted).toBe(true);
    expect(scene.opened).toHaveLength(1);
    expect(scene.states.at(-1)).toBe("idle");
  });
});

describe("what comes between", () => {
  test("the parts of a large commit are given on together, and those of a broken one come once", async () => {
    const a = collecting("a");
    scene.hub.watch({ ...a.watch, cursor: 3n });
    await scene.settle();
    await scene.last.points("a", 3n, [1, 2]);
    expect(a.values).toEqual([]);
    await scene.last.fail();
    await vi.advanceTimersByTimeAsync(LONGEST_PAUSE_MS);
    expect(scene.last.watches).toEqual([{ runId: "a", cursor: 3n }]);
    await scene.last.points("a", 3n, [1, 2]);
    await scene.last.points("a", 4n, [3]);
    expect(a.values).toEqual([1, 2, 3]);
  });

  test("a cursor within a response cannot be served: its reader reads again", async () => {
    const a = collecting("a");
    scene.hub.watch({ ...a.watch, cursor: 3n });
    const late = collecting("a");
    const watching = scene.hub.watch(late.watch);
    await scene.settle();
    await scene.last.points("a", 6n, [1, 2, 3]);
    watching.from(5n);
    await scene.settle();
    expect(late.errors.map(({ reason }) => reason)).toEqual(["CURSOR_EXPIRED"]);
    watching.from(6n);
    await scene.last.points("a", 7n, [4]);
    expect([late.values, a.values]).toEqual([[4], [1, 2, 3, 4]]);
  });

  test("a cursor from before the stream's place means reading again", async () => {
    scene.hub.watch({ ...collecting("a").watch, cursor: 3n });
    const late = collecting("a");
    scene.hub.watch({ ...late.watch, cursor: 2n });
    await scene.settle();
    expect(late.errors).toHaveLength(1);
  });

  test("an expired cursor makes every reader of that run read again, and no other", async () => {
    const a = collecting("a");
    const b = collecting("b");
    const watching = scene.hub.watch({ ...a.watch, cursor: 1n });
    scene.hub.watch({ ...b.watch, cursor: 1n });
    await scene.settle();
    await scene.last.error("a", "CURSOR_EXPIRED");
    await scene.settle();
    expect([a.errors.length, b.errors.length]).toEqual([1, 0]);
    watching.from(50n);
    await scene.settle();
    expect(scene.last.watches[0]).toEqual({ runId: "a", cursor: 50n });
    await scene.last.points("a", 51n, [1]);
    expect(a.values).toEqual([1]);
  });

  test("a run that is gone ends its watch alone", async () => {
    const a = collecting("a");
    scene.hub.watch({ ...a.watch, cursor: 1n });
    scene.hub.watch({ ...collecting("b").watch, cursor: 1n });
    await scene.settle();
    await scene.last.error("a", "RUN_NOT_FOUND");
    expect(a.errors).toEqual([{ reason: "RUN_NOT_FOUND", message: "RUN_NOT_FOUND" }]);
    expect(scene.opened).toHaveLength(1);
  });
});
