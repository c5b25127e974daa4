/** The same object as long as nothing has changed. */

import { useRef } from "preact/hooks";

/** The value before while it is equal. */
export function useStable<T>(value: T, same: (a: T, b: T) => boolean): T {
  const kept = useRef(value);
  if (!same(kept.current, value)) kept.current = value;
  return kept.current;
}
