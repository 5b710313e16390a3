import type { Expr } from "../expr.ts";
import {
  abs,
  add,
  atLeast,
  atMost,
  type Builder,
  div,
  eq,
  lt,
  type MathRecipe,
  mul,
  type PerType,
  select,
  sub,
} from "./define.ts";
import { viaFloat64 } from "./double.ts";
import { horner } from "./polynomial.ts";
import { flipSign, fromExponent, halfPowers, LAYOUT, nearestMultiple, scaleByPower, signBit } from "./powers-of-two.ts";

/**
 * The exponential family. Everything starts from x = n·ln2 + r with n whole and |r| ≤ ln2/2, where
 * e^r - 1 = r + r²·P(r) with one polynomial P for all of them.
 */
interface Exponential {
  /** ln2 in two parts; n·high is exact for every n that can occur. */
  readonly ln2High: number;
  readonly ln2Low: number;
  /** Minimax fit of (e^r - 1 - r)/r², so that e^r - 1 is relatively exact to 2^-26 (float32), 2^-61 (float64). */
  readonly p: readonly number[];
  /** Above it e^x is infinite, … */
  readonly top: number;
  /** … below it e^x is 0. */
  readonly bottom: number;
  /** Here 2^n would have the exponent field 0, and so is 0 itself: n is -127 (float32), -1023 (float64). */
  readonly zeroPower: number;
  /** Beyond it tanh is ±1. */
  readonly tanhTop: number;
}
export const EXPONENTIAL: PerType<Exponential> = {
  float32: {
    ln2High: 0.693145751953125,
    ln2Low: 1.428606765330187e-6,
    p: [0.4999999701976776, 0.16666540503501892, 0.04166742041707039, 0.00836692750453949, 0.0013877431629225612],
    top: 89,
    bottom: -104,
    zeroPower: -88,
    tanhTop: 9.1,
  },
  float64: {
    ln2High: 0.6931471803691238,
    ln2Low: 1.9082149292705877e-10,
    p: [
      0.5, 0.16666666666666677, 0.04166666666666671, 0.008333333333320968, 0.0013888888888839918,
      0.00019841269888507413, 2.4801587444884687e-5, 2.7557241398226606e-6, 2.7557154490474396e-7, 2.511009816361441e-8,
      2.0954118815465097e-9,
    ],
    top: 710,
    bottom: -746,
    zeroPower: -709,
    tanhTop: 19.1,
  },
};

/** e^x = p·2^n with p = 1 + q; `i` is n + 2·bias. */
export interface ExpPieces {
  readonly q: Expr;
  readonly i: Expr;
}
/** For x within the range where e^x neither overflows nor vanishes, or NaN. */
export function expPieces(k: Builder, x: Expr): ExpPieces {
  const { ln2High, ln2Low, p } = k.pick(EXPONENTIAL);
  const { float: n, int: i } = nearestMultiple(k, x, Math.LOG2E, 2 * k.pick(LAYOUT).bias);
  // x - n·high is exact; the rounding of the low part is kept out of the leading term.
  const high = k.let("high", sub(x, mul(n, ln2High)));
  const low = k.let("low", mul(n, ln2Low));
  const r = k.let("r", sub(high, low));
  return { q: add(high, sub(mul(mul(r, r), horner(r, p)), low)), i };
}

const clampToRange = (k: Builder, x: Expr): Expr => {
  const { top, bottom } = k.pick(EXPONENTIAL);
  return k.let("clamped", atLeast(k, atMost(k, x, top), bottom));
};

export const exp: MathRecipe = {
  name: "exp",
  params: ["x"],
  doc:
    "e^x = 2^n·(1 + r + r²·P(r)), n = round(x/ln2), r = x - n·ln2 with ln2 in two parts (Cody and Waite). " +
    "2^n is applied as two factors, so that overflow and subnormals need no test.",
  ulp: { float32: 0.9, float64: 0.82 },
  build: (k, x) => {
    const { q, i } = expPieces(k, clampToRange(k, x));
    return scaleByPower(k, add(q, 1), i);
  },
};

export const expNonPositive: MathRecipe = {
  name: "expNonPositive",
  params: ["x"],
  doc:
    "e^x for x ≤ 0, as exp, in 22 operations instead of 28: 2^n is one factor, which needs no test for overflow and is " +
    "0 itself for the smallest results, those below 2^-126.5 (float64: 2^-1022.5). The low part of n·ln2 is rounded " +
    "into r.",
  ulp: { float32: 1, float64: 0.96 },
  build: (k, x) => {
    const { ln2High, ln2Low, p, zeroPower } = k.pick(EXPONENTIAL);
    const clamped = k.let("clamped", atLeast(k, x, zeroPower));
    const { float: n, int: i } = nearestMultiple(k, clamped, Math.LOG2E, k.pick(LAYOUT).bias);
    const r = k.let("r", sub(sub(clamped, mul(n, ln2High)), mul(n, ln2Low)));
    const q = add(r, mul(mul(r, r), horner(r, p)));
    return mul(add(q, 1), fromExponent(k, i));
  },
};

export const expm1: MathRecipe = {
  name: "expm1",
  params: ["x"],
  doc: "e^x - 1 = 2^n·(e^r - 1) + (2^n - 1) with the reduction and polynomial of exp.",
  ulp: { float32: 1.75, float64: 1.41 },
  build: (k, x) => {
    const { q, i } = expPieces(k, clampToRange(k, x));
    const { first, second } = halfPowers(k, i);
    // In two steps, because 2^n itself may be infinite where the result is not.
    const s = k.let("s", fromExponent(k, first));
    const reciprocal = fromExponent(k, sub(2 * k.pick(LAYOUT).bias, second));
    const value = mul(add(mul(q, s), sub(s, reciprocal)), fromExponent(k, second));
    // The sum above would turn -0 into +0.
    return select(eq(x, 0), x, value);
  },
};

export const tanh: MathRecipe = {
  name: "tanh",
  params: ["x"],
  doc:
    "tanh |x| = h/(1 + h) with h = (e^2|x| - 1)/2, from the reduction and polynomial of exp; computed as " +
    "a - a²/(1 + h) with a = min(h, 1), so that the error of the one division weighs less.",
  ulp: { float32: 1.92, float64: 1.87 },
  build: (k, x) => {
    const { p, tanhTop } = k.pick(EXPONENTIAL);
    const size = k.let("size", atMost(k, abs(x), tanhTop));
    const y = k.let("y", add(size, size));
    // ln2 in one part will do: the error of y that this leaves grows with n, but the slope of tanh falls faster.
    const { float: n, int: i } = nearestMultiple(k, y, Math.LOG2E, k.pick(LAYOUT).bias - 1);
    const r = k.let("r", sub(y, mul(n, Math.LN2)));
    const s = k.let("s", fromExponent(k, i));
    // h = s·(1 + r + r²P) - ½, with s = 2^n/2; the sum of the first two terms is exact or nearly so.
    const curve = mul(mul(r, r), horner(r, p));
    const h = k.let("h", add(add(mul(r, s), sub(s, 0.5)), mul(curve, s)));
    const a = k.let("a", atMost(k, h, 1));
    return flipSign(k, sub(a, div(mul(a, a), add(h, 1))), signBit(x));
  },
};

export const sigmoid: MathRecipe = {
  name: "sigmoid",
  params: ["x"],
  doc:
    "h/(1 + h) with h = e^x as in exp; computed as a - a²/(1 + h) with a = min(h, 1), so that the error of the one " +
    "division weighs less and nothing overflows. Beside exp of the same x it costs five operations.",
  ulp: { float32: 2, float64: 1.98 },
  build: (k, x) => {
    const { q, i } = expPieces(k, clampToRange(k, x));
    const h = k.let("h", scaleByPower(k, add(q, 1), i));
    const a = k.let("a", atMost(k, h, 1));
    return sub(a, div(mul(a, a), add(h, 1)));
  },
};

export const exp2: MathRecipe = viaFloat64({
  name: "exp2",
  params: ["x"],
  doc: "2^x = 2^n·e^(r·ln2), n = round(x), by the polynomial of exp.",
  ulp: { float32: 0.51, float64: 0.95 },
  build: (k, x) => {
    const clamped = k.let("clamped", atLeast(k, atMost(k, x, 1100), -1100));
    const { float: n, int: i } = nearestMultiple(k, clamped, 1, 2 * k.pick(LAYOUT).bias);
    const r = k.let("r", mul(sub(clamped, n), Math.LN2));
    const q = add(r, mul(mul(r, r), horner(r, k.pick(EXPONENTIAL).p)));
    return scaleByPower(k, add(q, 1), i);
  },
});

/** Fit of (sinh x - x)/x³ in x² for |x| ≤ 1. */
const SINH = [
  0.16666666666666666, 0.008333333333333299, 0.00019841269841324198, 2.7557319191381816e-6, 2.5052117695907823e-8,
  1.6057679623801638e-10, 7.746178593018827e-13,
];

/** e^size/2, right until sinh itself overflows. */
function halfExp(k: Builder, size: Expr): Expr {
  const { q, i } = expPieces(k, k.let("clamped", atMost(k, size, 711)));
  return k.let("halfExp", scaleByPower(k, add(q, 1), k.let("field", sub(i, 1))));
}

export const sinh: MathRecipe = viaFloat64({
  name: "sinh",
  params: ["x"],
  doc: "sinh x = x + x³·P(x²) up to 1 (own fit), beyond e^|x|/2 - 1/(4·e^|x|/2).",
  ulp: { float32: 0.51, float64: 1.23 },
  build: (k, x) => {
    const z = k.let("z", mul(x, x));
    const near = add(x, mul(x, mul(z, horner(z, SINH))));
    const size = k.let("size", abs(x));
    const half = halfExp(k, size);
    return select(lt(size, 1), near, flipSign(k, sub(half, div(0.25, half)), signBit(x)));
  },
});

export const cosh: MathRecipe = viaFloat64({
  name: "cosh",
  params: ["x"],
  doc: "cosh x = e^|x|/2 + 1/(4·e^|x|/2).",
  ulp: { float32: 0.51, float64: 1.23 },
  build: (k, x) => {
    const half = halfExp(k, abs(x));
    return add(half, div(0.25, half));
  },
});
