/** The table of runs: only the rows and columns in sight are there, however many there are. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { useElementWidth } from "../ui/element-width";
import { useVirtualList, type VirtualList } from "../ui/virtual";
import { followVisible } from "./live-rows";
import type { RunsModel } from "./model";
import { GroupLine } from "./group-line";
import { RunLine } from "./run-line";
import { TableHead } from "./table-head";
import { TableEnd } from "./table-end";
import { useTableKeys } from "./table-keys";
import { nameWidth, widthOf } from "./widths";
import "./runs-table.css";

const ROW_PX = 32;
const GROUP_PX = 44;
const HEAD_PX = 46;
/** Rows are asked for this far ahead of what is in sight. */
const AHEAD = 60;
const TICK_MS = 1_000;

export function RunsTable({ model }: { readonly model: RunsModel }) {
  const scroller = useRef<HTMLDivElement>(null);
  const width = useElementWidth(scroller);
  const nowUs = useNow();
  const lines = model.lines.value;
  const columns = model.columns.value;
  const names = nameWidth(Math.max(width * 0.55, 140));
  const rows = useVirtualList({
    count: lines.length,
    scroller,
    sizeOf: (at) => (lines[at]?.kind === "group" ? GROUP_PX : ROW_PX),
    overscan: 6,
    covered: HEAD_PX,
  });
  const cells = useVirtualList({
    count: columns.length,
    scroller,
    sizeOf: (at) => (columns[at] ? widthOf(columns[at]) : 0),
    horizontal: true,
    overscan: 2,
    covered: names,
  });
  const sizes = columns.map((column) => widthOf(column)).join(",");
  const kinds = model.view.value.group === null ? "" : lines.map((line) => line.kind[0]).join("");
  useLayoutEffect(() => cells.measure(), [cells, sizes]);
  useLayoutEffect(() => rows.measure(), [rows, kinds]);
  useLoading(model, rows);
  useTableKeys(model, scroller, rows);
  const inSight = rows.items.map(({ index }) => lines[index]).filter((line) => line !== undefined);
  useEffect(() => followVisible(model.list, inSight));
  const [inSightCells, cellsPx, slots, experiments] = [cells.items, cells.total, model.list.slots, model.names.value];
  const layout = useMemo(
    () => ({ columns, cells: inSightCells, namesPx: names, cellsPx, slots, names: experiments }),
    [columns, inSightCells, names, cellsPx, slots, experiments],
  );
  const selected = model.selected.value;
  const { hidden } = model.view.value;
  const pool = useRef(1);
  pool.current = Math.max(pool.current, rows.items.length);
  const active = model.active.value;
  return (
    <div
      ref={scroller}
      class="runs-table"
      role="grid"
      tabIndex={0}
      aria-label="Runs"
      aria-multiselectable
      aria-rowcount={model.list.more.value ? -1 : lines.length + 1}
      aria-colcount={columns.length + 1}
      aria-busy={model.list.loading.value}
      aria-activedescendant={active >= 0 ? `line-${active}` : undefined}
    >
      <TableHead model={model} layout={layout} />
      <div class="runs-body" role="rowgroup" style={{ height: `${rows.total}px`, width: `${names + cells.total}px` }}>
        {rows.items.map(({ index, start }) => {
          const line = lines[index];
          if (line === undefined) return null;
          const common = { model, layout, at: index, top: start, active: index === active };
          return line.kind === "run" ? (
            // Lines that scroll out of sight give their elements to those that come in.
            <RunLine
              key={`run ${index % pool.current}`}
              {...common}
              row={line.row}
              selected={selected.has(line.row.runId)}
              hidden={hidden.has(line.row.runId)}
              nowUs={nowUs}
            />
          ) : (
            <GroupLine key={`group ${line.group.value ?? ""}`} {...common} group={line.group} open={line.open} />
          );
        })}
      </div>
      <TableEnd model={model} />
    </div>
  );
}

/** Asks for more when the end comes near; `End` and dragging the bar come near it too. */
function useLoading(model: RunsModel, rows: VirtualList): void {
  const last = rows.items.at(-1)?.index ?? 0;
  const count = model.list.rows.length;
  const loading = model.list.loading.value;
  useEffect(() => {
    const below = model.lines.peek().length - last;
    if (!loading && below < AHEAD) model.list.want(count + AHEAD);
  }, [model, last, count, loading]);
}

/** The time in microseconds, which goes on by the second for durations that grow. */
function useNow(): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [now]);
  return useMemo(() => now.value * 1000, [now.value]);
}
