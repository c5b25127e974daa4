/** What one subscriber has of a run: everything after its own cursor, once. */

import type { SeriesPoints } from "../api/gen/runstream/v1/metric_pb";

/** What was committed between two log positions. */
export interface Commit {
  readonly after: bigint;
  readonly cursor: bigint;
  readonly series: readonly SeriesPoints[];
}

/** The points that are held for a subscriber that has not read yet. */
const MOST_PENDING = 200_000;

export class Follower {
  readonly keys: ReadonlySet<string> | null;
  readonly #deliver: (series: readonly SeriesPoints[], cursor: bigint) => void;
  readonly #readAgain: () => void;
  #position: bigint | "now" | null = null;
  #since: bigint | null;
  #pending: Commit[] = [];
  #pendingPoints = 0;
  #told = false;

  /** `since` is where the run's stream stands: what is committed after it will be offered. */
  constructor(
    keys: readonly string[] | undefined,
    since: bigint | null,
    deliver: (series: readonly SeriesPoints[], cursor: bigint) => void,
    readAgain: () => void,
  ) {
    this.keys = keys === undefined ? null : new Set(keys);
    this.#since = since;
    this.#deliver = deliver;
    this.#readAgain = readAgain;
  }

  /** Whether it knows from where its points go on. */
  get anchored(): boolean {
    return this.#position !== null;
  }

  /** Goes on from what was read at `cursor`; "now" means whatever comes. */
  from(cursor: bigint | "now"): void {
    this.#told = false;
    if (cursor !== "now" && this.#since !== null && cursor < this.#since) {
      this.stale();
      return;
    }
    this.#position = cursor;
    const pending = this.#pending;
    this.#drop();
    for (const commit of pending) this.offer(commit);
  }

  /** Takes a commit: gives on what is new, drops what was read already. */
  offer(commit: Commit): void {
    this.#since ??= commit.after;
    if (this.#position === null) {
      this.#hold(commit);
      return;
    }
    if (this.#position !== "now") {
      if (commit.cursor <= this.#position) return;
      // Which of these points came before the position cannot be told, nor what came in a gap.
      if (commit.after !== this.#position) {
        this.stale(commit.cursor);
        return;
      }
    }
    if (this.#position !== "now") this.#position = commit.cursor;
    const series = this.keys === null ? commit.series : commit.series.filter((each) => this.keys?.has(each.series?.key ?? ""));
    if (series.length > 0) this.#deliver(series, commit.cursor);
  }

  /** Says that the subscriber must read again; until it has, what comes is kept. */
  stale(since: bigint | null = this.#since): void {
    this.#position = null;
    this.#since = since;
    this.#drop();
    if (this.#told) return;
    this.#told = true;
    queueMicrotask(this.#readAgain);
  }

  #hold(commit: Commit): void {
    this.#pending.push(commit);
    for (const each of commit.series) this.#pendingPoints += each.value.length;
    if (this.#pendingPoints <= MOST_PENDING) return;
    this.#drop();
    this.#since = commit.cursor;
  }

  #drop(): void {
    this.#pending = [];
    this.#pendingPoints = 0;
  }
}
