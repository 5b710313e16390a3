import type { Tensor } from "../../graph/operation.ts";
import { add, div, mul, sub } from "../../ops/arithmetic.ts";
import { sum } from "../../ops/reduction.ts";
import { Loss, type LossOptions, withName } from "./loss.ts";
import { EPSILON } from "./regression.ts";
import { beside } from "./targets.ts";

/* How little two regions overlap: losses of whole images, for segmentation. */

export interface OverlapOptions extends LossOptions {
  /** Axes of a region. Default null: all, so that the batch has one loss. */
  readonly axis?: number | readonly number[] | null | undefined;
}

/** `1 - 2 Σ target · prediction / (Σ target + Σ prediction)`. */
export class Dice extends Loss {
  readonly #axis: number | readonly number[] | null;

  constructor({ axis = null, ...options }: OverlapOptions = {}) {
    super(withName("dice", options));
    this.#axis = axis;
  }
  override call(givenTarget: Tensor, givenPrediction: Tensor): Tensor {
    const { target, prediction } = beside(this.name, givenTarget, givenPrediction);
    const total = (x: Tensor): Tensor => sum(x, { axis: this.#axis });
    const sizes = add(add(total(target), total(prediction)), EPSILON);
    return sub(1, div(mul(total(mul(target, prediction)), 2), sizes));
  }
}

export interface TverskyOptions extends OverlapOptions {
  /** How much counts what the target has and the prediction has not. Default 0.5. */
  readonly alpha?: number | undefined;
  /** How much counts what the prediction has and the target has not. Default 0.5. */
  readonly beta?: number | undefined;
}

/** `1 - both / (both + alpha · missed + beta · wrong)`; with 0.5 and 0.5 it is Dice. Salehi and others (2017). */
export class Tversky extends Loss {
  readonly #options: {
    readonly alpha: number;
    readonly beta: number;
    readonly axis: number | readonly number[] | null;
  };

  constructor({ alpha = 0.5, beta = 0.5, axis = null, ...options }: TverskyOptions = {}) {
    super(withName("tversky", options));
    this.#options = { alpha, beta, axis };
  }
  override call(givenTarget: Tensor, givenPrediction: Tensor): Tensor {
    const { alpha, beta, axis } = this.#options;
    const { target, prediction } = beside(this.name, givenTarget, givenPrediction);
    const overlap = (a: Tensor, b: Tensor): Tensor => sum(mul(a, b), { axis });
    const both = overlap(target, prediction);
    const missed = mul(overlap(sub(1, prediction), target), alpha);
    const wrong = mul(overlap(prediction, sub(1, target)), beta);
    const all = add(add(add(both, missed), wrong), EPSILON);
    return sub(1, div(both, all));
  }
}
