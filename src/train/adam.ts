import type { Tensor } from "../graph/operation.ts";
import { add, div, mul, square, sub } from "../ops/arithmetic.ts";
import { pow, sqrt } from "../ops/elementary.ts";
import {
  convert,
  type LearningRate,
  Optimizer,
  type OptimizerOptions,
  requireShare,
  settle,
  type Update,
  type UpdateContext,
} from "./optimizer.ts";

export interface AdamOptions extends OptimizerOptions {
  /** Memory of the mean of gradients, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Memory of the mean of squared gradients, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Keeps the step finite where gradients vanish. Default 1e-7, as in Keras. */
  readonly epsilon?: number;
}

/**
 * Adam (Kingma and Ba, 2014): a step of about α in each direction, whatever the size of the gradient. In the form of
 * Keras and TensorFlow 1, which is the paper's "efficient" one with ε̂:
 *
 *     m⁺ = β1 m + (1 - β1) g               mean of gradients; 0 once it is subnormal (see `settle`)
 *     v⁺ = β2 v + (1 - β2) g²              mean of their squares
 *     αₜ = α √(1 - β2ᵗ) / (1 - β1ᵗ)        both begin at 0: this takes the bias out
 *     θ⁺ = θ - αₜ m⁺ / (√v⁺ + ε)           t = 1 in the first step
 *
 * PyTorch adds ε after the bias is taken out of v: there it weighs √(1 - β2ᵗ) times as much as here, so in the first
 * steps ours is the larger damping (32-fold at t = 1 for β2 = 0.999). TensorFlow 1 has the formula above with 1e-8.
 */
export class Adam extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;

  constructor(learningRate: LearningRate = 0.001, options: AdamOptions = {}) {
    super("adam", learningRate, options);
    this.beta1 = requireShare("adam", "beta1", options.beta1 ?? 0.9);
    this.beta2 = requireShare("adam", "beta2", options.beta2 ?? 0.999);
    this.epsilon = options.epsilon ?? 1e-7;
  }

  /** In float64 for every dtype: 1 - β2ᵗ cancels, and float32 would lose half of its digits in the first steps. */
  protected override rateAt(rate: LearningRate, step: () => Tensor): LearningRate {
    const t = convert(step(), "float64", "t");
    const wide = typeof rate === "number" ? rate : convert(rate, "float64", "wideRate");
    const correction = div(sqrt(sub(1, pow(this.beta2, t))), sub(1, pow(this.beta1, t)), { name: "biasCorrection" });
    return mul(correction, wide, { name: "correctedRate" });
  }

  protected override update({ variable, gradient, learningRate, slot, constant }: UpdateContext): Update {
    const fade = (name: string, value: number) => [constant(name, value), constant(`${name}Rest`, 1 - value)] as const;
    const [beta1, rest1] = fade("beta1", this.beta1);
    const [beta2, rest2] = fade("beta2", this.beta2);
    const m = settle(add(mul(beta1, slot("m")), mul(rest1, gradient)));
    const v = add(mul(beta2, slot("v")), mul(rest2, square(gradient)));
    const step = div(mul(learningRate, m), add(sqrt(v), constant("epsilon", this.epsilon)));
    return { variable: sub(variable, step), slots: { m, v } };
  }
}
