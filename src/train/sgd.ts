import { add, mul, sub } from "../ops/arithmetic.ts";
import { requireShare } from "./checks.ts";
import type { LearningRate, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { settle } from "./running-mean.ts";

export interface SGDOptions extends OptimizerOptions {
  /** How much of the last move is kept, in [0, 1). Default 0: plain gradient descent. */
  readonly momentum?: number;
  /** Looks at the gradient one move ahead (Nesterov). Default false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent: gradient descent whose gradient comes from a mini-batch, with momentum if asked for.
 * Formulas as in Keras (`keras.optimizers.SGD`), with velocity v, momentum μ and learning rate α:
 *
 *     v⁺ = μ v - α g
 *     θ⁺ = θ + v⁺                  momentum
 *     θ⁺ = θ + μ v⁺ - α g          Nesterov
 *
 * PyTorch and TensorFlow 1 keep a = μ a + g and move by α a: see `Momentum`. That is the same while α does not change;
 * when it does, theirs applies the new α to old moves too.
 */
export class SGD extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;

  constructor(learningRate: LearningRate = 0.01, options: SGDOptions = {}) {
    super("sgd", learningRate, options);
    this.momentum = requireShare(this.name, "momentum", options.momentum ?? 0);
    this.nesterov = options.nesterov ?? false;
  }

  protected override initialSlots(): Readonly<Record<string, number>> {
    return this.momentum === 0 ? {} : { velocity: 0 };
  }

  protected override update({ variable, gradient, learningRate, slot, constant }: UpdateContext): Update {
    const move = mul(learningRate, gradient);
    if (this.momentum === 0) return { variable: sub(variable, move) };
    const momentum = constant("momentum", this.momentum);
    const velocity = settle(sub(mul(momentum, slot("velocity")), move));
    const next = this.nesterov ? sub(add(variable, mul(momentum, velocity)), move) : add(variable, velocity);
    return { variable: next, slots: { velocity } };
  }
}
