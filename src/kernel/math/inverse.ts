import { constant, type Expr } from "../expr.ts";
import { abs, add, type Builder, bits, div, eq, le, lt, type MathRecipe, mul, select, sqrt, sub } from "./define.ts";
import { leading, viaFloat64 } from "./double.ts";
import { horner } from "./polynomial.ts";
import { flipSign, signBit } from "./powers-of-two.ts";

/** Fit of (asin x - x)/x³ in x² for |x| ≤ ½. */
const ASIN = [
  0.16666666666666669, 0.07499999999998433, 0.04464285714635543, 0.030381944138531247, 0.02237217294214989,
  0.017352392720869973, 0.013971212973552933, 0.011479177415184906, 0.01032281435018578, 0.005457506718640358,
  0.01740087944269402, -0.014851887071247204, 0.028757851367421566,
];
/** Fit of (atan t - t)/t³ in t² for |t| ≤ tan(π/8). */
const ATAN = [
  -0.3333333333333333, 0.19999999999999804, -0.14285714285659457, 0.11111111105119366, -0.09090908751706075,
  0.07692296323157785, -0.06666423954373413, 0.058789182929757273, -0.05230375457576669, 0.04551233844829568,
  -0.03456132296826231, 0.01627552168389342,
];
const TAN_EIGHTH = 0.41421356237309503;
/** π/4 in two parts, the first with 33 bits, so that small multiples of it are exact. */
const QUARTER_PI = { high: 0.7853981633670628, low: 3.038550253253096e-11 };
const HALF_PI_LOW = 6.123233995736766e-17;

// ── asin and acos ────────────────────────────────────────────────────────────────────────────────────────────────

/** For |x| > ½: √z of z = (1 - |x|)/2, which is exact, and asin √z = √z + √z·rest. */
function complement(k: Builder, size: Expr): { readonly z: Expr; readonly root: Expr; readonly rest: Expr } {
  const z = k.let("z", mul(sub(1, size), 0.5));
  return { z, root: k.let("root", sqrt(z)), rest: k.let("rest", mul(z, horner(z, ASIN))) };
}

export const asin: MathRecipe = viaFloat64({
  name: "asin",
  params: ["x"],
  doc:
    "asin x = x + x³·P(x²) up to ½, beyond π/2 - 2·asin √((1 - |x|)/2) with the root in two parts; NaN outside of " +
    "[-1, 1]. Own fit.",
  ulp: { float32: 0.51, float64: 0.75 },
  build: (k, x) => {
    const size = k.let("size", abs(x));
    const square = k.let("square", mul(x, x));
    const near = add(x, mul(x, mul(square, horner(square, ASIN))));
    const { z, root, rest } = complement(k, size);
    const high = k.let("rootHigh", leading(root));
    // What the root lost: (z - high²)/(root + high). At |x| = 1 both are 0.
    const sum = k.let("sum", add(root, high));
    const low = select(eq(sum, 0), 0, div(sub(z, mul(high, high)), sum));
    const small = sub(mul(mul(root, rest), 2), sub(HALF_PI_LOW, mul(low, 2)));
    const far = sub(Math.PI / 4, sub(small, sub(Math.PI / 4, mul(high, 2))));
    return select(le(size, 0.5), near, flipSign(k, far, signBit(x)));
  },
});

export const acos: MathRecipe = viaFloat64({
  name: "acos",
  params: ["x"],
  doc:
    "acos x = π/2 - asin x up to ½; beyond 2·asin √((1 - x)/2) above, and π less the same of -x below; NaN outside " +
    "of [-1, 1]. Own fit.",
  ulp: { float32: 0.51, float64: 1.09 },
  build: (k, x) => {
    const size = k.let("size", abs(x));
    const square = k.let("square", mul(x, x));
    const middle = sub(Math.PI / 2, sub(x, sub(HALF_PI_LOW, mul(x, mul(square, horner(square, ASIN))))));
    const { root, rest } = complement(k, size);
    const end = k.let("end", mul(add(root, mul(root, rest)), 2));
    const far = select(lt(x, 0), sub(Math.PI, sub(end, 2 * HALF_PI_LOW)), end);
    return select(le(size, 0.5), middle, far);
  },
});

// ── atan and atan2 ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The angle of the point (x, y), for |y| ≤ |x| taken as it is and otherwise mirrored at the diagonal: with t ≤ tan(π/8)
 * it is m·π/4 ± atan t, m from 0 to 4.
 */
function angle(k: Builder, y: Expr, x: Expr, isLeft: Expr | null): Expr {
  const steep = k.let("isSteep", lt(x, y));
  const small = k.let("small", select(steep, x, y));
  const large = k.let("large", select(steep, y, x));
  const middle = k.let("isMiddle", lt(mul(large, TAN_EIGHTH), small));
  const over = select(middle, sub(small, large), small);
  const t = k.let("t", div(over, select(middle, add(small, large), large)));
  const z = k.let("z", mul(t, t));
  const own = k.let("own", add(t, mul(t, mul(z, horner(z, ATAN)))));
  const zero = constant(0, k.type);
  let quarters = k.let("quarters", select(middle, constant(1, k.type), zero));
  let sign = signBit(constant(1, k.type));
  quarters = k.let("quarters", select(steep, sub(2, quarters), quarters));
  sign = select(steep, constant(-(2 ** 31), "int32"), sign);
  if (isLeft) {
    quarters = k.let("quarters", select(isLeft, sub(4, quarters), quarters));
    sign = k.let("turn", select(isLeft, select(steep, constant(0, "int32"), constant(-(2 ** 31), "int32")), sign));
  }
  const signed = flipSign(k, own, sign);
  const turned = add(mul(quarters, QUARTER_PI.high), add(signed, mul(quarters, QUARTER_PI.low)));
  return select(eq(quarters, 0), own, turned);
}

export const atan: MathRecipe = viaFloat64({
  name: "atan",
  params: ["x"],
  doc: "atan |x| = m·π/4 ± atan t with |t| ≤ tan(π/8), t = |x|, (|x| - 1)/(|x| + 1) or 1/|x|; atan t = t + t³·P(t²). Own fit.",
  ulp: { float32: 0.51, float64: 1.6 },
  build: (k, x) => flipSign(k, angle(k, k.let("size", abs(x)), constant(1, k.type), null), signBit(x)),
});

export const atan2: MathRecipe = viaFloat64({
  name: "atan2",
  params: ["y", "x"],
  doc: "The angle of the point (x, y), by the reduction of atan without dividing first. Special cases as in C99.",
  ulp: { float32: 0.51, float64: 2.02 },
  build: (k, y, x) => {
    const up = k.let("up", abs(y));
    const across = k.let("across", abs(x!));
    // Two infinities count as equal, and 0/0 as 0; halves of the largest numbers do not overflow.
    const flat = k.let("isFlat", lt(up, across));
    const bothInfinite = k.let("bothInfinite", eq(select(flat, up, across), Infinity));
    const none = k.let("none", eq(select(flat, across, up), 0));
    const scale = k.let("scale", select(lt(add(up, across), 2 ** 1020), constant(1, k.type), constant(0.25, k.type)));
    const cut = (v: Expr, zero: number): Expr => select(bothInfinite, 1, select(none, zero, mul(v, scale)));
    const [v, h] = [k.let("v", cut(up, 0)), k.let("h", cut(across, 1))];
    const left = k.let("isLeft", lt(bits(x!, "int32"), 0));
    const value = k.let("value", angle(k, v, h, left));
    const missing = k.let("missing", select(eq(y, y), x!, y));
    return select(eq(missing, missing), flipSign(k, value, signBit(y)), constant(Number.NaN, k.type));
  },
});
