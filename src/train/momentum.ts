import { add, mul, sub } from "../ops/arithmetic.ts";
import { requireShare } from "./checks.ts";
import type { LearningRate, Update, UpdateContext } from "./formula.ts";
import { Optimizer } from "./optimizer.ts";
import { settle } from "./running-mean.ts";
import type { SGDOptions } from "./sgd.ts";

/**
 * Gradient descent with momentum in the form of PyTorch's `SGD` and TensorFlow 1's `MomentumOptimizer`: gradients add
 * up, and the learning rate is that of the present step for all of them.
 *
 *     a⁺ = μ a + g
 *     θ⁺ = θ - α a⁺                momentum
 *     θ⁺ = θ - α (g + μ a⁺)        Nesterov
 *
 * `SGD` is Keras' form; they differ only while α changes.
 */
export class Momentum extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;

  /** @param options `momentum` is 0.9 by default */
  constructor(learningRate: LearningRate = 0.01, options: SGDOptions = {}) {
    super("momentum", learningRate, options);
    this.momentum = requireShare(this.name, "momentum", options.momentum ?? 0.9);
    this.nesterov = options.nesterov ?? false;
  }

  protected override initialSlots() {
    return { accumulation: 0 };
  }

  protected override update({ variable, gradient, learningRate, slot, constant }: UpdateContext): Update {
    const momentum = constant("momentum", this.momentum);
    const accumulation = settle(add(mul(momentum, slot("accumulation")), gradient));
    const direction = this.nesterov ? add(gradient, mul(momentum, accumulation)) : accumulation;
    return { variable: sub(variable, mul(learningRate, direction)), slots: { accumulation } };
  }
}
