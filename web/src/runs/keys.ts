/** Which params, tags and metrics the runs of some experiments have. */

import { signal } from "@preact/signals";
import { KeyKind } from "../api/gen/runstream/v1/run_service_pb";
import { isAborted, runsApi } from "../api/transport";
import type { ColumnKind } from "./columns";

export type KeyedKind = Exclude<ColumnKind, "attribute">;

const KINDS: Readonly<Record<KeyedKind, KeyKind>> = {
  param: KeyKind.PARAM,
  tag: KeyKind.TAG,
  metric: KeyKind.METRIC,
};
const PAGE_SIZE = 1_000;

interface Known {
  readonly keys: readonly string[];
  /** Whether there are no others. */
  readonly complete: boolean;
}

const NONE: Known = { keys: [], complete: false };

export class Keys {
  readonly known = signal<Readonly<Record<KeyedKind, Known>>>({ param: NONE, tag: NONE, metric: NONE });
  /** Whether the first keys are there, or could not be had. */
  readonly ready = signal(false);
  readonly #experimentIds: readonly string[];
  readonly #calls = new AbortController();

  constructor(experimentIds: readonly string[]) {
    this.#experimentIds = experimentIds;
  }

  async load(): Promise<void> {
    try {
      await Promise.all((["param", "metric", "tag"] as const).map((kind) => this.find(kind, "")));
    } finally {
      this.ready.value = true;
    }
  }

  /** Sees to it that the keys that begin with `prefix` are known, as many as fit on a page. */
  async find(kind: KeyedKind, prefix: string): Promise<void> {
    if (this.known.peek()[kind].complete) return;
    try {
      const answer = await runsApi.listKeys(
        { experimentIds: [...this.#experimentIds], kind: KINDS[kind], prefix, pageSize: PAGE_SIZE },
        { signal: this.#calls.signal },
      );
      const before = this.known.peek();
      const keys = [...new Set([...before[kind].keys, ...answer.keys])].sort();
      const complete = prefix === "" && answer.nextPageToken === "";
      this.known.value = { ...before, [kind]: { keys, complete } };
    } catch (error) {
      // Keys only help: without them everything can still be typed.
      if (isAborted(error)) return;
    }
  }

  stop(): void {
    this.#calls.abort();
  }
}
