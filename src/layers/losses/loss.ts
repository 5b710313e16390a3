import type { Tensor } from "../../graph/operation.ts";
import { logicalAnd } from "../../ops/comparison.ts";
import { mean } from "../../ops/reduction.ts";
import { argumentError } from "../built-in.ts";
import { Callable } from "../core/callable.ts";
import { maskOf } from "../core/context.ts";
import { snakeCase } from "../core/names.ts";
import { alignRanks, type LossReduction, type ReductionChoice, reduceLosses, reductionFrom } from "./reduction.ts";
import { beside, type TargetKind } from "./targets.ts";

/**
 * One loss for each sample: targets and predictions in, `[batch]` or `[batch, …]` out. Weights are none of its business:
 * the parameter is there so that the editor knows the types of a function written in place of a loss.
 */
export type LossFunction = (target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null) => Tensor;

export interface LossOptions {
  /** Default: that of Keras, such as `mean_squared_error`. */
  readonly name?: string | undefined;
  /** What becomes of the losses of all samples. Default "mean": their sum over their number. */
  readonly reduction?: ReductionChoice | undefined;
}

/** The loss of all samples: target, prediction and, if samples count differently, their weights in. */
type ReducedLoss = (target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null) => Tensor;
/** Losses are functions. */
export interface Loss extends ReducedLoss {}
/**
 * How far predictions are from targets, as one number. For one of your own subclass it and write `call`, or use a plain
 * function:
 *
 *     class WeightedError extends Loss {
 *       override call(target, prediction) {
 *         return mean(mul(square(sub(prediction, target)), this.factor), { axis: -1 });
 *       }
 *     }
 *
 * It holds nothing that changes, and works on tensors of graphs and on those with values alike: in all modes the same
 * formula is used, and gives the same bits.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the interface has a call signature only
export abstract class Loss extends Callable {
  readonly name: string;
  readonly reduction: LossReduction;

  /** @throws GraphError for a reduction that does not exist */
  constructor({ name, reduction = "mean" }: LossOptions = {}) {
    super();
    this.name = name ?? snakeCase(new.target.name);
    this.reduction = reductionFrom(this.name, reduction);
  }

  /** The loss of each sample: `[batch]`, or `[batch, …]` with the axes between batch and the last one. */
  abstract call(target: Tensor, prediction: Tensor): Tensor;

  /**
   * The same as `loss(target, prediction, sampleWeight)`: the losses of samples, times their weights, reduced. What a
   * mask of the prediction leaves out does not count.
   */
  override apply(target: Tensor, prediction: Tensor, sampleWeight?: Tensor | null): Tensor {
    const losses = this.call(target, prediction);
    const [before, after] = [maskOf(prediction), maskOf(losses)];
    const mask = before && after ? logicalAnd(before, after) : (before ?? after);
    return reduceLosses(losses, sampleWeight ?? null, mask, this.reduction);
  }
}

/** A plain function as a loss. It is given targets of the dtype it expects them in: as they are. */
export class FunctionLoss extends Loss {
  readonly #lossFunction: LossFunction;

  constructor(lossFunction: LossFunction, options: LossOptions = {}) {
    super(withName(lossFunction.name === "" ? "loss" : lossFunction.name, options));
    this.#lossFunction = lossFunction;
  }
  override call(target: Tensor, prediction: Tensor): Tensor {
    return this.#lossFunction(...alignRanks(target, prediction));
  }
}

/** Options with the name a class has without one. */
export const withName = <O extends { readonly name?: string | undefined }>(name: string, options: O): O => ({
  ...options,
  name: options.name ?? name,
});

/** A loss with one value for each element: that of a sample is their mean along the last axis, as in Keras. */
export abstract class ElementLoss extends Loss {
  protected get targetKind(): TargetKind {
    return "values";
  }
  override call(givenTarget: Tensor, givenPrediction: Tensor): Tensor {
    const { target, prediction } = beside(this.name, givenTarget, givenPrediction, this.targetKind);
    const losses = this.elements(target, prediction);
    return losses.rank === 0 ? losses : mean(losses, { axis: -1 });
  }
  /** The loss of each element. Both have one shape and dtype. */
  protected abstract elements(target: Tensor, prediction: Tensor): Tensor;
}

/** A loss with one value for each row along an axis. */
export abstract class RowLoss extends Loss {
  protected get targetKind(): TargetKind {
    return "oneHot";
  }
  override call(givenTarget: Tensor, givenPrediction: Tensor): Tensor {
    const { target, prediction } = beside(this.name, givenTarget, givenPrediction, this.targetKind);
    return this.rows(target, prediction);
  }
  /** The loss of each row. Both have one shape and dtype. */
  protected abstract rows(target: Tensor, prediction: Tensor): Tensor;
}

/** @throws GraphError unless the value lies in 0 … 1 */
export function requireShare(loss: string, option: string, value: number): number {
  if (value >= 0 && value <= 1) return value;
  throw argumentError(loss, option, value, "give a number from 0 to 1");
}

/** @throws GraphError unless the value is above 0 */
export function requirePositive(loss: string, option: string, value: number): number {
  if (value > 0) return value;
  throw argumentError(loss, option, value, "give a positive number");
}

/** Losses as they are: reduced by the class, with weights. */
export const unreduced = { reduction: "none" } as const;
