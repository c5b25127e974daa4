/** The head of a group of runs, with its metrics summed up. */

import { formatCount, formatNumber } from "../ui/format";
import type { Column } from "./columns";
import { aggregate, type Group } from "./grouping";
import type { LineProps } from "./layout";
import type { RunsModel } from "./model";

export interface GroupLineProps extends LineProps {
  readonly group: Group;
  readonly open: boolean;
}

export function GroupLine({ model, layout, at, top, active, group, open }: GroupLineProps) {
  const { value, rows } = group;
  const key = model.view.value.group?.key ?? "";
  return (
    <div
      id={`line-${at}`}
      role="row"
      aria-rowindex={at + 2}
      aria-expanded={open}
      class={`runs-line group ${active ? "active" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
    >
      <div class="runs-name" role="rowheader" style={{ width: `${layout.namesPx}px` }}>
        <button type="button" class="quiet" tabIndex={-1} onClick={() => model.toggleGroup(value)}>
          <span class="chevron" aria-hidden="true">
            {open ? "▾" : "▸"}
          </span>
          <span class="muted">{key}</span> <strong>{value ?? "without"}</strong>
        </button>
        <span class="count muted" title={`${rows.length} runs`}>
          {formatCount(rows.length)}
        </span>
      </div>
      <div class="runs-cells" role="presentation" style={{ width: `${layout.cellsPx}px` }}>
        {layout.cells.map(({ index, start, size }) => {
          const column = layout.columns[index];
          if (column?.kind !== "metric") return null;
          const place = { left: `${start}px`, width: `${size}px` };
          return (
            <div key={column.id} role="gridcell" aria-colindex={index + 2} class="runs-cell" style={place}>
              <Sums model={model} group={group} column={column} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

interface SumsProps {
  readonly model: RunsModel;
  readonly group: Group;
  readonly column: Column;
}

function Sums({ model, group, column }: SumsProps) {
  const sums = aggregate(group.rows, model.list.slots.get(column.id) ?? -1);
  if (sums === null) return null;
  const { mean, min, max, count, nans } = sums;
  const apart = nans > 0 ? `; ${nans} NaN left out` : "";
  const title = `mean ${mean}, min ${min}, max ${max} of ${count} values${apart}`;
  return (
    <span class="sums" title={title}>
      <span>{short(mean, 4)}</span>
      <span class="muted">
        {short(min, 3)} – {short(max, 3)}
        {nans > 0 && " *"}
      </span>
    </span>
  );
}

/** A few digits tell what a group is like; the title has them all. */
function short(value: number, digits: number): string {
  return Number.isFinite(value) ? formatNumber(Number(value.toPrecision(digits))) : formatNumber(value);
}
