import type { Sizes } from "../core/shape.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { add, div, mul, square, sub } from "../ops/arithmetic.ts";
import { batchNorm, batchNormInference } from "../ops/batch-normalization.ts";
import { cast } from "../ops/comparison.ts";
import { broadcastToLike, expandDims, fill, reshape } from "../ops/movement.ts";
import { sum } from "../ops/reduction.ts";
import { assign } from "../ops/state.ts";
import { settle } from "../train/running-mean.ts";
import { argumentError, ShapeKeeping, withDefaults } from "./built-in.ts";
import type { CallOptions, LayerOptions } from "./core/layer.ts";
import type { InitializerChoice } from "./initializers.ts";
import { addBeta, addGamma, axisOf, type ScaleOptions } from "./scale-and-shift.ts";

export interface BatchNormalizationOptions extends LayerOptions, ScaleOptions {
  /** The axis of features or channels. Default -1, the last one. */
  readonly axis?: number | undefined;
  /** How much of the moving statistics stays in each step. Default 0.99. */
  readonly momentum?: number | undefined;
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number | undefined;
  /** Default zeros. */
  readonly movingMeanInitializer?: InitializerChoice | undefined;
  /** Default ones. */
  readonly movingVarianceInitializer?: InitializerChoice | undefined;
}

/**
 * Brings each feature to mean 0 and variance 1, then scales and shifts it; Ioffe and Szegedy (2015).
 *
 *     y = gamma · (x - mean) / √(variance + epsilon) + beta
 *
 * In training mean and variance are those of the batch, and moving averages of them are kept:
 * `moving = momentum · moving + (1 - momentum) · ofBatch`. Otherwise, and while the layer is frozen, the moving ones are
 * taken. Steps that a mask leaves out do not count.
 */
export class BatchNormalization extends ShapeKeeping {
  static readonly kind: string = "BatchNormalization";
  readonly #options: BatchNormalizationOptions;
  readonly #axis: number;
  readonly #momentum: number;
  readonly #epsilon: number;
  #gamma: Variable | null = null;
  #beta: Variable | null = null;
  #movingMean!: Variable;
  #movingVariance!: Variable;

  /** @throws GraphError for a momentum that is none */
  constructor(options: BatchNormalizationOptions = {}) {
    const full = withDefaults(options, {
      axis: -1,
      momentum: 0.99,
      epsilon: 1e-3,
      center: true,
      scale: true,
      betaInitializer: "zeros",
      gammaInitializer: "ones",
      movingMeanInitializer: "zeros",
      movingVarianceInitializer: "ones",
    });
    super(full);
    if (!(full.momentum >= 0 && full.momentum <= 1)) {
      throw argumentError("BatchNormalization", "momentum", full.momentum, "give a number from 0 to 1");
    }
    this.#options = full;
    this.#axis = full.axis;
    this.#momentum = full.momentum;
    this.#epsilon = full.epsilon;
    this.expectInput({ minRank: 2 });
  }

  override build(shape: Sizes): void {
    const axis = axisOf(this.name, this.#axis, shape);
    const features = shape[axis]!;
    const { movingMeanInitializer = "zeros", movingVarianceInitializer = "ones" } = this.#options;
    this.#gamma = addGamma(this, [features], this.#options);
    this.#beta = addBeta(this, [features], this.#options);
    const moving = { shape: [features], trainable: false };
    this.#movingMean = this.addWeight("moving_mean", { ...moving, initializer: movingMeanInitializer });
    this.#movingVariance = this.addWeight("moving_variance", { ...moving, initializer: movingVarianceInitializer });
    this.expectInput({ rank: shape.length, axes: { [axis]: features as number }, names: { [axis]: "features" } });
  }

  override call(x: Tensor, { training, mask }: CallOptions): Tensor {
    const features = this.#movingMean.shape as readonly number[];
    const gamma = this.#gamma ?? fill(x, features, 1, x.dtype);
    const beta = this.#beta ?? fill(x, features, 0, x.dtype);
    const options = { axis: this.#axis, epsilon: this.#epsilon };
    if (!training || !this.trainable) {
      return batchNormInference(x, gamma, beta, this.#movingMean, this.#movingVariance, options);
    }
    if (mask) {
      const { mean, variance } = maskedMoments(x, mask, axisOf(this.name, this.#axis, x.shape!));
      this.#remember(mean, variance);
      return batchNormInference(x, gamma, beta, mean, variance, options);
    }
    const { normalized, mean, variance } = batchNorm(x, gamma, beta, options);
    this.#remember(mean, variance);
    return normalized;
  }

  #remember(mean: Tensor, variance: Tensor): void {
    const kept = this.#momentum;
    const moved = (moving: Variable, value: Tensor): Tensor => settle(add(mul(moving, kept), mul(value, 1 - kept)));
    assign(this.#movingMean, moved(this.#movingMean, mean));
    assign(this.#movingVariance, moved(this.#movingVariance, variance));
  }
}

/** Added to the number of steps that count, as in Keras: there may be none. */
const NO_STEPS = 1e-7;

/** Mean and variance of each feature over the steps that count. */
function maskedMoments(x: Tensor, mask: Tensor, axis: number): { readonly mean: Tensor; readonly variance: Tensor } {
  const others = x.shape!.map((_, i) => i).filter((i) => i !== axis);
  let counts = cast(mask, x.dtype);
  while (counts.rank! < x.rank!) counts = expandDims(counts, -1);
  counts = broadcastToLike(counts, x);
  const over = { axis: others, keepDims: true };
  const total = add(sum(counts, over), NO_STEPS);
  const mean = div(sum(mul(counts, x), over), total);
  const variance = div(sum(mul(counts, square(sub(x, mean))), over), total);
  const features = [x.shape![axis]!];
  return { mean: reshape(mean, features), variance: reshape(variance, features) };
}
