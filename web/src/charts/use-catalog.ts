/** Which metrics the runs have, kept up to date while they grow. */

import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "preact/hooks";
import { isAborted, messageOf } from "../api/transport";
import { watch } from "../live/hub";
import { type Catalog, knownCatalog, readCatalog, readRanks } from "./catalog";
import type { ChartRun } from "./charts";

/** New metrics mostly come soon after a run's first points: so often, then ever less so, they are looked for. */
const FIRST_LOOK_MS = 1_000;
const LONGEST_MS = 30_000;
/** The charts come before what is only needed to choose among ranks. */
const RANKS_AFTER_MS = 1_000;

export interface KnownCatalog {
  readonly catalog: Catalog;
  readonly reading: boolean;
  readonly error: string | null;
}

const NOTHING: KnownCatalog = { catalog: new Map(), reading: true, error: null };

export function useCatalog(runs: readonly ChartRun[], kind: "model" | "system"): KnownCatalog {
  const [known, setKnown] = useState(NOTHING);
  const ids = runs.map(({ runId }) => runId).join(" ");
  const active = runs.filter((run) => run.active).map(({ runId }) => runId).join(" ");
  useEffect(() => {
    const given = knownCatalog(runs, kind);
    const follower = new CatalogReader(split(ids), kind, given, (changes) => setKnown((before) => merged(before, changes)));
    follower.start(split(active));
    return () => follower.stop();
    // What the runs are called, and what they have got since, changes nothing.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [ids, active, kind]);
  return known;
}

class CatalogReader {
  readonly #runIds: readonly string[];
  readonly #kind: "model" | "system";
  readonly #given: Catalog | null;
  readonly #tell: (changes: Partial<KnownCatalog>) => void;
  readonly #abort = new AbortController();
  readonly #stops: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #pause = FIRST_LOOK_MS;

  constructor(
    runIds: readonly string[],
    kind: "model" | "system",
    given: Catalog | null,
    tell: (changes: Partial<KnownCatalog>) => void,
  ) {
    this.#runIds = runIds;
    this.#kind = kind;
    this.#given = given;
    this.#tell = tell;
  }

  start(active: readonly string[]): void {
    void this.#read(true);
    for (const runId of active) this.#stops.push(watch({ runId, onCommit: lookAfter(() => this.#look()) }));
  }

  stop(): void {
    this.#abort.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const stop of this.#stops) stop();
  }

  async #read(first: boolean): Promise<void> {
    const { signal } = this.#abort;
    try {
      const part = (catalog: Catalog) => first && this.#tell({ catalog, reading: false });
      const catalog = (first ? this.#given : null) ?? (await readCatalog(this.#runIds, this.#kind, signal, part));
      this.#tell({ catalog, reading: false, error: null });
      if (first) await pause(RANKS_AFTER_MS);
      if (signal.aborted) return;
      const ranked = await readRanks(catalog, this.#kind, signal);
      if (ranked !== null) this.#tell({ catalog: ranked });
    } catch (error) {
      if (signal.aborted || isAborted(error)) return;
      this.#tell({ reading: false, error: messageOf(error) });
      this.#look();
    }
  }

  #look(): void {
    this.#timer ??= setTimeout(() => {
      this.#pause = Math.min(this.#pause * 2, LONGEST_MS);
      void this.#read(false).finally(() => (this.#timer = null));
    }, this.#pause);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a run had already when it began to be followed is known. */
function lookAfter(look: () => void): (time: Timestamp) => void {
  let known: string | null = null;
  return ({ seconds, nanos }) => {
    const time = `${seconds}.${nanos}`;
    if (known !== null && known !== time) look();
    known = time;
  };
}

/** What is known of ranks is not forgotten for a list that says nothing of them; equal lists stay the same object. */
function merged(before: KnownCatalog, changes: Partial<KnownCatalog>): KnownCatalog {
  const catalog = changes.catalog;
  if (catalog === undefined) return { ...before, ...changes };
  let same = catalog.size === before.catalog.size;
  const result = new Map([...catalog].map(([key, runs]) => {
    const known = before.catalog.get(key);
    same &&= known?.size === runs.size;
    return [key, new Map([...runs].map(([runId, entry]) => {
      const old = known?.get(runId);
      const kept = entry.sure || old?.sure !== true ? entry : old;
      same &&= old?.sure === kept.sure && old.ranks.join() === kept.ranks.join();
      return [runId, kept];
    }))];
  }));
  return { ...before, ...changes, catalog: same ? before.catalog : result };
}

function split(text: string): string[] {
  return text.split(" ").filter(Boolean);
}
