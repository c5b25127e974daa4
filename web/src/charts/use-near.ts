/** Whether an element is near what is seen of the page. */

import { useEffect, useState } from "preact/hooks";

type Listener = (near: boolean) => void;

const observers = new Map<number, { readonly observer: IntersectionObserver; readonly listeners: WeakMap<Element, Listener> }>();

/** True while the element is within `margin` pixels of what is seen. */
export function useNear(element: { readonly current: HTMLElement | null }, margin: number): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => {
    const target = element.current;
    if (target === null) return;
    const { observer, listeners } = observerFor(margin);
    listeners.set(target, setNear);
    observer.observe(target);
    return () => observer.unobserve(target);
  }, [element, margin]);
  return near;
}

/** One observer for all elements: a thousand of their own would be slow. */
function observerFor(margin: number) {
  const found = observers.get(margin);
  if (found !== undefined) return found;
  const listeners = new WeakMap<Element, Listener>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) listeners.get(entry.target)?.(entry.isIntersecting);
    },
    // The page scrolls within an element, for which only this margin counts.
    { rootMargin: `${margin}px`, ...scrollMargin(margin) },
  );
  const made = { observer, listeners };
  observers.set(margin, made);
  return made;
}

function scrollMargin(margin: number): object {
  return { scrollMargin: `${margin}px` };
}
