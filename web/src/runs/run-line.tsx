/** A run in the table. */

import type { CSSProperties } from "preact";
import type { RunStatus } from "../api/gen/runstream/v1/run_pb";
import { href } from "../routing/router";
import { runColor } from "../ui/colors";
import { memo } from "../ui/memo";
import type { Column } from "./columns";
import type { LineProps, TableLayout } from "./layout";
import type { RunsModel } from "./model";
import { cellText, type RunRow, statusText } from "./rows";

export interface RunLineProps extends LineProps {
  readonly row: RunRow;
  readonly selected: boolean;
  readonly hidden: boolean;
  readonly nowUs: number;
}

/** Scrolling gives most lines what they had. */
export const RunLine = memo(Line);

function Line({ model, layout, at, top, active, row, selected, hidden, nowUs }: RunLineProps) {
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
        {eye(model, row, hidden)}
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
          return cell(row, column, index, place, layout, nowUs);
        })}
      </div>
    </div>
  );
}

// Thousands of these come and go while one scrolls: as functions they cost half of what components cost.

function eye(model: RunsModel, row: RunRow, hidden: boolean) {
  return (
    <button
      type="button"
      class={hidden ? "swatch off" : "swatch"}
      tabIndex={-1}
      aria-pressed={!hidden}
      aria-label={`Show ${row.name} in charts`}
      title={hidden ? "Show in charts" : "Hide in charts"}
      style={{ color: runColor(row.runId) }}
      onClick={() => model.toggleHidden(row.runId)}
    />
  );
}

function cell(row: RunRow, column: Column, index: number, place: CSSProperties, layout: TableLayout, nowUs: number) {
  const { text, title, numeric } = cellText(row, column, layout.slots, nowUs);
  const isExperiment = column.id === "experiment";
  const shown = isExperiment ? (layout.names.get(row.experimentId) ?? text) : text;
  return (
    <div
      key={column.id}
      role="gridcell"
      aria-colindex={index + 2}
      class={numeric ? "runs-cell number" : "runs-cell"}
      style={place}
      title={isExperiment ? shown : title}
    >
      {column.id === "status" ? status(row.status) : shown}
    </div>
  );
}

function status(value: RunStatus) {
  const text = statusText(value);
  return (
    <span class={`status ${text}`}>
      <span class="status-mark" aria-hidden="true" />
      {text}
    </span>
  );
}
