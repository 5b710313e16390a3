import type { Tensor } from "../graph/operation.ts";
import { add } from "../ops/arithmetic.ts";
import { sqrt } from "../ops/elementary.ts";

/** The root of a sum or mean of squares, kept away from 0: √(x + ε), or √x + ε where PyTorch adds it outside. */
export const dampedRoot = (x: Tensor, epsilon: Tensor, outside: boolean): Tensor =>
  outside ? add(sqrt(x), epsilon) : sqrt(add(x, epsilon));
