/** The vertical range of a chart. */

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The share of points, or of buckets of them, that may reach beyond each end when outliers are ignored. */
export const OUTLIER_SHARE = 0.02;

/**
 * The range from the 2nd percentile of the least to the 98th of the greatest values, widened by a tenth; null when none is finite.
 *
 * @param least - Of each point or bucket.
 * @param greatest - The same for single points.
 */
export function rangeWithoutOutliers(least: readonly number[], greatest: readonly number[]): Range | null {
  const min = percentile(least, OUTLIER_SHARE);
  const max = percentile(greatest, 1 - OUTLIER_SHARE);
  if (min === null || max === null) return null;
  const room = (max - min) * 0.1;
  return { min: min - room, max: max + room };
}

function percentile(values: readonly number[], share: number): number | null {
  const order = Float64Array.from(values.filter(Number.isFinite)).sort();
  return order.length === 0 ? null : (order[Math.round(share * (order.length - 1))] ?? null);
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
