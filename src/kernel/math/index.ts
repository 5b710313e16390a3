import type { DType } from "../../core/dtype.ts";
import { CompileError } from "../../core/errors.ts";
import { type MathFunction, type MathRecipe, mathFunctionOf } from "./define.ts";
import { cosh, exp, exp2, expm1, expNonPositive, sigmoid, sinh, tanh } from "./exponential.ts";
import { lgamma } from "./gamma.ts";
import { acos, asin, atan, atan2 } from "./inverse.ts";
import { acosh, asinh, atanh, log, log1p, log2, log10, softplus } from "./logarithm.ts";
import { erf, erfc, normalQuantile } from "./normal.ts";
import { pow } from "./power.ts";
import { cos, sin, tan } from "./trigonometric.ts";

export type { MathFunction, MathRecipe } from "./define.ts";
/*
 * The float functions. Ops call them by their recipe, `k.call(math.exp, x)` with `import * as math`, so that a program
 * holds those it can reach and no others. The table below, of all of them by name, is for tests and documentation.
 */
export { cosh, exp, exp2, expm1, expNonPositive, sigmoid, sinh, tanh } from "./exponential.ts";
export { lgamma } from "./gamma.ts";
export { acos, asin, atan, atan2 } from "./inverse.ts";
export { acosh, asinh, atanh, log, log1p, log2, log10, softplus } from "./logarithm.ts";
export { erf, erfc, normalQuantile } from "./normal.ts";
export { pow } from "./power.ts";
export { cos, sin, tan } from "./trigonometric.ts";

const RECIPES: readonly MathRecipe[] = [
  exp,
  expm1,
  expNonPositive,
  tanh,
  sigmoid,
  exp2,
  sinh,
  cosh,
  log,
  log1p,
  softplus,
  log2,
  log10,
  asinh,
  acosh,
  atanh,
  pow,
  sin,
  cos,
  tan,
  asin,
  acos,
  atan,
  atan2,
  erf,
  erfc,
  normalQuantile,
  lgamma,
];

/** Names of all functions. */
export const mathFunctionNames = (): string[] => RECIPES.map((recipe) => recipe.name);

/** The recipe of this name. Throws CompileError if there is none. */
export function mathRecipe(name: string): MathRecipe {
  const recipe = RECIPES.find((candidate) => candidate.name === name);
  if (!recipe) throw new CompileError({ what: `LoopIR call: no function ${name}` });
  return recipe;
}

/** The definition behind `call(mathRecipe(name), …)` for arguments of `type`. Throws CompileError if there is none. */
export const mathFunction = (name: string, type: DType): MathFunction => mathFunctionOf(mathRecipe(name), type);
