/** How all panels of a page are drawn. */

import type { Scene } from "./scene";
import { useState } from "preact/hooks";
import { placeText } from "./facts";
import type { ChartView, Ranks } from "./view";

/** Half-lives of the smoothing in percent of the axis. */
export const SMOOTH_STEPS = [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20] as const;

export interface ToolbarProps {
  readonly scene: Scene;
  readonly keys: readonly string[];
  /** Whether any metric has several ranks. */
  readonly ranked: boolean;
  readonly shown: number;
}

export function Toolbar({ scene, keys, ranked, shown }: ToolbarProps) {
  const view = scene.view.value;
  const { change } = scene;
  return (
    <div class="chart-toolbar" role="toolbar" aria-label="How charts are drawn">
      <Search {...{ view, change, shown }} all={keys.length} />
      <AxisChoice {...{ view, change, keys }} />
      <label>
        y{" "}
        <select aria-label="y axis" value={view.logarithmic ? "log" : "linear"} onChange={(event) => change({ logarithmic: event.currentTarget.value === "log" })}>
          <option value="linear">linear</option>
          <option value="log">log</option>
        </select>
      </label>
      <label title="What the line of a bucket of points goes through; the band spans from the least to the greatest of them">
        line{" "}
        <select aria-label="line" value={view.line} onChange={(event) => change({ line: event.currentTarget.value === "last" ? "last" : "mean" })}>
          <option value="mean">mean</option>
          <option value="last">last</option>
        </select>
      </label>
      {ranked && (
        <label>
          ranks{" "}
          <select aria-label="ranks" value={view.ranks} onChange={(event) => change({ ranks: event.currentTarget.value as Ranks })}>
            <option value="one">one</option>
            <option value="lines">a line each</option>
            <option value="band">band</option>
          </select>
        </label>
      )}
      <Smoothing {...{ view, change }} />
      <label title="Draws from the 2nd percentile of the least to the 98th of the greatest values; what lies beyond is marked at the edge and counted">
        <input type="checkbox" checked={view.ignoreOutliers} onChange={(event) => change({ ignoreOutliers: event.currentTarget.checked })} />{" "}
        ignore outliers
      </label>
      {view.range !== null && (
        <button type="button" class="range-chip" onClick={() => change({ range: null }, true)}>
          {placeText(view.range[0], view.x)} – {placeText(view.range[1], view.x)} <span aria-hidden="true">×</span>
          <span class="visually-hidden">Show the whole range</span>
        </button>
      )}
    </div>
  );
}

type Change = Scene["change"];

function Search({ view, change, shown, all }: { view: ChartView; change: Change; shown: number; all: number }) {
  return (
    <span class="panel-search">
      <input
        type="search"
        placeholder="search panels, e.g. val/*"
        aria-label="Search panels: * stands for any characters, ? for one"
        value={view.find}
        onInput={(event) => change({ find: event.currentTarget.value })}
      />
      <span class="muted" role="status">
        {view.find === "" ? `${all} panels` : `${shown} of ${all}`}
      </span>
    </span>
  );
}

function AxisChoice({ view, change, keys }: { view: ChartView; change: Change; keys: readonly string[] }) {
  // Hundreds of options are made only for who is about to choose.
  const [offered, setOffered] = useState<readonly string[]>([]);
  const offer = () => setOffered(keys.slice(0, MOST_OFFERED));
  const chosen = typeof view.x === "object" ? `metric:${view.x.metric}` : view.x;
  const choose = (text: string) => {
    const x = text.startsWith("metric:") ? { metric: text.slice(7) } : text === "time" || text === "relative" ? text : "step";
    change({ x, range: null });
  };
  return (
    <label>
      x{" "}
      <select class="axis-choice" aria-label="x axis" value={chosen} onFocus={offer} onPointerEnter={offer} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="step">step</option>
        <option value="time">time</option>
        <option value="relative">time since start</option>
        <optgroup label="another metric">
          {typeof view.x === "object" && !offered.includes(view.x.metric) && <option value={chosen}>{view.x.metric}</option>}
          {offered.map((key) => (
            <option key={key} value={`metric:${key}`}>
              {key}
            </option>
          ))}
        </optgroup>
      </select>
    </label>
  );
}

/** Every panel's own menu offers its metric, too. */
const MOST_OFFERED = 300;

function Smoothing({ view, change }: { view: ChartView; change: Change }) {
  const place = SMOOTH_STEPS.findIndex((step) => step >= view.smooth);
  return (
    <label class="smoothing" title={smoothingText(view.smooth)}>
      smooth{" "}
      <input
        type="range"
        min={0}
        max={SMOOTH_STEPS.length - 1}
        step={1}
        value={Math.max(place, 0)}
        aria-valuetext={smoothingText(view.smooth)}
        onInput={(event) => change({ smooth: SMOOTH_STEPS[Number(event.currentTarget.value)] ?? 0 })}
      />
      <span class="mono">{view.smooth === 0 ? "off" : `${view.smooth} %`}</span>
    </label>
  );
}

/** Says how smoothing is done. */
export function smoothingText(percent: number): string {
  if (percent === 0) return "No smoothing: the line goes through the values themselves.";
  return (
    `Exponential moving average, debiased: each place shows the mean of all points up to it, in which a point's weight halves ` +
    `with every ${percent} % of the whole x range. A bucket counts as its points at their mean. The values themselves stay as the faint line.`
  );
}
