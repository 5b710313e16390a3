import { mul, sign, sub } from "../ops/arithmetic.ts";
import { requireShare } from "./checks.ts";
import type { LearningRate, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { memory, runningMean, settle } from "./running-mean.ts";

export interface LionOptions extends OptimizerOptions {
  /** How much of the mean is in the direction, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Memory of the mean of gradients, in [0, 1). Default 0.99. */
  readonly beta2?: number;
}

/**
 * Lion (Chen and others, 2023), found by a program that searched for optimizers: every parameter moves by α, up or down.
 * It wants a rate 3 to 10 times smaller than Adam's, and keeps half as much.
 *
 *     θ⁺ = θ - α sign(β1 m + (1 - β1) g)
 *     m⁺ = β2 m + (1 - β2) g
 *
 * As in Keras; PyTorch has none.
 */
export class Lion extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;

  constructor(learningRate: LearningRate = 0.001, options: LionOptions = {}) {
    super("lion", learningRate, options);
    this.beta1 = requireShare(this.name, "beta1", options.beta1 ?? 0.9);
    this.beta2 = requireShare(this.name, "beta2", options.beta2 ?? 0.99);
  }

  protected override initialSlots() {
    return { m: 0 };
  }

  protected override update({ variable, gradient, learningRate, slot, constant }: UpdateContext): Update {
    const direction = sign(runningMean(memory(constant, "beta1", this.beta1), slot("m"), gradient));
    const m = settle(runningMean(memory(constant, "beta2", this.beta2), slot("m"), gradient));
    return { variable: sub(variable, mul(learningRate, direction)), slots: { m } };
  }
}
