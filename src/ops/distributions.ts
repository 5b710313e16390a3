import type { Tensor } from "../graph/operation.ts";
import { add, div, mul, neg, square, sub } from "./arithmetic.ts";
import { exp, log } from "./elementary.ts";
import {
  type BinaryOptions,
  binaryCrossEntropy,
  type CategoricalOptions,
  categoricalCrossEntropy,
  sparseCategoricalCrossEntropy,
} from "./loss.ts";
import { type Operand, type OpOptions, operands } from "./support.ts";

/*
 * The three output distributions of the lecture. Minus their logarithms are the losses of `loss.ts`, from which the
 * first two are made, so that the two never differ by a bit.
 */

type Options<L> = Omit<L, "reduction">;

/**
 * Log-probability of 0/1 values under Bernoulli distributions, `x ln μ + (1 - x) ln(1 - μ)`, element by element.
 * With `fromLogits`, the parameters are scores before the sigmoid, and the result is finite for any of them.
 */
export const bernoulliLogProbability = (x: Operand, parameters: Tensor, options: Options<BinaryOptions> = {}): Tensor =>
  neg(binaryCrossEntropy(x, parameters, { ...options, reduction: "none" }));

/**
 * Log-probability under categorical distributions along the last axis: `Σ x_k ln μ_k`, one per row. `x` is one-hot, or
 * holds class numbers (int32). With `fromLogits`, the parameters are scores before the softmax.
 */
export function categoricalLogProbability(
  x: Tensor,
  parameters: Tensor,
  options: Options<CategoricalOptions> = {},
): Tensor {
  const perRow = { ...options, reduction: "none" } as const;
  const sparse = x.dtype === "int32";
  return neg(
    sparse ? sparseCategoricalCrossEntropy(x, parameters, perRow) : categoricalCrossEntropy(x, parameters, perRow),
  );
}

const LOG_TWO_PI = 1.8378770664093453;

/**
 * Logarithm of the normal density `N(x | mean, variance)`. Mean and variance may be numbers; all three broadcast.
 * At least one of them must be a tensor.
 */
export function normalLogProbability(x: Operand, mean: Operand, variance: Operand, options?: OpOptions): Tensor {
  const [at, center, spread] = operands("normalLogProbability", [x, mean, variance]) as [Tensor, Tensor, Tensor];
  const distance: Tensor = div(square(sub(at, center)), spread);
  return mul(add(add(log(spread), LOG_TWO_PI), distance), -0.5, options);
}

/** The normal density `N(x | mean, variance)`: 0.3989423 at 0 for mean 0 and variance 1. */
export const normalProbability = (x: Operand, mean: Operand, variance: Operand, options?: OpOptions): Tensor =>
  exp(normalLogProbability(x, mean, variance), options);
