/** What layers with a kernel have in common: how weights begin, what is asked of them, and what is done at the end. */
import type { Size } from "../core/size.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { add, div } from "../ops/arithmetic.ts";
import { sizeValue } from "../ops/counting.ts";
import { type ActivationChoice, activationFrom } from "./activation-names.ts";
import type { ConstraintChoice } from "./constraints.ts";
import type { Layer } from "./core/layer.ts";
import type { TensorNest } from "./core/nest.ts";
import type { InitializerChoice } from "./initializers.ts";
import { type RegularizerChoice, regularizerFrom } from "./regularizers.ts";

export interface ActivityOptions {
  /** A penalty on the output, divided by the size of the batch. */
  readonly activityRegularizer?: RegularizerChoice | undefined;
}
export interface BiasOptions extends ActivityOptions {
  /** Default linear: nothing is done. */
  readonly activation?: ActivationChoice | undefined;
  /** Default true. */
  readonly useBias?: boolean | undefined;
  /** Default zeros. */
  readonly biasInitializer?: InitializerChoice | undefined;
  readonly biasRegularizer?: RegularizerChoice | undefined;
  readonly biasConstraint?: ConstraintChoice | undefined;
}
export interface KernelOptions extends BiasOptions {
  /** Default glorotUniform. */
  readonly kernelInitializer?: InitializerChoice | undefined;
  readonly kernelRegularizer?: RegularizerChoice | undefined;
  readonly kernelConstraint?: ConstraintChoice | undefined;
}

/** What options say of one weight. */
export interface WeightChoices {
  readonly initializer: InitializerChoice;
  readonly regularizer?: RegularizerChoice | undefined;
  readonly constraint?: ConstraintChoice | undefined;
}

type Weighted = Pick<Layer<TensorNest, TensorNest>, "addWeight" | "addLoss">;

/** A weight with what was chosen for it. */
export const addChosenWeight = (
  layer: Weighted,
  name: string,
  shape: readonly Size[],
  choices: WeightChoices,
): Variable => layer.addWeight(name, { shape, ...choices });

export const addKernel = (layer: Weighted, shape: readonly Size[], options: KernelOptions): Variable =>
  addChosenWeight(layer, "kernel", shape, {
    initializer: options.kernelInitializer ?? "glorotUniform",
    regularizer: options.kernelRegularizer,
    constraint: options.kernelConstraint,
  });

/** One number for each unit or filter; null if there is to be none. */
export const addBias = (layer: Weighted, size: number, options: BiasOptions): Variable | null =>
  options.useBias === false
    ? null
    : addChosenWeight(layer, "bias", [size], {
        initializer: options.biasInitializer ?? "zeros",
        regularizer: options.biasRegularizer,
        constraint: options.biasConstraint,
      });

/** @throws GraphError for a name that is none, listing near ones */
export const activated = (y: Tensor, choice: ActivationChoice | undefined): Tensor =>
  choice === undefined || choice === "linear" ? y : activationFrom(choice)(y);

/** `activation(product + bias)`, and the penalty on it. */
export function finished(layer: Weighted, product: Tensor, bias: Variable | null, options: BiasOptions): Tensor {
  const y = activated(bias ? add(product, bias) : product, options.activation);
  if (options.activityRegularizer) addActivityLoss(layer, y, options.activityRegularizer);
  return y;
}

/** A term of the loss: the penalty of one example, on average. */
export function addActivityLoss(layer: Pick<Weighted, "addLoss">, y: Tensor, choice: RegularizerChoice): void {
  const penalty = regularizerFrom(choice)(y);
  const batch = y.shape?.[0];
  layer.addLoss(batch === undefined ? penalty : div(penalty, sizeValue(y, batch, y.dtype)));
}
