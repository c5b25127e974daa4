/** A titled part of the overview. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

export interface CardProps {
  readonly title: string;
  /** Stands beside the title, e.g. how many there are. */
  readonly count?: string;
  /** Stands behind the title: a number, a search field, a button. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Card({ title, count, aside, children }: CardProps) {
  const heading = useId();
  return (
    <section class="run-card" aria-labelledby={heading}>
      <header>
        <h2 id={heading}>
          {title}
          {count !== undefined && count !== "" && <span class="muted"> {count}</span>}
        </h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export interface SearchProps {
  readonly label: string;
  readonly onInput: (text: string) => void;
}

export function Search({ label, onInput }: SearchProps) {
  return (
    <input
      type="search"
      class="card-search"
      aria-label={label}
      placeholder={label}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  );
}
