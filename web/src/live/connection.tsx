/** Whether live data arrives: shown only when it should and does not. */

import { signal } from "@preact/signals";

export type ConnectionState = "idle" | "connecting" | "live" | "lost";

export const connectionState = signal<ConnectionState>("idle");

const TEXTS: Readonly<Record<ConnectionState, string>> = {
  idle: "",
  connecting: "connecting …",
  live: "live",
  lost: "connection lost, trying again …",
};

export function Connection() {
  const state = connectionState.value;
  return (
    <span class={`connection ${state}`} role="status">
      {TEXTS[state]}
    </span>
  );
}
