import { mul, sub } from "../ops/arithmetic.ts";
import type { LearningRate, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";

/**
 * Gradient descent, the step all others refine: downhill, in proportion to the slope.
 *
 *     θ⁺ = θ - α ∂J/∂θ
 */
export class GradientDescent extends Optimizer {
  constructor(learningRate: LearningRate = 0.01, options: OptimizerOptions = {}) {
    super("gradientDescent", learningRate, options);
  }

  protected override update({ variable, gradient, learningRate }: UpdateContext): Update {
    return { variable: sub(variable, mul(learningRate, gradient)) };
  }
}
