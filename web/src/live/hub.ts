/**
 * The one live stream of a page, shared by everything on it that follows runs.
 *
 * Read first, then follow from the cursor that the read returned: nothing is missed and nothing comes twice.
 */

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { SeriesPoints } from "../api/gen/runstream/v1/metric_pb";
import type { WatchRunsResponse } from "../api/gen/runstream/v1/metric_service_pb";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { metricsApi } from "../api/transport";
import { connectionState, type ConnectionState } from "./connection";
import { FollowedRun } from "./followed-run";
import { LiveStream, type OpenStream, type WatchInit } from "./stream";

export interface WatchError {
  /** `RUN_NOT_FOUND`, which ends the watch, or `CURSOR_EXPIRED`: read again, and call `from` with the new cursor. */
  readonly reason: string;
  readonly message: string;
}

export interface Watch {
  readonly runId: string;
  /** Which metrics' points; all when absent. */
  readonly keys?: readonly string[];
  /** Where what was read ended. Absent with `onPoints`: points are held until `from` is called. */
  readonly cursor?: bigint | "now";
  readonly onPoints?: (series: readonly SeriesPoints[], cursor: bigint) => void;
  /** Gets the run soon after the start, and whenever it has changed by more than its points. */
  readonly onRun?: (run: Run) => void;
  /** Gets the time of the newest commit of points. */
  readonly onCommit?: (time: Timestamp) => void;
  readonly onError?: (error: WatchError) => void;
}

/** Ends a watch when called. */
export interface Watching {
  (): void;
  /** Goes on from the cursor of a read that began after the watch did. */
  readonly from: (cursor: bigint) => void;
}

/** The most runs that one stream follows. */
const MOST_RUNS = 1_000;
/** A hidden page keeps its connection this long … */
export const HIDDEN_KEPT_MS = 5_000;
/** … and one hidden for longer than this reads again instead of catching up. */
export const HIDDEN_RESUMED_MS = 60_000;

export class Hub {
  readonly #stream: LiveStream;
  readonly #runs = new Map<string, FollowedRun>();
  #hiddenTimer: ReturnType<typeof setTimeout> | null = null;
  #hiddenSince = 0;

  constructor(open: OpenStream, onState: (state: ConnectionState) => void, random: () => number = Math.random) {
    const stream = { watches: () => this.#watches(), onResponse: (response: WatchRunsResponse) => this.#take(response) };
    this.#stream = new LiveStream(open, { ...stream, onState, onBroken: () => this.#broken() }, random);
  }

  watch(watch: Watch): Watching {
    const run = this.#run(watch.runId);
    const added = run.add(watch);
    if (added.changed) this.#stream.change();
    const from = (cursor: bigint): void => {
      if (run.anchor(added.entry, cursor)) this.#stream.change();
    };
    const stop = (): void => {
      if (!run.remove(added.entry)) return;
      if (run.empty) {
        if (this.#runs.get(run.runId) === run) this.#runs.delete(run.runId);
        this.#stream.change();
      }
    };
    return Object.assign(stop, { from });
  }

  /** Lets go of the connection while nobody looks. */
  hidden(isHidden: boolean): void {
    if (this.#hiddenTimer !== null) clearTimeout(this.#hiddenTimer);
    this.#hiddenTimer = null;
    if (isHidden) {
      this.#hiddenSince = Date.now();
      this.#hiddenTimer = setTimeout(() => this.#stream.pause(), HIDDEN_KEPT_MS);
      return;
    }
    if (Date.now() - this.#hiddenSince > HIDDEN_RESUMED_MS) for (const run of this.#runs.values()) run.readAgain();
    this.#stream.resume();
  }

  /** Tries to connect at once, as when the network is back. */
  hurry(): void {
    this.#stream.hurry();
  }

  #run(runId: string): FollowedRun {
    const found = this.#runs.get(runId);
    if (found !== undefined) return found;
    const made = new FollowedRun(runId);
    this.#runs.set(runId, made);
    return made;
  }

  #watches(): WatchInit[] {
    return [...this.#runs.values()].slice(0, MOST_RUNS).map((run) => run.opening());
  }

  #take(response: WatchRunsResponse): void {
    const run = this.#runs.get(response.runId);
    if (run === undefined) return;
    const error = response.error;
    if (error === undefined) {
      run.take(response);
    } else if (error.reason === "CURSOR_EXPIRED") {
      run.readAgain();
      this.#stream.change();
    } else {
      this.#runs.delete(run.runId);
      run.fail({ reason: error.reason, message: error.message });
    }
  }

  #broken(): void {
    for (const run of this.#runs.values()) run.forgetParts();
  }
}

export const hub = new Hub(
  (watches, signal) => metricsApi.watchRuns({ watches }, { signal }),
  (state) => (connectionState.value = state),
);

document.addEventListener("visibilitychange", () => hub.hidden(document.hidden));
addEventListener("online", () => hub.hurry());

/** Follows a run until what it returns is called. */
export function watch(what: Watch): Watching {
  return hub.watch(what);
}
