/** The keyboard in the table. */

import { type RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { navigate } from "../routing/router";
import { usePageKeys } from "../ui/page-keys";
import type { VirtualList } from "../ui/virtual";
import type { RunsModel } from "./model";

const SIDEWAYS_PX = 120;

export function useTableKeys(model: RunsModel, table: RefObject<HTMLElement | null>, rows: VirtualList): void {
  const goTo = (wanted: number) => {
    const last = model.lines.peek().length - 1;
    if (last < 0) return;
    const at = Math.min(Math.max(wanted, 0), last);
    model.active.value = at;
    table.current?.focus({ preventScroll: true });
    rows.scrollTo(at);
  };
  const move = (by: number) => goTo(model.active.peek() + by);
  const screen = () => Math.max(rows.items.length - 14, 5);
  const acts = actsOf(model);
  usePageKeys({ j: () => move(1), k: () => move(-1), x: (event) => acts.select(event), X: (event) => acts.select(event) });
  useEffect(() => {
    const element = table.current;
    const keys: Readonly<Record<string, (event: KeyboardEvent) => void>> = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      PageDown: () => move(screen()),
      PageUp: () => move(-screen()),
      Home: () => goTo(0),
      End: () => goTo(model.lines.peek().length - 1),
      ArrowRight: () => acts.open(true) || element?.scrollBy(SIDEWAYS_PX, 0),
      ArrowLeft: () => acts.open(false) || element?.scrollBy(-SIDEWAYS_PX, 0),
      Enter: () => acts.enter(),
      e: () => acts.hide(),
      " ": (event) => acts.select(event),
    };
    const listen = (event: KeyboardEvent) => {
      const act = keys[event.key];
      if (act === undefined || event.target !== element || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      act(event);
    };
    element?.addEventListener("keydown", listen);
    return () => element?.removeEventListener("keydown", listen);
  });
}

/** What keys do with the line they are at. */
function actsOf(model: RunsModel) {
  const line = () => model.lines.peek()[model.active.peek()];
  return {
    select(event: KeyboardEvent): void {
      if (line() !== undefined) model.toggle(model.active.peek(), event.shiftKey);
    },
    enter(): void {
      const at = line();
      if (at?.kind === "run") navigate(["runs", at.row.runId]);
      if (at?.kind === "group") model.toggleGroup(at.group.value);
    },
    hide(): void {
      const at = line();
      if (at?.kind === "run") model.toggleHidden(at.row.runId);
    },
    /** Opens or closes a group; false when there is none to. */
    open(wanted: boolean): boolean {
      const at = line();
      if (at?.kind !== "group" || at.open === wanted) return false;
      model.toggleGroup(at.group.value);
      return true;
    },
  };
}
