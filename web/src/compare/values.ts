/** What runs have in common and where they differ. */

import type { LatestMetric, Run } from "../api/gen/runstream/v1/run_pb";
import { isNumeric } from "../ui/format";

export type Statistic = "latest" | "min" | "max";
export type Better = "lower" | "higher" | null;

export interface TextRow {
  readonly key: string;
  /** One value a run; undefined where the run lacks the key. */
  readonly values: readonly (string | undefined)[];
  readonly differs: boolean;
}

/** Puts the texts of all runs side by side, by key. */
export function textRows(texts: readonly Readonly<Record<string, string>>[]): TextRow[] {
  const keys = [...new Set(texts.flatMap((text) => Object.keys(text)))].sort();
  return keys.map((key) => {
    const values = texts.map((text) => text[key]);
    return { key, values, differs: values.some((value) => value !== values[0]) };
  });
}

export interface MetricRow {
  readonly key: string;
  readonly values: readonly (LatestMetric | undefined)[];
}

/** Puts the metrics of all runs side by side, by key. */
export function metricRows(runs: readonly Run[]): MetricRow[] {
  const byRun = runs.map((run) => new Map(run.metrics.map((metric) => [metric.key, metric])));
  const keys = [...new Set(byRun.flatMap((metrics) => [...metrics.keys()]))].sort();
  return keys.map((key) => ({ key, values: byRun.map((metrics) => metrics.get(key)) }));
}

export function statisticOf(metric: LatestMetric, statistic: Statistic): number {
  return statistic === "latest" ? metric.value : metric[statistic];
}

const LOWER = /loss|err|perplexity|\bppl\b|\b(?:r?mse|mae|wer|cer|fid|nll)\b|latency|duration|seconds/i;
const HIGHER = /acc|\bf1\b|auc|precision|recall|bleu|rouge|score|reward|return|\bm?ap\b|iou|psnr|ssim|throughput|per_second/i;

/** Which values of a metric are the better ones, as its name says; null when it does not. */
export function usualBetter(key: string): Better {
  const words = key.replace(/[/_.:-]/g, " ");
  const [lower, higher] = [LOWER.test(key) || LOWER.test(words), HIGHER.test(key) || HIGHER.test(words)];
  if (lower === higher) return null;
  return lower ? "lower" : "higher";
}

/** The best of some values, NaN and gaps apart; null when there are no two different ones. */
export function bestOf(values: readonly (number | undefined)[], better: Better): number | null {
  const numbers = values.filter((value) => value !== undefined && !Number.isNaN(value)) as number[];
  if (better === null || new Set(numbers).size < 2) return null;
  return better === "lower" ? Math.min(...numbers) : Math.max(...numbers);
}

export interface Field {
  /** How the address writes it: `params.lr`, `metrics.loss`. */
  readonly id: string;
  readonly kind: "param" | "metric";
  readonly key: string;
}

/** All that can be an axis: params first. */
export function fieldsOf(runs: readonly Run[]): Field[] {
  const params = textRows(runs.map((run) => run.params)).map(({ key }) => ({ id: `params.${key}`, kind: "param" as const, key }));
  const metrics = metricRows(runs).map(({ key }) => ({ id: `metrics.${key}`, kind: "metric" as const, key }));
  return [...params, ...metrics];
}

export type Datum = number | string | undefined;

/** A field's values: numbers if all of those that are there are, else texts. */
export function dataOf(runs: readonly Run[], field: Field): Datum[] {
  if (field.kind === "metric") return runs.map((run) => run.metrics.find(({ key }) => key === field.key)?.value);
  const texts = runs.map((run) => (Object.hasOwn(run.params, field.key) ? run.params[field.key] : undefined));
  const numeric = texts.every((text) => text === undefined || isNumeric(text));
  return numeric ? texts.map((text) => (text === undefined ? undefined : Number(text))) : texts;
}

const USUAL_PARAMS = 6;
const USUAL_METRICS = 2;

/** The axes until a person chooses: the params that differ, and metrics with a known better end. */
export function usualAxes(runs: readonly Run[]): Field[] {
  const fields = fieldsOf(runs);
  const params = fields.filter((field) => field.kind === "param" && new Set(dataOf(runs, field)).size > 1);
  const metrics = fields.filter(({ kind, key }) => kind === "metric" && !key.startsWith("system/"));
  const known = [...metrics].sort((one, other) => rank(one) - rank(other));
  return [...params.slice(0, USUAL_PARAMS), ...known.slice(0, USUAL_METRICS)];
}

/** What is measured apart from training tells more. */
function rank({ key }: Field): number {
  return (usualBetter(key) === null ? 2 : 0) + (/val|test|eval/i.test(key) ? 0 : 1);
}
