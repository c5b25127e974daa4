/** A live stream whose every word a test says. */

import { create } from "@bufbuild/protobuf";
import { vi } from "vitest";
import { type WatchRunsResponse, WatchRunsResponseSchema } from "../api/gen/runstream/v1/metric_service_pb";
import { Hub, type WatchError } from "./hub";
import { SETTLE_MS, type WatchInit } from "./stream";

/** A stream that a test speaks through. */
export class Opened {
  readonly watches: WatchInit[];
  readonly signal: AbortSignal;
  #queue: (WatchRunsResponse | Error | null)[] = [];
  #wake: (() => void) | null = null;

  constructor(watches: WatchInit[], signal: AbortSignal) {
    this.watches = watches;
    this.signal = signal;
    signal.addEventListener("abort", () => this.#put(new Error("aborted")));
  }

  async points(runId: string, cursor: bigint, values: number[], key = "loss"): Promise<void> {
    const none = values.map(() => 0n);
    const series = values.length === 0 ? [] : [{ series: { key }, step: none, timeUnixUs: none, value: values }];
    await this.#say(create(WatchRunsResponseSchema, { runId, cursor, series }));
  }

  async run(runId: string, name: string): Promise<void> {
    await this.#say(create(WatchRunsResponseSchema, { runId, run: { runId, name } }));
  }

  async error(runId: string, reason: string): Promise<void> {
    await this.#say(create(WatchRunsResponseSchema, { runId, error: { reason, message: reason } }));
  }

  async alive(): Promise<void> {
    await this.#say(create(WatchRunsResponseSchema, {}));
  }

  async fail(): Promise<void> {
    this.#put(new Error("reset"));
    await vi.advanceTimersByTimeAsync(0);
  }

  async *read(): AsyncIterable<WatchRunsResponse> {
    for (;;) {
      const next = this.#queue.shift();
      if (next === undefined) await new Promise<void>((wake) => (this.#wake = wake));
      else if (next === null) return;
      else if (next instanceof Error) throw next;
      else yield next;
    }
  }

  async #say(response: WatchRunsResponse): Promise<void> {
    this.#put(response);
    await vi.advanceTimersByTimeAsync(0);
  }

  #put(entry: WatchRunsResponse | Error | null): void {
    this.#queue.push(entry);
    this.#wake?.();
  }
}

/** A hub with all the streams that it opened. */
export class Scene {
  readonly opened: Opened[] = [];
  readonly states: string[] = [];
  readonly hub: Hub;

  constructor() {
    const open = (watches: WatchInit[], signal: AbortSignal) => {
      const stream = new Opened(watches, signal);
      this.opened.push(stream);
      return stream.read();
    };
    this.hub = new Hub(open, (state) => this.states.push(state), () => 1);
  }

  get last(): Opened {
    const found = this.opened.at(-1);
    if (found === undefined) throw new Error("no stream was opened");
    return found;
  }

  async settle(): Promise<void> {
    await vi.advanceTimersByTimeAsync(SETTLE_MS);
  }
}

/** A watch that keeps what it is given. */
export function collecting(runId: string, keys?: string[]) {
  const values: number[] = [];
  const errors: WatchError[] = [];
  const watch = {
    runId,
    ...(keys === undefined ? {} : { keys }),
    onPoints: (series: readonly { value: number[] }[]) => values.push(...series.flatMap((each) => each.value)),
    onError: (error: WatchError) => errors.push(error),
  };
  return { values, errors, watch };
}
