/** The lines of a log: followed, searched, never wrapped. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { formatBytes } from "../../ui/bytes";
import { formatCount } from "../../ui/format";
import { useVirtualList } from "../../ui/virtual";
import { linesWith } from "./lines";
import type { Tail } from "./tail";

export interface LogViewProps {
  readonly tail: Tail;
  /** Whether more may come. */
  readonly active: boolean;
  readonly choice: ComponentChildren;
  readonly downloadUrl: string;
}

const ROW_PX = 19;
const CHAR_PX = 7.9;
const AT_END_PX = 30;

export function LogView({ tail, active, choice, downloadUrl }: LogViewProps) {
  const follow = useSignal(true);
  const searched = useSignal("");
  const only = useSignal(false);
  const at = useSignal(-1);
  const lines = useMemo(() => withoutLast(tail.lines.value), [tail.lines.value]);
  const matches = useMemo(() => linesWith(lines, searched.value), [lines, searched.value]);
  const shown = only.value && searched.value !== "" ? matches : null;
  const step = (by: number) => {
    if (matches.length === 0) return;
    follow.value = false;
    at.value = (at.peek() + by + matches.length) % matches.length;
  };
  return (
    <>
      <div class="log-bar">
        {choice}
        <input
          type="search"
          aria-label="Search the log"
          placeholder="Search"
          onInput={(event) => {
            searched.value = event.currentTarget.value;
            at.value = -1;
          }}
          onKeyDown={(event) => event.key === "Enter" && step(event.shiftKey ? -1 : 1)}
        />
        {searched.value !== "" && (
          <span class="muted" role="status">
            {at.value >= 0 ? `${at.value + 1} of ` : ""}
            {formatCount(matches.length)} lines
          </span>
        )}
        <label>
          <input type="checkbox" checked={only.value} disabled={searched.value === ""} onChange={() => (only.value = !only.peek())} /> only these
        </label>
        <span class="log-acts">
          <label>
            <input type="checkbox" checked={follow.value} onChange={() => (follow.value = !follow.peek())} /> follow
            {active ? "" : " the end"}
          </label>
          <a class="button" href={downloadUrl} download>
            Download
          </a>
        </span>
      </div>
      <Lines tail={tail} lines={lines} shown={shown} searched={searched.value} current={shown === null ? matches[at.value] : at.value} follow={follow.value} onFollow={(wanted) => (follow.value = wanted)} />
      <p class="more-line">
        {formatCount(lines.length)} lines · {formatBytes(tail.size.value)}
        {tail.start.value > 0 && (
          <>
            {" "}
            · the end is shown{" "}
            <button type="button" onClick={() => void tail.earlier()}>
              Load earlier lines
            </button>
          </>
        )}
      </p>
    </>
  );
}

interface LinesProps {
  readonly tail: Tail;
  readonly lines: readonly string[];
  /** The numbers of the lines to show; null for all. */
  readonly shown: readonly number[] | null;
  readonly searched: string;
  readonly current: number | undefined;
  readonly follow: boolean;
  readonly onFollow: (follow: boolean) => void;
}

function Lines({ lines, shown, searched, current, follow, onFollow }: LinesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const count = shown?.length ?? lines.length;
  const list = useVirtualList({ count, scroller, sizeOf: () => ROW_PX, overscan: 20 });
  const widest = useMemo(() => lines.reduce((most, line) => Math.max(most, line.length), 0), [lines]);
  useEffect(() => {
    if (follow && count > 0) list.scrollTo(count - 1);
  }, [follow, count, lines, list]);
  useEffect(() => {
    if (current !== undefined && current >= 0) list.scrollTo(current);
  }, [current, list]);
  const onWheel = (event: WheelEvent) => {
    if (event.deltaY < 0 && follow) onFollow(false);
  };
  const onScroll = () => {
    const box = scroller.current;
    if (box === null || follow) return;
    if (box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX && current === undefined && box.scrollTop > 0) onFollow(true);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (["ArrowUp", "PageUp", "Home"].includes(event.key)) onFollow(false);
  };
  return (
    <div class="log-lines" role="log" aria-live="off" aria-label="Lines" tabIndex={0} ref={scroller} {...{ onWheel, onScroll, onKeyDown }}>
      <div class="log-rows" style={{ height: `${list.total}px`, minWidth: `${widest * CHAR_PX + 80}px` }}>
        {list.items.map(({ index, start }) => {
          const number = shown === null ? index : (shown[index] ?? 0);
          return (
            <div
              key={index}
              class={`log-line ${index === current ? "current" : ""}`}
              style={{ transform: `translateY(${start}px)` }}
            >
              <Marked text={lines[number] ?? ""} searched={searched} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** A line that has only just begun is none yet. */
function withoutLast(lines: readonly string[]): readonly string[] {
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

/** A line, with what was searched for marked in it. */
function Marked({ text, searched }: { readonly text: string; readonly searched: string }) {
  if (searched === "") return <>{text}</>;
  const wanted = searched.toLowerCase();
  const lower = text.toLowerCase();
  const parts: ComponentChildren[] = [];
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  return (
    <>
      {parts}
      {text.slice(from)}
    </>
  );
}
