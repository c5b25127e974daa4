/** The series of a run, page by page. */

import { signal } from "@preact/signals";
import type { SeriesSummary } from "../../api/gen/runstream/v1/metric_pb";
import { isAborted, messageOf, metricsApi } from "../../api/transport";

const PAGE = 1000;
/** More than these are not read again and again while the run goes on. */
const LIVE_MOST = 3 * PAGE;

/** What selects the keys that hold a text; a text with `*` or `?` is a pattern itself. */
export function globOf(searched: string): string {
  const text = searched.trim();
  if (text === "") return "";
  return /[*?]/.test(text) ? text : `*${text}*`;
}

export class SeriesList {
  readonly found = signal<readonly SeriesSummary[]>([]);
  readonly failure = signal("");
  readonly loaded = signal(false);
  readonly #runId: string;
  readonly #glob: string;
  #next = "";
  #busy: AbortController | null = null;

  constructor(runId: string, searched: string) {
    this.#runId = runId;
    this.#glob = globOf(searched);
  }

  get complete(): boolean {
    return this.loaded.value && this.#next === "";
  }

  /** Reads what is shown again: all that was read, unless that is very much. */
  async refresh(): Promise<void> {
    const count = this.found.peek().length;
    if (this.#busy !== null || count > LIVE_MOST) return;
    await this.#read("", Math.max(PAGE, count), []);
  }

  async more(): Promise<void> {
    if (this.#busy !== null || this.#next === "") return;
    await this.#read(this.#next, PAGE, this.found.peek());
  }

  stop(): void {
    this.#busy?.abort();
  }

  async #read(pageToken: string, pageSize: number, before: readonly SeriesSummary[]): Promise<void> {
    const busy = new AbortController();
    this.#busy = busy;
    const selector = this.#glob === "" ? {} : { selector: { keyGlob: this.#glob } };
    try {
      const request = { runId: this.#runId, pageToken, pageSize, ...selector };
      const answer = await metricsApi.listSeries(request, { signal: busy.signal });
      this.#next = answer.nextPageToken;
      this.found.value = [...before, ...answer.series];
      this.loaded.value = true;
      this.failure.value = "";
    } catch (error) {
      if (!isAborted(error)) this.failure.value = messageOf(error);
    } finally {
      this.#busy = null;
    }
  }
}
