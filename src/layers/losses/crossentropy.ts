import type { Tensor } from "../../graph/operation.ts";
import { add, div, mul } from "../../ops/arithmetic.ts";
import { notEqual, where } from "../../ops/comparison.ts";
import { sizeValue } from "../../ops/counting.ts";
import {
  binaryCrossEntropy,
  categoricalCrossEntropy,
  sigmoidCrossEntropyOp,
  softmaxCrossEntropyOp,
  sparseCategoricalCrossEntropy,
  sparseSoftmaxCrossEntropyOp,
} from "../../ops/loss.ts";
import { apply } from "../../ops/support.ts";
import { setMask } from "../core/context.ts";
import { probabilitiesGivenAsLogits } from "./logits.ts";
import { ElementLoss, Loss, type LossOptions, RowLoss, requireShare, unreduced, withName } from "./loss.ts";
import type { AxisOptions } from "./regression.ts";
import { classNumbersBeside } from "./targets.ts";

/*
 * Probabilities are clipped to [1e-7, 1 - 1e-7], so that one of 0 costs 16.1 and not infinity. Keras looks for the
 * softmax they come from, and then computes from its logits; here the formula is the same in all modes, and tensors with
 * values do not know where they come from. The stable form is chosen by `fromLogits: true`.
 */

export interface LogitsOptions extends LossOptions {
  /** True if predictions are scores before softmax or sigmoid: then the stable form is used. Default false. */
  readonly fromLogits?: boolean | undefined;
}
export interface CrossentropyOptions extends LogitsOptions {
  /** How much of each label is spread over all classes alike, from 0 (nothing, the default) to 1. */
  readonly labelSmoothing?: number | undefined;
}

/** `target · (1 - smoothing) + smoothing / 2` */
export const smoothedLabels = (target: Tensor, smoothing: number): Tensor =>
  smoothing === 0 ? target : add(mul(target, 1 - smoothing), 0.5 * smoothing);

/** `target · (1 - smoothing) + smoothing / classes`, with the classes along an axis */
export function smoothedClasses(target: Tensor, smoothing: number, axis: number): Tensor {
  if (smoothing === 0) return target;
  const classes = sizeValue(target, target.shape!.at(axis)!, target.dtype);
  return add(mul(target, 1 - smoothing), div(smoothing, classes));
}

/** Mean of `-target · ln p - (1 - target) · ln(1 - p)`, for targets from 0 to 1 and their probabilities p. */
export class BinaryCrossentropy extends ElementLoss {
  readonly fromLogits: boolean;
  readonly #labelSmoothing: number;

  /** @throws GraphError unless the smoothing is 0 … 1 */
  constructor({ fromLogits = false, labelSmoothing = 0, ...options }: CrossentropyOptions = {}) {
    super(withName("binary_crossentropy", options));
    this.fromLogits = fromLogits;
    this.#labelSmoothing = requireShare("BinaryCrossentropy", "labelSmoothing", labelSmoothing);
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    const labels = smoothedLabels(target, this.#labelSmoothing);
    if (!this.fromLogits) return binaryCrossEntropy(labels, prediction, unreduced);
    probabilitiesGivenAsLogits("BinaryCrossentropy", prediction);
    return apply(sigmoidCrossEntropyOp, [labels, prediction], {});
  }
}

/** `-Σ target · ln p` along the classes, for targets that are one-hot or distributions. */
export class CategoricalCrossentropy extends RowLoss {
  readonly fromLogits: boolean;
  readonly #labelSmoothing: number;
  readonly #axis: number;

  /** @throws GraphError unless the smoothing is 0 … 1 */
  constructor({
    fromLogits = false,
    labelSmoothing = 0,
    axis = -1,
    ...options
  }: CrossentropyOptions & AxisOptions = {}) {
    super(withName("categorical_crossentropy", options));
    this.fromLogits = fromLogits;
    this.#labelSmoothing = requireShare("CategoricalCrossentropy", "labelSmoothing", labelSmoothing);
    this.#axis = axis;
  }
  protected override rows(target: Tensor, prediction: Tensor): Tensor {
    const axis = this.#axis;
    const labels = smoothedClasses(target, this.#labelSmoothing, axis);
    if (!this.fromLogits) return categoricalCrossEntropy(labels, prediction, { axis, ...unreduced });
    probabilitiesGivenAsLogits("CategoricalCrossentropy", prediction);
    return apply(softmaxCrossEntropyOp, [labels, prediction], { axis });
  }
}

export interface SparseOptions extends LogitsOptions {
  /** A class number that does not count, such as -1 for padding. Default none. */
  readonly ignoreClass?: number | undefined;
}

/**
 * As CategoricalCrossentropy, for targets that are class numbers: `[batch]` or `[batch, 1]`. The same bits as with
 * one-hot targets.
 */
export class SparseCategoricalCrossentropy extends Loss {
  readonly fromLogits: boolean;
  /** Class number that does not count. */
  readonly ignoreClass: number | undefined;

  constructor({ fromLogits = false, ignoreClass, ...options }: SparseOptions = {}) {
    super(withName("sparse_categorical_crossentropy", options));
    this.fromLogits = fromLogits;
    this.ignoreClass = ignoreClass;
  }
  override call(givenTarget: Tensor, givenPrediction: Tensor): Tensor {
    const { target, prediction } = classNumbersBeside(this.name, givenTarget, givenPrediction);
    const losses = this.#rows(target, prediction);
    if (this.ignoreClass === undefined) return losses;
    const counts = notEqual(target, this.ignoreClass);
    const counted = where(counts, losses, 0);
    setMask(counted, counts);
    return counted;
  }
  #rows(target: Tensor, prediction: Tensor): Tensor {
    if (!this.fromLogits) return sparseCategoricalCrossEntropy(target, prediction, unreduced);
    probabilitiesGivenAsLogits("SparseCategoricalCrossentropy", prediction);
    return apply(sparseSoftmaxCrossEntropyOp, [target, prediction], { axis: -1 });
  }
}
