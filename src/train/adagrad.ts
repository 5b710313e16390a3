import { add, div, mul, square, sub } from "../ops/arithmetic.ts";
import { requireNotNegative } from "./checks.ts";
import type { LearningRate, Update, UpdateContext } from "./formula.ts";
import { Optimizer, type OptimizerOptions } from "./optimizer.ts";
import { dampedRoot } from "./root.ts";

export interface AdagradOptions extends OptimizerOptions {
  /** What the sums begin with: the more, the smaller are the first steps. Default 0.1, as in Keras. */
  readonly initialAccumulatorValue?: number;
  /** Keeps the step finite. Default 1e-7, as in Keras. */
  readonly epsilon?: number;
  /** Adds ε to the root, as PyTorch does, not to what the root is taken of. Default false. */
  readonly epsilonOutside?: boolean;
}

/**
 * Adagrad (Duchi, Hazan and Singer, 2011): the more a parameter has moved, the smaller its steps become, and they never
 * grow again. Good for features that are seldom there.
 *
 *     a⁺ = a + g²                    a₀ = 0.1
 *     θ⁺ = θ - α g / √(a⁺ + ε)
 *
 * PyTorch begins with a₀ = 0 and divides by √a⁺ + ε, ε = 1e-10: `{ initialAccumulatorValue: 0, epsilon: 1e-10,
 * epsilonOutside: true }`. TensorFlow 1 has no ε.
 */
export class Adagrad extends Optimizer {
  readonly initialAccumulatorValue: number;
  readonly epsilon: number;
  readonly epsilonOutside: boolean;

  constructor(learningRate: LearningRate = 0.001, options: AdagradOptions = {}) {
    super("adagrad", learningRate, options);
    const initial = options.initialAccumulatorValue ?? 0.1;
    this.initialAccumulatorValue = requireNotNegative(this.name, "initialAccumulatorValue", initial);
    this.epsilon = options.epsilon ?? 1e-7;
    this.epsilonOutside = options.epsilonOutside ?? false;
  }

  protected override initialSlots() {
    return { accumulator: this.initialAccumulatorValue };
  }

  protected override update({ variable, gradient, learningRate, slot, constant }: UpdateContext): Update {
    const accumulator = add(slot("accumulator"), square(gradient));
    const root = dampedRoot(accumulator, constant("epsilon", this.epsilon), this.epsilonOutside);
    return { variable: sub(variable, div(mul(learningRate, gradient), root)), slots: { accumulator } };
  }
}
