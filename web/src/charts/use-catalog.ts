/** Which metrics the runs have, kept up to date while they grow. */

import { useEffect, useState } from "preact/hooks";
import { isAborted, messageOf } from "../api/transport";
import { watch } from "../live/hub";
import { type Catalog, readCatalog } from "./catalog";
import type { ChartRun } from "./charts";

/** New metrics mostly come soon after a run's first points: so often, then ever less so, they are looked for. */
const FIRST_LOOK_MS = 1_500;
const LONGEST_MS = 30_000;

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
    const abort = new AbortController();
    const runIds = split(ids);
    let timer: ReturnType<typeof setTimeout> | null = null;
    let pause = FIRST_LOOK_MS;
    const read = async (first: boolean) => {
      const show = (catalog: Catalog) => setKnown({ catalog: new Map(catalog), reading: false, error: null });
      try {
        // Afterwards a half-read list would take panels away.
        let latest: Catalog = new Map();
        await readCatalog(runIds, kind, abort.signal, (catalog) => (first ? show(catalog) : (latest = catalog)));
        if (!first && !abort.signal.aborted) show(latest);
        if (runIds.length === 0) setKnown({ ...NOTHING, reading: false });
      } catch (error) {
        if (!abort.signal.aborted && !isAborted(error)) setKnown((before) => ({ ...before, reading: false, error: messageOf(error) }));
      }
    };
    const look = () => {
      timer ??= setTimeout(() => {
        pause = Math.min(pause * 2, LONGEST_MS);
        void read(false).finally(() => (timer = null));
      }, pause);
    };
    void read(true);
    const stops = split(active).map((runId) => watch({ runId, onCommit: look, onRun: look }));
    return () => {
      abort.abort();
      if (timer !== null) clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [ids, active, kind]);
  return known;
}

function split(text: string): string[] {
  return text.split(" ").filter(Boolean);
}
