/** What a bucket of a histogram counts: the values from `left` on and below `right`; in the last one, `right` too. */
export interface Bucket {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

export const DEFAULT_BUCKETS = 30;

/**
 * Counts values in buckets of equal width between the least and the greatest, as `tf.summary.histogram` does, to the
 * bit. If all values are the same, they are in the last bucket, and every bucket begins and ends there; without
 * values, all buckets are 0. Values that are not finite are left out: they lie in no bucket of finite width.
 *
 * @param count how many buckets, from 1 on
 */
export function histogramOf(values: ArrayLike<number>, count: number = DEFAULT_BUCKETS): readonly Bucket[] {
  let finite = 0;
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    finite++;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const buckets = Array.from({ length: count }, (_, i) => i);
  if (finite === 0) return buckets.map(() => ({ left: 0, right: 0, count: 0 }));
  if (min === max) return buckets.map((i) => ({ left: min, right: min, count: i === count - 1 ? finite : 0 }));
  const width = (max - min) / count;
  const counts = new Float64Array(count);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    // The width of subnormal numbers may be 0, and then the first of them is 0 / 0 from the left.
    if (Number.isFinite(value)) counts[Math.min(Math.floor((value - min) / width) || 0, count - 1)]!++;
  }
  const edge = (i: number): number => (i === count ? max : i * width + min);
  return buckets.map((i) => ({ left: edge(i), right: edge(i + 1), count: counts[i]! }));
}
