/** Mean and variance of each feature of data that come in batches, in float64 and in one go. */
import { elementCount, stridesOf } from "../core/shape.ts";
import type { ArrayValue } from "../core/values.ts";

export class FeatureMoments {
  /** Elements of each feature so far. */
  #count = 0;
  #mean: Float64Array;
  /** Sum of the squared distances from the mean. */
  #squares: Float64Array;
  readonly #axes: readonly number[];

  /**
   * @param axes of the features, counted from the front; all others are taken together
   * @param shape of the features
   */
  constructor(axes: readonly number[], shape: readonly number[]) {
    this.#axes = axes;
    this.#mean = new Float64Array(elementCount(shape));
    this.#squares = new Float64Array(elementCount(shape));
  }

  /** Takes a batch in. The batch by itself first, then both together: Chan, Golub and LeVeque (1983). */
  add(batch: ArrayValue): void {
    const { data } = batch;
    const features = this.#mean.length;
    const count = features === 0 ? 0 : data.length / features;
    if (count === 0) return;
    const featureOf = this.#featureOf(batch.shape);
    const mean = new Float64Array(features);
    for (let i = 0; i < data.length; i++) mean[featureOf(i)]! += data[i]!;
    for (let f = 0; f < features; f++) mean[f]! /= count;
    const squares = new Float64Array(features);
    for (let i = 0; i < data.length; i++) squares[featureOf(i)]! += (data[i]! - mean[featureOf(i)]!) ** 2;

    const total = this.#count + count;
    for (let f = 0; f < features; f++) {
      const shift = mean[f]! - this.#mean[f]!;
      this.#mean[f]! += (shift * count) / total;
      this.#squares[f]! += squares[f]! + (shift * shift * this.#count * count) / total;
    }
    this.#count = total;
  }

  get count(): number {
    return this.#count;
  }
  get mean(): Float64Array {
    return this.#mean;
  }
  /** Divided by the number of elements. */
  get variance(): Float64Array {
    return this.#squares.map((sum) => sum / Math.max(1, this.#count));
  }

  /** To which feature an element belongs, by its place in the array. */
  #featureOf(shape: readonly number[]): (element: number) => number {
    const [axis] = this.#axes;
    if (axis === undefined) return () => 0;
    const strides = stridesOf(shape);
    if (this.#axes.length === 1) {
      const [stride, size] = [strides[axis]!, shape[axis]!];
      return stride === 1 ? (i) => i % size : (i) => Math.floor(i / stride) % size;
    }
    return (i) =>
      this.#axes.reduce((feature, at) => feature * shape[at]! + (Math.floor(i / strides[at]!) % shape[at]!), 0);
  }
}
