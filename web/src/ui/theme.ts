/** Light or dark: as the system says, until a person chooses. */

import { effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const STORED_AS = "runstream.theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>(stored() ?? (systemDark.matches ? "dark" : "light"));

systemDark.addEventListener("change", () => {
  if (stored() === null) theme.value = systemDark.matches ? "dark" : "light";
});
effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

/** Changes to the other theme, and remembers that it was chosen. */
export function switchTheme(): void {
  theme.value = theme.peek() === "dark" ? "light" : "dark";
  localStorage.setItem(STORED_AS, theme.peek());
}

function stored(): Theme | null {
  const found = localStorage.getItem(STORED_AS);
  return found === "light" || found === "dark" ? found : null;
}
