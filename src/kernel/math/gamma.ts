import { constant, type Expr, unary } from "../expr.ts";
import { abs, add, type Builder, div, eq, le, lt, type MathRecipe, mul, neg, select, sub } from "./define.ts";
import { viaFloat64 } from "./double.ts";
import { logPositive } from "./logarithm.ts";
import { horner } from "./polynomial.ts";
import { quarterWave } from "./trigonometric.ts";

/** Fit of lgamma(1 + t)/t for t from -0.4 to 0.6 … */
const AROUND_1 = [
  -0.5772156649015329, 0.8224670334241132, -0.4006856343865318, 0.270580808427791, -0.2073855510285726,
  0.16955717699626888, -0.14404989677857363, 0.12550966961964366, -0.11133426541652704, 0.10009945305993093,
  -0.09095402815616573, 0.0833539691226932, -0.07693239604693664, 0.07143056122560329, -0.06666829681887561,
  0.06252966505381265, -0.05885435297941546, 0.05533789888372595, -0.05221337276767053, 0.05092716214318115,
  -0.05058912298312307, 0.04434324568974187, -0.032130490672461744, 0.03394189090684678, -0.05832782711291049,
  0.07063466065786203, -0.045102424092163994, 0.011755827029084604,
];
/** … and of lgamma(2 + t)/t for t from -0.5 to 1. */
const AROUND_2 = [
  0.42278433509846713, 0.3224670334241132, -0.06735230105319796, 0.020580808427787502, -0.007385551028687111,
  0.0028905103306125996, -0.0011927539111748094, 0.0005096695270786523, -0.00022315476914202685, 9.945749459386184e-5,
  -4.4926118904862264e-5, 2.050723289467849e-5, -9.440199753274835e-6, 4.375472004777847e-6, -2.0371195482358996e-6,
  9.511969731319312e-7, -4.5041997201473635e-7, 2.2102374422908605e-7, -1.0784595012220329e-7, 4.4561979632842775e-8,
  -1.2394516911278076e-8, 1.6305432352127331e-9,
];
/** Fit of what Stirling's formula leaves, times x, in 1/x² for x ≥ 8. */
const STIRLING = [
  0.08333333333333333, -0.002777777777773988, 0.0007936507897524059, -0.0005952365845057049, 0.0008414700852503147,
  -0.001890382993887715, 0.005065905360156132,
];
/** (ln 2π - 1)/2. */
const STIRLING_CONSTANT = 0.4189385332046727;
const LN_PI = 1.1447298858494002;

/** One polynomial or another, coefficient by coefficient. */
function chosen(first: Expr, a: readonly number[], b: readonly number[], t: Expr): Expr {
  const at = (list: readonly number[], i: number): Expr => constant(list[i] ?? 0, t.type);
  let sum: Expr = constant(0, t.type);
  for (let i = Math.max(a.length, b.length) - 1; i >= 0; i--) sum = add(mul(sum, t), select(first, at(a, i), at(b, i)));
  return sum;
}

/** lgamma of a positive number. */
function positive(k: Builder, x: Expr): Expr {
  const large = k.let("isLarge", le(8, x));
  const low = k.let("isLow", lt(x, 0.6));
  const first = k.let("isFirst", lt(x, 1.5));
  // From 3 on: lgamma(x) = lgamma(x - n) + log((x - 1)…(x - n)), all terms positive.
  const less = [1, 2, 3, 4, 5].map((j) => (j > 2 ? sub(x, j) : k.let("less", sub(x, j))));
  const third = k.let("isThird", le(3, x));
  let product: Expr = constant(1, k.type);
  for (let j = 1; j <= 5; j++) product = mul(product, select(j === 1 ? third : le(j + 2, x), less[j - 1]!, 1));
  const log = k.let("log", logPositive(k, k.let("argument", select(large, x, select(low, x, product))), true, null));
  const above = select(third, sub(x, unary("floor", x)), less[1]!);
  const t = k.let("t", select(first, select(low, x, less[0]!), select(large, 0, above)));
  const middle = add(mul(t, chosen(first, AROUND_1, AROUND_2, t)), select(low, neg(log), log));
  const r = k.let("reciprocal", div(1, x));
  const z = k.let("reciprocalSquare", mul(r, r));
  const rest = add(mul(r, horner(z, STIRLING)), STIRLING_CONSTANT);
  return select(large, add(mul(sub(x, 0.5), sub(log, 1)), rest), middle);
}

export const lgamma: MathRecipe = viaFloat64({
  name: "lgamma",
  params: ["x"],
  doc:
    "log |Γ(x)|: polynomials around its zeros 1 and 2, recurrence from 3 to 8, Stirling's formula beyond, reflection " +
    "below 0. Infinite at 0, -1, -2 … For x < 0 the error is that many ulp of max(1, |log |Γ||), since there are " +
    "zeros between all poles.",
  ulp: { float32: 0.51, float64: 2.7 },
  build: (k, x) => {
    const size = k.let("size", abs(x));
    const value = k.let("value", positive(k, size));
    const fraction = k.let("fraction", abs(sub(size, unary("nearest", size))));
    const wave = k.let("sine", quarterWave(k, k.let("angle", mul(fraction, Math.PI)), 0, null));
    const reflected = sub(sub(LN_PI, logPositive(k, k.let("area", mul(size, wave)), true, null)), value);
    // So near to 0 that both signs give -log |x|, and the area would vanish.
    const below = select(lt(size, 2 ** -60), value, reflected);
    const pole = select(eq(fraction, 0), Infinity, below);
    return select(lt(size, Infinity), select(lt(0, x), value, pole), size);
  },
});
