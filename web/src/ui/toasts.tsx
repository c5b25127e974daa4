/** Short messages at the edge of the page, with an undo where there is one. */

import { signal } from "@preact/signals";

export interface Toast {
  readonly text: string;
  readonly kind?: "done" | "failure";
  /** What the message's button does, e.g. take back what was done. */
  readonly action?: { readonly label: string; readonly run: () => void };
}

interface ShownToast extends Toast {
  readonly id: number;
}

const SHOWN_MS = 8_000;
const shown = signal<readonly ShownToast[]>([]);
let lastId = 0;

/** Shows a message for some seconds. */
export function notify(toast: Toast): void {
  const id = ++lastId;
  shown.value = [...shown.peek(), { ...toast, id }];
  setTimeout(() => dismiss(id), SHOWN_MS);
}

function dismiss(id: number): void {
  shown.value = shown.peek().filter((toast) => toast.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.value.map(({ id, text, kind, action }) => (
        <div key={id} class={`toast ${kind ?? "done"}`}>
          <span>{text}</span>
          {action && (
            <button
              type="button"
              onClick={() => {
                dismiss(id);
                action.run();
              }}
            >
              {action.label}
            </button>
          )}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
