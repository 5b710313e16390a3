import type { Expr } from "../expr.ts";
import { bits, cast, type MathRecipe } from "./define.ts";

/**
 * A function of which only the float64 form is written down: for float32 the result of that form is rounded. That is
 * exact to 0.51 ulp, and in JavaScript no slower than rounding to float32 after every operation.
 */
export function viaFloat64(recipe: MathRecipe): MathRecipe {
  return {
    ...recipe,
    doc: `${recipe.doc} float32: the float64 result, rounded.`,
    build: (k, x, y) => {
      if (k.type === "float64") return recipe.build(k, x, y);
      const wide = k.as("float64");
      const widen = (arg: Expr): Expr => wide.let("wide", cast(arg, "float64"));
      return cast(recipe.build(wide, widen(x), y && widen(y)), "float32");
    },
  };
}

/** A float64 with the low word of its bits cleared: 21 bits, so that a product of two such numbers is exact. */
export const leading = (x: Expr): Expr => bits(bits(x, "int32"), "float64");
