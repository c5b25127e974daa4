/** Keeps one server stream open: opened anew when what is asked for changes, and after every loss. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { RunWatchSchema, WatchRunsResponse } from "../api/gen/runstream/v1/metric_service_pb";
import type { ConnectionState } from "./connection";

export type WatchInit = MessageInitShape<typeof RunWatchSchema>;
export type OpenStream = (watches: WatchInit[], signal: AbortSignal) => AsyncIterable<WatchRunsResponse>;

/** The server speaks at least every 15 s. */
export const SILENCE_MS = 20_000;
/** Changes that come together, as when a page scrolls, open one stream. */
export const SETTLE_MS = 30;
export const FIRST_PAUSE_MS = 400;
export const LONGEST_PAUSE_MS = 5_000;

export interface StreamOwner {
  /** What to follow from where, as of now. */
  readonly watches: () => WatchInit[];
  readonly onResponse: (response: WatchRunsResponse) => void;
  readonly onState: (state: ConnectionState) => void;
  /** Called whenever a stream has been given up: what it had begun to say comes again. */
  readonly onBroken: () => void;
}

export class LiveStream {
  readonly #open: OpenStream;
  readonly #owner: StreamOwner;
  readonly #random: () => number;
  #current: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #silence: ReturnType<typeof setTimeout> | null = null;
  #failures = 0;
  #paused = false;
  #said: ConnectionState = "idle";

  constructor(open: OpenStream, owner: StreamOwner, random: () => number = Math.random) {
    this.#open = open;
    this.#owner = owner;
    this.#random = random;
  }

  /** Gives up the stream at once, so that positions stand still, and soon opens one for what is wanted then. */
  change(): void {
    this.#giveUp();
    // A timer that runs already opens it; while the server is away, a change must not make it be asked more often.
    if (!this.#paused && this.#timer === null) this.#schedule(SETTLE_MS);
  }

  /** Holds no connection until `resume`. */
  pause(): void {
    this.#paused = true;
    this.#giveUp();
    this.#cancelTimer();
    this.#say("idle");
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#failures = 0;
    this.#schedule(0);
  }

  /** Tries at once when it was waiting to try again. */
  hurry(): void {
    if (this.#failures > 0 && this.#timer !== null) this.#schedule(0);
  }

  #schedule(ms: number): void {
    this.#cancelTimer();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#follow();
    }, ms);
  }

  async #follow(): Promise<void> {
    const watches = this.#owner.watches();
    if (watches.length === 0) {
      this.#failures = 0;
      this.#say("idle");
      return;
    }
    if (this.#said === "idle") this.#say("connecting");
    const mine = new AbortController();
    this.#current = mine;
    this.#listen(mine);
    try {
      for await (const response of this.#open(watches, mine.signal)) {
        if (this.#current !== mine) return;
        this.#heard(mine);
        this.#owner.onResponse(response);
      }
    } catch {
      // Whatever it was, the remedy is the same: try again, and say so meanwhile.
    }
    if (this.#current === mine) this.#lost();
  }

  #heard(mine: AbortController): void {
    this.#failures = 0;
    this.#say("live");
    this.#listen(mine);
  }

  #listen(mine: AbortController): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      if (this.#current === mine) this.#lost();
    }, SILENCE_MS);
  }

  #lost(): void {
    this.#giveUp();
    if (this.#owner.watches().length === 0) {
      this.#say("idle");
      return;
    }
    this.#say("lost");
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
    this.#failures++;
    this.#schedule(longest * (0.5 + 0.5 * this.#random()));
  }

  #giveUp(): void {
    if (this.#silence !== null) clearTimeout(this.#silence);
    this.#silence = null;
    const current = this.#current;
    this.#current = null;
    if (current === null) return;
    current.abort();
    this.#owner.onBroken();
  }

  #say(state: ConnectionState): void {
    if (state === this.#said) return;
    this.#said = state;
    this.#owner.onState(state);
  }

  #cancelTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
