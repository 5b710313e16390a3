import { constant, type Expr } from "../expr.ts";
import {
  abs,
  add,
  atLeast,
  type Builder,
  div,
  eq,
  le,
  lt,
  type MathRecipe,
  mul,
  neg,
  type PerType,
  select,
  sqrt,
  sub,
} from "./define.ts";
import { leading, viaFloat64 } from "./double.ts";
import { EXPONENTIAL, expPieces } from "./exponential.ts";
import { horner } from "./polynomial.ts";
import { flipSign, fromExponent, halfPowers, signBit, splitExponent } from "./powers-of-two.ts";

/**
 * The logarithms. With s = f/(2 + f): log(1 + f) = 2·atanh(s) = f - (h - s·(h + R)), where h = f²/2 and
 * R = s²·(2/3 + 2/5 s² + …), so that the leading term f is exact.
 */
interface Logarithm {
  /** Fit of R/s² in s² for |f| that leaves 1 + f in [√½, √2]. */
  readonly r: readonly number[];
  /** The same for 1 + f in [1, 2]. */
  readonly rWide: readonly number[];
}
const LOGARITHM: PerType<Logarithm> = {
  float32: {
    r: [0.6666677594184875, 0.39977574348449707, 0.2987121045589447],
    rWide: [0.6666667461395264, 0.399989515542984, 0.28615090250968933, 0.2144545465707779, 0.2423883080482483],
  },
  float64: {
    r: [
      0.6666666666666735, 0.3999999999940912, 0.2857142874375161, 0.22222198423585304, 0.18183572440753357,
      0.15313837602748945, 0.1479810923288267,
    ],
    rWide: [
      0.6666666666666631, 0.4000000000015587, 0.2857142854802983, 0.22222223958346826, 0.18181744339874892,
      0.15386550896474974, 0.1330109324859086, 0.12105138093553097, 0.08344229818106534, 0.17010974705904833,
    ],
  },
};

/** h - (s·(h + R) + low), so that log(1 + f) + low = f - that. */
function correction(k: Builder, f: Expr, s: Expr, coefficients: readonly number[], low: Expr): Expr {
  const z = k.let("z", mul(s, s));
  const h = k.let("h", mul(mul(f, f), 0.5));
  const main = mul(s, add(h, mul(z, horner(z, coefficients))));
  return sub(h, add(main, low));
}

/** log(x) of a positive finite x, plus `extra` (small). */
export function logPositive(k: Builder, x: Expr, small: boolean, extra: Expr | null): Expr {
  const { ln2High, ln2Low } = k.pick(EXPONENTIAL);
  const { m, n } = splitExponent(k, x, { small });
  const f = k.let("f", sub(m, 1));
  const count = k.let("count", n);
  const low = mul(count, ln2Low);
  const s = k.let("ratio", div(f, add(f, 2)));
  const rest = correction(k, f, s, k.pick(LOGARITHM).r, extra ? add(low, extra) : low);
  return sub(mul(count, ln2High), sub(rest, f));
}

/** NaN below `zero`, -Infinity at it, and x itself where x is Infinity or NaN. */
function guard(x: Expr, zero: number, value: Expr): Expr {
  const finite = select(lt(x, Infinity), value, x);
  return select(le(x, zero), select(lt(x, zero), constant(Number.NaN, x.type), -Infinity), finite);
}

export const log: MathRecipe = {
  name: "log",
  params: ["x"],
  doc: "log x = n·ln2 + log(m), m in [√½, √2), log(m) by the atanh series with f = m - 1 kept exact (as fdlibm does).",
  ulp: { float32: 0.83, float64: 0.76 },
  build: (k, x) => guard(x, 0, logPositive(k, x, true, null)),
};

export const log1p: MathRecipe = {
  name: "log1p",
  params: ["x"],
  doc: "log(1 + x) = log(u) + c/u with u = 1 + x rounded and c what the rounding lost (exact, Knuth's two-sum).",
  ulp: { float32: 0.82, float64: 0.78 },
  build: (k, x) => {
    const u = k.let("u", add(x, 1));
    const seen = k.let("seen", sub(u, 1));
    const lost = add(sub(1, sub(u, seen)), sub(x, seen));
    const value = logPositive(k, u, false, div(lost, u));
    return guard(x, -1, select(eq(x, 0), x, value));
  },
};

export const softplus: MathRecipe = {
  name: "softplus",
  params: ["x"],
  doc:
    "log(1 + e^x) = max(x, 0) + log(1 + e^-|x|); the exponential is carried with its rounding error, and the logarithm " +
    "of a number in [1, 2] needs no splitting.",
  ulp: { float32: 1.87, float64: 1.56 },
  build: (k, x) => {
    const { q, i } = expPieces(k, k.let("clamped", atLeast(k, neg(abs(x)), k.pick(EXPONENTIAL).bottom)));
    const exact = k.let("q", q);
    const p = k.let("p", add(exact, 1));
    const { first, second } = halfPowers(k, i);
    const [a, b] = [k.let("a", fromExponent(k, first)), k.let("b", fromExponent(k, second))];
    const f = k.let("f", mul(mul(p, a), b));
    const low = k.let("lost", mul(mul(sub(exact, sub(p, 1)), a), b));
    const s = k.let("ratio", div(f, add(f, 2)));
    // The lost part enters with the derivative 1/(1 + f) = (1 - s)/(1 + s), for which 1 - 1.5s is good enough.
    const rest = correction(k, f, s, k.pick(LOGARITHM).rWide, mul(low, sub(1, mul(s, 1.5))));
    return add(select(lt(x, 0), 0, x), sub(f, rest));
  },
};

/** 1/ln b with 21 bits and its rest, and log_b 2 with as many bits as leave n·log_b 2 exact, and its rest. */
interface Base {
  readonly scaleHigh: number;
  readonly scaleLow: number;
  readonly twoHigh: number;
  readonly twoLow: number;
}
const BASE_2: Base = { scaleHigh: 1.4426946640014648, scaleLow: 3.768874985636099e-7, twoHigh: 1, twoLow: 0 };
const BASE_10: Base = {
  scaleHigh: 0.4342944622039795,
  scaleLow: 1.9699272335463627e-8,
  twoHigh: 0.30102999560767785,
  twoLow: 5.630334806675098e-11,
};

/** log_b x = n·log_b 2 + log(m)/ln b, with log(m) and 1/ln b in two parts each. float64 only. */
function logInBase(k: Builder, x: Expr, { scaleHigh, scaleLow, twoHigh, twoLow }: Base): Expr {
  const { m, n } = splitExponent(k, x, { small: true });
  const f = k.let("f", sub(m, 1));
  const count = k.let("count", n);
  const s = k.let("ratio", div(f, add(f, 2)));
  const z = k.let("z", mul(s, s));
  const h = k.let("h", mul(mul(f, f), 0.5));
  const high = k.let("high", leading(sub(f, h)));
  const low = k.let("low", add(sub(sub(f, high), h), mul(s, add(h, mul(z, horner(z, LOGARITHM.float64.r))))));
  const lead = k.let("lead", mul(high, scaleHigh));
  const whole = k.let("whole", mul(count, twoHigh));
  const rest = add(mul(count, twoLow), add(mul(add(low, high), scaleLow), mul(low, scaleHigh)));
  const sum = k.let("sum", add(whole, lead));
  return add(sum, add(rest, add(sub(whole, sum), lead)));
}

export const log2: MathRecipe = viaFloat64({
  name: "log2",
  params: ["x"],
  doc: "log2 x = n + log(m)/ln2, m in [√½, √2), log(m) and 1/ln2 in two parts; exact for powers of two.",
  ulp: { float32: 0.51, float64: 0.63 },
  build: (k, x) => guard(x, 0, logInBase(k, x, BASE_2)),
});

export const log10: MathRecipe = viaFloat64({
  name: "log10",
  params: ["x"],
  doc: "log10 x = n·log10(2) + log(m)/ln10, m in [√½, √2), log(m) and the constants in two parts.",
  ulp: { float32: 0.51, float64: 0.62 },
  build: (k, x) => guard(x, 0, logInBase(k, x, BASE_10)),
});

// ── inverse hyperbolic functions ─────────────────────────────────────────────────────────────────────────────────

/** Fit of (asinh x - x)/x³ in x² for |x| ≤ ½. */
const ASINH = [
  -0.16666666666666666, 0.0749999999999864, -0.044642857140252436, 0.030381944248546365, -0.022372151449922602,
  0.01735258771519257, -0.013962235682232349, 0.011526210169675569, -0.009591452221673173, 0.007622309427481728,
  -0.004992717198142511, 0.0018854117655039003,
];
/** Fit of (atanh x - x)/x³ in x² for |x| ≤ ½. */
const ATANH = [
  0.3333333333333333, 0.20000000000000864, 0.14285714285490106, 0.11111111133938968, 0.09090907881509189,
  0.07692345940270638, 0.06665886352701884, 0.05893099692590042, 0.05160769881147162, 0.05441915418234587,
  0.012292448728540531, 0.13557903913692299, -0.14450491183414468, 0.21098087885975797,
];
/** Beyond it x² + 1 and x² - 1 are x². */
const HUGE = 2 ** 28;

/** log(1 + v + low) for v ≥ 0 and `low` that v lost to rounding. */
function log1pWith(k: Builder, v: Expr, low: Expr): Expr {
  const u = k.let("u", add(v, 1));
  const seen = k.let("seen", sub(u, 1));
  const lost = add(sub(1, sub(u, seen)), sub(v, seen));
  return logPositive(k, u, false, div(add(lost, low), u));
}

export const asinh: MathRecipe = viaFloat64({
  name: "asinh",
  params: ["x"],
  doc: "asinh x = x + x³·P(x²) up to ½ (own fit), beyond log(|x| + √(x² + 1)) with the root and the sum in two parts.",
  ulp: { float32: 0.51, float64: 0.99 },
  build: (k, x) => {
    const square = k.let("square", mul(x, x));
    const near = add(x, mul(x, mul(square, horner(square, ASINH))));
    const whole = k.let("magnitude", abs(x));
    const huge = k.let("isHuge", lt(HUGE, whole));
    const size = k.let("size", select(huge, 1, whole));
    const root = k.let("root", sqrt(add(mul(size, size), 1)));
    // (1 + x²) - root², exactly enough: both squares as high² + (all + high)·low.
    const [sizeHigh, rootHigh] = [k.let("sizeHigh", leading(size)), k.let("rootHigh", leading(root))];
    const highs = sub(add(mul(sizeHigh, sizeHigh), 1), mul(rootHigh, rootHigh));
    const lows = sub(mul(add(size, sizeHigh), sub(size, sizeHigh)), mul(add(root, rootHigh), sub(root, rootHigh)));
    const sum = k.let("rootSum", add(size, root));
    const low = add(sub(size, sub(sum, root)), div(mul(add(highs, lows), 0.5), root));
    const u = k.let("argument", select(huge, whole, sum));
    const far = add(
      select(huge, Math.LN2, constant(0, k.type)),
      logPositive(k, u, false, div(select(huge, 0, low), u)),
    );
    const finite = select(lt(whole, Infinity), far, whole);
    return select(lt(whole, 0.5), select(eq(x, 0), x, near), flipSign(k, finite, signBit(x)));
  },
});

export const acosh: MathRecipe = viaFloat64({
  name: "acosh",
  params: ["x"],
  doc: "acosh x = log1p(t + √(2t + t²)) with t = x - 1, the sum in two parts; log(2x) for large x; NaN below 1.",
  ulp: { float32: 0.51, float64: 1.19 },
  build: (k, x) => {
    const huge = k.let("isHuge", lt(HUGE, x));
    const t = k.let("t", select(huge, 1, sub(x, 1)));
    const root = k.let("root", sqrt(add(mul(t, t), mul(t, 2))));
    const v = k.let("v", add(t, root));
    const near = log1pWith(k, v, sub(t, sub(v, root)));
    const far = add(logPositive(k, k.let("large", select(huge, x, 1)), false, null), Math.LN2);
    const value = select(huge, select(lt(x, Infinity), far, x), near);
    return select(lt(x, 1), constant(Number.NaN, k.type), select(eq(x, x), value, x));
  },
});

export const atanh: MathRecipe = viaFloat64({
  name: "atanh",
  params: ["x"],
  doc: "atanh x = x + x³·P(x²) up to ½ (own fit), beyond log1p(2|x|/(1 - |x|))/2; infinite at ±1, NaN beyond.",
  ulp: { float32: 0.51, float64: 2.02 },
  build: (k, x) => {
    const square = k.let("square", mul(x, x));
    const near = add(x, mul(x, mul(square, horner(square, ATANH))));
    const size = k.let("size", abs(x));
    const below = k.let("isBelow", lt(size, 1));
    const inside = k.let("inside", select(below, size, 0.5));
    const v = k.let("v", div(mul(inside, 2), sub(1, inside)));
    const far = mul(log1pWith(k, v, constant(0, k.type)), 0.5);
    const end = select(eq(size, 1), Infinity, constant(Number.NaN, k.type));
    return select(lt(size, 0.5), near, flipSign(k, select(below, far, end), signBit(x)));
  },
});
