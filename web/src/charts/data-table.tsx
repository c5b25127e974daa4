/** What a panel draws, as numbers. */

import { Dialog } from "../ui/dialog";
import { formatCount } from "../ui/format";
import type { ChartRun } from "./charts";
import { nameOf, placeText } from "./facts";
import type { Picture } from "./picture";
import type { Shape } from "./shapes";
import { axisName } from "./ticks";
import type { XAxis } from "./view";

/** What a person may still want to read. */
const MOST_ROWS = 1_000;

export interface DataTableProps {
  readonly title: string;
  readonly picture: Picture;
  readonly axis: XAxis;
  readonly runs: readonly ChartRun[];
  readonly onClose: () => void;
}

export function DataTable({ title, picture, axis, runs, onClose }: DataTableProps) {
  const all = rowsOf(picture);
  const smoothed = picture.shapes.some(({ raw }) => raw !== null);
  return (
    <Dialog title={title} wide onClose={onClose}>
      <p class="muted">
        {all.length > MOST_ROWS
          ? `The first ${formatCount(MOST_ROWS)} of ${formatCount(all.length)} rows that are drawn; zoom in, or save all points as CSV.`
          : `${formatCount(all.length)} rows: what is drawn, one row for each point or bucket.`}
      </p>
      <div class="data-table">
        <table>
          <thead>
            <tr>
              <th scope="col">run</th>
              <th scope="col">{axisName(axis)}</th>
              <th scope="col">points</th>
              <th scope="col">{smoothed ? "smoothed" : "line"}</th>
              <th scope="col">min</th>
              <th scope="col">max</th>
            </tr>
          </thead>
          <tbody>
            {all.slice(0, MOST_ROWS).map(({ shape, at }) => (
              <DataRow key={`${picture.shapes.indexOf(shape)} ${at}`} {...{ shape, at, axis, runs }} />
            ))}
          </tbody>
        </table>
      </div>
    </Dialog>
  );
}

interface RowProps {
  readonly shape: Shape;
  readonly at: number;
  readonly axis: XAxis;
  readonly runs: readonly ChartRun[];
}

function DataRow({ shape, at, axis, runs }: RowProps) {
  const [from, to] = [placeText(shape.x0[at] ?? NaN, axis), placeText(shape.x1[at] ?? NaN, axis)];
  return (
    <tr>
      <td>{nameOf(shape, runs)}</td>
      <td>{from === to ? from : `${from} – ${to}`}</td>
      <td>{shape.count[at]}</td>
      <td>{String(shape.y[at])}</td>
      <td>{String(shape.min[at])}</td>
      <td>{String(shape.max[at])}</td>
    </tr>
  );
}

function rowsOf({ shapes, x }: Picture): { shape: Shape; at: number }[] {
  return shapes.flatMap((shape) =>
    [...shape.x.keys()]
      .filter((at) => (shape.x1[at] ?? NaN) >= x.min && (shape.x0[at] ?? NaN) <= x.max)
      .map((at) => ({ shape, at })),
  );
}
