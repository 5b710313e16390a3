import type { Tensor } from "../../graph/operation.ts";
import { add, maximum, mul, sub } from "../../ops/arithmetic.ts";
import { equal, logicalOr, where } from "../../ops/comparison.ts";
import { hinge, squaredHinge } from "../../ops/loss-elementwise.ts";
import { all, max, sum } from "../../ops/reduction.ts";
import { ElementLoss, type LossOptions, RowLoss, unreduced, withName } from "./loss.ts";

/** Labels -1 and 1. If all are 0 and 1 the zeros stand for -1, as in Keras. */
function asSigns(labels: Tensor): Tensor {
  const areBinary = all(logicalOr(equal(labels, 0), equal(labels, 1)));
  return where(areBinary, sub(mul(labels, 2), 1), labels);
}

/** Mean of `max(1 - target · prediction, 0)`; targets are -1 and 1, or 0 and 1. */
export class Hinge extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super(withName("hinge", options));
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    return hinge(asSigns(target), prediction, unreduced);
  }
}

/** Mean of `max(1 - target · prediction, 0)²`; targets are -1 and 1, or 0 and 1. */
export class SquaredHinge extends ElementLoss {
  constructor(options: LossOptions = {}) {
    super(withName("squared_hinge", options));
  }
  protected override elements(target: Tensor, prediction: Tensor): Tensor {
    return squaredHinge(asSigns(target), prediction, unreduced);
  }
}

/** How far the best wrong class comes to the right one: `max(wrong - right + 1, 0)`; targets are one-hot. */
export class CategoricalHinge extends RowLoss {
  constructor(options: LossOptions = {}) {
    super(withName("categorical_hinge", options));
  }
  protected override rows(target: Tensor, prediction: Tensor): Tensor {
    const right = sum(mul(target, prediction), { axis: -1 });
    const wrong = max(mul(sub(1, target), prediction), { axis: -1 });
    return maximum(add(sub(wrong, right), 1), 0);
  }
}
