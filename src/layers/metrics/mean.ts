import type { EagerVariable } from "../../eager/tensor.ts";
import type { Tensor } from "../../graph/operation.ts";
import { mul } from "../../ops/arithmetic.ts";
import { elementCount, sizeValue } from "../../ops/counting.ts";
import { broadcastToLike } from "../../ops/movement.ts";
import { mean, sum } from "../../ops/reduction.ts";
import { maskOf } from "../core/context.ts";
import { withName } from "../losses/loss.ts";
import { alignRanks, divideOrZero, maskedWeights, weightsBeside } from "../losses/reduction.ts";
import { asFloat } from "../losses/targets.ts";
import { accumulate, asResult, Metric, type MetricOptions } from "./metric.ts";

const axesFrom = (first: number, rank: number): readonly number[] =>
  Array.from({ length: Math.max(0, rank - first) }, (_, i) => first + i);

/** Values and weights of the same rank: where values have more axes than weights, they are folded along these. */
function beside(values: Tensor, weights: Tensor, fold: typeof mean): readonly [Tensor, Tensor] {
  const [x, w] = alignRanks(values, weights);
  const folded =
    x.rank !== null && w.rank !== null && x.rank > w.rank ? fold(x, { axis: axesFrom(w.rank, x.rank) }) : x;
  return [folded, broadcastToLike(weightsBeside(folded, w), folded)];
}

/**
 * The weighted mean of all values given so far: `Σ value · weight / Σ weight`. Of values with more axes than their
 * weights, or than one, the mean along these is taken first, as in Keras.
 */
export class Mean extends Metric {
  readonly #total: EagerVariable;
  readonly #count: EagerVariable;

  constructor(options: MetricOptions = {}) {
    super(withName("mean", options));
    this.#total = this.addVariable("total");
    this.#count = this.addVariable("count");
  }
  override updateState(given: Tensor, sampleWeight?: Tensor | null): void {
    const floats = asFloat(given);
    const [values, weights] = sampleWeight ? beside(floats, sampleWeight, mean) : [floats, null];
    const perSample = (x: Tensor): Tensor => ((x.rank ?? 1) > 1 ? mean(x, { axis: axesFrom(1, x.rank!) }) : x);
    accumulate(this.#total, sum(perSample(weights ? mul(values, weights) : values)));
    accumulate(this.#count, weights ? sum(perSample(weights)) : samplesIn(values));
  }
  override result(): Tensor {
    return asResult(divideOrZero(this.#total, this.#count));
  }
}

function samplesIn(values: Tensor): Tensor {
  if (values.shape === null) return elementCount(values, null);
  const [samples = 1] = values.shape;
  return sizeValue(values, samples, "float64");
}

/** The weighted sum of all values given so far. */
export class Sum extends Metric {
  readonly #total: EagerVariable;

  constructor(options: MetricOptions = {}) {
    super(withName("sum", options));
    this.#total = this.addVariable("total");
  }
  override updateState(given: Tensor, sampleWeight?: Tensor | null): void {
    const floats = asFloat(given);
    const [values, weights] = sampleWeight ? beside(floats, sampleWeight, sum) : [floats, null];
    accumulate(this.#total, sum(weights ? mul(values, weights) : values));
  }
  override result(): Tensor {
    return asResult(this.#total);
  }
}

/** A value for each sample, or for each element of it: targets and predictions in. */
export type MetricFunction = (target: Tensor, prediction: Tensor) => Tensor;

/** The weighted mean of what a plain function gives for each sample. What a mask leaves out does not count. */
export class MeanMetricWrapper extends Mean {
  readonly #metricFunction: MetricFunction;

  constructor(metricFunction: MetricFunction, options: MetricOptions = {}) {
    super(withName(metricFunction.name === "" ? "metric" : metricFunction.name, options));
    this.#metricFunction = metricFunction;
  }
  override updateState(target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null): void {
    const values = this.#metricFunction(...alignRanks(target, prediction));
    const mask = maskOf(prediction);
    super.updateState(
      values,
      mask ? maskedWeights(asFloat(values), sampleWeight ?? null, mask, false) : (sampleWeight ?? null),
    );
  }
}
