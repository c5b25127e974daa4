/** Exponential smoothing along x, for points and buckets alike. */

/**
 * Smooths values: each place gets the mean of all points up to it, in which a point's weight halves with every `halfLife` of x.
 *
 * A bucket counts as its points, all at their mean. The weights are divided by their sum, so the beginning is not pulled to zero
 * (debiased). Points at equal distances d give the well-known exponential moving average with the factor 2^(-d / halfLife).
 *
 * @param x - Ascending.
 * @param value - NaN and infinite ones are passed over, and give NaN.
 * @param weight - How many points stand behind each value.
 */
export function smooth(x: Float64Array, value: Float64Array, weight: Float64Array, halfLife: number, begin?: SmoothState): Float64Array {
  const result = new Float64Array(x.length);
  const state = begin ?? { x: NaN, sum: 0, weight: 0 };
  for (let at = 0; at < x.length; at++) {
    const here = value[at] ?? NaN;
    if (!Number.isFinite(here)) {
      result[at] = NaN;
      continue;
    }
    advance(state, x[at] ?? 0, here, weight[at] ?? 0, halfLife);
    result[at] = state.sum / state.weight;
  }
  return result;
}

/** What came before, summed up. */
export interface SmoothState {
  x: number;
  sum: number;
  weight: number;
}

function advance(state: SmoothState, x: number, value: number, weight: number, halfLife: number): void {
  const kept = Number.isNaN(state.x) ? 0 : 2 ** (-(x - state.x) / halfLife);
  state.x = x;
  state.sum = state.sum * kept + value * weight;
  state.weight = state.weight * kept + weight;
}

/** Sums up what is left of `until`, so that smoothing a detail goes on from there. */
export function smoothedUntil(
  until: number, x: Float64Array, value: Float64Array, weight: Float64Array, halfLife: number,
): SmoothState {
  const state: SmoothState = { x: NaN, sum: 0, weight: 0 };
  for (let at = 0; at < x.length && (x[at] ?? 0) < until; at++) {
    const here = value[at] ?? NaN;
    if (Number.isFinite(here)) advance(state, x[at] ?? 0, here, weight[at] ?? 0, halfLife);
  }
  return state;
}
