import type { Tensor } from "../../graph/operation.ts";
import { neg } from "../../ops/arithmetic.ts";
import type { CrossentropyOptions } from "../losses/crossentropy.ts";
import * as losses from "../losses/index.ts";
import type { Loss, LossOptions } from "../losses/loss.ts";
import { MeanMetricWrapper } from "./mean.ts";
import type { MetricOptions } from "./metric.ts";

/* Losses as metrics: the mean over all samples so far of what a loss gives for each. */

/** The mean of a loss. */
export class MeanOfLoss extends MeanMetricWrapper {
  constructor(loss: Loss, options: MetricOptions = {}) {
    super((target, prediction) => loss.call(target, prediction), { name: options.name ?? loss.name });
  }
}

type Named = MetricOptions & Pick<LossOptions, "name">;
type Crossentropy = MetricOptions & Omit<CrossentropyOptions, "reduction">;

export class MeanSquaredError extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.MeanSquaredError(options));
  }
}
export class MeanAbsoluteError extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.MeanAbsoluteError(options));
  }
}
export class MeanAbsolutePercentageError extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.MeanAbsolutePercentageError(options));
  }
}
export class MeanSquaredLogarithmicError extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.MeanSquaredLogarithmicError(options));
  }
}
export class LogCoshError extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.LogCosh(options), { name: options.name ?? "logcosh" });
  }
}
/** The cosine of the angle between target and prediction: 1 where they point the same way; the loss is minus this. */
export class CosineSimilarity extends MeanMetricWrapper {
  constructor(options: Named & { readonly axis?: number | undefined } = {}) {
    const loss = new losses.CosineSimilarity(options);
    super((target: Tensor, prediction: Tensor) => neg(loss.call(target, prediction)), { name: loss.name });
  }
}
export class Hinge extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.Hinge(options));
  }
}
export class SquaredHinge extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.SquaredHinge(options));
  }
}
export class CategoricalHinge extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.CategoricalHinge(options));
  }
}
export class KLDivergence extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.KLDivergence(options));
  }
}
export class Poisson extends MeanOfLoss {
  constructor(options: Named = {}) {
    super(new losses.Poisson(options));
  }
}
export class BinaryCrossentropy extends MeanOfLoss {
  static readonly kind: string = "BinaryCrossentropy";
  constructor(options: Crossentropy = {}) {
    super(new losses.BinaryCrossentropy(options));
  }
}
export class CategoricalCrossentropy extends MeanOfLoss {
  static readonly kind: string = "CategoricalCrossentropy";
  constructor(options: Crossentropy & { readonly axis?: number | undefined } = {}) {
    super(new losses.CategoricalCrossentropy(options));
  }
}
export class SparseCategoricalCrossentropy extends MeanOfLoss {
  static readonly kind: string = "SparseCategoricalCrossentropy";
  constructor(options: MetricOptions & Omit<losses.SparseOptions, "reduction"> = {}) {
    super(new losses.SparseCategoricalCrossentropy(options));
  }
}
