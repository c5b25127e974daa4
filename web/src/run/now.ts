/** The time, for what counts by it. */

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

const TICK_MS = 1_000;

/** The microseconds since the epoch, anew every second while `ticking` and somebody looks. */
export function useNow(ticking: boolean): ReadonlySignal<number> {
  const now = useSignal(Date.now() * 1000);
  useEffect(() => {
    now.value = Date.now() * 1000;
    if (!ticking) return;
    const timer = setInterval(() => {
      if (!document.hidden) now.value = Date.now() * 1000;
    }, TICK_MS);
    return () => clearInterval(timer);
  }, [ticking, now]);
  return now;
}
