/** A tree of which only the rows in sight are drawn, moved through by keyboard as trees are. */

import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { useVirtualList } from "./virtual";
import "./tree.css";

export interface TreeRow {
  readonly id: string;
  readonly label: string;
  readonly depth: number;
  /** Absent for leaves. */
  readonly expanded?: boolean;
  /** Stands at the end of the row. */
  readonly detail?: ComponentChildren;
  /** For rows that tell something about the tree, such as that more is being loaded. */
  readonly quiet?: boolean;
}

export interface TreeProps {
  readonly label: string;
  readonly rows: readonly TreeRow[];
  readonly selected: string;
  readonly onSelect: (id: string) => void;
  readonly onToggle: (id: string, expanded: boolean) => void;
  /** Is told the last row in sight, so that more can be loaded. */
  readonly onSight?: (last: number) => void;
}

const ROW_PX = 26;
const INDENT_PX = 16;
const TYPING_MS = 700;

export function Tree({ label, rows, selected, onSelect, onToggle, onSight }: TreeProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const current = useSignal("");
  const typed = useRef({ text: "", at: 0 });
  const list = useVirtualList({ count: rows.length, scroller, sizeOf: () => ROW_PX });
  const last = list.items.at(-1)?.index ?? 0;
  useEffect(() => onSight?.(last), [last, onSight, rows]);
  const selectedAt = rows.findIndex((row) => row.id === selected);
  const revealed = useRef("");
  useEffect(() => {
    // Once, when it is there: afterwards a person scrolls as they like.
    if (selectedAt < 0 || revealed.current === selected) return;
    revealed.current = selected;
    current.value = selected;
    list.scrollTo(selectedAt);
  }, [selectedAt, selected, current, list]);

  const goTo = (index: number) => {
    const row = rows[Math.min(Math.max(index, 0), rows.length - 1)];
    if (row === undefined) return;
    current.value = row.id;
    list.scrollTo(rows.indexOf(row));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = rows.findIndex((row) => row.id === current.peek());
    const row = rows[at];
    const act = keyAct(event.key, rows, at);
    if (act === "select" && row !== undefined) onSelect(row.id);
    else if (act === "toggle" && row !== undefined) onToggle(row.id, row.expanded !== true);
    else if (typeof act === "number") goTo(act);
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      goTo(typedAt(rows, at, event.key, typed.current));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const shownId = list.items.some(({ index }) => rows[index]?.id === current.value) ? current.value : undefined;
  return (
    <div
      class="tree"
      role="tree"
      aria-label={label}
      tabIndex={0}
      ref={scroller}
      aria-activedescendant={shownId === undefined ? undefined : `${prefix}-${shownId}`}
      onKeyDown={onKeyDown}
      onFocus={() => rows.some((row) => row.id === current.peek()) || (current.value = rows[0]?.id ?? "")}
    >
      <div class="tree-rows" role="presentation" style={{ height: `${list.total}px` }}>
        {list.items.map(({ index, start }) => {
          const row = rows[index];
          if (row === undefined) return null;
          return (
            <Row
              key={row.id}
              id={`${prefix}-${row.id}`}
              row={row}
              start={start}
              selected={row.id === selected}
              current={row.id === current.value}
              onClick={() => {
                current.value = row.id;
                onSelect(row.id);
              }}
              onToggle={() => onToggle(row.id, row.expanded !== true)}
            />
          );
        })}
      </div>
    </div>
  );
}

interface RowProps {
  readonly id: string;
  readonly row: TreeRow;
  readonly start: number;
  readonly selected: boolean;
  readonly current: boolean;
  readonly onClick: () => void;
  readonly onToggle: () => void;
}

function Row({ id, row, start, selected, current, onClick, onToggle }: RowProps) {
  return (
    <div
      id={id}
      role="treeitem"
      class={`tree-row ${current ? "current" : ""} ${row.quiet === true ? "muted" : ""}`}
      aria-level={row.depth + 1}
      aria-selected={selected}
      aria-expanded={row.expanded}
      style={{ transform: `translateY(${start}px)`, paddingLeft: `${row.depth * INDENT_PX}px` }}
      onClick={onClick}
    >
      <span
        class="tree-mark"
        aria-hidden="true"
        onClick={(event) => {
          if (row.expanded === undefined) return;
          event.stopPropagation();
          onToggle();
        }}
      >
        {row.expanded === undefined ? "" : row.expanded ? "▾" : "▸"}
      </span>
      <bdi class="tree-label" title={row.label}>
        {row.label}
      </bdi>
      <span class="tree-detail">{row.detail}</span>
    </div>
  );
}

/** What a key does in a tree: go to a row, or do something with the current one. */
export function keyAct(key: string, rows: readonly TreeRow[], at: number): number | "select" | "toggle" | null {
  const row = rows[at];
  if (key === "ArrowDown") return at + 1;
  if (key === "ArrowUp") return at - 1;
  if (key === "Home") return 0;
  if (key === "End") return rows.length - 1;
  if (key === "Enter" || key === " ") return "select";
  if (row === undefined) return null;
  if (key === "ArrowRight") return row.expanded === false ? "toggle" : at + 1;
  if (key === "ArrowLeft") return row.expanded === true ? "toggle" : parentOf(rows, at);
  return null;
}

function parentOf(rows: readonly TreeRow[], at: number): number {
  const depth = rows[at]?.depth ?? 0;
  let found = at;
  while (found > 0 && (rows[found]?.depth ?? 0) >= depth) found--;
  return found;
}

/** The next row whose label begins with what was typed just now. */
function typedAt(rows: readonly TreeRow[], at: number, key: string, typed: { text: string; at: number }): number {
  const now = Date.now();
  typed.text = (now - typed.at < TYPING_MS ? typed.text : "") + key.toLowerCase();
  typed.at = now;
  const from = typed.text.length === 1 ? at + 1 : at;
  for (let step = 0; step < rows.length; step++) {
    const index = (Math.max(from, 0) + step) % rows.length;
    if (rows[index]?.label.toLowerCase().startsWith(typed.text) === true) return index;
  }
  return at;
}
