import { ShapeError } from "../core/errors.ts";
import { type Sizes, shapeText } from "../core/shape.ts";
import { type ArrayValue, readValue, type ValueLike } from "../core/values.ts";
import { eager } from "../eager/context.ts";
import type { EagerVariable, Valued } from "../eager/tensor.ts";
import { isValued } from "../eager/tensor.ts";
import { builderOf } from "../graph/builder.ts";
import { Tensor } from "../graph/operation.ts";
import { add, div, maximum, mul, sub } from "../ops/arithmetic.ts";
import { sqrt } from "../ops/elementary.ts";
import { reshape } from "../ops/movement.ts";
import { constantIn } from "../ops/support.ts";
import { here, reading } from "../runtime/reading.ts";
import { argumentError, BuiltIn, withDefaults } from "./built-in.ts";
import { BUILD } from "./core/internal.ts";
import type { LayerOptions } from "./core/layer.ts";
import { FeatureMoments } from "./feature-moments.ts";
import { axisOf } from "./scale-and-shift.ts";
import { asFloat } from "./shaping.ts";

/** What is learnt from: examples in an array, a list or a tensor with a value. */
export type Examples = ValueLike | (Tensor & Valued);

type Numbers = number | readonly number[];

export interface NormalizationOptions extends LayerOptions {
  /** The axis or axes that have a mean and a variance of their own; null: one for all. Default -1, the last one. */
  readonly axis?: number | readonly number[] | null | undefined;
  /** Instead of learning them from data: a number for all features, or one each. */
  readonly mean?: Numbers | undefined;
  readonly variance?: Numbers | undefined;
  /** The other way: gives back what was normalised. Default false. */
  readonly invert?: boolean | undefined;
}

/** Smallest standard deviation, as in Keras: a feature that never changes becomes 0. */
const LEAST_DEVIATION = 1e-7;

/**
 * Brings data to mean 0 and variance 1, with the mean and the variance of data it was shown: `(x - mean) / √variance`.
 * They are weights that no training changes, and are saved with the model.
 *
 *     const normalization = new Normalization();
 *     normalization.adapt(trainData);
 *     const network = sequential([normalization, new Dense(64, { activation: "relu" }), new Dense(1)]);
 */
export class Normalization extends BuiltIn {
  static readonly kind: string = "Normalization";
  readonly #axis: readonly number[] | null;
  readonly #invert: boolean;
  readonly #given: { readonly mean: Numbers; readonly variance: Numbers } | null;
  /** Axes of the features, counted from the front. */
  #axes: readonly number[] = [];
  #features: readonly number[] = [];
  #mean: EagerVariable | null = null;
  #variance: EagerVariable | null = null;

  /** @throws GraphError if only one of mean and variance is given */
  constructor(options: NormalizationOptions = {}) {
    const full = withDefaults(options, { axis: -1 as number | readonly number[] | null, invert: false });
    super(full);
    const { axis } = full;
    const { mean, variance } = options;
    if ((mean === undefined) !== (variance === undefined)) {
      throw argumentError("Normalization", "mean", mean, "give mean and variance, or neither and call adapt(data)");
    }
    this.#axis = axis === null ? null : typeof axis === "number" ? [axis] : axis;
    this.#invert = full.invert;
    this.#given = mean === undefined || variance === undefined ? null : { mean, variance };
  }

  override build(shape: Sizes): void {
    this.#axes = (this.#axis ?? []).map((axis) => axisOf(this.name, axis, shape)).sort((a, b) => a - b);
    if (this.#axes[0] === 0) {
      const fix = "examples are rows, [count, features]; new Normalization({ axis: null }) has one mean for all";
      throw argumentError(this.name, "axis", this.#axis, `that is the axis of the batch: ${fix}`);
    }
    const features = this.#axes.map((axis) => shape[axis]!);
    if (this.#given === null) {
      this.#mean = this.addWeight("mean", { shape: features, initializer: "zeros", trainable: false });
      this.#variance = this.addWeight("variance", { shape: features, initializer: "ones", trainable: false });
    }
    this.#features = features as readonly number[];
    const axes = Object.fromEntries(this.#axes.map((axis) => [axis, shape[axis] as number]));
    const names = Object.fromEntries(this.#axes.map((axis) => [axis, "features"]));
    this.expectInput({ rank: shape.length, axes, names });
  }

  override call(inputs: Tensor): Tensor {
    const x = asFloat(inputs);
    const mean = this.#perFeature(x, this.#mean ?? this.#given!.mean);
    const variance = this.#perFeature(x, this.#variance ?? this.#given!.variance);
    const deviation = maximum(sqrt(variance), LEAST_DEVIATION);
    return this.#invert ? add(mul(x, deviation), mean) : div(sub(x, mean), deviation);
  }
  protected override get passesMask(): boolean {
    return true;
  }

  /** Along the axes of the features. */
  #perFeature(x: Tensor, value: EagerVariable | Numbers): Tensor {
    const tensor = value instanceof Tensor ? value : constantIn(builderOf(x), value, x.dtype);
    if (tensor.rank === 0) return tensor;
    return reshape(
      tensor,
      x.shape!.map((size, axis) => (this.#axes.includes(axis) ? size : 1)),
    );
  }

  /**
   * Learns mean and variance, in float64; what it knew before is forgotten. Batches that come from somewhere are waited
   * for, and there is a promise then.
   * @param data all examples, or batches of them
   * @throws ShapeError for data of another shape than the layer was built for
   */
  adapt(data: Examples | Iterable<Examples>): void;
  adapt(batches: AsyncIterable<Examples>): Promise<void>;
  adapt(data: Examples | Iterable<Examples> | AsyncIterable<Examples>): void | Promise<void> {
    if (this.#given) {
      throw argumentError(this.name, "mean", this.#given.mean, "leave mean and variance out to learn them from data");
    }
    const learner = { moments: null as FeatureMoments | null };
    const take = (batch: Examples): void => this.#take(batch, learner);
    if (isAsync(data)) {
      return (async () => {
        for await (const batch of data) take(batch);
        this.#learn(learner.moments);
      })();
    }
    if (isBatches(data)) for (const batch of data) take(batch);
    else take(data);
    this.#learn(learner.moments);
  }

  #take(batch: Examples, learner: { moments: FeatureMoments | null }): void {
    const value = arrayOf(this.name, batch);
    if (!this.built) this[BUILD](eager.tensorOf(value.data, value.shape, value.dtype));
    const features = this.#axes.map((axis) => value.shape[axis]);
    if (!features.every((size, i) => size === this.#features[i])) {
      throw new ShapeError({
        what: `${this.name}: adapt was given data with features [${features.join(", ")}], the layer has [${this.#features.join(", ")}]`,
        details: [`data  ${shapeText(value.shape, this.#axes)}`],
        at: here(),
        fix: "a layer keeps the sizes it was built for; make another one for other data",
      });
    }
    learner.moments ??= new FeatureMoments(this.#axes, this.#features);
    learner.moments.add(value);
  }

  #learn(moments: FeatureMoments | null): void {
    if (!moments || moments.count === 0) {
      throw argumentError(this.name, "data", [], "adapt(data) takes at least one example");
    }
    this.#mean!.replace(Float32Array.from(moments.mean));
    this.#variance!.replace(Float32Array.from(moments.variance));
  }
}

const isAsync = (data: object | number | boolean): data is AsyncIterable<Examples> =>
  typeof data === "object" && Symbol.asyncIterator in data;

/** Lists of numbers are examples, lists of arrays and whatever else can be gone through are batches. */
function isBatches(data: Examples | Iterable<Examples>): data is Iterable<Examples> {
  if (typeof data !== "object" || ArrayBuffer.isView(data) || data instanceof Tensor) return false;
  if (!Array.isArray(data)) return Symbol.iterator in data;
  const [first] = data as readonly unknown[];
  return data.length === 0 || (typeof first === "object" && !Array.isArray(first));
}

function arrayOf(layer: string, batch: Examples): ArrayValue {
  if (!(batch instanceof Tensor))
    return reading(`${layer}: data`, () => readValue(batch as ValueLike, listDType(batch)));
  if (isValued(batch)) return batch.value;
  throw argumentError(layer, "data", batch.name, "adapt takes data: an array, a list, or a tensor with a value");
}
/** Lists keep all their digits. */
const listDType = (batch: unknown): "float64" | undefined => (Array.isArray(batch) ? "float64" : undefined);
