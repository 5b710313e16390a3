import { builderOf } from "../graph/builder.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, mul } from "./arithmetic.ts";
import { where } from "./comparison.ts";
import { matmul } from "./contraction.ts";
import { sizeValue } from "./counting.ts";
import { rsqrt } from "./elementary.ts";
import { softmax } from "./softmax.ts";
import { callError, type OpOptions } from "./support.ts";

export interface AttentionOptions extends OpOptions {
  /**
   * Broadcasts to `[…, queries, keys]`. A bool mask is true where a query may see a key; a row that may see none gives
   * NaN. A float mask is added to the scores.
   */
  readonly mask?: Tensor;
  /** Factor of the scores; default 1/√d, d being the size of the last axis of the queries. */
  readonly scale?: number;
}

/** The scores of all pairs, or -∞ where the mask forbids them. */
function masked(scores: Tensor, mask: Tensor | undefined): Tensor {
  if (!mask) return scores;
  return mask.dtype === "bool" ? where(mask, scores, Number.NEGATIVE_INFINITY) : add(scores, mask);
}

/**
 * Attention: every query gets a mean of the values, weighted by how well it goes with their keys,
 * `softmax(scale · q kᵀ) v`. Ops of their own within one scope, so that a picture can open it up.
 *
 * @param queries `[…, queries, d]`
 * @param keys `[…, keys, d]`
 * @param values `[…, keys, features]`
 * @returns `[…, queries, features]`
 * @throws ShapeError when the sizes do not go together, GraphError when d is not known and no scale is given
 */
export function scaledDotProductAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  { mask, scale, name = "attention" }: AttentionOptions = {},
): Tensor {
  const size = queries.shape?.at(-1);
  if (scale === undefined && size === undefined) {
    throw callError("scaledDotProductAttention", "the size of the queries is not known", "give a scale");
  }
  return builderOf(queries).scope(name, () => {
    const product: Tensor = matmul(queries, keys, { transposeB: true });
    const factor =
      scale ?? (typeof size === "number" ? 1 / Math.sqrt(size) : rsqrt(sizeValue(queries, size!, queries.dtype)));
    const weights = softmax(masked(mul(product, factor), mask), { name: "weights" });
    return matmul(weights, values);
  });
}
