/** A run in the table. */

import { RunStatus } from "../api/gen/runstream/v1/run_pb";
import { href } from "../routing/router";
import { runColor } from "../ui/colors";
import type { Column } from "./columns";
import type { LineProps } from "./layout";
import type { RunsModel } from "./model";
import { cellText, type RunRow, statusText } from "./rows";

export interface RunLineProps extends LineProps {
  readonly row: RunRow;
  readonly nowUs: number;
}

export function RunLine({ model, layout, at, top, active, row, nowUs }: RunLineProps) {
  const selected = model.selected.value.has(row.runId);
  const classes = ["runs-line", selected && "selected", active && "active", row.deleted && "deleted"];
  return (
    <div
      id={`line-${at}`}
      role="row"
      aria-rowindex={at + 2}
      aria-selected={selected}
      class={classes.filter(Boolean).join(" ")}
      style={{ transform: `translateY(${top}px)` }}
      onPointerDown={() => (model.active.value = at)}
    >
      <div class="runs-name" role="rowheader" style={{ width: `${layout.namesPx}px` }}>
        <input
          type="checkbox"
          tabIndex={-1}
          aria-label={`Select ${row.name}`}
          checked={selected}
          onClick={(event) => {
            event.preventDefault();
            model.toggle(at, event.shiftKey);
          }}
        />
        <Eye model={model} row={row} />
        <a href={href(["runs", row.runId])} tabIndex={-1} title={row.name}>
          {row.name}
        </a>
        {row.deleted && <span class="muted small">deleted</span>}
      </div>
      <div class="runs-cells" role="presentation" style={{ width: `${layout.cellsPx}px` }}>
        {layout.cells.map(({ index, start, size }) => {
          const column = layout.columns[index];
          if (column === undefined) return null;
          const place = { left: `${start}px`, width: `${size}px` };
          return (
            <div key={column.id} role="gridcell" aria-colindex={index + 2} class="runs-cell" style={place}>
              <Cell model={model} row={row} column={column} nowUs={nowUs} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Eye({ model, row }: { readonly model: RunsModel; readonly row: RunRow }) {
  const shown = !model.view.value.hidden.has(row.runId);
  return (
    <button
      type="button"
      class={`swatch ${shown ? "" : "off"}`}
      tabIndex={-1}
      aria-pressed={shown}
      aria-label={`Show ${row.name} in charts`}
      title={shown ? "Hide in charts" : "Show in charts"}
      style={{ color: runColor(row.runId) }}
      onClick={() => model.toggleHidden(row.runId)}
    />
  );
}

interface CellProps {
  readonly model: RunsModel;
  readonly row: RunRow;
  readonly column: Column;
  readonly nowUs: number;
}

function Cell({ model, row, column, nowUs }: CellProps) {
  if (column.id === "status") return <Status status={row.status} />;
  const { text, title, numeric } = cellText(row, column, model.list.slots, nowUs);
  const shown = column.id === "experiment" ? (model.names.value.get(row.experimentId) ?? text) : text;
  const titled = column.id === "experiment" ? shown : title;
  return (
    <span class={numeric ? "number" : ""} title={titled}>
      {shown}
    </span>
  );
}

export function Status({ status }: { readonly status: RunStatus }) {
  const text = statusText(status);
  return (
    <span class={`status ${text}`}>
      <span class="status-mark" aria-hidden="true" />
      {text}
    </span>
  );
}
