/** The runs that a search has found so far, page after page. */

import { signal } from "@preact/signals";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { withIds } from "../api/filters";
import { isAborted, isUnreachable, messageOf, runsApi } from "../api/transport";
import { type Failure, failureOf } from "../api/failure";
import type { Column } from "./columns";
import { formatTerm, type OrderTerm } from "./order";
import { refreshed, rowOf, type RunRow, type Slots, slotsOf } from "./rows";
import { type Stage, VIEW_TYPES } from "./view";

export interface Search {
  readonly experimentIds: readonly string[];
  readonly filter: string;
  readonly order: readonly OrderTerm[];
  readonly stage: Stage;
  /** What to ask for of each run; what shows is among it. */
  readonly columns: readonly Column[];
}

export interface SearchFailure extends Failure {
  readonly message: string;
}

/** Small at first, so that there soon is something; large later, so that all is there soon. */
const PAGE_SIZES = [100, 400, 2_000] as const;
/** Up to so many runs are read again to see what has changed. */
const REREAD_MOST = 500;
const RETRY_MS = 2_000;

export class RunList {
  /** Changes whenever `rows` do. */
  readonly version = signal(0);
  readonly failure = signal<SearchFailure | null>(null);
  readonly loading = signal(false);
  readonly more = signal(false);
  /** Whether the search has been answered at all. */
  readonly answered = signal(false);
  #rows: RunRow[] = [];
  #places = new Map<string, number>();
  #slots: Slots = new Map();
  #search: Search | null = null;
  #token = "";
  #wanted = 0;
  #calls = new AbortController();
  #retry: ReturnType<typeof setTimeout> | undefined;

  get rows(): readonly RunRow[] {
    return this.#rows;
  }

  get slots(): Slots {
    return this.#slots;
  }

  row(runId: string): RunRow | undefined {
    return this.#rows[this.#places.get(runId) ?? -1];
  }

  /** Begins another search; what is there stays until the answer comes. */
  search(search: Search): void {
    this.#search = search;
    void this.#restart(PAGE_SIZES[0]);
  }

  /** Reads again what changes while one looks: the first runs, as long as no more are loaded. */
  reread(): void {
    if (this.loading.peek() || this.#rows.length > REREAD_MOST) return;
    void this.#restart(Math.max(this.#rows.length, PAGE_SIZES[0]));
  }

  /** Searches again from the start. */
  reload(): void {
    void this.#restart(Math.min(Math.max(this.#rows.length, PAGE_SIZES[0]), REREAD_MOST));
  }

  /** Loads until there are so many rows, or no more. */
  want(count: number): void {
    this.#wanted = Math.max(this.#wanted, count);
    if (!this.loading.peek() && this.#token !== "" && this.#rows.length < this.#wanted) void this.#continue();
  }

  /** Takes what the server told of a run. */
  update(runId: string, change: (row: RunRow) => RunRow): void {
    const at = this.#places.get(runId);
    const row = at === undefined ? undefined : this.#rows[at];
    if (at === undefined || row === undefined) return;
    this.#rows[at] = change(row);
    this.version.value++;
  }

  take(run: Run): void {
    this.update(run.runId, (row) => refreshed(row, run));
  }

  /** Reads some runs again, e.g. because they have new points; none that is not there. */
  async rereadRuns(runIds: readonly string[]): Promise<void> {
    for (const row of await this.find(runIds)) this.update(row.runId, () => row);
  }

  /** Reads runs by their ids, wherever they are. */
  async find(runIds: readonly string[]): Promise<RunRow[]> {
    const search = this.#search;
    if (search === null || runIds.length === 0) return [];
    const request = requestOf({ ...search, experimentIds: [], filter: withIds(runIds), order: [], stage: "all" });
    try {
      const answer = await runsApi.searchRuns({ ...request, pageSize: runIds.length }, { signal: this.#calls.signal });
      return answer.runs.map((run) => rowOf(run, search.columns));
    } catch {
      // The next change of the runs asks again.
      return [];
    }
  }

  stop(): void {
    clearTimeout(this.#retry);
    this.#calls.abort();
  }

  async #restart(size: number): Promise<void> {
    this.stop();
    this.#calls = new AbortController();
    this.#wanted = 0;
    this.#token = "";
    await this.#load(size, true);
  }

  async #continue(): Promise<void> {
    while (this.#token !== "" && this.#rows.length < this.#wanted) {
      const size = PAGE_SIZES.find((one) => one >= this.#rows.length) ?? PAGE_SIZES[2];
      if (!(await this.#load(size, false))) return;
    }
  }

  async #load(size: number, anew: boolean): Promise<boolean> {
    const search = this.#search;
    if (search === null) return false;
    const calls = this.#calls;
    this.loading.value = true;
    try {
      const request = { ...requestOf(search), pageSize: size, pageToken: this.#token };
      const answer = await runsApi.searchRuns(request, { signal: calls.signal });
      if (calls.signal.aborted) return false;
      this.#token = answer.nextPageToken;
      this.#append(answer.runs, search.columns, anew);
      this.failure.value = null;
    } catch (error) {
      if (isAborted(error) || calls.signal.aborted) return false;
      this.failure.value = { ...failureOf(error), message: messageOf(error) };
      if (isUnreachable(error)) this.#retry = setTimeout(() => this.#again(size, anew), RETRY_MS);
    } finally {
      if (this.#calls === calls) this.loading.value = false;
    }
    return this.failure.peek() === null;
  }

  #again(size: number, anew: boolean): void {
    if (anew) void this.#restart(size);
    else void this.#continue();
  }

  #append(runs: readonly Run[], columns: readonly Column[], anew: boolean): void {
    if (anew) {
      this.#rows = [];
      this.#places = new Map();
      this.#slots = slotsOf(columns);
    }
    for (const run of runs) {
      this.#places.set(run.runId, this.#rows.length);
      this.#rows.push(rowOf(run, columns));
    }
    this.more.value = this.#token !== "";
    this.answered.value = true;
    this.version.value++;
  }
}

function requestOf({ experimentIds, filter, order, stage, columns }: Search) {
  const keysOf = (kind: Column["kind"]) => ({
    keys: [...new Set(columns.filter((one) => one.kind === kind).map((one) => one.key))],
  });
  return {
    experimentIds: [...experimentIds],
    filter,
    orderBy: order.map(formatTerm),
    viewType: VIEW_TYPES[stage],
    omitInputs: true,
    paramKeys: keysOf("param"),
    tagKeys: keysOf("tag"),
    metricKeys: keysOf("metric"),
  };
}
