import type { Tensor } from "../../graph/operation.ts";
import { abs, div, maximum, mul, sub } from "../../ops/arithmetic.ts";
import { log1p } from "../../ops/elementary.ts";
import { meanAbsoluteError, meanSquaredError } from "../../ops/loss.ts";
import { huber, logCosh } from "../../ops/loss-elementwise.ts";
import { cosineSimilarity } from "../../ops/loss-rows.ts";
import { ElementLoss, type LossOptions, RowLoss, requirePositive, unreduced, withName } from "./loss.ts";
import type { TargetKind } from "./targets.ts";

/** Keras' epsilon: what keeps logarithms and quotients finite. */
export const EPSILON = 1e-7;

/** Mean of `(target - prediction)²`. */
export class MeanSquaredError extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super(withName("mean_squared_error", options));
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    return meanSquaredError(target, prediction, unreduced);
  }
}

/** Mean of `|target - prediction|`; the derivative at equality is 0. */
export class MeanAbsoluteError extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super(withName("mean_absolute_error", options));
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    return meanAbsoluteError(target, prediction, unreduced);
  }
}

/** Mean of `100 · |target - prediction| / max(|target|, 1e-7)`. */
export class MeanAbsolutePercentageError extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super(withName("mean_absolute_percentage_error", options));
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    return mul(abs(div(sub(target, prediction), maximum(abs(target), EPSILON))), 100);
  }
}

/** Mean of `(ln(target + 1) - ln(prediction + 1))²`; numbers below 1e-7 count as that. */
export class MeanSquaredLogarithmicError extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super(withName("mean_squared_logarithmic_error", options));
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    const logarithm = (x: Tensor): Tensor => log1p(maximum(x, EPSILON));
    return meanSquaredError(logarithm(target), logarithm(prediction), unreduced);
  }
}

export interface HuberOptions extends LossOptions {
  /** Up to which error it is squared. Default 1. */
  readonly delta?: number | undefined;
}

/** Half the squared error up to `delta`, growing as the absolute error does beyond it: outliers pull less. */
export class Huber extends ElementLoss {
  readonly #delta: number;

  /** @throws GraphError unless delta is positive */
  constructor({ delta = 1, ...options }: HuberOptions = {}) {
    super(withName("huber_loss", options));
    this.#delta = requirePositive("Huber", "delta", delta);
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    return huber(target, prediction, { delta: this.#delta, ...unreduced });
  }
}

/** Mean of `ln cosh(prediction - target)`; finite for errors of any size. */
export class LogCosh extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super(withName("log_cosh", options));
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    return logCosh(target, prediction, unreduced);
  }
}

export interface AxisOptions extends LossOptions {
  /** Along which axis a row lies. Default -1, the last one. */
  readonly axis?: number | undefined;
}

/** Minus the cosine of the angle between target and prediction: -1 where they point the same way. */
export class CosineSimilarity extends RowLoss {
  readonly #axis: number;

  constructor({ axis = -1, ...options }: AxisOptions = {}) {
    super(withName("cosine_similarity", options));
    this.#axis = axis;
  }
  protected override get targetKind(): TargetKind {
    return "values";
  }
  protected override rows(target: Tensor, prediction: Tensor): Tensor {
    return cosineSimilarity(target, prediction, { axis: this.#axis, ...unreduced });
  }
}
