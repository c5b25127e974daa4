/** Parallel coordinates: an axis a param or metric, a line a run. */

import { useSignal, type Signal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import type { Run } from "../api/gen/runstream/v1/run_pb";
import { href, route } from "../routing/router";
import { runColor } from "../ui/colors";
import { useElementWidth } from "../ui/element-width";
import { AxisChoice } from "./axis-choice";
import { axesFrom, type Brush, isWithin, PLOT_HEIGHT_PX, type ParallelAxis, TOP_PX } from "./parallel-axes";
import { fieldsOf } from "./values";

const NONE_PX = 26;
const [NARROWEST_PX, WIDEST_PX] = [110, 260];

export function ParallelCoordinates({ runs }: { readonly runs: readonly Run[] }) {
  const chosen = route.value.query.get("axes") ?? null;
  const fields = useMemo(() => fieldsOf(runs), [runs]);
  const axes = useMemo(() => axesFrom(runs, chosen), [runs, chosen]);
  const brushes = useSignal<ReadonlyMap<string, Brush>>(new Map());
  const hovered = useSignal<string | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const lane = Math.min(Math.max(useElementWidth(place) / Math.max(axes.length, 1), NARROWEST_PX), WIDEST_PX);
  const width = Math.floor(lane * axes.length);
  const height = TOP_PX + PLOT_HEIGHT_PX + NONE_PX + 8;
  const kept = runs.filter((_, at) => isWithin(axes, brushes.value, at));
  return (
    <div class="compare-part">
      <div class="bar">
        <AxisChoice fields={fields} axes={axes.map(({ field }) => field)} />
        <span class="muted" role="status">
          {brushes.value.size === 0
            ? "Drag along an axis to keep a part of the runs."
            : `${kept.length} of ${runs.length} runs kept`}
        </span>
        {brushes.value.size > 0 && (
          <>
            <button type="button" onClick={() => (brushes.value = new Map())}>
              Keep all
            </button>
            <a class="button" href={href(["compare"], [["runs", kept.map(({ runId }) => runId).join(",")]])}>
              Compare these {kept.length} alone
            </a>
          </>
        )}
      </div>
      <div ref={place} class="plot-scroll" tabIndex={0} role="region" aria-label="Parallel coordinates">
        <svg class="plot" width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
          <Lines runs={runs} axes={axes} lane={lane} brushes={brushes} hovered={hovered} />
          {axes.map((axis, at) => (
            <Axis key={axis.field.id} axis={axis} x={lane * (at + 0.5)} brushes={brushes} />
          ))}
        </svg>
      </div>
      <p class="muted hovered-run" aria-live="polite">
        {runs.find(({ runId }) => runId === hovered.value)?.name ?? "\u00a0"}
      </p>
    </div>
  );
}

function placeY(place: number | null): number {
  return place === null ? TOP_PX + PLOT_HEIGHT_PX + NONE_PX : TOP_PX + PLOT_HEIGHT_PX * (1 - place);
}

interface LinesProps {
  readonly runs: readonly Run[];
  readonly axes: readonly ParallelAxis[];
  /** How far apart the axes are, in pixels. */
  readonly lane: number;
  readonly brushes: Signal<ReadonlyMap<string, Brush>>;
  readonly hovered: Signal<string | null>;
}

function Lines({ runs, axes, lane, brushes, hovered }: LinesProps) {
  return (
    <g class="lines">
      {runs.map(({ runId, name }, at) => {
        const points = axes.map(({ places }, axis) => `${(lane * (axis + 0.5)).toFixed(1)},${placeY(places[at] ?? null).toFixed(1)}`);
        const classes = [!isWithin(axes, brushes.value, at) && "out", hovered.value === runId && "hovered"];
        return (
          <polyline
            key={runId}
            class={classes.filter(Boolean).join(" ")}
            points={points.join(" ")}
            stroke={runColor(runId)}
            onPointerEnter={() => (hovered.value = runId)}
            onPointerLeave={() => (hovered.value = null)}
          >
            <title>{name}</title>
          </polyline>
        );
      })}
    </g>
  );
}

interface AxisProps {
  readonly axis: ParallelAxis;
  readonly x: number;
  readonly brushes: Signal<ReadonlyMap<string, Brush>>;
}

function Axis({ axis, x, brushes }: AxisProps) {
  const { field, scale, gaps } = axis;
  const brush = brushes.value.get(field.id);
  const set = (wanted: Brush | null) => {
    const next = new Map(brushes.peek());
    if (wanted === null) next.delete(field.id);
    else next.set(field.id, wanted);
    brushes.value = next;
  };
  const label = field.key.length > 22 ? `…${field.key.slice(-21)}` : field.key;
  return (
    <g class="axis" transform={`translate(${x} 0)`}>
      <text class="axis-title" y={14} text-anchor="middle">
        {label}
        <title>{field.id}</title>
      </text>
      {scale.kind === "log" && (
        <text class="axis-kind" y={27} text-anchor="middle">
          log
        </text>
      )}
      <line y1={TOP_PX} y2={TOP_PX + PLOT_HEIGHT_PX} />
      {scale.ticks.map((tick) => (
        <g key={tick.label} transform={`translate(0 ${placeY(tick.at)})`}>
          <line x1={-4} x2={0} />
          <text x={-7} dy="0.32em" text-anchor="end">
            {tick.label.length > 14 ? `${tick.label.slice(0, 13)}…` : tick.label}
          </text>
        </g>
      ))}
      {gaps && (
        <text class="axis-kind" x={-7} y={placeY(null)} dy="0.32em" text-anchor="end">
          none
        </text>
      )}
      {brush && (
        <rect class="brush" x={-7} width={14} y={placeY(brush[1])} height={placeY(brush[0]) - placeY(brush[1])} />
      )}
      <rect
        class="brush-area"
        x={-12}
        width={24}
        y={TOP_PX}
        height={PLOT_HEIGHT_PX}
        onPointerDown={(event) => beginBrush(event, set)}
      />
    </g>
  );
}

const SMALLEST = 0.01;

function beginBrush(event: PointerEvent & { readonly currentTarget: SVGRectElement }, set: (brush: Brush | null) => void): void {
  const area = event.currentTarget;
  const box = area.getBoundingClientRect();
  const placeOf = (moved: PointerEvent) => Math.min(Math.max(1 - (moved.clientY - box.top) / box.height, 0), 1);
  const start = placeOf(event);
  area.setPointerCapture(event.pointerId);
  set(null);
  const move = (moved: PointerEvent) => {
    const end = placeOf(moved);
    if (Math.abs(end - start) > SMALLEST) set([Math.min(start, end), Math.max(start, end)]);
  };
  area.addEventListener("pointermove", move);
  area.addEventListener("lostpointercapture", () => area.removeEventListener("pointermove", move), { once: true });
}
