/** When to read files again: they come without a word in the live stream. */

import { useEffect } from "preact/hooks";
import type { RunStore } from "../run-store";

const INTERVAL_MS = 3_000;

/** Calls `refresh` now and then while a run goes on and somebody looks, and once after it has ended. */
export function useRefresh(store: RunStore, active: boolean, refresh: () => void): void {
  const updated = store.run.value?.updateTime?.seconds;
  useEffect(() => {
    if (!active) return;
    const timer = setInterval(() => {
      if (!document.hidden) refresh();
    }, INTERVAL_MS);
    return () => clearInterval(timer);
  }, [active, refresh]);
  useEffect(() => refresh(), [active, updated, refresh]);
}
