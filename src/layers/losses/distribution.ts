import type { Tensor } from "../../graph/operation.ts";
import { poisson } from "../../ops/loss-elementwise.ts";
import { klDivergence } from "../../ops/loss-rows.ts";
import { ElementLoss, type LossOptions, RowLoss, unreduced, withName } from "./loss.ts";

/** `Σ target · ln(target / prediction)`, both clipped to [1e-7, 1]: how far two distributions are from each other. */
export class KLDivergence extends RowLoss {
  constructor(options: LossOptions = {}) {
    super(withName("kl_divergence", options));
  }
  protected override rows(target: Tensor, prediction: Tensor): Tensor {
    return klDivergence(target, prediction, unreduced);
  }
}

/** Mean of `prediction - target · ln(prediction + 1e-7)`: for counts, of which the prediction is the rate. */
export class Poisson extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super(withName("poisson", options));
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    return poisson(target, prediction, unreduced);
  }
}
