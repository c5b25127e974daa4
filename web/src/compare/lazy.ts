/** Parts of the page that are loaded when they are needed. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { notify } from "../ui/toasts";

/** What `load` loads; null until it is there. `load` must be the same function every time; null loads nothing. */
export function useLazy<T>(load: (() => Promise<T>) | null): T | null {
  const loaded = useSignal<T | null>(null);
  useEffect(() => {
    load?.().then(
      (part) => (loaded.value = part),
      () => notify({ kind: "failure", text: "A part of the page could not be loaded. Load the page again." }),
    );
  }, [load, loaded]);
  return loaded.value;
}
