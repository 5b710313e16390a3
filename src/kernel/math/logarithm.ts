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
  sub,
} from "./define.ts";
import { EXPONENTIAL, expPieces } from "./exponential.ts";
import { horner } from "./polynomial.ts";
import { fromExponent, halfPowers, splitExponent } from "./powers-of-two.ts";

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

const log: MathRecipe = {
  name: "log",
  params: ["x"],
  doc: "log x = n·ln2 + log(m), m in [√½, √2), log(m) by the atanh series with f = m - 1 kept exact (as fdlibm does).",
  ulp: { float32: 0.83, float64: 0.76 },
  build: (k, x) => guard(x, 0, logPositive(k, x, true, null)),
};

const log1p: MathRecipe = {
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

const softplus: MathRecipe = {
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

export const LOGARITHM_FAMILY: readonly MathRecipe[] = [log, log1p, softplus];
