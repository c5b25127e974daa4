/** One value against another, a dot a run. */

import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { href, route, updateQuery } from "../routing/router";
import { runColor } from "../ui/colors";
import { useElementWidth } from "../ui/element-width";
import { formatNumber } from "../ui/format";
import { type Scale, scaleOf, wantsLog } from "./scales";
import { dataOf, type Datum, type Field, fieldsOf, usualAxes } from "./values";

const HEIGHT = 460;
const [NARROWEST_PX, WIDEST_PX] = [360, 1_100];
const [LEFT, RIGHT, TOP, BOTTOM] = [80, 20, 16, 48];

export function Scatter({ runs }: { readonly runs: readonly Run[] }) {
  const { query } = route.value;
  const fields = useMemo(() => fieldsOf(runs), [runs]);
  const usual = useMemo(() => usualAxes(runs), [runs]);
  const named = (id: string | undefined, kind: Field["kind"]) =>
    fields.find((field) => field.id === id) ?? usual.find((field) => field.kind === kind) ?? fields[0];
  const x = named(query.get("x"), "param");
  const y = named(query.get("y"), "metric");
  if (x === undefined || y === undefined) return <p class="empty muted">These runs have neither params nor metrics.</p>;
  return <Plot key={`${x.id} ${y.id}`} runs={runs} fields={fields} x={x} y={y} />;
}

interface PlotProps {
  readonly runs: readonly Run[];
  readonly fields: readonly Field[];
  readonly x: Field;
  readonly y: Field;
}

function Plot({ runs, fields, x, y }: PlotProps) {
  const { query } = route.value;
  const hovered = useSignal<Run | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const width = Math.min(Math.max(useElementWidth(place), NARROWEST_PX), WIDEST_PX);
  const [xs, ys] = useMemo(() => [dataOf(runs, x), dataOf(runs, y)], [runs, x, y]);
  const logOf = (name: string, data: readonly Datum[]) => (query.get(name) ?? (wantsLog(data) ? "1" : "0")) === "1";
  const [xLog, yLog] = [logOf("xlog", xs), logOf("ylog", ys)];
  const [across, up] = [scaleOf(xs, xLog), scaleOf(ys, yLog)];
  const dots = runs.flatMap((run, at) => {
    const [left, bottom] = [across.place(xs[at]), up.place(ys[at])];
    return left === null || bottom === null ? [] : [{ run, at, left: xOf(left, width), top: yOf(bottom) }];
  });
  const without = runs.length - dots.length;
  const at = hovered.value === null ? -1 : runs.indexOf(hovered.value);
  return (
    <div class="compare-part">
      <div class="bar">
        <AxisSelect name="y" label="Up" fields={fields} chosen={y} log={yLog} />
        <AxisSelect name="x" label="Across" fields={fields} chosen={x} log={xLog} />
      </div>
      <div ref={place} class="plot-scroll" tabIndex={0} role="region" aria-label={`${y.key} against ${x.key}`}>
        <svg class="plot" width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`}>
          <Grid across={across} up={up} x={x} y={y} width={width} />
          {dots.map(({ run, left, top }) => (
            <a key={run.runId} href={href(["runs", run.runId])} aria-label={run.name}>
              <circle
                cx={left}
                cy={top}
                r={hovered.value === run ? 7 : 5}
                fill={runColor(run.runId)}
                onPointerEnter={() => (hovered.value = run)}
                onPointerLeave={() => (hovered.value = null)}
              />
            </a>
          ))}
        </svg>
      </div>
      <p class="muted hovered-run" aria-live="polite">
        {hovered.value
          ? `${hovered.value.name}: ${x.key} ${textOf(xs[at])}, ${y.key} ${textOf(ys[at])}`
          : without > 0
            ? `${without} of ${runs.length} runs have no place here: a value is missing, not finite, or not above 0 on a log axis.`
            : "\u00a0"}
      </p>
    </div>
  );
}

function xOf(place: number, width: number): number {
  return LEFT + place * (width - LEFT - RIGHT);
}

function yOf(place: number): number {
  return HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM);
}

function textOf(value: Datum): string {
  return typeof value === "number" ? formatNumber(value) : (value ?? "none");
}

interface AxisSelectProps {
  readonly name: "x" | "y";
  readonly label: string;
  readonly fields: readonly Field[];
  readonly chosen: Field;
  readonly log: boolean;
}

function AxisSelect({ name, label, fields, chosen, log }: AxisSelectProps) {
  return (
    <>
      <label>
        {label}{" "}
        <select
          value={chosen.id}
          onChange={({ currentTarget: { value } }) => updateQuery({ [name]: value, [`${name}log`]: null })}
        >
          {fields.map(({ id }) => (
            <option key={id} value={id}>
              {id}
            </option>
          ))}
        </select>
      </label>
      <label class="axis-log">
        <input type="checkbox" checked={log} onChange={() => updateQuery({ [`${name}log`]: log ? "0" : "1" })} /> log
      </label>
    </>
  );
}

interface GridProps {
  readonly across: Scale;
  readonly up: Scale;
  readonly x: Field;
  readonly y: Field;
  readonly width: number;
}

function Grid({ across, up, x, y, width }: GridProps) {
  return (
    <g class="axis">
      {across.ticks.map((tick) => (
        <g key={tick.label} transform={`translate(${xOf(tick.at, width)} 0)`}>
          <line class="rule" y1={TOP} y2={HEIGHT - BOTTOM} />
          <text y={HEIGHT - BOTTOM + 16} text-anchor="middle">
            {tick.label}
          </text>
        </g>
      ))}
      {up.ticks.map((tick) => (
        <g key={tick.label} transform={`translate(0 ${yOf(tick.at)})`}>
          <line class="rule" x1={LEFT} x2={width - RIGHT} />
          <text x={LEFT - 8} dy="0.32em" text-anchor="end">
            {tick.label}
          </text>
        </g>
      ))}
      <text class="axis-title" x={(LEFT + width - RIGHT) / 2} y={HEIGHT - 8} text-anchor="middle">
        {x.key}
      </text>
      <text class="axis-title" transform={`translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`} text-anchor="middle">
        {y.key}
      </text>
    </g>
  );
}
