/** The vertical range of a chart. */

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The share of points that may lie beyond each end when outliers are ignored. */
export const OUTLIER_SHARE = 0.02;

/**
 * The range between the percentiles of values, widened by a tenth; null when there is no finite value.
 *
 * @param weight - How many points stand behind each value.
 */
export function rangeWithoutOutliers(value: readonly number[], weight: readonly number[]): Range | null {
  const order = [...value.keys()].filter((at) => Number.isFinite(value[at]) && (weight[at] ?? 0) > 0);
  order.sort((a, b) => (value[a] ?? 0) - (value[b] ?? 0));
  let total = 0;
  for (const at of order) total += weight[at] ?? 0;
  if (total === 0) return null;
  const min = percentile(order, value, weight, total * OUTLIER_SHARE);
  const max = percentile(order, value, weight, total * (1 - OUTLIER_SHARE));
  const room = (max - min) * 0.1;
  return { min: min - room, max: max + room };
}

function percentile(order: readonly number[], value: readonly number[], weight: readonly number[], target: number): number {
  let passed = 0;
  for (const at of order) {
    passed += weight[at] ?? 0;
    if (passed >= target) return value[at] ?? 0;
  }
  return value[order.at(-1) ?? 0] ?? 0;
}

/** Widens a range so that lines keep off the edges; a single value gets room on both sides. */
export function padded(range: Range, logarithmic: boolean): Range {
  if (logarithmic) {
    const factor = Math.max((range.max / range.min) ** 0.05, 1.05);
    return { min: range.min / factor, max: range.max * factor };
  }
  const size = range.max - range.min;
  // Half of the number first: the difference of two great ones may overflow.
  const room = Number.isFinite(size) ? (size > 0 ? size * 0.06 : Math.abs(range.min) * 0.1 || 1) : 0;
  return { min: range.min - room, max: range.max + room };
}
