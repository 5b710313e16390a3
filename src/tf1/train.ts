/** `tf.train`: the optimizers of `forerun/train` under TensorFlow's names and defaults. */
import { Adam } from "../train/adam.ts";
import { GradientDescent } from "../train/gradient-descent.ts";
import type { LearningRate } from "../train/optimizer.ts";
import { SGD } from "../train/sgd.ts";

export class GradientDescentOptimizer extends GradientDescent {
  constructor(learningRate: LearningRate, options: { readonly name?: string } = {}) {
    super(learningRate, { name: "GradientDescent", ...options });
  }
}

/** Differs from TensorFlow where the learning rate changes while training: see `SGD`. */
export class MomentumOptimizer extends SGD {
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
