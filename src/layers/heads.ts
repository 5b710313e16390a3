import { GraphError } from "../core/errors.ts";
import type { Tensor } from "../graph/operation.ts";
import { cast, greater } from "../ops/comparison.ts";
import { squeeze } from "../ops/movement.ts";
import { argmax } from "../ops/reduction.ts";
import { here } from "../runtime/reading.ts";
import { Dense } from "./dense.ts";
import { BinaryCrossentropy, type Loss, MeanSquaredError, SparseCategoricalCrossentropy } from "./losses/index.ts";

/** The end of a network: its last layer, and the loss that goes with what it gives. */
export interface Head {
  readonly layer: Dense;
  readonly loss: Loss;
  /** What the network answers, from what the layer gives: class numbers `[batch]`, int32; for regression the mean itself. */
  answer(output: Tensor): Tensor;
}

/**
 * For telling classes apart. Two classes are a Bernoulli distribution: one unit, a sigmoid, binary cross entropy. More are
 * a categorical one: a unit each, softmax, cross entropy. Labels are class numbers in both cases.
 *
 * @throws GraphError for fewer than two classes
 */
export function classification(classes: number): Head {
  if (!Number.isInteger(classes) || classes < 2) {
    throw new GraphError({
      what: `classification: ${classes} is no number of classes`,
      at: here(),
      fix: "give a whole number from 2 on; regression() has no classes",
    });
  }
  if (classes > 2) {
    return {
      layer: new Dense(classes, { activation: "softmax" }),
      loss: new SparseCategoricalCrossentropy(),
      answer: (probabilities) => argmax(probabilities, -1),
    };
  }
  return {
    layer: new Dense(1, { activation: "sigmoid" }),
    loss: new BinaryCrossentropy(),
    answer: (probability) => cast(squeeze(greater(probability, 0.5), [-1]), "int32"),
  };
}

/**
 * For numbers: the output is the mean of a normal distribution of fixed variance, which makes its negative log likelihood
 * the squared error.
 *
 * @param outputs numbers for each sample
 */
export const regression = (outputs = 1): Head => ({
  layer: new Dense(outputs),
  loss: new MeanSquaredError(),
  answer: (mean) => mean,
});
