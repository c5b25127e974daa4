/** What all panels of a page share. */

import type { ReadonlySignal, Signal } from "@preact/signals";
import type { ChartRun } from "./charts";
import type { Crosshairs } from "./crosshair";
import type { ChartStore } from "./store";
import type { ChartView } from "./view";

export interface Scene {
  readonly kind: "model" | "system";
  readonly store: ChartStore;
  readonly view: ReadonlySignal<ChartView>;
  /** The runs that are drawn. */
  readonly runs: ReadonlySignal<readonly ChartRun[]>;
  readonly crosshairs: Crosshairs;
  /** The run that stands out, while its name is pointed at. */
  readonly highlighted: Signal<string | null>;
  /** Changes the view, and with it the address. */
  readonly change: (changes: Partial<ChartView>, push?: boolean) => void;
}
