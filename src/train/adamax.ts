import { abs, add, div, maximum, mul, sub } from "../ops/arithmetic.ts";
import { pow } from "../ops/elementary.ts";
import { requireShare } from "./checks.ts";
import type { LearningRate, Shared, StepContext, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { memory, runningMean, settle } from "./running-mean.ts";
import { wide } from "./step.ts";

export interface AdamaxOptions extends OptimizerOptions {
  /** Memory of the mean of gradients, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Memory of the largest gradient, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Keeps the step finite. Default 1e-7. */
  readonly epsilon?: number;
}

/**
 * Adamax (Kingma and Ba, 2014): Adam that divides by the largest of the latest gradients instead of their mean size.
 *
 *     m⁺ = β1 m + (1 - β1) g
 *     u⁺ = max(β2 u, |g|)
 *     θ⁺ = θ - α / (1 - β1ᵗ) · m⁺ / (u⁺ + ε)        t = 1 in the first step
 *
 * PyTorch has ε = 1e-8 inside of the maximum, u⁺ = max(β2 u, |g| + ε), and divides by u⁺: a difference of the size of ε.
 */
export class Adamax extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;

  constructor(learningRate: LearningRate = 0.001, options: AdamaxOptions = {}) {
    super("adamax", learningRate, options);
    this.beta1 = requireShare(this.name, "beta1", options.beta1 ?? 0.9);
    this.beta2 = requireShare(this.name, "beta2", options.beta2 ?? 0.999);
    this.epsilon = options.epsilon ?? 1e-7;
  }

  protected override initialSlots() {
    return { m: 0, u: 0 };
  }

  protected override shared({ learningRate, step }: StepContext): Shared {
    const rate = wide(learningRate);
    const correction = div(1, sub(1, pow(this.beta1, step())), { name: "biasCorrection" });
    return { factors: { learningRate: mul(correction, rate, { name: "correctedRate" }) } };
  }

  protected override update({ variable, gradient, learningRate, slot, constant }: UpdateContext): Update {
    const m = settle(runningMean(memory(constant, "beta1", this.beta1), slot("m"), gradient));
    const u = settle(maximum(mul(constant("beta2", this.beta2), slot("u")), abs(gradient)));
    const step = div(mul(learningRate, m), add(u, constant("epsilon", this.epsilon)));
    return { variable: sub(variable, step), slots: { m, u } };
  }
}
