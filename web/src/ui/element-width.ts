/** How wide something on the page is. */

import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";

const BEFORE_PX = 1_000;

/** The width of an element in pixels, as it changes. */
export function useElementWidth(element: { readonly current: HTMLElement | null }): number {
  const width = useSignal(BEFORE_PX);
  useLayoutEffect(() => {
    const found = element.current;
    if (found === null) return;
    const observer = new ResizeObserver(() => (width.value = found.clientWidth));
    observer.observe(found);
    return () => observer.disconnect();
  }, [element, width]);
  return width.value;
}
