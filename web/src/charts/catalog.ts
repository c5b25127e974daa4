/** Which metrics the runs have, and which ranks logged them. */

import { ViewType } from "../api/gen/runstream/v1/experiment_pb";
import { withIds } from "../api/filters";
import { metricsApi, runsApi } from "../api/transport";

export const SYSTEM_PREFIX = "system/";
const PAGE_SIZE = 1_000;
const AT_ONCE = 4;
/** Runs that are asked about together: more make the first ones come later, fewer make more requests. */
const RUNS_PER_READ = 10;
/** What is known by then is shown, though some runs are not known yet. */
const PATIENCE_MS = 400;

/** The ranks that logged one metric of one run. */
export interface KeyOfRun {
  /** In ascending order; null stands for the series without a rank, which comes first. */
  readonly ranks: readonly (number | null)[];
  /** Whether these are all. A list of keys says nothing of ranks: then the series without rank, or of rank 0, is looked for. */
  readonly sure: boolean;
}

const LIKELY: KeyOfRun = { ranks: [null, 0], sure: false };

export type Catalog = ReadonlyMap<string, ReadonlyMap<string, KeyOfRun>>;
type Building = Map<string, Map<string, KeyOfRun>>;

/** Lists the metrics of runs. What takes a while is told in parts by `onPart`. */
export async function readCatalog(
  runIds: readonly string[],
  kind: "model" | "system",
  signal: AbortSignal,
  onPart: (catalog: Catalog) => void,
): Promise<Catalog> {
  const catalog: Building = new Map();
  let told = performance.now();
  await forAll(slices(runIds, RUNS_PER_READ), AT_ONCE, async (some) => {
    for await (const { runId, metrics } of runsOf(some, signal)) {
      for (const { key } of metrics) if (isOf(kind, key)) enter(catalog, key, runId, LIKELY);
    }
    if (performance.now() - told < PATIENCE_MS) return;
    told = Infinity;
    onPart(copied(catalog));
  });
  return copied(catalog);
}

/** What is known of runs without asking; null unless it is known of all. */
export function knownCatalog(runs: readonly { readonly runId: string; readonly keys?: readonly string[] }[], kind: "model" | "system"): Catalog | null {
  const catalog: Building = new Map();
  for (const { runId, keys } of runs) {
    if (keys === undefined) return null;
    for (const key of keys) if (isOf(kind, key)) enter(catalog, key, runId, LIKELY);
  }
  return catalog;
}

/** Yields runs with nothing but their metrics. */
async function* runsOf(runIds: readonly string[], signal: AbortSignal) {
  const nothing = { keys: [] };
  const request = { filter: withIds(runIds), viewType: ViewType.ALL, omitInputs: true, paramKeys: nothing, tagKeys: nothing, pageSize: PAGE_SIZE };
  let pageToken = "";
  do {
    const page = await runsApi.searchRuns({ ...request, pageToken }, { signal });
    yield* page.runs;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

function isOf(kind: "model" | "system", key: string): boolean {
  return key.startsWith(SYSTEM_PREFIX) === (kind === "system");
}

function slices<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}

/**
 * Finds out which metrics have several ranks; null when none has.
 *
 * To list all series costs the server their summaries, so that is done only for runs that have a rank 1.
 */
export async function readRanks(known: Catalog, kind: "model" | "system", signal: AbortSignal): Promise<Catalog | null> {
  const runIds = new Set([...known.values()].flatMap((runs) => [...runs.keys()]));
  const ranked = new Set<string>();
  // One at a time: nobody waits for this, and the charts need the connections.
  await forAll([...runIds], 1, async (runId) => {
    const { series } = await metricsApi.listSeries({ runId, selector: { ranks: [1] }, pageSize: 1 }, { signal });
    if (series.length > 0) ranked.add(runId);
  });
  if (ranked.size === 0) return null;
  const catalog = copied(known);
  const selector = kind === "system" ? { keyGlob: `${SYSTEM_PREFIX}*` } : {};
  await forAll([...ranked], AT_ONCE, async (runId) => {
    for (const [key, ranks] of await ranksOf(runId, selector, signal)) {
      if (isOf(kind, key)) enter(catalog, key, runId, { ranks, sure: true });
    }
  });
  return catalog;
}

/** The ranks of the metrics of a run. */
export async function ranksOf(
  runId: string,
  selector: { readonly keys?: string[]; readonly keyGlob?: string },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly (number | null)[]>> {
  const found = new Map<string, Set<number | null>>();
  let pageToken = "";
  do {
    const page = await metricsApi.listSeries({ runId, selector, pageSize: PAGE_SIZE, pageToken }, { signal });
    for (const { series } of page.series) {
      const key = series?.key ?? "";
      const ranks = found.get(key);
      if (ranks === undefined) found.set(key, new Set([series?.rank ?? null]));
      else ranks.add(series?.rank ?? null);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return new Map([...found].map(([key, ranks]) => [key, [...ranks]]));
}

async function forAll<T>(all: readonly T[], atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const worker = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

function enter(catalog: Building, key: string, runId: string, entry: KeyOfRun): void {
  const runs = catalog.get(key);
  if (runs === undefined) catalog.set(key, new Map([[runId, entry]]));
  else runs.set(runId, entry);
}

function copied(catalog: Catalog): Building {
  return new Map([...catalog].map(([key, runs]) => [key, new Map(runs)]));
}

/** Whether several ranks logged a metric. */
export function isRanked(runs: ReadonlyMap<string, KeyOfRun>): boolean {
  for (const { ranks, sure } of runs.values()) if (sure && ranks.length > 1) return true;
  return false;
}

export interface Section {
  /** The names' common beginning up to a `/`; empty for names without one. */
  readonly name: string;
  readonly keys: readonly string[];
}

/** Groups names by what stands before their first `/`; the ones without come first. Numbers in names count as such. */
export function sectionsOf(keys: Iterable<string>, kind: "model" | "system"): Section[] {
  const sections = new Map<string, string[]>();
  for (const key of keys) {
    const rest = kind === "system" ? key.slice(SYSTEM_PREFIX.length) : key;
    const slash = rest.indexOf("/");
    const name = slash < 0 ? "" : rest.slice(0, slash);
    const known = sections.get(name);
    if (known === undefined) sections.set(name, [key]);
    else known.push(key);
  }
  return [...sections]
    .map(([name, members]) => ({ name, keys: members.sort(ORDER.compare) }))
    .sort((a, b) => ORDER.compare(a.name, b.name));
}

const ORDER = new Intl.Collator("en", { numeric: true });

/** Whether the same is to be read of a metric as before. */
export function sameEntries(a: ReadonlyMap<string, KeyOfRun> | undefined, b: ReadonlyMap<string, KeyOfRun> | undefined): boolean {
  if (a?.size !== b?.size) return false;
  for (const [runId, { ranks }] of a ?? []) if (b?.get(runId)?.ranks.join() !== ranks.join()) return false;
  return true;
}
