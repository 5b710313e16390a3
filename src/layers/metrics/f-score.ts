import { GraphError } from "../../core/errors.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import type { Tensor } from "../../graph/operation.ts";
import { abs, add, div, mul, sub } from "../../ops/arithmetic.ts";
import { cast, greater, greaterEqual, logicalAnd } from "../../ops/comparison.ts";
import { max, mean, sum } from "../../ops/reduction.ts";
import { here } from "../../runtime/reading.ts";
import { requireOneOf } from "../built-in.ts";
import { requirePositive, withName } from "../losses/loss.ts";
import { weightsBeside } from "../losses/reduction.ts";
import { EPSILON } from "../losses/regression.ts";
import { accumulate, asDouble, asResult, Metric, type MetricOptions } from "./metric.ts";
import { columnsBeside } from "./regression.ts";

export interface F1ScoreOptions extends MetricOptions {
  /** How the scores of classes become one: over all answers, their mean, or weighted by their number. Default null: not. */
  readonly average?: "micro" | "macro" | "weighted" | null | undefined;
  /** Above which a class counts as predicted. Default null: the largest of each row. */
  readonly threshold?: number | null | undefined;
}
export interface FBetaScoreOptions extends F1ScoreOptions {
  /** How much recall counts beside precision. Default 1. */
  readonly beta?: number | undefined;
}

/** `(1 + β²) · precision · recall / (β² · precision + recall)` for each class, of one-hot targets `[batch, classes]`. */
export class FBetaScore extends Metric {
  readonly #options: {
    readonly average: "micro" | "macro" | "weighted" | null;
    readonly beta: number;
    readonly threshold: number | null;
  };
  /** True positives, false positives, false negatives, positives; from the first batch on. */
  #sums: readonly [EagerVariable, EagerVariable, EagerVariable, EagerVariable] | null = null;

  /** @throws GraphError unless beta is positive */
  constructor({ average = null, beta = 1, threshold = null, ...options }: FBetaScoreOptions = {}) {
    super(withName("fbeta_score", options));
    requirePositive(this.name, "beta", beta);
    if (average !== null) requireOneOf(this.name, "average", average, ["micro", "macro", "weighted"]);
    this.#options = { average, beta, threshold };
  }
  override updateState(given: Tensor, predicted: Tensor, sampleWeight?: Tensor | null): void {
    const { average, threshold } = this.#options;
    const { target, prediction, columns } = columnsBeside(this.name, given, predicted);
    const shape = average === "micro" ? [] : [columns];
    this.#sums ??= [
      this.addVariable("true_positives", shape),
      this.addVariable("false_positives", shape),
      this.addVariable("false_negatives", shape),
      this.addVariable("intermediate_weights", shape),
    ];
    const isPositive =
      threshold === null
        ? logicalAnd(
            greaterEqual(prediction, max(prediction, { axis: -1, keepDims: true })),
            greater(abs(prediction), 1e-9),
          )
        : greater(prediction, threshold);
    const positive = cast(isPositive, target.dtype);
    const weights = sampleWeight ? weightsBeside(target, sampleWeight) : null;
    const parts = [mul(positive, target), mul(positive, sub(1, target)), mul(sub(1, positive), target), target];
    parts.forEach((part, i) => {
      const weighted = weights ? mul(part, weights) : part;
      accumulate(this.#sums![i]!, average === "micro" ? sum(weighted) : sum(weighted, { axis: 0 }));
    });
  }
  override result(): Tensor {
    if (!this.#sums)
      throw new GraphError({ what: `${this.name}: no batch yet`, at: here(), fix: "call updateState first" });
    const { average, beta } = this.#options;
    const [truePositives, falsePositives, falseNegatives, positives] = this.#sums.map((sums) => asDouble(sums));
    const precision = div(truePositives!, add(add(truePositives!, falsePositives!), EPSILON));
    const recall = div(truePositives!, add(add(truePositives!, falseNegatives!), EPSILON));
    const harmonic = div(mul(precision, recall), add(add(mul(precision, beta ** 2), recall), EPSILON));
    const scores = mul(harmonic, 1 + beta ** 2);
    if (average === null) return asResult(scores);
    if (average !== "weighted") return asResult(mean(scores));
    return asResult(sum(mul(scores, div(positives!, add(sum(positives!), EPSILON)))));
  }
}

/** The harmonic mean of precision and recall, for each class. */
export class F1Score extends FBetaScore {
  constructor(options: F1ScoreOptions = {}) {
    super({ ...withName("f1_score", options), beta: 1 });
  }
}
