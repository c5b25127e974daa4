/** The heads of the columns: what they are, the order, and how wide they are. */

import { useSignal } from "@preact/signals";
import { isNumeric } from "../ui/format";
import { type Column, kindTitle, labelOf, NAME_FIELD } from "./columns";
import type { TableLayout } from "./layout";
import type { RunsModel } from "./model";
import { fieldOf, toggleOrder } from "./order";
import { changeView } from "./view";
import { keepWidths, NAME, setWidth } from "./widths";

interface HeadProps {
  readonly model: RunsModel;
  readonly layout: TableLayout;
}

export function TableHead({ model, layout }: HeadProps) {
  const dragged = useSignal<string | null>(null);
  return (
    <div class="runs-head" role="row" aria-rowindex={1} style={{ width: `${layout.namesPx + layout.cellsPx}px` }}>
      <div class="runs-name" role="columnheader" style={{ width: `${layout.namesPx}px` }}>
        <SelectAll model={model} />
        <OrderButton model={model} field={NAME_FIELD} title="name">
          Name
        </OrderButton>
        <Resizer id={NAME} size={layout.namesPx} />
      </div>
      <div class="runs-cells" role="presentation" style={{ width: `${layout.cellsPx}px` }}>
        {layout.cells.map(({ index, start, size }) => {
          const column = layout.columns[index];
          if (column === undefined) return null;
          return (
            <div
              key={column.id}
              role="columnheader"
              aria-colindex={index + 2}
              aria-sort={sortOf(model, column)}
              class={`runs-cell ${isNumber(model, column) ? "of-numbers" : ""} ${dragged.value === column.id ? "dragged" : ""}`}
              style={{ left: `${start}px`, width: `${size}px` }}
              draggable
              onDragStart={() => (dragged.value = column.id)}
              onDragEnd={() => (dragged.value = null)}
              onDragOver={(event) => event.preventDefault()}
              onDrop={() => moveColumn(model, dragged.peek(), column.id)}
            >
              <span class="band">{beginsKind(layout.columns, index) ? kindTitle(column.kind) : ""}</span>
              <OrderButton model={model} field={fieldOf(column)} title={titleOf(column)}>
                {labelOf(column)}
                {column.statistic !== "latest" && " "}
                {column.statistic !== "latest" && <span class="statistic">{column.statistic}</span>}
              </OrderButton>
              <Resizer id={column.id} size={size} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function SelectAll({ model }: { readonly model: RunsModel }) {
  const lines = model.lines.value;
  const all = lines.flatMap((line) => (line.kind === "run" ? [line.row.runId] : []));
  const count = model.selected.value.size;
  const chosen = count > 0 && count >= all.length;
  return (
    <input
      type="checkbox"
      aria-label="Select all loaded runs"
      title="Select all loaded runs"
      checked={chosen}
      ref={(element) => {
        if (element !== null) element.indeterminate = count > 0 && !chosen;
      }}
      onChange={() => model.select(new Set(count > 0 ? [] : all))}
    />
  );
}

interface OrderButtonProps {
  readonly model: RunsModel;
  readonly field: string | null;
  readonly title: string;
  readonly children: preact.ComponentChildren;
}

function OrderButton({ model, field, title, children }: OrderButtonProps) {
  const { order } = model.view.value;
  const at = order.findIndex((term) => term.field === field);
  const mark = at < 0 ? "" : order[at]?.descending === true ? "↓" : "↑";
  if (field === null) {
    return (
      <span class="head-label" title={`${title} (the server cannot order by it)`}>
        {children}
      </span>
    );
  }
  return (
    <button
      type="button"
      class="head-label quiet"
      title={`${title}: order by it; with Shift, also by it`}
      onClick={(event) => changeView({ order: toggleOrder(order, field, event.shiftKey) })}
    >
      {children}
      {mark !== "" && (
        <span class="order-mark">
          {mark}
          {order.length > 1 && <sub>{at + 1}</sub>}
        </span>
      )}
    </button>
  );
}

/** The edge by which a column is made wider or narrower. */
function Resizer({ id, size }: { readonly id: string; readonly size: number }) {
  return (
    <span
      class="resizer"
      aria-hidden="true"
      draggable
      onDragStart={(event) => {
        event.preventDefault();
        event.stopPropagation();
      }}
      onPointerDown={(event) => {
        event.preventDefault();
        event.stopPropagation();
        const { currentTarget: edge, clientX: from, pointerId } = event;
        edge.setPointerCapture(pointerId);
        const move = (moved: PointerEvent) => setWidth(id, size + moved.clientX - from);
        edge.addEventListener("pointermove", move);
        edge.addEventListener(
          "lostpointercapture",
          () => {
            edge.removeEventListener("pointermove", move);
            keepWidths();
          },
          { once: true },
        );
      }}
    />
  );
}

function sortOf(model: RunsModel, column: Column): "ascending" | "descending" | "none" {
  const field = fieldOf(column);
  const term = model.view.value.order.find((one) => one.field === field);
  if (term === undefined) return "none";
  return term.descending ? "descending" : "ascending";
}

function titleOf(column: Column): string {
  const statistic = column.statistic === "latest" ? "" : `${column.statistic} of `;
  return column.kind === "attribute" ? labelOf(column) : `${statistic}${column.kind} ${column.key}`;
}

const LOOKED_AT = 20;

/** Whether numbers stand in a column, so that its head stands over them; of params only their values tell. */
function isNumber({ list }: RunsModel, { id, kind, key }: Column): boolean {
  if (kind === "attribute") return /_time$|^duration$/.test(key);
  const slot = list.slots.get(id);
  if (kind === "metric" || slot === undefined) return kind === "metric";
  const values = list.rows.slice(0, LOOKED_AT).map((row) => row.values[slot]);
  const texts = values.filter((value) => value !== undefined);
  return texts.length > 0 && texts.every((text) => isNumeric(String(text)));
}

function beginsKind(columns: readonly Column[], at: number): boolean {
  return columns[at - 1]?.kind !== columns[at]?.kind;
}

function moveColumn(model: RunsModel, from: string | null, to: string): void {
  const columns = [...model.columns.peek()];
  const [at, target] = [from, to].map((id) => columns.findIndex((column) => column.id === id));
  if (at === undefined || target === undefined || at < 0 || target < 0 || at === target) return;
  columns.splice(target, 0, ...columns.splice(at, 1));
  changeView({ columns });
}
