import { add, div, mul, sub } from "../ops/arithmetic.ts";
import { sqrt } from "../ops/elementary.ts";
import { requireShare } from "./checks.ts";
import type { LearningRate, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { memory, runningMeanSquare, settle } from "./running-mean.ts";

export interface AdadeltaOptions extends OptimizerOptions {
  /** Memory of the means of squares, in [0, 1). Default 0.95, as in Keras; PyTorch has 0.9. */
  readonly rho?: number;
  /** Keeps roots away from 0, and decides the first steps. Default 1e-7, as in Keras; PyTorch has 1e-6. */
  readonly epsilon?: number;
}

/**
 * Adadelta (Zeiler, 2012): Adagrad that forgets, with steps of the size of earlier steps, so that the paper needs no
 * learning rate: α = 1 there and in PyTorch, 0.001 in Keras.
 *
 *     v⁺ = ρ v + (1 - ρ) g²                mean of squared gradients
 *     δ = g √(d + ε) / √(v⁺ + ε)
 *     d⁺ = ρ d + (1 - ρ) δ²                mean of squared steps
 *     θ⁺ = θ - α δ
 */
export class Adadelta extends Optimizer {
  readonly rho: number;
  readonly epsilon: number;

  constructor(learningRate: LearningRate = 0.001, options: AdadeltaOptions = {}) {
    super("adadelta", learningRate, options);
    this.rho = requireShare(this.name, "rho", options.rho ?? 0.95);
    this.epsilon = options.epsilon ?? 1e-7;
  }

  protected override initialSlots() {
    return { v: 0, d: 0 };
  }

  protected override update({ variable, gradient, learningRate, slot, constant }: UpdateContext): Update {
    const rho = memory(constant, "rho", this.rho);
    const epsilon = constant("epsilon", this.epsilon);
    const v = settle(runningMeanSquare(rho, slot("v"), gradient));
    const delta = div(mul(gradient, sqrt(add(slot("d"), epsilon))), sqrt(add(v, epsilon)));
    const d = settle(runningMeanSquare(rho, slot("d"), delta));
    return { variable: sub(variable, mul(learningRate, delta)), slots: { v, d } };
  }
}
