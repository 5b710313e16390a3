import { GraphError } from "../core/errors.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, addN, clipByValue, div, maximum, mul, square, sub } from "../ops/arithmetic.ts";
import { sqrt } from "../ops/elementary.ts";
import { sum } from "../ops/reduction.ts";
import { here } from "../runtime/reading.ts";
import { requirePositive } from "./checks.ts";

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
      at: here(),
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

/**
 * Shrinks one tensor so that its norm is at most `clipNorm`, as `tf.clip_by_norm`; see `clipByGlobalNorm`.
 * @throws GraphError if `clipNorm` is not positive
 */
export const clipByNorm = (tensor: Tensor, clipNorm: number): Tensor => clipByGlobalNorm([tensor], clipNorm)[0][0]!;

/** How an optimizer tames gradients: one of these at most. */
export interface ClipOptions {
  /** No element of a gradient is farther from 0 than this. */
  readonly clipValue?: number;
  /** Shrinks each gradient so that its norm is at most this: see `clipByNorm`. */
  readonly clipNorm?: number;
  /** Shrinks all gradients together so that their joint norm is at most this: see `clipByGlobalNorm`. */
  readonly clipGlobalNorm?: number;
}

/**
 * What the options do to the gradients of one step.
 * @throws GraphError for more than one of them, or one that is not positive
 */
export function clipping(optimizer: string, options: ClipOptions): (gradients: readonly Tensor[]) => readonly Tensor[] {
  const given = (["clipValue", "clipNorm", "clipGlobalNorm"] as const).filter((name) => options[name] !== undefined);
  if (given.length > 1) {
    throw new GraphError({
      what: `${optimizer}: gradients can be clipped in one way, not in ${given.length}: ${given.join(", ")}`,
      at: here(),
      fix: "leave one of them",
    });
  }
  const [name] = given;
  if (name === undefined) return (gradients) => gradients;
  const limit = requirePositive(optimizer, name, options[name]!);
  if (name === "clipGlobalNorm") return (gradients) => clipByGlobalNorm(gradients, limit)[0];
  const clip = name === "clipNorm" ? clipByNorm : (x: Tensor, value: number) => clipByValue(x, -value, value);
  return (gradients) => gradients.map((gradient) => clip(gradient, limit));
}
