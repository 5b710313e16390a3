import type { DType } from "../../core/dtype.ts";
import { CompileError } from "../../core/errors.ts";
import { buildMathFunction, type MathFunction, type MathRecipe } from "./define.ts";
import { EXPONENTIAL_FAMILY } from "./exponential.ts";
import { GAMMA_FAMILY } from "./gamma.ts";
import { INVERSE_FAMILY } from "./inverse.ts";
import { LOGARITHM_FAMILY } from "./logarithm.ts";
import { NORMAL_FAMILY } from "./normal.ts";
import { POWER_FAMILY } from "./power.ts";
import { TRIGONOMETRIC_FAMILY } from "./trigonometric.ts";

export type { MathFunction } from "./define.ts";

const RECIPES: readonly MathRecipe[] = [
  ...EXPONENTIAL_FAMILY,
  ...LOGARITHM_FAMILY,
  ...POWER_FAMILY,
  ...TRIGONOMETRIC_FAMILY,
  ...INVERSE_FAMILY,
  ...NORMAL_FAMILY,
  ...GAMMA_FAMILY,
];
const built = new Map<string, MathFunction>();

/** The names that `call` knows. */
export const mathFunctionNames = (): string[] => RECIPES.map((recipe) => recipe.name);

/** The definition behind `call(name, …)` for arguments of `type`. Throws CompileError if there is none. */
export function mathFunction(name: string, type: DType): MathFunction {
  const key = `${name}:${type}`;
  let found = built.get(key);
  if (found) return found;
  const recipe = RECIPES.find((candidate) => candidate.name === name);
  if (!recipe || (type !== "float32" && type !== "float64")) {
    throw new CompileError({ what: `LoopIR call: no function ${name} for ${type}` });
  }
  found = buildMathFunction(recipe, type);
  built.set(key, found);
  return found;
}
