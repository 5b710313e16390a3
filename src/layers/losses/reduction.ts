import { GraphError, ShapeError } from "../../core/errors.ts";
import { shapeText } from "../../core/shape.ts";
import { nearNamesFix } from "../../graph/builder.ts";
import type { Tensor } from "../../graph/operation.ts";
import { div, mul } from "../../ops/arithmetic.ts";
import { cast, equal, where } from "../../ops/comparison.ts";
import { elementCount } from "../../ops/counting.ts";
import { expandDims, squeeze } from "../../ops/movement.ts";
import { mean, sum } from "../../ops/reduction.ts";
import { here } from "../../runtime/reading.ts";
import { camelCase, type SnakeCase } from "../catalogue.ts";

/**
 * What becomes of the losses of all samples.
 *
 *     "mean"                   sum of the weighted losses / number of losses; Keras' "sum_over_batch_size"
 *     "sum"                    sum of the weighted losses
 *     "none"                   nothing: one loss for each sample
 *     "meanWithSampleWeight"   sum of the weighted losses / sum of the weights
 *
 * As in Keras, only the last one is the same whatever factor all weights have.
 */
export type LossReduction = "mean" | "sum" | "none" | "meanWithSampleWeight";
/** Keras' names are taken as well; its `None` is null. */
export type ReductionChoice = LossReduction | "sumOverBatchSize" | SnakeCase<LossReduction | "sumOverBatchSize"> | null;

const REDUCTIONS: readonly LossReduction[] = ["mean", "sum", "none", "meanWithSampleWeight"];

/** @throws GraphError for a name that is none, listing near ones */
export function reductionFrom(loss: string, choice: ReductionChoice): LossReduction {
  if (choice === null) return "none";
  const name = camelCase(choice);
  if (name === "sumOverBatchSize") return "mean";
  const found = REDUCTIONS.find((reduction) => reduction === name);
  if (found) return found;
  throw new GraphError({
    what: `${loss}: there is no reduction "${choice}"`,
    at: here(),
    fix: nearNamesFix(name, REDUCTIONS, `reductions: ${REDUCTIONS.join(", ")}`),
  });
}

/** `a / b`, and 0 where b is 0; its derivatives are finite there too. */
export function divideOrZero(a: Tensor, b: Tensor): Tensor {
  const isZero = equal(b, 0);
  return where(isZero, 0, div(a, where(isZero, 1, b)));
}

/**
 * Two tensors whose ranks differ by one, made equal in rank where the last axis of the larger has size 1: that axis is
 * left out, or added to the other if that is a vector. As in Keras; other ranks stay as they are.
 */
export function alignRanks(a: Tensor, b: Tensor): readonly [Tensor, Tensor] {
  if (a.rank === null || b.rank === null || a.rank === b.rank) return [a, b];
  if (a.rank < b.rank) {
    const [second, first] = alignRanks(b, a);
    return [first, second];
  }
  if (a.rank !== b.rank + 1 || a.shape!.at(-1) !== 1) return [a, b];
  return b.rank === 1 ? [a, expandDims(b, -1)] : [squeeze(a, -1), b];
}

/**
 * Weights beside what they weigh: of the same dtype and rank. Weights of samples, `[batch]`, count for all of a sample,
 * so that axes are added behind; a last axis of size 1 too much is left out.
 *
 * @throws ShapeError for weights of more axes than there are values
 */
export function weightsBeside(values: Tensor, weights: Tensor): Tensor {
  let aligned: Tensor = weights.dtype === values.dtype ? weights : cast(weights, values.dtype);
  if (values.rank === null || aligned.rank === null || aligned.rank === 0) return aligned;
  if (aligned.rank === values.rank + 1 && aligned.shape!.at(-1) === 1) aligned = squeeze(aligned, -1);
  while (aligned.rank! < values.rank) aligned = expandDims(aligned, -1);
  if (aligned.rank === values.rank) return aligned;
  throw new ShapeError({
    what: `sample weights ${shapeText(weights.shape)} have more axes than the values they weigh, ${shapeText(values.shape)}`,
    at: here(),
    fix: "give one weight for each sample, [batch], or one for each value",
  });
}

/**
 * Weights that also leave out what a mask does.
 *
 * @param keepsMean scales what counts by total / valid, so that a mean over all is one over what counts
 */
export function maskedWeights(
  values: Tensor,
  weights: Tensor | null,
  mask: Tensor | null,
  keepsMean: boolean,
): Tensor | null {
  const given = weights && weightsBeside(values, weights);
  if (!mask) return given;
  const counts = cast(mask, values.dtype);
  const scaled = keepsMean ? mul(counts, divideOrZero(elementCount(counts, null), sum(counts))) : counts;
  const aligned = weightsBeside(values, scaled);
  return given ? mul(given, aligned) : aligned;
}

/**
 * The losses of all samples as one number, or as they are.
 *
 * @param losses `[batch]` or `[batch, …]`
 * @param weights of the same rank or a smaller one
 * @param mask which losses count, bool
 */
export function reduceLosses(
  losses: Tensor,
  weights: Tensor | null,
  mask: Tensor | null,
  reduction: LossReduction,
): Tensor {
  const all = maskedWeights(losses, weights, mask, reduction === "mean");
  const weighted = all ? mul(losses, all) : losses;
  if (reduction === "none" || weighted.rank === 0) return weighted;
  if (reduction === "sum") return sum(weighted);
  if (reduction === "mean" || !all) return mean(weighted);
  return divideOrZero(sum(weighted), sum(all));
}
