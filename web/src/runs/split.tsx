/** Two things side by side, with an edge between them that can be moved. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";

const STORED_AS = "runstream.split";
const USUAL = 0.42;
const [LEAST, MOST, STEP] = [0.15, 0.85, 0.02];

interface SplitProps {
  readonly first: ComponentChildren;
  readonly second: ComponentChildren;
}

export function Split({ first, second }: SplitProps) {
  const share = useSignal(stored());
  const root = useRef<HTMLDivElement>(null);
  const set = (wanted: number) => {
    share.value = Math.min(Math.max(wanted, LEAST), MOST);
    localStorage.setItem(STORED_AS, String(share.peek()));
  };
  const onPointerDown = (event: PointerEvent & { readonly currentTarget: HTMLElement }) => {
    const box = root.current?.getBoundingClientRect();
    if (box === undefined) return;
    const edge = event.currentTarget;
    edge.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent) => set((moved.clientX - box.left) / box.width);
    edge.addEventListener("pointermove", move);
    edge.addEventListener("lostpointercapture", () => edge.removeEventListener("pointermove", move), { once: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft") set(share.peek() - STEP);
    else if (event.key === "ArrowRight") set(share.peek() + STEP);
    else return;
    event.preventDefault();
  };
  return (
    <div ref={root} class="split">
      <div class="split-part" style={{ "--share": String(share.value) }}>
        {first}
      </div>
      <div
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the table"
        aria-valuenow={Math.round(share.value * 100)}
        tabIndex={0}
        class="split-edge"
        onPointerDown={onPointerDown}
        onKeyDown={onKeyDown}
      />
      <div class="split-part second">{second}</div>
    </div>
  );
}

function stored(): number {
  const found = Number(localStorage.getItem(STORED_AS) ?? NaN);
  return found >= LEAST && found <= MOST ? found : USUAL;
}
