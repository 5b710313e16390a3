import { ShapeError } from "../../core/errors.ts";
import { shapeText } from "../../core/shape.ts";
import { isKnown } from "../../core/size.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import type { Tensor } from "../../graph/operation.ts";
import { add, div, mul, square, sub } from "../../ops/arithmetic.ts";
import { isInf, less, where } from "../../ops/comparison.ts";
import { sizeValue } from "../../ops/counting.ts";
import { sqrt } from "../../ops/elementary.ts";
import { broadcastToLike, onesLike } from "../../ops/movement.ts";
import { mean, sum } from "../../ops/reduction.ts";
import { here } from "../../runtime/reading.ts";
import { requireOneOf } from "../built-in.ts";
import { camelCase, type SnakeCase } from "../catalogue.ts";
import { withName } from "../losses/loss.ts";
import { weightsBeside } from "../losses/reduction.ts";
import { EPSILON } from "../losses/regression.ts";
import { beside, type Pair } from "../losses/targets.ts";
import { Mean, MeanMetricWrapper } from "./mean.ts";
import { accumulate, asDouble, asResult, Metric, type MetricOptions } from "./metric.ts";

/** Square root of the mean squared error over everything so far. */
export class RootMeanSquaredError extends Metric {
  readonly #squares: Mean;

  constructor(options: MetricOptions = {}) {
    super(withName("root_mean_squared_error", options));
    this.#squares = new Mean({ name: this.name });
  }
  override get variables(): readonly EagerVariable[] {
    return this.#squares.variables;
  }
  override updateState(given: Tensor, predicted: Tensor, sampleWeight?: Tensor | null): void {
    const { target, prediction } = beside(this.name, given, predicted);
    this.#squares.updateState(square(sub(prediction, target)), sampleWeight);
  }
  override result(): Tensor {
    return sqrt(this.#squares.result());
  }
  override reset(): void {
    this.#squares.reset();
  }
}

/** Two-dimensional targets and predictions of a known number of outputs. @throws ShapeError otherwise */
export function columnsBeside(metric: string, target: Tensor, prediction: Tensor): Pair & { readonly columns: number } {
  const pair = beside(metric, target, prediction);
  const columns = pair.prediction.shape?.[1];
  if (pair.prediction.rank === 2 && columns !== undefined && isKnown(columns)) return { ...pair, columns };
  throw new ShapeError({
    what: `${metric}: takes predictions [batch, outputs], not ${shapeText(prediction.shape)}`,
    at: here(),
    fix: "reshape targets and predictions; the number of outputs must be known",
  });
}

type Aggregation = "uniformAverage" | "varianceWeightedAverage";

export interface R2ScoreOptions extends MetricOptions {
  /** How the scores of several outputs become one; null for one score each. Default their mean. */
  readonly classAggregation?: Aggregation | SnakeCase<Aggregation> | null | undefined;
  /** Number of inputs of the model, for the adjusted score. Default 0: not adjusted. */
  readonly numRegressors?: number | undefined;
}

/** How much of the variance of targets is explained, `1 - Σ (t - f)² / Σ (t - mean)²`: 1 at best, 0 for the mean. */
export class R2Score extends Metric {
  readonly #aggregation: Aggregation | null;
  readonly #regressors: number;
  readonly #samples: EagerVariable;
  /** Sums of t, of t², of squared errors, and of weights, for each output; from the first batch on. */
  #sums: readonly [EagerVariable, EagerVariable, EagerVariable, EagerVariable] | null = null;

  constructor({ classAggregation = "uniformAverage", numRegressors = 0, ...options }: R2ScoreOptions = {}) {
    super(withName("r2_score", options));
    this.#aggregation =
      classAggregation === null
        ? null
        : requireOneOf<Aggregation>(this.name, "classAggregation", camelCase(classAggregation) as Aggregation, [
            "uniformAverage",
            "varianceWeightedAverage",
          ]);
    this.#regressors = numRegressors;
    this.#samples = this.addVariable("num_samples");
  }
  override updateState(given: Tensor, predicted: Tensor, sampleWeight?: Tensor | null): void {
    const { target, prediction, columns } = columnsBeside(this.name, given, predicted);
    this.#sums ??= [
      this.addVariable("sum", [columns]),
      this.addVariable("squared_sum", [columns]),
      this.addVariable("residual", [columns]),
      this.addVariable("count", [columns]),
    ];
    const [t, f] = [asDouble(target), asDouble(prediction)];
    const weights = sampleWeight ? broadcastToLike(weightsBeside(t, sampleWeight), t) : onesLike(t);
    const total = (x: Tensor): Tensor => sum(mul(x, weights), { axis: 0 });
    [t, square(t), square(sub(t, f)), onesLike(t)].forEach((values, i) => {
      accumulate(this.#sums![i]!, total(values));
    });
    const elements = mul(sizeValue(t, t.shape![0]!, "float64"), columns);
    accumulate(this.#samples, elements);
  }
  override result(): Tensor {
    if (!this.#sums) return asResult(this.#samples);
    const [values, squares, residual, count] = this.#sums;
    const spread = sub(squares, div(square(values), count));
    const raw = sub(1, div(residual, spread));
    const scores = where(isInf(raw), 0, raw);
    const score =
      this.#aggregation === "uniformAverage"
        ? mean(scores)
        : this.#aggregation === null
          ? scores
          : div(sum(mul(spread, scores)), sum(spread));
    return asResult(this.#regressors === 0 ? score : this.#adjusted(score));
  }
  /** As it is, if there are too few samples. */
  #adjusted(score: Tensor): Tensor {
    const p = this.#regressors;
    const left = sub(this.#samples, p + 1);
    const isEnough = less(0, left);
    const adjusted = sub(1, div(mul(sub(1, score), sub(this.#samples, 1)), where(isEnough, left, 1)));
    return where(isEnough, adjusted, score);
  }
}

export interface CorrelationOptions extends MetricOptions {
  /** Along which axis the numbers of one sample lie. Default -1. */
  readonly axis?: number | undefined;
}

/** Pearson's correlation of targets and predictions in each sample, from -1 to 1. */
export class PearsonCorrelation extends MeanMetricWrapper {
  constructor({ axis = -1, ...options }: CorrelationOptions = {}) {
    const named = withName("pearson_correlation", options);
    super((given, predicted) => {
      const { target, prediction } = beside(named.name!, given, predicted);
      const along = { axis, keepDims: true } as const;
      const standardised = (x: Tensor): Tensor => {
        const centred = sub(x, mean(x, along));
        return div(centred, sqrt(mean(square(centred), along)));
      };
      return mean(mul(standardised(target), standardised(prediction)), { axis });
    }, named);
  }
}

/** Lin's concordance: as Pearson's correlation, less where means or variances differ. */
export class ConcordanceCorrelation extends MeanMetricWrapper {
  constructor({ axis = -1, ...options }: CorrelationOptions = {}) {
    const named = withName("concordance_correlation", options);
    super((given, predicted) => {
      const { target, prediction } = beside(named.name!, given, predicted);
      const along = { axis, keepDims: true } as const;
      const [targetMean, predictionMean] = [mean(target, along), mean(prediction, along)];
      const [fromTarget, fromPrediction] = [sub(target, targetMean), sub(prediction, predictionMean)];
      const variances = add(mean(square(fromTarget), along), mean(square(fromPrediction), along));
      const norm = add(add(variances, square(sub(targetMean, predictionMean))), EPSILON);
      return mean(div(mul(mul(fromTarget, fromPrediction), 2), norm), { axis });
    }, named);
  }
}
