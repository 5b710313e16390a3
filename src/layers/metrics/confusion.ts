import type { EagerVariable } from "../../eager/tensor.ts";
import type { Tensor } from "../../graph/operation.ts";
import { add, div, mul, sub } from "../../ops/arithmetic.ts";
import { cast, greater, greaterEqual, less, logicalAnd, notEqual, where } from "../../ops/comparison.ts";
import { gather, scatterAddFlat } from "../../ops/indexing.ts";
import { diagPart } from "../../ops/matrices.ts";
import { broadcastToLike, reshape } from "../../ops/movement.ts";
import { argmax, sum } from "../../ops/reduction.ts";
import { builderAt, constantIn } from "../../ops/support.ts";
import { requireCount } from "../built-in.ts";
import { withName } from "../losses/loss.ts";
import { EPSILON } from "../losses/regression.ts";
import { accumulate, asResult, Metric, type MetricOptions } from "./metric.ts";

/**
 * How often each class was taken for each: a row for each label, a column for each prediction, float64. Class numbers
 * outside of 0 … numClasses - 1 do not count.
 *
 * @param labels class numbers of any shape; `predictions` and `weights` have as many elements
 */
export function confusionMatrix(
  labels: Tensor,
  predictions: Tensor,
  numClasses: number,
  {
    weights,
    ignoreClass,
  }: { readonly weights?: Tensor | null | undefined; readonly ignoreClass?: number | undefined } = {},
): Tensor {
  const numbers = (x: Tensor): Tensor => reshape(x.dtype === "int32" ? x : cast(x, "int32"), [-1]);
  const [label, prediction] = [numbers(labels), numbers(predictions)];
  const isClass = (x: Tensor): Tensor => logicalAnd(greaterEqual(x, 0), less(x, numClasses));
  const areClasses = logicalAnd(isClass(label), isClass(prediction));
  const counts = ignoreClass === undefined ? areClasses : logicalAnd(areClasses, notEqual(label, ignoreClass));
  const one = cast(counts, "float64");
  const weight = weights ? mul(one, broadcastToLike(cast(reshape(weights, [-1]), "float64"), one)) : one;
  const cell = add(mul(label, numClasses), prediction);
  const flat = scatterAddFlat(where(counts, cell, 0), weight, [numClasses * numClasses]);
  return reshape(flat, [numClasses, numClasses]);
}

export interface ConfusionMatrixOptions extends MetricOptions {
  readonly numClasses: number;
  /** A class number among the targets that does not count. Default none. */
  readonly ignoreClass?: number | undefined;
  /** Whether targets are class numbers (default), or one-hot rows. */
  readonly sparseYTrue?: boolean | undefined;
  /** Whether predictions are class numbers (default), or rows of scores. */
  readonly sparseYPred?: boolean | undefined;
}

/** How often each class was taken for each, over all batches: a row for each label, a column for each prediction. */
export class ConfusionMatrix extends Metric {
  protected readonly options: ConfusionMatrixOptions;
  protected readonly matrix: EagerVariable;

  /** @throws GraphError unless the number of classes is a whole number from 1 on */
  constructor(options: ConfusionMatrixOptions) {
    super(withName("confusion_matrix", options));
    const { numClasses } = options;
    requireCount(this.name, "numClasses", numClasses);
    this.options = options;
    this.matrix = this.addVariable("total_confusion_matrix", [numClasses, numClasses]);
  }
  override updateState(target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null): void {
    const { numClasses, ignoreClass, sparseYTrue = true, sparseYPred = true } = this.options;
    const labels = sparseYTrue ? target : argmax(target, -1);
    const predictions = sparseYPred ? prediction : argmax(prediction, -1);
    const options = { weights: sampleWeight, ignoreClass };
    accumulate(this.matrix, confusionMatrix(labels, predictions, numClasses, options));
  }
  override result(): Tensor {
    return asResult(this.matrix);
  }
}

export interface IoUOptions extends ConfusionMatrixOptions {
  /** Which classes count. */
  readonly targetClassIds: readonly number[];
}

/**
 * Intersection over union, `both / (labelled + predicted - both)`: the mean over the classes that are asked for, as far
 * as they occur.
 */
export class IoU extends ConfusionMatrix {
  readonly #classes: readonly number[];

  constructor(options: IoUOptions) {
    super(withName("io_u", options));
    this.#classes = options.targetClassIds;
  }
  override result(): Tensor {
    const chosen = constantIn(builderAt(this.matrix), this.#classes, "int32");
    const both = gather(diagPart(this.matrix), chosen);
    const either = sub(gather(add(sum(this.matrix, { axis: 0 }), sum(this.matrix, { axis: 1 })), chosen), both);
    const occurs = greater(either, 1e-9);
    const shares = where(occurs, div(both, where(occurs, either, 1)), 0);
    return asResult(div(sum(shares), add(sum(cast(occurs, "float64")), EPSILON)));
  }
}

/** The mean intersection over union of all classes, of targets and predictions that are class numbers. */
export class MeanIoU extends IoU {
  constructor(options: ConfusionMatrixOptions) {
    super({
      ...withName("mean_io_u", options),
      targetClassIds: Array.from({ length: options.numClasses }, (_, i) => i),
    });
  }
}

export interface BinaryIoUOptions extends MetricOptions {
  /** Which of 0 and 1 count. Default both. */
  readonly targetClassIds?: readonly (0 | 1)[] | undefined;
  /** From which on a prediction stands for 1. Default 0.5. */
  readonly threshold?: number | undefined;
}

/** Intersection over union of what is predicted as 0 and as 1. */
export class BinaryIoU extends IoU {
  readonly #threshold: number;

  constructor({ targetClassIds = [0, 1], threshold = 0.5, ...options }: BinaryIoUOptions = {}) {
    super({ ...withName("binary_io_u", options), numClasses: 2, targetClassIds });
    this.#threshold = threshold;
  }
  override updateState(target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null): void {
    super.updateState(target, cast(greaterEqual(prediction, this.#threshold), "int32"), sampleWeight);
  }
}

/** As IoU, for targets that are one-hot rows and predictions that are rows of scores. */
export class OneHotIoU extends IoU {
  constructor(options: Omit<IoUOptions, "sparseYTrue">) {
    super({ sparseYPred: false, ...withName("one_hot_io_u", options), sparseYTrue: false });
  }
}
/** As MeanIoU, for targets that are one-hot rows and predictions that are rows of scores. */
export class OneHotMeanIoU extends MeanIoU {
  constructor(options: Omit<ConfusionMatrixOptions, "sparseYTrue">) {
    super({ sparseYPred: false, ...withName("one_hot_mean_io_u", options), sparseYTrue: false });
  }
}
