/** `tf.train`: the optimizers of `forerun/train` under TensorFlow's names and defaults. */
import { Adam } from "../train/adam.ts";
import type { LearningRate } from "../train/formula.ts";
import { GradientDescent } from "../train/gradient-descent.ts";
import { Momentum } from "../train/momentum.ts";

export class GradientDescentOptimizer extends GradientDescent {
  constructor(learningRate: LearningRate, options: { readonly name?: string } = {}) {
    super(learningRate, { name: "GradientDescent", ...options });
  }
}

export class MomentumOptimizer extends Momentum {
  constructor(
    learningRate: LearningRate,
    momentum: number,
    options: { readonly useNesterov?: boolean; readonly name?: string } = {},
  ) {
    const { useNesterov: nesterov = false, name = "Momentum" } = options;
    super(learningRate, { momentum, nesterov, name });
  }
}

/** With ε = 1e-8, TensorFlow's default; Keras has 1e-7. */
export class AdamOptimizer extends Adam {
  constructor(
    learningRate: LearningRate = 0.001,
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    options: { readonly name?: string } = {},
  ) {
    super(learningRate, { beta1, beta2, epsilon, name: "Adam", ...options });
  }
}
