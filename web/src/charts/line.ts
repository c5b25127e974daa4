/** A series in buckets, as the server sums it up, and how points that are committed later are added to it. */

export interface SeriesName {
  readonly runId: string;
  readonly key: string;
  readonly rank: number | null;
  readonly attempt: number;
}

/** One entry a bucket, in order. Steps are as logged, times in microseconds. */
export interface BucketColumns {
  xFirst: Float64Array;
  xLast: Float64Array;
  count: Float64Array;
  nanCount: Float64Array;
  first: Float64Array;
  last: Float64Array;
  min: Float64Array;
  max: Float64Array;
  sum: Float64Array;
}

/** The other coordinate of a bucket's first and last point, which a chart does not say: unknown (NaN) until points come live. */
interface Others {
  otherFirst: Float64Array;
  otherLast: Float64Array;
}

const COLUMNS = ["xFirst", "xLast", "count", "nanCount", "first", "last", "min", "max", "sum", "otherFirst", "otherLast"] as const;

export class Line {
  readonly series: SeriesName;
  /** A point at x is in the bucket floor(x / width); 0 when every point has a bucket of its own. */
  readonly width: number;
  /** The number of buckets. */
  size: number;
  /** Grows with every change. */
  version = 0;
  #columns: BucketColumns & Others;

  constructor(series: SeriesName, width: number, columns: BucketColumns = noColumns()) {
    this.series = series;
    this.width = width;
    this.size = columns.xFirst.length;
    const unknown = () => new Float64Array(this.size).fill(NaN);
    this.#columns = { ...columns, otherFirst: unknown(), otherLast: unknown() };
  }

  /** The columns, which are longer than `size` while there is room to grow. */
  get columns(): Readonly<BucketColumns> {
    return this.#columns;
  }

  /** Counts the points. */
  get points(): number {
    let points = 0;
    for (let at = 0; at < this.size; at++) points += this.#columns.count[at] ?? 0;
    return points;
  }

  /** Adds a point, by the server's own rules. `other` is the time when x is the step, and the reverse. */
  add(x: number, other: number, value: number): void {
    const at = this.width === 0 ? this.#placeOfPoint(x, other, value) : this.#placeOfBucket(x);
    if (at < 0) return;
    this.version++;
    if (this.width > 0 && at < this.size && this.#bucket(at) === Math.floor(x / this.width)) this.#merge(at, x, other, value);
    else this.#insert(at, x, other, value);
  }

  #bucket(at: number): number {
    return Math.floor((this.#columns.xFirst[at] ?? 0) / this.width);
  }

  /** The place of the bucket that holds x, or where it would be. */
  #placeOfBucket(x: number): number {
    const wanted = Math.floor(x / this.width);
    return this.#search((at) => this.#bucket(at) < wanted);
  }

  /** Where a point belongs that gets a bucket of its own; -1 for one that is there already. */
  #placeOfPoint(x: number, other: number, value: number): number {
    const { xFirst, otherFirst, first } = this.#columns;
    const at = this.#search((place) => compare(xFirst[place], otherFirst[place], first[place], x, other, value) < 0);
    const same = at < this.size && xFirst[at] === x && otherFirst[at] === other && Object.is(first[at], value);
    return same ? -1 : at;
  }

  /** The number of entries, all of them at the beginning, for which something holds. Most points belong at the end. */
  #search(before: (at: number) => boolean): number {
    if (this.size === 0 || before(this.size - 1)) return this.size;
    let low = 0;
    let high = this.size - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #merge(at: number, x: number, other: number, value: number): void {
    const c = this.#columns;
    const fromLast = compare(c.xLast[at], c.otherLast[at], c.last[at], x, other, value);
    // What is committed twice may be told twice.
    if (fromLast === 0) return;
    c.count[at] = (c.count[at] ?? 0) + 1;
    if (Number.isNaN(value)) c.nanCount[at] = (c.nanCount[at] ?? 0) + 1;
    else {
      c.sum[at] = (c.sum[at] ?? 0) + value;
      if (!((c.min[at] ?? NaN) <= value)) c.min[at] = value;
      if (!((c.max[at] ?? NaN) >= value)) c.max[at] = value;
    }
    if (fromLast < 0) [c.xLast[at], c.otherLast[at], c.last[at]] = [x, other, value];
    if (compare(c.xFirst[at], c.otherFirst[at], c.first[at], x, other, value) > 0) {
      [c.xFirst[at], c.otherFirst[at], c.first[at]] = [x, other, value];
    }
  }

  #insert(at: number, x: number, other: number, value: number): void {
    if (this.size === this.#columns.xFirst.length) this.#grow();
    const c = this.#columns;
    if (at < this.size) for (const name of COLUMNS) c[name].copyWithin(at + 1, at, this.size);
    const isNaN = Number.isNaN(value);
    [c.xFirst[at], c.otherFirst[at], c.first[at]] = [x, other, value];
    [c.xLast[at], c.otherLast[at], c.last[at]] = [x, other, value];
    [c.count[at], c.nanCount[at], c.sum[at]] = [1, isNaN ? 1 : 0, isNaN ? 0 : value];
    [c.min[at], c.max[at]] = [value, value];
    this.size++;
  }

  #grow(): void {
    const room = Math.max(64, 2 * this.size);
    for (const name of COLUMNS) {
      const larger = new Float64Array(room);
      larger.set(this.#columns[name]);
      this.#columns[name] = larger;
    }
  }
}

/** Compares points by (x, other, value), NaN below -Infinity. What is not known of a point was there before. */
function compare(
  x1: number | undefined, other1: number | undefined, value1: number | undefined,
  x2: number, other2: number, value2: number,
): number {
  if (x1 !== x2) return (x1 ?? 0) - x2;
  if (other1 !== other2) return Number.isNaN(other1) ? -1 : (other1 ?? 0) - other2;
  if (Object.is(value1, value2)) return 0;
  const [a, b] = [value1 ?? NaN, value2];
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) ? -1 : 1;
  return a === b ? (Object.is(a, -0) ? -1 : 1) : a - b;
}

export function noColumns(size = 0): BucketColumns {
  const column = () => new Float64Array(size);
  return {
    xFirst: column(), xLast: column(), count: column(), nanCount: column(),
    first: column(), last: column(), min: column(), max: column(), sum: column(),
  };
}

/** Names a line among those of a panel. */
export function lineId({ runId, rank, attempt }: Pick<SeriesName, "runId" | "rank" | "attempt">): string {
  return `${runId}/${rank ?? ""}/${attempt}`;
}
