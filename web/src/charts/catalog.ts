/** Which metrics the runs have: their names, ranks and numbers of points. */

import type { SeriesSummary } from "../api/gen/runstream/v1/metric_pb";
import { metricsApi } from "../api/transport";

export const SYSTEM_PREFIX = "system/";
const PAGE_SIZE = 10_000;

/** What is known of one metric of one run. */
export interface KeyOfRun {
  /** In ascending order; null stands for the series without a rank, which comes first. */
  readonly ranks: readonly (number | null)[];
  /** The points of its longest series. */
  readonly points: number;
}

export type Catalog = ReadonlyMap<string, ReadonlyMap<string, KeyOfRun>>;

/** Lists the series of runs, by key and run; `onRun` is called with all that is known so far. */
export async function readCatalog(
  runIds: readonly string[],
  kind: "model" | "system",
  signal: AbortSignal,
  onRun: (catalog: Catalog) => void,
): Promise<void> {
  const catalog = new Map<string, Map<string, KeyOfRun>>();
  const waiting = [...runIds];
  const worker = async () => {
    for (let runId = waiting.shift(); runId !== undefined; runId = waiting.shift()) {
      await readRun(runId, kind, signal, catalog);
      if (!signal.aborted) onRun(catalog);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

async function readRun(
  runId: string,
  kind: "model" | "system",
  signal: AbortSignal,
  catalog: Map<string, Map<string, KeyOfRun>>,
): Promise<void> {
  const selector = kind === "system" ? { keyGlob: `${SYSTEM_PREFIX}*` } : {};
  let pageToken = "";
  do {
    const page = await metricsApi.listSeries({ runId, selector, pageSize: PAGE_SIZE, pageToken }, { signal });
    for (const summary of page.series) {
      const key = summary.series?.key ?? "";
      if (key.startsWith(SYSTEM_PREFIX) === (kind === "system")) enter(catalog, runId, key, summary);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

function enter(catalog: Map<string, Map<string, KeyOfRun>>, runId: string, key: string, summary: SeriesSummary): void {
  let runs = catalog.get(key);
  if (runs === undefined) catalog.set(key, (runs = new Map<string, KeyOfRun>()));
  const known = runs.get(runId);
  const rank = summary.series?.rank ?? null;
  const ranks = known === undefined ? [rank] : known.ranks.includes(rank) ? known.ranks : [...known.ranks, rank];
  runs.set(runId, { ranks, points: Math.max(known?.points ?? 0, Number(summary.count)) });
}

/** The one rank that stands for a run when a single line is drawn: the rank-less series, else the lowest rank. */
export function mainRank(entry: KeyOfRun | undefined): number | null {
  return entry?.ranks[0] ?? null;
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
