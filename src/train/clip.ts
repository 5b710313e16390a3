import { GraphError } from "../core/errors.ts";
import type { Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { add, addN, div, maximum, mul, square, sub } from "../ops/arithmetic.ts";
import { sqrt } from "../ops/elementary.ts";
import { sum } from "../ops/reduction.ts";

/** The length of all tensors taken as one long vector: `√(Σᵢ ‖tᵢ‖²)`. */
export function globalNorm(tensors: readonly Tensor[]): Tensor {
  const squares = tensors.map((tensor) => sum(square(tensor)));
  return sqrt(squares.length === 1 ? squares[0]! : addN(squares), { name: "globalNorm" });
}

/**
 * Shrinks tensors together so that their joint norm is at most `clipNorm`; their direction stays, and short ones are
 * left as they are. As `tf.clip_by_global_norm`:
 *
 *     tᵢ · clipNorm / max(norm, clipNorm)     norm = √(Σᵢ ‖tᵢ‖²)
 *
 * If the norm is infinite or NaN, all become NaN, as in TensorFlow: an exploded gradient is not made to look tame.
 *
 * @param tensors gradients, of one dtype
 * @returns the shrunk ones, and the norm before
 * @throws GraphError if there are none, or `clipNorm` is not positive
 */
export function clipByGlobalNorm(
  tensors: readonly Tensor[],
  clipNorm: number,
): readonly [clipped: readonly Tensor[], norm: Tensor] {
  const [first] = tensors;
  if (!first || !(clipNorm > 0)) {
    throw new GraphError({
      what: first ? `clipByGlobalNorm: ${clipNorm} is not a norm` : "clipByGlobalNorm: there is nothing to clip",
      at: lineOf(captureStack()),
      fix: first ? "give a positive number" : "give at least one tensor",
    });
  }
  return first.graph.scope("clip", () => {
    const norm = globalNorm(tensors);
    const factor = div(clipNorm, maximum(norm, clipNorm));
    // norm - norm is 0, or NaN where the norm is not finite.
    const scale = add(factor, sub(norm, norm), { name: "scale" });
    return [tensors.map((tensor) => mul(tensor, scale)), norm] as const;
  });
}
