import type { EagerVariable } from "../../eager/tensor.ts";
import type { Tensor } from "../../graph/operation.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { cast, greater, logicalAnd, logicalNot, notEqual } from "../../ops/comparison.ts";
import { oneHot } from "../../ops/indexing.ts";
import { broadcastToLike, expandDims, reshape } from "../../ops/movement.ts";
import { sum } from "../../ops/reduction.ts";
import { slice } from "../../ops/slicing.ts";
import { topK } from "../../ops/sorting.ts";
import { argumentError } from "../built-in.ts";
import { withName } from "../losses/loss.ts";
import { divideOrZero, weightsBeside } from "../losses/reduction.ts";
import { beside } from "../losses/targets.ts";
import { accumulate, asResult, Metric, type MetricOptions } from "./metric.ts";

/** The four cells of a table of right and wrong answers. */
export type Cell = "truePositives" | "falsePositives" | "trueNegatives" | "falseNegatives";
const SNAKE: Readonly<Record<Cell, string>> = {
  truePositives: "true_positives",
  falsePositives: "false_positives",
  trueNegatives: "true_negatives",
  falseNegatives: "false_negatives",
};

export interface CountOptions {
  /** Above which a prediction stands for 1. */
  readonly thresholds: readonly number[];
  /** Only the k largest scores of each row can be positive. */
  readonly topK?: number | undefined;
  /** Only this class is looked at. */
  readonly classId?: number | undefined;
  /** Whether labels (columns) are counted apart. */
  readonly multiLabel?: boolean | undefined;
  /** How much each label counts. */
  readonly labelWeights?: readonly number[] | undefined;
}

/**
 * Counts of right and wrong answers at each threshold, added to `cells`: `[thresholds]`, or `[thresholds, labels]`.
 * A prediction counts as positive above the threshold, a target if it is not 0.
 */
export function countInto(
  cells: Readonly<Partial<Record<Cell, EagerVariable>>>,
  metric: string,
  given: Tensor,
  predicted: Tensor,
  sampleWeight: Tensor | null,
  options: CountOptions,
): void {
  const { thresholds, classId, multiLabel = false, labelWeights } = options;
  const { target, prediction } = beside(metric, given, predicted);
  const weights = weightsOf(prediction, sampleWeight, labelWeights);
  const allowed = options.topK === undefined ? null : largest(prediction, options.topK);
  /** In one row for all thresholds, or in one for each sample. */
  const arranged = (x: Tensor): Tensor => {
    const chosen = classId === undefined ? x : column(x, classId);
    return expandDims(multiLabel ? chosen : reshape(chosen, [-1]), 0);
  };
  const levels = thresholds.map((level) => (multiLabel ? [[level]] : [level]));
  const above = greater(arranged(prediction), levels);
  const isPositive = allowed ? logicalAnd(above, arranged(allowed)) : above;
  const isTrue = arranged(notEqual(target, 0));
  const weight = weights && arranged(weights);
  const count = (answer: Tensor, truth: Tensor): Tensor => {
    const hits = cast(logicalAnd(truth, answer), prediction.dtype);
    return sum(weight ? mul(hits, weight) : hits, { axis: 1 });
  };
  const parts: Readonly<Record<Cell, () => Tensor>> = {
    truePositives: () => count(isPositive, isTrue),
    falsePositives: () => count(isPositive, logicalNot(isTrue)),
    trueNegatives: () => count(logicalNot(isPositive), logicalNot(isTrue)),
    falseNegatives: () => count(logicalNot(isPositive), isTrue),
  };
  for (const [cell, variable] of Object.entries(cells)) accumulate(variable, parts[cell as Cell]());
}

/** Weights of all elements; null where all count the same. */
function weightsOf(prediction: Tensor, samples: Tensor | null, labels: readonly number[] | undefined): Tensor | null {
  const bySample = samples && broadcastToLike(weightsBeside(prediction, samples), prediction);
  if (!labels) return bySample;
  const ones = bySample ?? cast(greater(prediction, Number.NEGATIVE_INFINITY), prediction.dtype);
  return mul(ones, labels);
}

/** Where the k largest of each row are, bool: the first of equal ones. */
function largest(x: Tensor, k: number): Tensor {
  const rows = oneHot(topK(x, k).indices, x.shape!.at(-1)!, { dtype: x.dtype });
  return notEqual(sum(rows, { axis: -2 }), 0);
}

/** One column along the last axis, which stays with size 1. */
function column(x: Tensor, at: number): Tensor {
  const before = x.shape!.slice(0, -1);
  return slice(x, [...before.map(() => 0), at], [...before, 1]);
}

/** @throws GraphError unless each is a number from 0 to 1 */
export function thresholdsFrom(metric: string, given: number | readonly number[]): readonly number[] {
  const thresholds = typeof given === "number" ? [given] : given;
  const wrong = thresholds.find((level) => !(level >= 0 && level <= 1));
  if (thresholds.length > 0 && wrong === undefined) return thresholds;
  throw argumentError(metric, "thresholds", given, "give one number from 0 to 1, or several");
}

/** A metric that keeps some of the four counts. */
export abstract class CountingMetric extends Metric {
  protected readonly cells: Readonly<Partial<Record<Cell, EagerVariable>>>;

  constructor(options: MetricOptions, kept: readonly Cell[], shape: readonly number[]) {
    super(options);
    this.cells = Object.fromEntries(kept.map((cell) => [cell, this.addVariable(SNAKE[cell], shape)]));
  }
}

export interface ThresholdOptions extends MetricOptions {
  /** Above which a prediction stands for 1: one number, or several for a result of several. Default 0.5. */
  readonly thresholds?: number | readonly number[] | undefined;
}
export interface ClassOptions extends ThresholdOptions {
  /** Only the k largest scores of each row can be positive; then there is no threshold by default. */
  readonly topK?: number | undefined;
  /** Only this class is looked at. */
  readonly classId?: number | undefined;
}

/** One number for one threshold, a vector for several. */
const single = (counts: Tensor, thresholds: readonly number[]): Tensor =>
  asResult(thresholds.length === 1 ? reshape(counts, []) : counts);

abstract class CellCount extends CountingMetric {
  readonly #cell: Cell;
  readonly #thresholds: readonly number[];

  constructor(cell: Cell, { thresholds = 0.5, ...options }: ThresholdOptions) {
    const levels = thresholdsFrom(cell, thresholds);
    super(withName(SNAKE[cell], options), [cell], [levels.length]);
    this.#cell = cell;
    this.#thresholds = levels;
  }
  override updateState(target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null): void {
    countInto(this.cells, this.name, target, prediction, sampleWeight ?? null, { thresholds: this.#thresholds });
  }
  override result(): Tensor {
    return single(this.cells[this.#cell]!, this.#thresholds);
  }
}

/** How many are 1 and predicted so. */
export class TruePositives extends CellCount {
  constructor(options: ThresholdOptions = {}) {
    super("truePositives", options);
  }
}
/** How many are 0 and predicted as 1. */
export class FalsePositives extends CellCount {
  constructor(options: ThresholdOptions = {}) {
    super("falsePositives", options);
  }
}
/** How many are 0 and predicted so. */
export class TrueNegatives extends CellCount {
  constructor(options: ThresholdOptions = {}) {
    super("trueNegatives", options);
  }
}
/** How many are 1 and predicted as 0. */
export class FalseNegatives extends CellCount {
  constructor(options: ThresholdOptions = {}) {
    super("falseNegatives", options);
  }
}

/** `truePositives / (truePositives + other)`, and 0 where nothing was counted. */
abstract class Share extends CountingMetric {
  readonly #other: Cell;
  readonly #options: CountOptions;

  constructor(other: Cell, given: ClassOptions) {
    const { thresholds, topK, classId, ...options } = given;
    const levels =
      thresholds === undefined && topK !== undefined
        ? [Number.NEGATIVE_INFINITY]
        : thresholdsFrom(given.name!, thresholds ?? 0.5);
    super(options, ["truePositives", other], [levels.length]);
    this.#other = other;
    this.#options = { thresholds: levels, topK, classId };
  }
  override updateState(target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null): void {
    countInto(this.cells, this.name, target, prediction, sampleWeight ?? null, this.#options);
  }
  override result(): Tensor {
    const right = this.cells.truePositives!;
    return single(divideOrZero(right, add(right, this.cells[this.#other]!)), this.#options.thresholds);
  }
}

/** How many of those predicted as 1 are 1. */
export class Precision extends Share {
  constructor(options: ClassOptions = {}) {
    super("falsePositives", withName("precision", options));
  }
}
/** How many of those that are 1 are predicted so. */
export class Recall extends Share {
  constructor(options: ClassOptions = {}) {
    super("falseNegatives", withName("recall", options));
  }
}
