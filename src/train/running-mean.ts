/** Means that forget: what most optimizers keep of the gradients of earlier steps. */
import type { DType } from "../core/dtype.ts";
import type { Tensor } from "../graph/operation.ts";
import { abs, add, mul, square } from "../ops/arithmetic.ts";
import { less, where } from "../ops/comparison.ts";
import type { UpdateContext } from "./formula.ts";

/** How much of a mean stays in each step, and how much is taken of what is new: ρ and 1 - ρ. */
export interface Memory {
  readonly kept: Tensor;
  readonly taken: Tensor;
}

/** The two as constants `rho` and `rhoRest` of the graph. */
export const memory = (constant: UpdateContext["constant"], name: string, share: number): Memory => ({
  kept: constant(name, share),
  taken: constant(`${name}Rest`, 1 - share),
});

/** `ρ mean + (1 - ρ) value` */
export const runningMean = ({ kept, taken }: Memory, mean: Tensor, value: Tensor): Tensor =>
  add(mul(kept, mean), mul(taken, value));
/** `ρ mean + (1 - ρ) value²` */
export const runningMeanSquare = ({ kept, taken }: Memory, mean: Tensor, value: Tensor): Tensor =>
  add(mul(kept, mean), mul(taken, square(value)));

/** Below them a number has fewer digits, and processors take many times as long for it. */
const SMALLEST_NORMAL: Readonly<Partial<Record<DType, number>>> = {
  float32: 2 ** -126,
  float64: 2 ** -1022,
};

/**
 * The value, or 0 where it is subnormal. A running mean of gradients that have become 0 (of a unit that is never active)
 * fades towards 0 and would stay at the smallest number there is for ever: 0.9 of it rounds to itself. An update of
 * Adam then takes 2.8 times as long.
 */
export function settle(mean: Tensor): Tensor {
  const least = SMALLEST_NORMAL[mean.dtype] ?? 0;
  return where(less(abs(mean), least), 0, mean);
}
