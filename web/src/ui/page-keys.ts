/** Keys that act on the whole page while nobody is typing and no window is open. */

import { useEffect, useRef } from "preact/hooks";

export type PageKeys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** Whether a key press belongs to a field, a menu or a window instead of the page. */
export function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (document.querySelector("dialog[open]") !== null) return true;
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return !["checkbox", "radio", "button"].includes(target.type);
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/** Listens for keys, by `KeyboardEvent.key`, while the caller is shown. */
export function usePageKeys(keys: PageKeys): void {
  const current = useRef(keys);
  current.current = keys;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const act = current.current[event.key];
      if (act === undefined || isTyping(event)) return;
      event.preventDefault();
      act(event);
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
}
