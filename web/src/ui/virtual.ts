/** Which rows or columns of a long list are in sight, as a hook around TanStack's core. */

import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type VirtualItem,
  Virtualizer,
  type VirtualizerOptions,
} from "@tanstack/virtual-core";
import { useLayoutEffect, useMemo, useReducer } from "preact/hooks";

export interface VirtualListOptions {
  readonly count: number;
  readonly scroller: { readonly current: HTMLElement | null };
  readonly sizeOf: (index: number) => number;
  readonly horizontal?: boolean;
  readonly overscan?: number;
  /** Pixels that a fixed header or column covers, which jumps must leave free. */
  readonly covered?: number;
}

export interface VirtualList {
  readonly items: readonly VirtualItem[];
  readonly total: number;
  readonly scrollTo: (index: number) => void;
  /** Must be called when `sizeOf` gives other sizes than before. */
  readonly measure: () => void;
}

export function useVirtualList(options: VirtualListOptions): VirtualList {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const resolved: VirtualizerOptions<HTMLElement, HTMLElement> = {
    count: options.count,
    getScrollElement: () => options.scroller.current,
    estimateSize: options.sizeOf,
    horizontal: options.horizontal ?? false,
    overscan: options.overscan ?? 8,
    scrollPaddingStart: options.covered ?? 0,
    scrollToFn: elementScroll,
    observeElementRect,
    observeElementOffset,
    onChange: () => redraw(0),
  };
  // Made once: what it is to do now it is told at every drawing.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const list = useMemo(() => new Virtualizer(resolved), []);
  list.setOptions(resolved);
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());
  return useMemo(
    () => ({
      get items() {
        return list.getVirtualItems();
      },
      get total() {
        return list.getTotalSize();
      },
      scrollTo: (index: number) => list.scrollToIndex(index, { align: "auto" }),
      measure: () => list.measure(),
    }),
    [list],
  );
}
