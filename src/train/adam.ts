import { add, div, maximum, mul, sub } from "../ops/arithmetic.ts";
import { pow, sqrt } from "../ops/elementary.ts";
import { requireShare } from "./checks.ts";
import type { LearningRate, Shared, StepContext, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { memory, runningMean, runningMeanSquare, settle } from "./running-mean.ts";
import { wide } from "./step.ts";

export interface AdamOptions extends OptimizerOptions {
  /** Memory of the mean of gradients, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Memory of the mean of squared gradients, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Keeps the step finite where gradients vanish. Default 1e-7, as in Keras. */
  readonly epsilon?: number;
  /** Adds ε after the bias is taken out of v, as PyTorch does. Default false: as Keras. */
  readonly correctedEpsilon?: boolean;
  /** Divides by the largest v so far (Reddi and others, 2018), so that steps do not grow again. Default false. */
  readonly amsgrad?: boolean;
}

/**
 * Adam (Kingma and Ba, 2014): a step of about α in each direction, whatever the size of the gradient. In the form of
 * Keras and TensorFlow 1, which is the paper's "efficient" one with ε̂:
 *
 *     m⁺ = β1 m + (1 - β1) g               mean of gradients; 0 once it is subnormal (see `settle`)
 *     v⁺ = β2 v + (1 - β2) g²              mean of their squares
 *     αₜ = α √(1 - β2ᵗ) / (1 - β1ᵗ)        both begin at 0: this takes the bias out
 *     θ⁺ = θ - αₜ m⁺ / (√v⁺ + ε)           t = 1 in the first step; with `amsgrad`, max(v̂, v⁺) instead of v⁺
 *
 * PyTorch adds ε after the bias is taken out of v: there it weighs √(1 - β2ᵗ) times as much as here, so in the first
 * steps ours is the larger damping (32-fold at t = 1 for β2 = 0.999). `correctedEpsilon` does that; PyTorch's default is
 * 1e-8. TensorFlow 1 has the formula above with 1e-8.
 */
export class Adam extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly correctedEpsilon: boolean;
  readonly amsgrad: boolean;

  constructor(learningRate: LearningRate = 0.001, options: AdamOptions = {}) {
    super("adam", learningRate, options);
    this.beta1 = requireShare(this.name, "beta1", options.beta1 ?? 0.9);
    this.beta2 = requireShare(this.name, "beta2", options.beta2 ?? 0.999);
    this.epsilon = options.epsilon ?? 1e-7;
    this.correctedEpsilon = options.correctedEpsilon ?? false;
    this.amsgrad = options.amsgrad ?? false;
  }

  protected override initialSlots() {
    return this.amsgrad ? { m: 0, v: 0, vMax: 0 } : { m: 0, v: 0 };
  }

  /** In float64 for every dtype: 1 - β2ᵗ cancels, and float32 would lose half of its digits in the first steps. */
  protected override shared({ learningRate, step }: StepContext): Shared {
    const t = step();
    const rate = wide(learningRate);
    const root = sqrt(sub(1, pow(this.beta2, t)));
    const correction = div(root, sub(1, pow(this.beta1, t)), { name: "biasCorrection" });
    const epsilon = this.correctedEpsilon ? mul(root, this.epsilon) : this.epsilon;
    return { factors: { learningRate: mul(correction, rate, { name: "correctedRate" }), epsilon } };
  }

  protected override update({ variable, gradient, learningRate, slot, factor, constant }: UpdateContext): Update {
    const beta1 = memory(constant, "beta1", this.beta1);
    const beta2 = memory(constant, "beta2", this.beta2);
    const m = settle(runningMean(beta1, slot("m"), gradient));
    const v = runningMeanSquare(beta2, slot("v"), gradient);
    const kept = this.amsgrad ? { m, v, vMax: maximum(slot("vMax"), v) } : { m, v };
    const step = div(mul(learningRate, m), add(sqrt(kept.vMax ?? v), factor("epsilon")));
    return { variable: sub(variable, step), slots: kept };
  }
}

/**
 * Adam with weight decay that is decoupled from the gradient (Loshchilov and Hutter, 2017): θ shrinks by α λ θ before
 * Adam's step, λ being `weightDecay`. PyTorch's is the same with λ = 0.01 and its ε (see `Adam`).
 */
export class AdamW extends Adam {
  /** @param options `weightDecay` is 0.004 by default, as in Keras */
  constructor(learningRate: LearningRate = 0.001, options: AdamOptions = {}) {
    super(learningRate, { name: "adamw", weightDecay: 0.004, ...options });
  }
}
