import type { Tensor } from "../graph/operation.ts";
import { add, div, mul, square, sub } from "../ops/arithmetic.ts";
import { requireNotNegative, requireShare } from "./checks.ts";
import type { LearningRate, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { dampedRoot } from "./root.ts";
import { memory, runningMean, runningMeanSquare, settle } from "./running-mean.ts";

export interface RMSpropOptions extends OptimizerOptions {
  /** Memory of the mean of squared gradients, in [0, 1). Default 0.9, as in Keras; PyTorch, `alpha`, has 0.99. */
  readonly rho?: number;
  /** How much of the last move is kept, in [0, 1). Default 0. */
  readonly momentum?: number;
  /** Keeps the step finite. Default 1e-7, as in Keras; PyTorch has 1e-8, TensorFlow 1 has 1e-10. */
  readonly epsilon?: number;
  /** Adds ε to the root, as PyTorch does, not to what the root is taken of. Default false. */
  readonly epsilonOutside?: boolean;
  /** Divides by the deviation of gradients instead of their size: takes their squared mean away. Default false. */
  readonly centered?: boolean;
  /** What the mean of squares begins with. Default 0; TensorFlow 1 has 1. */
  readonly initialAccumulatorValue?: number;
}

/**
 * RMSprop (Hinton, 2012): gradients are divided by the root of the mean of their latest squares.
 *
 *     v⁺ = ρ v + (1 - ρ) g²                v₀ = 0
 *     m⁺ = ρ m + (1 - ρ) g                 only `centered`; otherwise m⁺ = 0 below
 *     p⁺ = μ p + α g / √(v⁺ - m⁺² + ε)     μ = `momentum`
 *     θ⁺ = θ - p⁺
 *
 * PyTorch divides by √(v⁺ - m⁺²) + ε, which is `epsilonOutside`, and multiplies by α last: p⁺ = μ p + g / …, θ⁺ = θ - α p⁺.
 * That is the same while α does not change.
 */
export class RMSprop extends Optimizer {
  readonly rho: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly epsilonOutside: boolean;
  readonly centered: boolean;
  readonly initialAccumulatorValue: number;

  constructor(learningRate: LearningRate = 0.001, options: RMSpropOptions = {}) {
    super("rmsprop", learningRate, options);
    this.rho = requireShare(this.name, "rho", options.rho ?? 0.9);
    this.momentum = requireShare(this.name, "momentum", options.momentum ?? 0);
    this.epsilon = options.epsilon ?? 1e-7;
    this.epsilonOutside = options.epsilonOutside ?? false;
    this.centered = options.centered ?? false;
    const initial = options.initialAccumulatorValue ?? 0;
    this.initialAccumulatorValue = requireNotNegative(this.name, "initialAccumulatorValue", initial);
  }

  protected override initialSlots(): Readonly<Record<string, number>> {
    const v = this.initialAccumulatorValue;
    return { v, ...(this.centered ? { m: 0 } : {}), ...(this.momentum > 0 ? { p: 0 } : {}) };
  }

  protected override update({ variable, gradient, learningRate, slot, constant }: UpdateContext): Update {
    const rho = memory(constant, "rho", this.rho);
    const v = settle(runningMeanSquare(rho, slot("v"), gradient));
    const slots: Record<string, Tensor> = { v };
    let spread = v;
    if (this.centered) {
      slots.m = settle(runningMean(rho, slot("m"), gradient));
      spread = sub(v, square(slots.m));
    }
    const root = dampedRoot(spread, constant("epsilon", this.epsilon), this.epsilonOutside);
    let move = div(mul(learningRate, gradient), root);
    if (this.momentum > 0) {
      move = settle(add(mul(constant("momentum", this.momentum), slot("p")), move));
      slots.p = move;
    }
    return { variable: sub(variable, move), slots };
  }
}
