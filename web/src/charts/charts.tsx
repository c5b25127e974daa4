/** The metrics of one or more runs, one panel per metric. */

/** A run whose metrics are drawn. */
export interface ChartRun {
  readonly runId: string;
  readonly name: string;
  readonly startTimeUs: bigint | null;
  /** A CSS colour, the same wherever the run is shown. */
  readonly color: string;
  /** Whether points may still come. */
  readonly active: boolean;
}

export interface ChartsProps {
  readonly runs: readonly ChartRun[];
  /** Which metrics: those of the system (`system/…`), or the others. */
  readonly kind: "model" | "system";
}

export function Charts({ runs, kind }: ChartsProps) {
  return (
    <p>
      {kind} charts of {runs.length} runs
    </p>
  );
}
