/** The scale and the shift that normalizations end with. */
import { ShapeError } from "../core/errors.ts";
import { type Sizes, shapeText } from "../core/shape.ts";
import type { Size } from "../core/size.ts";
import type { Variable } from "../graph/operation.ts";
import { here } from "../runtime/reading.ts";
import type { ConstraintChoice } from "./constraints.ts";
import type { Layer } from "./core/layer.ts";
import type { InitializerChoice } from "./initializers.ts";
import { addChosenWeight } from "./kernel.ts";
import type { RegularizerChoice } from "./regularizers.ts";

export interface ScaleOptions {
  /** Whether `beta` is added. Default true. */
  readonly center?: boolean | undefined;
  /** Whether it is multiplied by `gamma`. Default true. */
  readonly scale?: boolean | undefined;
  /** Default zeros. */
  readonly betaInitializer?: InitializerChoice | undefined;
  /** Default ones. */
  readonly gammaInitializer?: InitializerChoice | undefined;
  readonly betaRegularizer?: RegularizerChoice | undefined;
  readonly gammaRegularizer?: RegularizerChoice | undefined;
  readonly betaConstraint?: ConstraintChoice | undefined;
  readonly gammaConstraint?: ConstraintChoice | undefined;
}

type Weighted = Pick<Layer, "addWeight" | "addLoss">;

export const addGamma = (layer: Weighted, shape: readonly Size[], options: ScaleOptions): Variable | null =>
  options.scale === false
    ? null
    : addChosenWeight(layer, "gamma", shape, {
        initializer: options.gammaInitializer ?? "ones",
        regularizer: options.gammaRegularizer,
        constraint: options.gammaConstraint,
      });

export const addBeta = (layer: Weighted, shape: readonly Size[], options: ScaleOptions): Variable | null =>
  options.center === false
    ? null
    : addChosenWeight(layer, "beta", shape, {
        initializer: options.betaInitializer ?? "zeros",
        regularizer: options.betaRegularizer,
        constraint: options.betaConstraint,
      });

/** An axis counted from the front. @throws ShapeError if there is none such */
export function axisOf(layer: string, axis: number, shape: Sizes): number {
  const at = axis < 0 ? axis + shape.length : axis;
  if (Number.isInteger(at) && at >= 0 && at < shape.length) return at;
  throw new ShapeError({
    what: `${layer}: axis ${axis} does not exist in rank ${shape.length}`,
    details: [`input  ${shapeText(shape)}`],
    at: here(),
    fix: `give an axis from 0 to ${shape.length - 1}, or -1 for the last`,
  });
}
