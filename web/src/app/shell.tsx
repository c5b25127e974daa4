/** What surrounds every page. */

import type { ComponentChildren } from "preact";
import iconUrl from "./icon.svg";
import { switchTheme, theme } from "../ui/theme";
import { Toasts } from "../ui/toasts";
import { Connection } from "../live/connection";
import { KeyboardHelp } from "./keyboard-help";
import "./theme.css";
import "./shell.css";

export function Shell({ children }: { readonly children: ComponentChildren }) {
  const other = theme.value === "dark" ? "light" : "dark";
  return (
    <div class="shell">
      <header>
        <a class="brand" href="#/">
          <img src={iconUrl} alt="" />
          runstream
        </a>
        <Connection />
        <KeyboardHelp />
        <button type="button" class="quiet" aria-label={`Use the ${other} theme`} onClick={switchTheme}>
          {other === "dark" ? "☾" : "☀"}
        </button>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Toasts />
    </div>
  );
}
