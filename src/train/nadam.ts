import type { Tensor } from "../graph/operation.ts";
import { add, div, mul, sub } from "../ops/arithmetic.ts";
import { pow, sqrt } from "../ops/elementary.ts";
import { requireNotNegative, requireShare } from "./checks.ts";
import type { LearningRate, Shared, StepContext, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { memory, runningMean, runningMeanSquare, settle } from "./running-mean.ts";

export interface NadamOptions extends OptimizerOptions {
  /** Memory of the mean of gradients, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Memory of the mean of squared gradients, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Keeps the step finite. Default 1e-7; PyTorch has 1e-8. */
  readonly epsilon?: number;
  /** How fast the momentum rises to β1: ψ below. Default 1, as in Keras; the paper and PyTorch have 0.004. */
  readonly momentumDecay?: number;
}

/**
 * Nadam (Dozat, 2016): Adam with Nesterov's look ahead, and a momentum μ that rises from β1 / 2 to β1.
 *
 *     μₜ = β1 (1 - 0.96^(ψ t) / 2)         Πₜ = μ₁ μ₂ … μₜ         t = 1 in the first step
 *     m⁺ = β1 m + (1 - β1) g
 *     v⁺ = β2 v + (1 - β2) g²
 *     m̂ = μₜ₊₁ / (1 - Πₜ₊₁) m⁺ + (1 - μₜ) / (1 - Πₜ) g
 *     θ⁺ = θ - α m̂ / (√(v⁺ / (1 - β2ᵗ)) + ε)
 */
export class Nadam extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly momentumDecay: number;

  constructor(learningRate: LearningRate = 0.001, options: NadamOptions = {}) {
    super("nadam", learningRate, options);
    this.beta1 = requireShare(this.name, "beta1", options.beta1 ?? 0.9);
    this.beta2 = requireShare(this.name, "beta2", options.beta2 ?? 0.999);
    this.epsilon = options.epsilon ?? 1e-7;
    this.momentumDecay = requireNotNegative(this.name, "momentumDecay", options.momentumDecay ?? 1);
  }

  protected override initialSlots() {
    return { m: 0, v: 0 };
  }
  protected override initialScalars() {
    return { product: 1 };
  }

  protected override shared({ step, scalar }: StepContext): Shared {
    const t = step();
    const momentumAt = (time: Tensor): Tensor =>
      mul(this.beta1, sub(1, mul(0.5, pow(0.96, mul(time, this.momentumDecay)))));
    const [momentum, next] = [momentumAt(t), momentumAt(add(t, 1))];
    const product = mul(scalar("product"), momentum);
    const ahead = div(next, sub(1, mul(product, next)));
    const present = div(sub(1, momentum), sub(1, product));
    return { factors: { ahead, present, correction: sub(1, pow(this.beta2, t)) }, scalars: { product } };
  }

  protected override update({ variable, gradient, learningRate, slot, factor, constant }: UpdateContext): Update {
    const m = settle(runningMean(memory(constant, "beta1", this.beta1), slot("m"), gradient));
    const v = runningMeanSquare(memory(constant, "beta2", this.beta2), slot("v"), gradient);
    const direction = add(mul(factor("ahead"), m), mul(factor("present"), gradient));
    const size = add(sqrt(div(v, factor("correction"))), constant("epsilon", this.epsilon));
    return { variable: sub(variable, div(mul(learningRate, direction), size)), slots: { m, v } };
  }
}
