import type { Tensor } from "../../graph/operation.ts";
import { cast, equal, greater, less } from "../../ops/comparison.ts";
import { expandDims } from "../../ops/movement.ts";
import { argmax, mean, sum } from "../../ops/reduction.ts";
import { takeAlongAxis } from "../../ops/scatter.ts";
import { withName } from "../losses/loss.ts";
import { beside, classNumbersBeside, type Pair } from "../losses/targets.ts";
import { MeanMetricWrapper } from "./mean.ts";
import type { MetricOptions } from "./metric.ts";

/* How often predictions are right. Of classes with equal scores the first one counts as predicted. */

const asNumber = (condition: Tensor): Tensor => cast(condition, "float32");
const oneHotBeside = (name: string, target: Tensor, prediction: Tensor): Pair => {
  const pair = beside(name, target, prediction, "oneHot");
  return { ...pair, target: argmax(pair.target, -1) };
};

/** How often predictions equal targets. */
export class Accuracy extends MeanMetricWrapper {
  constructor(options: MetricOptions = {}) {
    const named = withName("accuracy", options);
    super((given, predicted) => {
      const { target, prediction } = beside(named.name!, given, predicted);
      return asNumber(equal(target, prediction));
    }, named);
  }
}

export interface BinaryAccuracyOptions extends MetricOptions {
  /** Above which a prediction stands for 1. Default 0.5; for scores before a sigmoid use 0. */
  readonly threshold?: number | undefined;
}

/** How often predictions are on the right side of the threshold; of several labels a sample, their mean. */
export class BinaryAccuracy extends MeanMetricWrapper {
  static readonly kind: string = "BinaryAccuracy";
  readonly threshold: number;

  constructor({ threshold = 0.5, ...options }: BinaryAccuracyOptions = {}) {
    const named = withName("binary_accuracy", options);
    super((given, predicted) => {
      const { target, prediction } = beside(named.name!, given, predicted);
      const right = asNumber(equal(target, cast(greater(prediction, threshold), target.dtype)));
      return right.rank === 0 ? right : mean(right, { axis: -1 });
    }, named);
    this.threshold = threshold;
  }
  override describe(): string {
    return `BinaryAccuracy (threshold ${this.threshold})`;
  }
}

/** How often the class with the largest score is the one of the one-hot target. */
export class CategoricalAccuracy extends MeanMetricWrapper {
  static readonly kind: string = "CategoricalAccuracy";
  constructor(options: MetricOptions = {}) {
    const named = withName("categorical_accuracy", options);
    super((given, predicted) => {
      const { target, prediction } = oneHotBeside(named.name!, given, predicted);
      return asNumber(equal(target, argmax(prediction, -1)));
    }, named);
  }
}

/** How often the class with the largest score is the target's class number. */
export class SparseCategoricalAccuracy extends MeanMetricWrapper {
  static readonly kind: string = "SparseCategoricalAccuracy";
  constructor(options: MetricOptions = {}) {
    const named = withName("sparse_categorical_accuracy", options);
    super((given, predicted) => {
      const { target, prediction } = classNumbersBeside(named.name!, given, predicted);
      return asNumber(equal(target, argmax(prediction, -1)));
    }, named);
  }
}

export interface TopKOptions extends MetricOptions {
  /** Default 5. */
  readonly k?: number | undefined;
}

/** Whether fewer than k classes have a larger score than the right one: ties count as right. */
function isInTopK(k: number, { target, prediction }: Pair): Tensor {
  const right = takeAlongAxis(prediction, expandDims(target, -1), -1);
  return asNumber(less(sum(asNumber(greater(prediction, right)), { axis: -1 }), k));
}

/** How often the class of the one-hot target is among the k largest scores. */
export class TopKCategoricalAccuracy extends MeanMetricWrapper {
  constructor({ k = 5, ...options }: TopKOptions = {}) {
    const named = withName("top_k_categorical_accuracy", options);
    super((target, prediction) => isInTopK(k, oneHotBeside(named.name!, target, prediction)), named);
  }
}

/** How often the target's class number is among the k largest scores. */
export class SparseTopKCategoricalAccuracy extends MeanMetricWrapper {
  constructor({ k = 5, ...options }: TopKOptions = {}) {
    const named = withName("sparse_top_k_categorical_accuracy", options);
    super((target, prediction) => isInTopK(k, classNumbersBeside(named.name!, target, prediction)), named);
  }
}
