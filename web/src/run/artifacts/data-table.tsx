/** Many rows of many columns, of which those in sight are drawn. */

import { useMemo, useRef } from "preact/hooks";
import { useVirtualList } from "../../ui/virtual";

export interface DataTableProps {
  readonly columns: readonly string[];
  readonly count: number;
  readonly rowAt: (index: number) => readonly string[];
  /** The number of the first row. */
  readonly from?: number;
}

const ROW_PX = 26;
const CHAR_PX = 8.3;
const PADDING_PX = 20;
const BOLD = 1.15;
const LEAST_CHARS = 4;
const MOST_CHARS = 48;
const SAMPLED_ROWS = 100;
const MOST_CHARS_SHOWN = 500;

export function DataTable({ columns, count, rowAt, from = 0 }: DataTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const widths = useMemo(() => columnWidths(columns, count, rowAt), [columns, count, rowAt]);
  const rows = useVirtualList({ count, scroller, sizeOf: () => ROW_PX, covered: ROW_PX });
  const cells = useVirtualList({
    count: columns.length,
    scroller,
    sizeOf: (index) => widths[index] ?? PADDING_PX,
    horizontal: true,
    overscan: 3,
  });
  const numberPx = String(from + count).length * CHAR_PX + PADDING_PX;
  const width = numberPx + cells.total;
  return (
    <div class="file-table" role="table" aria-label="Content" aria-rowcount={count + 1} aria-colcount={columns.length} tabIndex={0} ref={scroller}>
      <div role="row" class="file-row head" style={{ width: `${width}px` }}>
        {cells.items.map(({ index, start, size }) => (
          <Cell key={index} role="columnheader" text={columns[index] ?? ""} index={index} left={numberPx + start} width={size} />
        ))}
      </div>
      <div
        role="rowgroup"
        class="file-rows"
        style={{ height: `${rows.total}px`, width: `${width}px` }}
      >
        {rows.items.map(({ index, start }) => {
          const row = rowAt(index);
          return (
            <div
              key={index}
              role="row"
              aria-rowindex={index + 2}
              class="file-row"
              style={{ transform: `translateY(${start}px)` }}
            >
              <Cell role="rowheader" text={String(from + index + 1)} index={-1} left={0} width={numberPx} />
              {cells.items.map((cell) => (
                <Cell key={cell.index} role="cell" text={row[cell.index] ?? ""} index={cell.index} left={numberPx + cell.start} width={cell.size} />
              ))}
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface CellProps {
  readonly role: "cell" | "columnheader" | "rowheader";
  readonly text: string;
  readonly index: number;
  readonly left: number;
  readonly width: number;
}

function Cell({ role, text, index, left, width }: CellProps) {
  const shown = text.length > MOST_CHARS_SHOWN ? `${text.slice(0, MOST_CHARS_SHOWN)}…` : text;
  return (
    <span
      role={role}
      aria-colindex={index < 0 ? undefined : index + 1}
      class={role === "cell" && isNumber(text) ? "number" : ""}
      title={shown}
      style={{ left: `${left}px`, width: `${width}px` }}
    >
      <bdi>{shown}</bdi>
    </span>
  );
}

function isNumber(text: string): boolean {
  return text !== "" && text.length < 40 && !Number.isNaN(Number(text));
}

function columnWidths(columns: readonly string[], count: number, rowAt: (index: number) => readonly string[]): number[] {
  const chars = columns.map((name) => name.length * BOLD);
  for (let index = 0; index < Math.min(count, SAMPLED_ROWS); index++) {
    rowAt(index).forEach((text, at) => (chars[at] = Math.max(chars[at] ?? 0, text.length)));
  }
  return chars.map((length) => Math.min(Math.max(length, LEAST_CHARS), MOST_CHARS) * CHAR_PX + PADDING_PX);
}
