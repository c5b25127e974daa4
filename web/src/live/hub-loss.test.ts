import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { collecting, Scene } from "./scripted-stream";
import { SILENCE_MS } from "./stream";

let scene: Scene;

beforeEach(() => {
  vi.useFakeTimers();
  scene = new Scene();
});
afterEach(() => vi.useRealTimers());

describe("losing the connection", () => {
  test("says so, waits longer each time, and heals from the newest cursor", async () => {
    const a = collecting("a");
    scene.hub.watch({ ...a.watch, cursor: 1n });
    await scene.settle();
    await scene.last.points("a", 2n, [1]);
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      await scene.last.fail();
      const before = scene.opened.length;
      let waited = 0;
      while (scene.opened.length === before) {
        waited += 100;
        await vi.advanceTimersByTimeAsync(100);
      }
      pauses.push(waited);
    }
    expect(pauses).toEqual([400, 800, 1_600, 3_200, 5_000, 5_000]);
    expect(scene.states).toEqual(["connecting", "live", "lost"]);
    await scene.last.points("a", 3n, [2]);
    expect(scene.states.at(-1)).toBe("live");
    expect(a.values).toEqual([1, 2]);
  });

  test("silence counts as loss, unless the server says it is alive", async () => {
    scene.hub.watch({ ...collecting("a").watch, cursor: 1n });
    await scene.settle();
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1_000);
    await scene.last.alive();
    await vi.advanceTimersByTimeAsync(SILENCE_MS - 1_000);
    expect(scene.states.at(-1)).toBe("live");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(scene.states.at(-1)).toBe("lost");
    expect(scene.opened[0]?.signal.aborted).toBe(true);
  });

  test("new watches do not make an absent server be asked more often", async () => {
    scene.hub.watch({ ...collecting("a").watch, cursor: 1n });
    await scene.settle();
    await scene.last.fail();
    for (let more = 0; more < 20; more++) scene.hub.watch({ ...collecting(`r${more}`).watch, cursor: 1n });
    await vi.advanceTimersByTimeAsync(200);
    expect(scene.opened).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(scene.opened).toHaveLength(2);
    expect(scene.last.watches).toHaveLength(21);
  });
});

describe("a page that nobody looks at", () => {
  test("lets its connection go, and catches up after a short while", async () => {
    const a = collecting("a");
    scene.hub.watch({ ...a.watch, cursor: 1n });
    await scene.settle();
    await scene.last.points("a", 2n, [1]);
    scene.hub.hidden(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(scene.last.signal.aborted).toBe(true);
    scene.hub.hidden(false);
    await scene.settle();
    expect(scene.last.watches).toEqual([{ runId: "a", cursor: 2n }]);
    expect(a.errors).toEqual([]);
  });

  test("reads again after a long one", async () => {
    const a = collecting("a");
    scene.hub.watch({ ...a.watch, cursor: 1n });
    await scene.settle();
    scene.hub.hidden(true);
    await vi.advanceTimersByTimeAsync(3_600_000);
    scene.hub.hidden(false);
    await scene.settle();
    expect(a.errors).toHaveLength(1);
    expect(scene.last.watches).toEqual([{ runId: "a", omitPoints: true }]);
  });
});
