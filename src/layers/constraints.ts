/** What weights are brought back to after each step: Keras' `constraints`. */
import { type RecipeOptions, withRecipe } from "../core/recipe.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, clipByValue, div, maximum, minimum, mul } from "../ops/arithmetic.ts";
import { norm } from "../ops/reduction.ts";
import { chosenFrom, type SnakeCase } from "./catalogue.ts";
import type { Constraint } from "./core/weight.ts";

/** Added to lengths that are divided by, as in Keras. */
const EPSILON = 1e-7;

/** Over which axes lengths are taken: default 0, the connections that come into one unit of Dense. */
export interface AxisOption {
  readonly axis?: number | readonly number[];
}

const lengths = (weight: Tensor, axis: number | readonly number[]): Tensor => norm(weight, { axis, keepDims: true });
/** The weights with other lengths. */
const scaledTo = (weight: Tensor, wanted: Tensor, length: Tensor): Tensor =>
  mul(weight, div(wanted, add(length, EPSILON)));

/** No length above `maxValue`, default 2. */
export function maxNorm(options: AxisOption & { readonly maxValue?: number } = {}): Constraint {
  const { maxValue = 2, axis = 0 } = options;
  const constraint = (weight: Tensor): Tensor => {
    const length = lengths(weight, axis);
    return scaledTo(weight, minimum(length, maxValue), length);
  };
  return withRecipe(constraint, { name: "maxNorm", maxValue, axis });
}

/** Nothing below 0. */
export const nonNeg = (): Constraint => withRecipe((weight: Tensor) => maximum(weight, 0), "nonNeg");

/** All lengths 1. */
export function unitNorm({ axis = 0 }: AxisOption = {}): Constraint {
  const constraint = (weight: Tensor): Tensor => div(weight, add(lengths(weight, axis), EPSILON));
  return withRecipe(constraint, { name: "unitNorm", axis });
}

export interface MinMaxNormOptions extends AxisOption {
  /** Default 0. */
  readonly minValue?: number;
  /** Default 1. */
  readonly maxValue?: number;
  /** Which part of the way a length goes in a step; default 1, all of it. */
  readonly rate?: number;
}

/** Lengths from `minValue` to `maxValue`. */
export function minMaxNorm(options: MinMaxNormOptions = {}): Constraint {
  const { minValue = 0, maxValue = 1, rate = 1, axis = 0 } = options;
  const constraint = (weight: Tensor): Tensor => {
    const length = lengths(weight, axis);
    const allowed = clipByValue(length, minValue, maxValue);
    return scaledTo(weight, rate === 1 ? allowed : add(mul(allowed, rate), mul(length, 1 - rate)), length);
  };
  return withRecipe(constraint, { name: "minMaxNorm", minValue, maxValue, rate, axis });
}

const MAKERS = { maxNorm, nonNeg, unitNorm, minMaxNorm } as const;

export type ConstraintName = keyof typeof MAKERS;
/** By name, `"nonNeg"`; by name and options, `{ name: "maxNorm", maxValue: 3 }`; or a function, `maxNorm({ maxValue: 3 })`. */
export type ConstraintChoice =
  | ConstraintName
  | SnakeCase<ConstraintName>
  | (RecipeOptions & { readonly name: ConstraintName })
  | Constraint;

/** @throws GraphError for a name that is none, listing near ones */
export const constraintFrom = (choice: ConstraintChoice): Constraint =>
  chosenFrom<Constraint>("constraint", MAKERS, choice);
