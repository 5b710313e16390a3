import type { Expr } from "../expr.ts";
import {
  abs,
  add,
  and,
  atMost,
  type Builder,
  div,
  lt,
  type MathRecipe,
  mul,
  ne,
  neg,
  type PerType,
  select,
  shl,
  sub,
  xor,
} from "./define.ts";
import { viaFloat64 } from "./double.ts";
import { horner } from "./polynomial.ts";
import { flipSign, nearestMultiple, signBit } from "./powers-of-two.ts";

interface Trigonometric {
  /**
   * π/2 in parts. All but the last have so few bits that n·part is exact up to the bound: 8 bits and n < 2^16 for
   * float32, 33 bits and n < 2^20 for float64.
   */
  readonly halfPi: readonly number[];
  /** How many of the subtractions x - n·part[0] - n·part[1] … leave an exact remainder. */
  readonly exact: number;
  /** Fit of (sin r - r)/r³ in r² for |r| ≤ 0.795. */
  readonly sin: readonly number[];
  /** Fit of (cos r - 1 + r²/2)/r⁴ in r². */
  readonly cos: readonly number[];
}
const TRIGONOMETRIC: PerType<Trigonometric> = {
  float32: {
    halfPi: [
      1.5703125, 0.0004825592041015625, 1.2665987014770508e-6, 9.89530235528946e-10, 2.5579538487363607e-12,
      5.390302953474238e-15,
    ],
    exact: 2,
    sin: [-0.16666653752326965, 0.008332101628184319, -0.00019506846729200333],
    cos: [0.04166664555668831, -0.001388729433529079, 2.4429429686279036e-5],
  },
  float64: {
    halfPi: [1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32],
    exact: 1,
    sin: [
      -0.16666666666666627, 0.008333333333321058, -0.00019841269828675944, 2.7557313285916736e-6,
      -2.5050692766688866e-8, 1.5892917793244384e-10,
    ],
    cos: [
      0.04166666666666658, -0.001388888888887097, 2.480158728752882e-5, -2.7557313792136694e-7, 2.0875647610940434e-9,
      -1.1355752249675028e-11,
    ],
  },
};

/** x = n·π/2 + high + low, with |high| ≤ π/4 (nearly) and low what high lost to rounding; `n` as an int32 (low bits). */
function reduceQuarter(k: Builder, x: Expr): { readonly n: Expr; readonly high: Expr; readonly low: Expr } {
  const { halfPi, exact } = k.pick(TRIGONOMETRIC);
  const { float: n, int } = nearestMultiple(k, x, 2 / Math.PI, 0);
  let high = x;
  for (const part of halfPi.slice(0, exact)) high = k.let("rest", sub(high, mul(n, part)));
  // The later subtractions lose a little; each loss is exact (or nothing was lost) and is collected in `low`.
  let low: Expr | null = null;
  for (const part of halfPi.slice(exact, -1)) {
    const product = k.let("product", mul(n, part));
    const next = k.let("rest", sub(high, product));
    const lost = sub(sub(high, next), product);
    low = low ? add(low, lost) : lost;
    high = next;
  }
  const last = mul(n, halfPi.at(-1)!);
  low = low ? sub(low, last) : neg(last);
  // Far beyond the bound the products are rounded and the remainder is no longer one: take 0. (NaN stays.)
  const lost = k.let("isLost", lt(REMAINDER, abs(high)));
  return { n: int, high: k.let("r", select(lost, 0, high)), low: k.let("low", select(lost, 0, low)) };
}
/** π/4 and what the rounding of x·2/π can add to it. */
const REMAINDER = 0.795;

/** Sine and cosine of the remainder, and the number of quarters (low bits) that were taken away. */
interface Waves {
  readonly n: Expr;
  readonly sine: Expr;
  readonly cosine: Expr;
}
function waves(k: Builder, magnitude: Expr): Waves {
  const { sin, cos } = k.pick(TRIGONOMETRIC);
  const { n, high: r, low } = reduceQuarter(k, magnitude);
  const z = k.let("z", mul(r, r));
  // sin(r + low) = r + (r³·S + low), cos(r + low) = 1 - z/2 + (z²·C - r·low): the roundings of 1 - z/2 are made good.
  const half = k.let("halfZ", mul(z, 0.5));
  const lead = k.let("lead", sub(1, half));
  const sine = add(r, add(mul(mul(z, r), horner(z, sin)), mul(low, lead)));
  const cosine = add(lead, add(sub(sub(1, lead), half), sub(mul(mul(z, z), horner(z, cos)), mul(r, low))));
  return { n, sine, cosine };
}

export function quarterWave(k: Builder, magnitude: Expr, quarters: number, sign: Expr | null): Expr {
  const { n, sine, cosine } = waves(k, magnitude);
  const quadrant = k.let("quadrant", quarters === 0 ? n : add(n, quarters));
  const wave = k.let("wave", select(ne(and(quadrant, 1), 0), atMost(k, cosine, 1), sine));
  const turn = shl(and(quadrant, 2), 30);
  return flipSign(k, wave, sign ? xor(turn, sign) : turn);
}

const DOC =
  "x = n·π/2 + r with π/2 in parts whose products with n are exact (Cody and Waite) and the remainder kept in two " +
  "floats; then a minimax polynomial on |r| ≤ 0.795. The bound holds for |x| ≤ 1e5 (float32) and 2^20 (float64); beyond, " +
  "the error grows with x but the result stays in [-1, 1].";

export const sin: MathRecipe = {
  name: "sin",
  params: ["x"],
  doc: `sin x. ${DOC}`,
  ulp: { float32: 0.79, float64: 0.76 },
  build: (k, x) => quarterWave(k, k.let("magnitude", abs(x)), 0, signBit(x)),
};

export const cos: MathRecipe = {
  name: "cos",
  params: ["x"],
  doc: `cos x. ${DOC}`,
  ulp: { float32: 0.81, float64: 0.76 },
  build: (k, x) => quarterWave(k, k.let("magnitude", abs(x)), 1, null),
};

export const tan: MathRecipe = viaFloat64({
  name: "tan",
  params: ["x"],
  doc: `tan x = sin x / cos x of the remainder, or -cos x / sin x. ${DOC.replace(" but the result stays in [-1, 1]", "")}`,
  ulp: { float32: 0.51, float64: 1.84 },
  build: (k, x) => {
    const { n, sine, cosine } = waves(k, k.let("magnitude", abs(x)));
    const [s, c] = [k.let("sine", sine), k.let("cosine", cosine)];
    const odd = k.let("isOdd", ne(and(n, 1), 0));
    return flipSign(k, div(select(odd, neg(c), s), select(odd, s, c)), signBit(x));
  },
});
