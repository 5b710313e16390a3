import type { Tensor } from "../../graph/operation.ts";
import { softplus } from "../../ops/activation.ts";
import { add, div, maximum, mul, sub } from "../../ops/arithmetic.ts";
import { cast, equal, greater, logicalAnd, logicalNot, notEqual, where } from "../../ops/comparison.ts";
import { matmul } from "../../ops/contraction.ts";
import { range, sizeValue } from "../../ops/counting.ts";
import { ctcLoss } from "../../ops/ctc.ts";
import { pow } from "../../ops/elementary.ts";
import { oneHot } from "../../ops/indexing.ts";
import { expandDims, transpose } from "../../ops/movement.ts";
import { logSumExp, sum } from "../../ops/reduction.ts";
import { argumentError } from "../built-in.ts";
import { setMask } from "../core/context.ts";
import { Loss, type LossOptions, unreduced, withName } from "./loss.ts";
import { classNumbersBeside } from "./targets.ts";

/* Further losses whose targets are class numbers. */

/**
 * `(1 - p^q) / q` for the probability p of the right class: from cross entropy (q near 0) to absolute error (q near 1),
 * which wrong labels harm less. Zhang and Sabuncu (2018).
 */
export class CategoricalGeneralizedCrossEntropy extends Loss {
  readonly #q: number;

  /** @throws GraphError unless q lies between 0 and 1 */
  constructor({ q = 0.5, ...options }: LossOptions & { readonly q?: number | undefined } = {}) {
    super(withName("categorical_generalized_cross_entropy", options));
    if (!(q > 0 && q < 1))
      throw argumentError("CategoricalGeneralizedCrossEntropy", "q", q, "give a number between 0 and 1");
    this.#q = q;
  }
  override call(givenTarget: Tensor, givenPrediction: Tensor): Tensor {
    const { target, prediction } = classNumbersBeside(this.name, givenTarget, givenPrediction);
    const rows = oneHot(target, prediction.shape!.at(-1)!, { dtype: prediction.dtype });
    const right = sum(mul(prediction, rows), { axis: -1 });
    return div(sub(1, pow(right, this.#q)), this.#q);
  }
}

export interface CircleOptions extends LossOptions {
  /** Scale of similarities. Default 80. */
  readonly gamma?: number | undefined;
  /** How far apart classes should be. Default 0.4. */
  readonly margin?: number | undefined;
  /** Whether a sample is not compared with itself. Default true. */
  readonly removeDiagonal?: boolean | undefined;
}

/**
 * Brings embeddings of one class together, and those of different classes apart; Sun and others (2020). Predictions are
 * `[batch, features]` of length 1, targets class numbers `[batch]`. Samples whose loss is 0 do not count in the mean.
 */
export class Circle extends Loss {
  readonly #options: { readonly gamma: number; readonly margin: number; readonly removeDiagonal: boolean };

  constructor({ gamma = 80, margin = 0.4, removeDiagonal = true, ...options }: CircleOptions = {}) {
    super(withName("circle", options));
    this.#options = { gamma, margin, removeDiagonal };
  }
  override call(givenTarget: Tensor, givenPrediction: Tensor): Tensor {
    const { gamma, margin, removeDiagonal } = this.#options;
    const { target, prediction } = classNumbersBeside(this.name, givenTarget, givenPrediction);
    const distance = maximum(sub(1, matmul(prediction, transpose(prediction))), 0);
    const pairs = (numbers: Tensor): Tensor => equal(expandDims(numbers, 1), expandDims(numbers, 0));
    const alike = pairs(target);
    const itself = pairs(range(target, target.shape![0]!));
    const together = removeDiagonal ? logicalAnd(alike, logicalNot(itself)) : alike;
    const near = mul(mul(add(distance, margin), sub(distance, margin)), gamma);
    const away = maximum(sub(1 + margin, distance), 0);
    const far = mul(mul(away, sub(1 - margin, distance)), gamma);
    const over = (pair: Tensor, scores: Tensor): Tensor => logSumExp(where(pair, scores, NEVER), { axis: 1 });
    const losses = softplus(add(over(together, near), over(logicalNot(alike), far)));
    setMask(losses, greater(losses, 0));
    return losses;
  }
}
/** A score that counts for nothing in a sum of exponentials, and whose exponential is exactly 0. */
const NEVER = -1e30;

/**
 * Connectionist temporal classification: targets `[batch, labels]` are class numbers, padded with 0, which stands for no
 * label; predictions `[batch, steps, classes]` are scores before the softmax.
 */
export class CTC extends Loss {
  constructor(options: LossOptions = {}) {
    super(withName("ctc", options));
  }
  override call(target: Tensor, prediction: Tensor): Tensor {
    const labels: Tensor = target.dtype === "int32" ? target : cast(target, "int32");
    const lengths = sum(cast(notEqual(labels, 0), "int32"), { axis: -1 });
    const steps = add(mul(lengths, 0), sizeValue(prediction, prediction.shape!.at(1)!, "int32"));
    return ctcLoss(labels, prediction, lengths, steps, unreduced);
  }
}
