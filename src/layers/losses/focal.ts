import type { Tensor } from "../../graph/operation.ts";
import { binaryFocalCrossEntropy } from "../../ops/loss-elementwise.ts";
import { categoricalFocalCrossEntropy } from "../../ops/loss-rows.ts";
import { type CrossentropyOptions, smoothedClasses, smoothedLabels } from "./crossentropy.ts";
import { probabilitiesGivenAsLogits } from "./logits.ts";
import { ElementLoss, RowLoss, requireShare, unreduced, withName } from "./loss.ts";
import type { AxisOptions } from "./regression.ts";

export interface FocalOptions extends CrossentropyOptions {
  /** How much less right predictions count; 0 is plain cross entropy. Default 2. */
  readonly gamma?: number | undefined;
  /** Weight of class 1 (of all classes, if there are several). Default 0.25. */
  readonly alpha?: number | undefined;
}

/** Cross entropy that pays less attention to what is already right (Lin and others, 2017), for targets 0 and 1. */
export class BinaryFocalCrossentropy extends ElementLoss {
  readonly fromLogits: boolean;
  readonly #options: { readonly gamma: number; readonly alpha: number | null; readonly labelSmoothing: number };

  constructor(
    given: FocalOptions & {
      /** Whether `alpha` weighs class 1, and 1 - alpha class 0. Default false. */
      readonly applyClassBalancing?: boolean | undefined;
    } = {},
  ) {
    const {
      gamma = 2,
      alpha = 0.25,
      applyClassBalancing = false,
      fromLogits = false,
      labelSmoothing = 0,
      ...options
    } = given;
    super(withName("binary_focal_crossentropy", options));
    requireShare("BinaryFocalCrossentropy", "labelSmoothing", labelSmoothing);
    this.fromLogits = fromLogits;
    this.#options = { gamma, alpha: applyClassBalancing ? alpha : null, labelSmoothing };
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    const { fromLogits } = this;
    const { gamma, alpha, labelSmoothing } = this.#options;
    if (fromLogits) probabilitiesGivenAsLogits("BinaryFocalCrossentropy", prediction);
    const options = { gamma, fromLogits, ...(alpha === null ? {} : { alpha }), ...unreduced };
    return binaryFocalCrossEntropy(smoothedLabels(target, labelSmoothing), prediction, options);
  }
}

/** Cross entropy that pays less attention to what is already right, for one-hot targets. */
export class CategoricalFocalCrossentropy extends RowLoss {
  readonly fromLogits: boolean;
  readonly #options: {
    readonly gamma: number;
    readonly alpha: number;
    readonly labelSmoothing: number;
    readonly axis: number;
  };

  constructor(given: FocalOptions & AxisOptions = {}) {
    const { gamma = 2, alpha = 0.25, fromLogits = false, labelSmoothing = 0, axis = -1, ...options } = given;
    super(withName("categorical_focal_crossentropy", options));
    requireShare("CategoricalFocalCrossentropy", "labelSmoothing", labelSmoothing);
    this.fromLogits = fromLogits;
    this.#options = { gamma, alpha, labelSmoothing, axis };
  }
  protected override rows(target: Tensor, prediction: Tensor): Tensor {
    const { fromLogits } = this;
    const { labelSmoothing, ...options } = this.#options;
    if (fromLogits) probabilitiesGivenAsLogits("CategoricalFocalCrossentropy", prediction);
    const labels = smoothedClasses(target, labelSmoothing, options.axis);
    return categoricalFocalCrossEntropy(labels, prediction, { fromLogits, ...options, ...unreduced });
  }
}
