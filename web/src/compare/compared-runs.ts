/** The runs of a comparison, as they are now. */

import { signal } from "@preact/signals";
import { RunStatus, type Run } from "../api/gen/runstream/v1/run_pb";
import { ViewType } from "../api/gen/runstream/v1/experiment_pb";
import { withIds } from "../api/filters";
import { isAborted, isUnreachable, messageOf, runsApi } from "../api/transport";
import { watch } from "../live/hub";

const REREAD_MS = 2_000;
const PAGE_SIZE = 1_000;

export class ComparedRuns {
  /** In the order of the address; null until they are read. */
  readonly runs = signal<readonly Run[] | null>(null);
  readonly failure = signal("");
  /** How many of the runs the server does not know. */
  readonly missing = signal(0);
  readonly #runIds: readonly string[];
  readonly #calls = new AbortController();
  #stops: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(runIds: readonly string[]) {
    this.#runIds = [...new Set(runIds)];
  }

  start(): void {
    void this.#read().then(() => this.#follow());
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#calls.abort();
    for (const stop of this.#stops) stop();
  }

  async #read(): Promise<void> {
    if (this.#runIds.length === 0) {
      this.runs.value = [];
      return;
    }
    const request = { filter: withIds(this.#runIds), viewType: ViewType.ALL, omitInputs: true, pageSize: PAGE_SIZE };
    try {
      const found = new Map<string, Run>();
      let pageToken = "";
      do {
        const answer = await runsApi.searchRuns({ ...request, pageToken }, { signal: this.#calls.signal });
        for (const run of answer.runs) found.set(run.runId, run);
        pageToken = answer.nextPageToken;
      } while (pageToken !== "");
      this.runs.value = this.#runIds.map((id) => found.get(id)).filter((run) => run !== undefined);
      this.missing.value = this.#runIds.length - found.size;
      this.failure.value = "";
    } catch (error) {
      if (isAborted(error)) return;
      this.failure.value = messageOf(error);
      if (isUnreachable(error)) this.#readLater();
    }
  }

  #readLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#read();
    }, REREAD_MS);
  }

  /** Reads again when one of the runs at work has changed. */
  #follow(): void {
    if (this.#calls.signal.aborted) return;
    const atWork = (this.runs.peek() ?? []).filter(({ status }) => status === RunStatus.RUNNING);
    this.#stops = atWork.map((run) => {
      let known = true;
      const changed = () => {
        // The first news are what was just read.
        if (known) known = false;
        else this.#readLater();
      };
      return watch({ runId: run.runId, onRun: changed, onCommit: (time) => time.seconds !== run.lastCommitTime?.seconds && this.#readLater() });
    });
  }
}
