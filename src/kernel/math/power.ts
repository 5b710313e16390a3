import { constant, type Expr } from "../expr.ts";
import {
  abs,
  add,
  and,
  atLeast,
  atMost,
  type Builder,
  cast,
  div,
  eq,
  lt,
  type MathRecipe,
  mul,
  ne,
  not,
  or,
  select,
  sub,
  trunc,
} from "./define.ts";
import { leading } from "./double.ts";
import { EXPONENTIAL } from "./exponential.ts";
import { horner } from "./polynomial.ts";
import { flipSign, fromExponent, nearestMultiple, scaleByPower, signBit, splitExponent } from "./powers-of-two.ts";

/** |x|^y for float32 by way of float64, where a logarithm with 50 good bits is enough. */
function magnitude32(k: Builder, size: Expr, y: Expr): Expr {
  // log2(m)/s as a polynomial in s², s = (m - 1)/(m + 1), to 2^-50.8; 2^r for |r| ≤ 1/2 to 2^-32.
  const log2 = [
    2.885390081777927, 0.9617966939244121, 0.5770780172271679, 0.4121984040965076, 0.3206162802534198,
    0.26144700899667683, 0.2428886725436962,
  ];
  const exp2 = [
    0.9999999999616538, 0.693147182063992, 0.24022651202598808, 0.05550409543669187, 0.009618015068474426,
    0.0013333121711699273, 0.00015474798507390483, 1.5594371050917087e-5,
  ];
  const wide = k.as("float64");
  const base = wide.let("base", cast(size, "float64"));
  const { m, n } = splitExponent(wide, base, { small: false });
  const s = wide.let("s", div(sub(m, 1), add(m, 1)));
  const z = wide.let("z", mul(s, s));
  const log = add(n, mul(s, horner(z, log2)));
  // An infinite y must not meet log2(1) = 0; 2^±200 is beyond float32 either way.
  const power = wide.let("power", atLeast(k, atMost(k, cast(y, "float64"), 2 ** 40), -(2 ** 40)));
  const e = wide.let("exponent", atLeast(k, atMost(k, mul(power, log), 200), -200));
  const { float, int } = nearestMultiple(wide, e, 1, 1023);
  const r = wide.let("r", sub(e, float));
  return cast(mul(horner(r, exp2), fromExponent(wide, int)), "float32");
}

/** (log((1 + s)/(1 - s)) - 2s)·3/(2s³) - 1, divided by s², in s². */
const SERIES = [
  0.5999999999999996, 0.428571428571688, 0.33333333326048475, 0.27272728333380203, 0.2307683367505536,
  0.20004528344987765, 0.17511370162213155, 0.17989126576261552,
];
interface Pair {
  readonly high: Expr;
  readonly low: Expr;
}

/** log2(x) of a positive finite x as a sum of 21 leading bits and a rest, to about 2^-65 (the method of fdlibm's pow). */
function log2Pair(k: Builder, x: Expr): Pair {
  const { m, n } = splitExponent(k, x, { small: true });
  const count = k.let("count", n);
  // s = f/(m + 1) in two parts.
  const f = k.let("f", sub(m, 1));
  const sum = k.let("sum", add(m, 1));
  const s = k.let("s", div(f, sum));
  const sHigh = k.let("sHigh", leading(s));
  const sumHigh = k.let("sumHigh", leading(sum));
  const sumLow = sub(m, sub(sumHigh, 1));
  const sLow = k.let("sLow", div(sub(sub(f, mul(sHigh, sumHigh)), mul(sHigh, sumLow)), sum));
  // log2(m) = 2/(3·ln2)·s·(3 + s² + s⁴·(3/5 + …)).
  const z = k.let("z", mul(s, s));
  const squareHigh = k.let("squareHigh", mul(sHigh, sHigh));
  const rest = k.let("tail", add(mul(mul(z, z), horner(z, SERIES)), mul(sLow, add(sHigh, s))));
  const tHigh = k.let("tHigh", leading(add(add(squareHigh, 3), rest)));
  const tLow = k.let("tLow", sub(rest, sub(sub(tHigh, 3), squareHigh)));
  const u = k.let("u", mul(sHigh, tHigh));
  const v = k.let("v", add(mul(sLow, tHigh), mul(tLow, s)));
  const productHigh = k.let("productHigh", leading(add(u, v)));
  const productLow = sub(v, sub(productHigh, u));
  const scaledHigh = k.let("scaledHigh", mul(productHigh, TWO_THIRDS_LOG2E.high));
  const scaledLow = k.let(
    "scaledLow",
    add(mul(productHigh, TWO_THIRDS_LOG2E.low), mul(productLow, TWO_THIRDS_LOG2E.whole)),
  );
  const high = k.let("logHigh", leading(add(add(scaledHigh, scaledLow), count)));
  return { high, low: k.let("logLow", sub(scaledLow, sub(sub(high, count), scaledHigh))) };
}
/** 2/(3·ln2), `high` with 24 bits. */
const TWO_THIRDS_LOG2E = { whole: 0.9617966939259756, high: 0.9617967009544373, low: -7.028461650952758e-9 };
/** ln2, `high` with 24 bits. */
const LN2 = { whole: Math.LN2, high: 0.6931471824645996, low: -1.904654299957768e-9 };

/** |x|^y in float64: y·log2|x| carried in two floats, so that the exponent of the result is good to 2^-54. */
function magnitude64(k: Builder, size: Expr, y: Expr): Expr {
  const log = log2Pair(k, size);
  // |log2 x| ≥ 2^-53 or 0, so a larger y changes nothing but would overflow here.
  const power = k.let("power", atLeast(k, atMost(k, y, 2 ** 65), -(2 ** 65)));
  const powerHigh = k.let("powerHigh", leading(power));
  const spill = add(mul(sub(power, powerHigh), log.high), mul(power, log.low));
  const productLow = k.let("spill", atLeast(k, atMost(k, spill, 1), -1));
  const productHigh = k.let("product", atLeast(k, atMost(k, mul(powerHigh, log.high), 1100), -1100));
  const { float, int } = nearestMultiple(k, k.let("exponent", add(productHigh, productLow)), 1, 2 * 1023);
  const rest = k.let("fraction", sub(productHigh, float));
  const t = k.let("t", leading(add(rest, productLow)));
  const lead = k.let("lead", mul(t, LN2.high));
  const low = k.let("rLow", add(mul(sub(productLow, sub(t, rest)), LN2.whole), mul(t, LN2.low)));
  const r = k.let("r", add(lead, low));
  const lost = sub(low, sub(r, lead));
  const p = add(add(r, add(mul(mul(r, r), horner(r, k.pick(EXPONENTIAL).p)), lost)), 1);
  return scaleByPower(k, p, int);
}

/** Signs, zeros, infinities and NaN of pow, as C99 (annex F) and IEEE 754 want them. */
function withSpecialCases(k: Builder, x: Expr, y: Expr, base: Expr, magnitude: Expr): Expr {
  const extreme = or(eq(base, 0), eq(base, Infinity));
  const atExtreme = select(lt(y, 0), div(1, base), base);
  const value = k.let("value", select(extreme, atExtreme, magnitude));
  const half = k.let("halfY", mul(y, 0.5));
  const whole = k.let("whole", eq(trunc(y), y));
  const odd = and(whole, ne(trunc(half), half));
  const signed = flipSign(k, value, select(odd, signBit(x), constant(0, "int32")));
  const noRoot = and(and(lt(x, 0), lt(-Infinity, x)), not(whole));
  const missing = or(or(ne(x, x), ne(y, y)), noRoot);
  const result = select(missing, Number.NaN, signed);
  return select(or(eq(x, 1), eq(y, 0)), 1, result);
}

export const pow: MathRecipe = {
  name: "pow",
  params: ["x", "y"],
  doc:
    "x^y = 2^(y·log2|x|). float32: both steps in float64. float64: the logarithm and the product in two floats (the " +
    "method of fdlibm's pow). Special cases as in C99.",
  ulp: { float32: 0.51, float64: 0.81 },
  build: (k, x, y) => {
    const size = k.let("size", abs(x));
    const value = k.type === "float32" ? magnitude32(k, size, y!) : magnitude64(k, size, y!);
    return withSpecialCases(k, x, y!, size, value);
  },
};
