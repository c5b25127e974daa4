/** A button that opens a short list of things to do. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import "./menu.css";

export interface MenuItem {
  readonly label: string;
  readonly run: () => void;
  readonly danger?: boolean;
  readonly disabled?: boolean;
  /** Whether this is the choice that holds, for menus that choose one of several. */
  readonly checked?: boolean;
}

export interface MenuProps {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly children: ComponentChildren;
  readonly quiet?: boolean;
  readonly disabled?: boolean;
  /** Whether something other than the usual is chosen in it. */
  readonly on?: boolean;
}

/** `label` is what the button is called where its content does not say it. */
export function Menu({ label, items, children, quiet, disabled, on }: MenuProps) {
  const open = useSignal(false);
  const root = useRef<HTMLSpanElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    if (!open.value) return;
    entries(root.current)[0]?.focus();
    const away = (event: Event) => {
      if (event.target instanceof Node && root.current?.contains(event.target) === true) return;
      open.value = false;
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open, open.value]);
  const close = () => {
    open.value = false;
    button.current?.focus();
  };
  return (
    <span class="menu" ref={root} onKeyDown={(event) => open.peek() && moveWithin(event, root.current, close)}>
      <button
        ref={button}
        type="button"
        class={`${quiet === true ? "quiet" : ""} ${on === true ? "on" : ""}`}
        aria-haspopup="menu"
        aria-expanded={open.value}
        aria-label={label}
        title={label}
        disabled={disabled ?? false}
        onClick={() => (open.value = !open.peek())}
      >
        {children}
      </button>
      {open.value && (
        <span role="menu" aria-label={label} class="menu-list">
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role={item.checked === undefined ? "menuitem" : "menuitemradio"}
              aria-checked={item.checked}
              class={`quiet ${item.danger === true ? "danger" : ""}`}
              disabled={item.disabled ?? false}
              onClick={() => {
                close();
                item.run();
              }}
            >
              {item.label}
            </button>
          ))}
        </span>
      )}
    </span>
  );
}

function entries(root: HTMLElement | null): HTMLButtonElement[] {
  return [...(root?.querySelectorAll<HTMLButtonElement>("[role=menu] button:not(:disabled)") ?? [])];
}

function moveWithin(event: KeyboardEvent, root: HTMLElement | null, close: () => void): void {
  const all = entries(root);
  const at = all.findIndex((entry) => entry === document.activeElement);
  const targets: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
  const target = targets[event.key];
  if (event.key === "Escape" || event.key === "Tab") close();
  else if (target !== undefined) all.at(target % all.length)?.focus();
  else return;
  if (event.key !== "Tab") event.preventDefault();
  event.stopPropagation();
}
