/** What a search for experiments has found so far. */

import { signal } from "@preact/signals";
import type { Experiment, ViewType } from "../api/gen/runstream/v1/experiment_pb";
import { experimentsApi, isAborted, isUnreachable, messageOf } from "../api/transport";
import { nameFilter } from "./acts";

const PAGE_SIZE = 500;
const TYPING_PAUSE_MS = 150;
const RETRY_MS = 2_000;

export class ExperimentList {
  readonly items = signal<readonly Experiment[]>([]);
  readonly failure = signal("");
  readonly loaded = signal(false);
  readonly more = signal(false);
  #text = "";
  #viewType: ViewType | undefined;
  #token = "";
  #calls = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Finds anew, after a pause in typing unless it is the first time. */
  search(text: string, viewType: ViewType): void {
    const pause = this.loaded.peek() && text !== this.#text ? TYPING_PAUSE_MS : 0;
    this.#text = text;
    this.#viewType = viewType;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.reload(), pause);
  }

  reload(): void {
    this.#calls.abort();
    this.#calls = new AbortController();
    this.#token = "";
    void this.#load();
  }

  /** Goes on where the last page ended. */
  loadMore(): void {
    if (this.#token !== "") void this.#load();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#calls.abort();
  }

  async #load(): Promise<void> {
    const token = this.#token;
    this.#token = "";
    const request = { filter: nameFilter(this.#text), pageSize: PAGE_SIZE, pageToken: token };
    const view = this.#viewType === undefined ? {} : { viewType: this.#viewType };
    const { signal: stopped } = this.#calls;
    try {
      const answer = await experimentsApi.searchExperiments({ ...request, ...view }, { signal: stopped });
      this.items.value = token === "" ? answer.experiments : [...this.items.peek(), ...answer.experiments];
      this.#token = answer.nextPageToken;
      this.more.value = answer.nextPageToken !== "";
      this.failure.value = "";
      this.loaded.value = true;
    } catch (error) {
      if (isAborted(error)) return;
      this.failure.value = messageOf(error);
      if (isUnreachable(error)) this.#timer = setTimeout(() => this.reload(), RETRY_MS);
    }
  }
}
