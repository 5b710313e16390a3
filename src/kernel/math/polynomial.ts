import { constant, type Expr } from "../expr.ts";
import { add, mul } from "./define.ts";

/** c[0] + c[1]·x + c[2]·x² + … by Horner's rule; `x` should be a variable. */
export function horner(x: Expr, coefficients: readonly number[]): Expr {
  const last = coefficients.length - 1;
  let sum = constant(coefficients[last]!, x.type);
  for (let i = last - 1; i >= 0; i--) sum = add(mul(sum, x), coefficients[i]!);
  return sum;
}
