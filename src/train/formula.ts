/** What an optimization algorithm is given, and what it gives: the types of its formula. */
import type { Tensor, Variable } from "../graph/operation.ts";
import type { Schedule } from "./schedule.ts";

/** A number, or a scalar tensor of any floating dtype. */
export type Scalar = number | Tensor;

/**
 * A number; a scalar tensor, such as a placeholder, which may change from run to run; or a schedule, which follows the
 * number of the step.
 */
export type LearningRate = number | Tensor | Schedule;

/** A gradient and the variable it belongs to. */
export type GradientPair = readonly [gradient: Tensor, variable: Variable];

/** What an algorithm sees of one step, before it looks at any variable. */
export interface StepContext {
  readonly learningRate: Scalar;
  /** The number of the step, float64, 1 in the first. Asking for it adds the variable that counts. */
  step(): Tensor;
  /** The value a scalar of `initialScalars` has before the step: float64. */
  scalar(name: string): Variable;
}
/** What all variables share in one step. */
export interface Shared {
  /** Numbers for `factor(name)` of `update`. One called `learningRate` takes the place of the rate. */
  readonly factors?: Readonly<Record<string, Scalar>>;
  /** New values of scalars. */
  readonly scalars?: Readonly<Record<string, Tensor>>;
}

/** What an algorithm sees of one variable. All tensors have the variable's dtype. */
export interface UpdateContext {
  /** Its value before the update, less weight decay. */
  readonly variable: Tensor;
  readonly gradient: Tensor;
  readonly learningRate: Tensor;
  /** What is kept for the variable between steps, of its shape: one of `initialSlots`. */
  slot(name: string): Variable;
  /** One of the numbers of `shared`. */
  factor(name: string): Tensor;
  /** A number all variables share, under a name that can be read in the graph. */
  constant(name: string, value: number): Tensor;
}
/** New values after one step, for the variable and for each slot that changes. */
export interface Update {
  readonly variable: Tensor;
  readonly slots?: Readonly<Record<string, Tensor>>;
}
