/** The state of one page of runs: what the address says, what was found, and what is under the keyboard. */

import { batch, computed, effect, signal, untracked } from "@preact/signals";
import { experimentsApi } from "../api/transport";
import { route } from "../routing/router";
import { type Column, usualColumns } from "./columns";
import { type Line, linesOf } from "./grouping";
import { Keys } from "./keys";
import { RunList } from "./run-list";
import type { RunRow } from "./rows";
import { changeView, parseView } from "./view";

/** Longer selections are kept on this page alone: addresses have an end. */
const MOST_IN_ADDRESS = 100;
/** As many runs are put into groups without being asked for one by one. */
const GROUPED_MOST = 10_000;

export class RunsModel {
  readonly keys: Keys;
  readonly list = new RunList();
  readonly names = signal<ReadonlyMap<string, string>>(new Map());
  readonly view = computed(() => parseView(route.value.query));
  readonly selected = signal<ReadonlySet<string>>(parseView(route.peek().query).selected);
  readonly closed = signal<ReadonlySet<string | undefined>>(new Set());
  /** The line that the keyboard is at; -1 before it is used. */
  readonly active = signal(-1);
  /** Where the last selection was, from which one with shift goes on. */
  anchor = -1;
  readonly #usual = signal<readonly Column[] | null>(null);
  readonly columns = computed(() => this.view.value.columns ?? this.#usual.value ?? []);
  readonly lines = computed<readonly Line[]>(() => {
    const rows = this.list.version.value > 0 ? this.list.rows : [];
    return linesOf(rows, this.view.value.group, this.list.slots, this.closed.value);
  });
  readonly #stops: (() => void)[] = [];

  constructor(readonly experimentIds: readonly string[]) {
    this.keys = new Keys(experimentIds);
  }

  start(): void {
    void this.#loadKeys();
    void this.#loadNames();
    const query = computed(() => this.#query());
    this.#stops.push(
      effect(() => {
        if (query.value !== null) untracked(() => this.#search());
      }),
      effect(() => {
        if (this.view.value.group !== null && this.list.version.value > 0) this.list.want(GROUPED_MOST);
      }),
    );
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.list.stop();
    this.keys.stop();
  }

  /** Changes which runs are selected. */
  select(ids: ReadonlySet<string>): void {
    this.selected.value = ids;
    changeView({ selected: ids.size <= MOST_IN_ADDRESS ? ids : new Set() });
  }

  toggle(at: number, extend: boolean): void {
    const lines = this.lines.peek();
    const [from, to] = extend && this.anchor >= 0 ? [Math.min(this.anchor, at), Math.max(this.anchor, at)] : [at, at];
    const rows = lines.slice(from, to + 1).flatMap((line) => (line.kind === "run" ? [line.row.runId] : []));
    const line = lines[at];
    const chosen = line?.kind === "run" && !this.selected.peek().has(line.row.runId);
    const next = new Set(this.selected.peek());
    for (const id of rows) {
      if (chosen || extend) next.add(id);
      else next.delete(id);
    }
    this.anchor = at;
    this.select(next);
  }

  /** Shows or hides a run in the charts. */
  toggleHidden(runId: string): void {
    const next = new Set(this.view.peek().hidden);
    if (!next.delete(runId)) next.add(runId);
    changeView({ hidden: next });
  }

  toggleGroup(value: string | undefined): void {
    const next = new Set(this.closed.peek());
    if (!next.delete(value)) next.add(value);
    this.closed.value = next;
  }

  /** The selected runs that are loaded, in the order of the table. */
  selectedRows(): RunRow[] {
    return [...this.selected.value].map((id) => this.list.row(id)).filter((row) => row !== undefined);
  }

  async #loadKeys(): Promise<void> {
    if (this.view.peek().columns !== null) this.keys.ready.value = true;
    await this.keys.load();
    const { param, metric } = this.keys.known.peek();
    this.#usual.value = usualColumns(param.keys, metric.keys, this.experimentIds.length > 1);
  }

  async #loadNames(): Promise<void> {
    const found = await Promise.allSettled(this.experimentIds.map((experimentId) => experimentsApi.getExperiment({ experimentId })));
    const experiments = found.flatMap((one) => (one.status === "fulfilled" && one.value.experiment ? [one.value.experiment] : []));
    this.names.value = new Map(experiments.map(({ experimentId, name }) => [experimentId, name]));
  }

  /** What to ask for: the columns that show, and the one that groups. */
  #needed(): readonly Column[] {
    const { group } = this.view.value;
    const columns = this.columns.value;
    return group === null || columns.some(({ id }) => id === group.id) ? columns : [...columns, group];
  }

  /** All that makes another search necessary, as a text; null until the columns are known. */
  #query(): string | null {
    const { filter, order, stage, columns } = this.view.value;
    if (columns === null && this.#usual.value === null) return null;
    const ids = this.#needed().map(({ id }) => id);
    return JSON.stringify([filter, order, stage, ids.sort()]);
  }

  #search(): void {
    batch(() => {
      const { filter, order, stage } = this.view.peek();
      this.active.value = -1;
      this.anchor = -1;
      this.list.search({ experimentIds: this.experimentIds, filter, order, stage, columns: this.#needed() });
    });
  }
}
