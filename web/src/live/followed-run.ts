/** One run of the live stream, and all who follow it. */

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { SeriesPoints } from "../api/gen/runstream/v1/metric_pb";
import type { WatchRunsResponse } from "../api/gen/runstream/v1/metric_service_pb";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { Follower } from "./follower";
import type { Watch, WatchError } from "./hub";
import type { WatchInit } from "./stream";

export interface Entry {
  readonly watch: Watch;
  /** Null for who only wants to know of the run. */
  readonly follower: Follower | null;
}

/** Keys that nobody follows any more are dropped from the stream when it is opened for another reason. */
export class FollowedRun {
  readonly runId: string;
  readonly #entries = new Set<Entry>();
  #cursor: bigint | null = null;
  #parts: SeriesPoints[] = [];
  /** What the stream was opened with: null means all keys, undefined no points. */
  #streamed: ReadonlySet<string> | null | undefined = undefined;
  #opened = false;
  #run: Run | null = null;
  #lastCommit: Timestamp | null = null;

  constructor(runId: string) {
    this.runId = runId;
  }

  get empty(): boolean {
    return this.#entries.size === 0;
  }

  /** Adds a subscriber; `changed` says that the stream must be opened anew for it. */
  add(watch: Watch): { readonly entry: Entry; readonly changed: boolean } {
    const entry: Entry = { watch, follower: watch.onPoints === undefined ? null : this.#follower(watch, watch.onPoints) };
    const followed = this.#anchored();
    this.#entries.add(entry);
    queueMicrotask(() => this.#tellState(entry));
    const { follower } = entry;
    if (follower === null) return { entry, changed: !this.#opened };
    if (watch.cursor !== undefined) {
      if (!followed && watch.cursor !== "now") this.#cursor = watch.cursor;
      follower.from(watch.cursor);
      if (!followed) return { entry, changed: true };
    }
    // Nobody opens a stream just to hold points back.
    return { entry, changed: this.#anchored() && !this.#covers(follower) };
  }

  /** Tells a subscriber's place; true when the stream must be opened anew. */
  anchor(entry: Entry, cursor: bigint): boolean {
    if (entry.follower === null || !this.#entries.has(entry)) return false;
    const first = !this.#anchored();
    const covered = this.#covers(entry.follower);
    if (first && !covered) this.#cursor = cursor;
    entry.follower.from(cursor);
    return first && !covered;
  }

  remove(entry: Entry): boolean {
    return this.#entries.delete(entry);
  }

  /** What to ask the stream for. */
  opening(): WatchInit {
    this.#opened = true;
    const followers = [...this.#entries].flatMap(({ follower }) => follower ?? []);
    if (!followers.some((follower) => follower.anchored)) {
      this.#streamed = undefined;
      return { runId: this.runId, omitPoints: true };
    }
    const all = followers.some(({ keys }) => keys === null);
    this.#streamed = all ? null : new Set(followers.flatMap(({ keys }) => [...(keys ?? [])]));
    return {
      runId: this.runId,
      ...(this.#cursor === null ? {} : { cursor: this.#cursor }),
      ...(this.#streamed === null ? {} : { selector: { keys: [...this.#streamed] } }),
    };
  }

  /** Takes what the stream says. The parts of a large commit are given on together: a broken connection repeats them. */
  take(response: WatchRunsResponse): void {
    if (response.run !== undefined) {
      this.#run = response.run;
      for (const { watch } of this.#entries) watch.onRun?.(response.run);
    }
    if (response.lastCommitTime !== undefined) {
      this.#lastCommit = response.lastCommitTime;
      for (const { watch } of this.#entries) watch.onCommit?.(response.lastCommitTime);
    }
    if (this.#streamed === undefined) return;
    this.#parts.push(...response.series);
    const after = this.#cursor ?? response.cursor;
    if (this.#cursor !== null && response.cursor <= this.#cursor) return;
    this.#cursor = response.cursor;
    const series = this.#parts;
    this.#parts = [];
    for (const { follower } of [...this.#entries]) follower?.offer({ after, cursor: response.cursor, series });
  }

  forgetParts(): void {
    this.#parts = [];
    this.#opened = false;
  }

  /** Has everybody read again: the way from their cursors is gone or too long. */
  readAgain(): void {
    this.#cursor = null;
    this.forgetParts();
    for (const { follower, watch } of this.#entries) {
      if (follower === null) continue;
      follower.stale(null);
      if (watch.cursor === "now") follower.from("now");
    }
  }

  fail(error: WatchError): void {
    const entries = [...this.#entries];
    this.#entries.clear();
    for (const { watch } of entries) watch.onError?.(error);
  }

  #follower(watch: Watch, onPoints: NonNullable<Watch["onPoints"]>): Follower {
    const error = { reason: "CURSOR_EXPIRED", message: "the points in between are no longer kept for following; read again" };
    return new Follower(watch.keys, this.#anchored() ? this.#cursor : null, onPoints, () => {
      if (watch.cursor !== "now") watch.onError?.(error);
    });
  }

  #anchored(): boolean {
    for (const { follower } of this.#entries) if (follower?.anchored === true) return true;
    return false;
  }

  #covers({ keys }: Follower): boolean {
    if (!this.#opened || this.#streamed === undefined) return false;
    if (this.#streamed === null) return true;
    const streamed = this.#streamed;
    return keys !== null && [...keys].every((key) => streamed.has(key));
  }

  #tellState({ watch }: Entry): void {
    if (this.#run !== null) watch.onRun?.(this.#run);
    if (this.#lastCommit !== null) watch.onCommit?.(this.#lastCommit);
  }
}
