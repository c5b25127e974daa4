/** One reading of some metrics of some runs, and the following of what is committed after it. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SeriesPoints } from "../api/gen/runstream/v1/metric_pb";
import type { GetChartRequestSchema } from "../api/gen/runstream/v1/metric_service_pb";
import { isAborted } from "../api/transport";
import { watch, type Watching } from "../live/hub";
import type { Line } from "./line";
import { readChart } from "./wire";

export type ChartRequest = MessageInitShape<typeof GetChartRequestSchema>;

export interface BatchOwner {
  readonly onLines: (lines: readonly Line[]) => void;
  readonly onRead: () => void;
  readonly onPoints: (runId: string, series: readonly SeriesPoints[]) => void;
  readonly onFailed: (error: unknown) => void;
  /** What was read is not the beginning of what is told any more. */
  readonly onStale: () => void;
}

export class Batch {
  /** The metrics that somebody still looks at. */
  readonly keys: Set<string>;
  readonly #owner: BatchOwner;
  readonly #requests: readonly ChartRequest[];
  readonly #abort = new AbortController();
  readonly #watches = new Map<string, Watching>();
  reading = true;

  /** Follows the runs named in `active`, after their reading. */
  constructor(keys: readonly string[], requests: readonly ChartRequest[], active: readonly string[], owner: BatchOwner) {
    this.keys = new Set(keys);
    this.#owner = owner;
    this.#requests = requests;
    for (const runId of active) this.#watches.set(runId, this.#watch(runId, keys));
  }

  get stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  async read(): Promise<void> {
    const cursors = new Map<string, bigint>();
    try {
      for (const request of this.#requests) {
        for await (const part of readChart(request, this.#abort.signal)) {
          if (this.stopped) return;
          for (const [runId, cursor] of part.cursors) if (!cursors.has(runId)) cursors.set(runId, cursor);
          this.#owner.onLines(part.lines);
        }
      }
    } catch (error) {
      this.reading = false;
      if (!this.stopped && !isAborted(error)) this.#owner.onFailed(error);
      return;
    }
    this.reading = false;
    if (this.stopped) return;
    this.#owner.onRead();
    for (const [runId, watching] of this.#watches) {
      const cursor = cursors.get(runId);
      // A run that has none of these metrics is asked again when it is known to have.
      if (cursor === undefined) watching();
      else watching.from(cursor);
    }
  }

  /** Stops reading and following. */
  stop(): void {
    if (this.stopped) return;
    this.#abort.abort();
    for (const watching of this.#watches.values()) watching();
    this.#watches.clear();
  }

  #watch(runId: string, keys: readonly string[]): Watching {
    return watch({
      runId,
      keys,
      onPoints: (series) => this.#owner.onPoints(runId, series),
      onError: ({ reason }) => {
        if (reason === "CURSOR_EXPIRED" && !this.stopped) this.#owner.onStale();
      },
    });
  }
}
