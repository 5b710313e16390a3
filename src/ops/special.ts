import { GraphError } from "../core/errors.ts";
import type { Shape, Valid } from "../core/shape-types.ts";
import { defineOp, type KernelBuilder, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import type { Expr } from "../kernel/expr.ts";
import * as math from "../kernel/math/index.ts";
import { sigmoid } from "./activation.ts";
import { div, mul, neg, square, sub } from "./arithmetic.ts";
import { equal, where } from "./comparison.ts";
import { exp, log } from "./elementary.ts";
import { sumTo } from "./reduction.ts";
import {
  apply,
  type BroadcastOf,
  type BroadcastResult,
  broadcastExamples,
  defineBinary,
  defineUnary,
  FUNCTION,
  f32,
  f64,
  floatDType,
  keepsShape,
  type NoAttrs,
  type Operand,
  type OpOptions,
  unaryExamples,
} from "./support.ts";

// ── powers and logarithms in other bases ─────────────────────────────────────────────────────────────────────────

export const exp2Op = defineUnary({
  ...FUNCTION,
  name: "exp2",
  doc: "Two to the power of the value.\n$y = 2^x$",
  gradient: ({ y: [y], g }) => [mul(g, mul(y!, Math.LN2))],
  formula: (x, k) => k.call(math.exp2, x),
  examples: unaryExamples({ domain: [-3, 3] }),
});

export const log2Op = defineUnary({
  ...FUNCTION,
  name: "log2",
  doc: "The logarithm to base 2; exact for powers of two, -Infinity at 0, NaN below.\n$y = \\log_2 x$",
  gradient: ({ x: [x], g }) => [div(mul(g, Math.LOG2E), x!)],
  formula: (x, k) => k.call(math.log2, x),
  examples: unaryExamples({ domain: [0.2, 3] }),
});

export const log10Op = defineUnary({
  ...FUNCTION,
  name: "log10",
  doc: "The logarithm to base 10; -Infinity at 0, NaN below.\n$y = \\log_{10} x$",
  gradient: ({ x: [x], g }) => [div(mul(g, Math.LOG10E), x!)],
  formula: (x, k) => k.call(math.log10, x),
  examples: unaryExamples({ domain: [0.2, 3] }),
});

export const logaddexpOp: OpDef<NoAttrs> = defineBinary({
  ...FUNCTION,
  name: "logaddexp",
  doc: [
    "Logarithm of the sum of two exponentials, broadcasting. Neither overflows nor loses the smaller one too early.",
    "$y = \\ln(e^a + e^b) = \\max(a, b) + \\ln(1 + e^{-|a - b|})$",
  ].join("\n"),
  commutative: true,
  gradient: ({ x: [a, b], g }) => {
    const difference = sub(a!, b!);
    return [sumTo(mul(g, sigmoid(difference)), a!), sumTo(mul(g, sigmoid(neg(difference))), b!)];
  },
  formula: (a, b, k) => {
    // Two equal infinities have no difference.
    const apart = k.unary("neg", k.unary("abs", k.binary("sub", a, b)));
    const distance = k.select(k.binary("eq", a, b), k.constant(0, a.type), apart);
    return k.binary("add", k.binary("max", a, b), k.call(math.softplus, distance));
  },
  examples: [
    ...broadcastExamples({ domain: [-3, 3] }),
    { inputs: [f64([3], { values: [1000, -1000, 3] }), f64([3], { values: [1000, 0, 500] })], attrs: {} },
  ],
});

export const xlogyOp: OpDef<NoAttrs> = defineBinary({
  ...FUNCTION,
  name: "xlogy",
  doc: "The left element times the logarithm of the right one, 0 where the left one is 0, broadcasting.\n$y = a \\ln b$",
  gradient: ({ x: [a, b], g }) => {
    const none = equal(a!, 0);
    const logarithm = where(none, 0, log(where(none, 1, b!)));
    const quotient = where(none, 0, div(a!, where(none, 1, b!)));
    return [sumTo(mul(g, logarithm), a!), sumTo(mul(g, quotient), b!)];
  },
  formula: (a, b, k) => {
    const zero = k.constant(0, a.type);
    return k.select(k.binary("eq", a, zero), zero, k.binary("mul", a, k.call(math.log, b)));
  },
  examples: [
    ...broadcastExamples({ domain: [0.3, 2] }, { domain: [0.3, 3] }),
    { inputs: [f64([], { values: [-1.5] }), f64([2], { values: [0.5, 4] })], attrs: {} },
  ],
});

// ── error and gamma functions ────────────────────────────────────────────────────────────────────────────────────

export const erfcOp = defineUnary({
  ...FUNCTION,
  name: "erfc",
  doc: "What the error function lacks to 1, exact where that is tiny.\n$y = 1 - \\mathrm{erf}(x) = \\frac{2}{\\sqrt{\\pi}} \\int_x^\\infty e^{-t^2} dt$",
  gradient: ({ x: [x], g }) => [mul(mul(g, -2 / Math.sqrt(Math.PI)), exp(neg(square(x!))))],
  formula: (x, k) => k.call(math.erfc, x),
  examples: [...unaryExamples({ domain: [-2, 2] }), { inputs: [f64([2], { values: [3.5, -3] })], attrs: {} }],
});

/** Values on both sides of 0, away from the poles 0, -1, -2 … */
const NO_POLES = [
  ...unaryExamples({ domain: [0.3, 5] }),
  { inputs: [f64([4], { values: [-0.3, -1.6, -2.75, 12.5] })], attrs: {} },
];

export const lgammaOp: OpDef<NoAttrs> = defineUnary({
  ...FUNCTION,
  name: "lgamma",
  doc: "Logarithm of the absolute value of the gamma function; infinite at 0, -1, -2 …\n$y = \\ln |\\Gamma(x)|, \\quad y' = \\psi(x)$",
  gradient: ({ x: [x], g }) => [mul(g, digamma(x!))],
  formula: (x, k) => k.call(math.lgamma, x),
  examples: NO_POLES,
});

export const digammaOp: OpDef<NoAttrs> = defineUnary({
  ...FUNCTION,
  name: "digamma",
  doc: [
    "Derivative of lgamma, also called psi. Has poles at 0, -1, -2 …",
    "$y = \\psi(x) = \\Gamma'(x) / \\Gamma(x)$",
    "Computed in float64; within 1e-15 of the larger of its size and 1.",
  ].join("\n"),
  gradient: ({ x: [x], g }) => [mul(g, polygamma(1, x!))],
  formula: (x, k) => polygammaFormula(k, 0, x),
  examples: NO_POLES,
});

type OrderAttrs = { readonly order: number };

export const polygammaOp: OpDef<OrderAttrs> = defineOp<OrderAttrs>({
  name: "polygamma",
  category: "pointwise",
  doc: [
    "Derivative of digamma of some order from 1 on; order 1 is called trigamma. Has poles at 0, -1, -2 …",
    "$y = \\psi^{(n)}(x) = (-1)^{n + 1} n! \\sum_{j \\ge 0} (x + j)^{-n - 1}$",
    "Computed in float64: ten and more terms of the sum, Euler-Maclaurin for the rest, reflection below 0.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...keepsShape,
  gradient: ({ op, x: [x], g }) => [mul(g, polygamma(op.attrs.order + 1, x!))],
  compute: ({ in: [x], attrs: { order }, k }, index) => polygammaFormula(k, order, x!(...index)),
  cost: "expensive",
  examples: [
    { inputs: [f32([2, 3], { domain: [0.4, 5] })], attrs: { order: 1 } },
    { inputs: [f64([3], { domain: [0.4, 5] })], attrs: { order: 1 } },
    { inputs: [f64([3], { values: [-0.3, -1.6, 11.25] })], attrs: { order: 1 } },
    { inputs: [f64([3], { values: [-0.4, 2.6, 7.5] })], attrs: { order: 2 } },
    { inputs: [f64([], { values: [1.5] })], attrs: { order: 3 } },
  ],
});

/** B₂, B₄, … B₂₀. */
const BERNOULLI = [
  1 / 6,
  -1 / 30,
  1 / 42,
  -1 / 30,
  5 / 66,
  -691 / 2730,
  7 / 6,
  -3617 / 510,
  43867 / 798,
  -174611 / 330,
];
const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1));

/** ψ⁽ⁿ⁾(x), n = 0 being digamma. */
function polygammaFormula(k: KernelBuilder, n: number, narrow: Expr): Expr {
  const number = (value: number): Expr => k.constant(value, "float64");
  const add = (a: Expr, b: Expr): Expr => k.binary("add", a, b);
  const mul = (a: Expr, b: Expr): Expr => k.binary("mul", a, b);
  const div = (a: Expr, b: Expr): Expr => k.binary("div", a, b);
  const powerOf = (a: Expr, exponent: number): Expr => (exponent <= 1 ? a : mul(powerOf(a, exponent - 1), a));

  const x = k.let("x", k.cast(narrow, "float64"));
  const below = k.let("below", k.binary("lt", x, number(0)));
  const y = k.let("y", k.select(below, k.binary("sub", number(1), x), x));
  // (-1)ⁿ⁺¹ ψ⁽ⁿ⁾(y): terms of the sum, then Euler-Maclaurin for what remains from `far` on.
  const terms = 10 + 2 * n;
  const far = k.let("far", add(y, number(terms)));
  const r = k.let("reciprocal", div(number(1), far));
  const square = k.let("square", mul(r, r));
  const weights = BERNOULLI.map((b, i) => (b * factorial(2 * i + 1 + n)) / factorial(2 * i + 2));
  const series = weights.reduceRight((sum, weight) => add(mul(sum, square), number(weight)), number(0));
  const tail = add(mul(number(factorial(n) / 2), r), mul(series, square));
  const scale = n === 0 ? number(1) : powerOf(r, n);
  const start = n === 0 ? k.unary("neg", k.call(math.log, far)) : number(factorial(n - 1));
  let sum = n === 0 ? add(start, tail) : mul(scale, add(start, tail));
  for (let j = terms - 1; j >= 0; j--) {
    const base = k.let("base", j === 0 ? y : add(y, number(j)));
    sum = k.let("sum", add(sum, div(number(factorial(n)), powerOf(base, n + 1))));
  }
  const positive = k.let("positive", n % 2 === 0 ? k.unary("neg", sum) : sum);
  // ψ⁽ⁿ⁾(x) = (-1)ⁿ ψ⁽ⁿ⁾(1 - x) - π dⁿ/dxⁿ cot(πx).
  const angle = k.let("angle", mul(k.binary("sub", x, k.unary("nearest", x)), number(Math.PI)));
  const cot = k.let("cot", div(k.call(math.cos, angle), k.call(math.sin, angle)));
  const slope = cotangentDerivative(n).reduceRight((p, c) => add(mul(p, cot), number(c)), number(0));
  const mirrored = n % 2 === 0 ? positive : k.unary("neg", positive);
  let scaleOfSlope = Math.PI;
  for (let i = 0; i < n; i++) scaleOfSlope *= Math.PI;
  const reflected = k.binary("sub", mirrored, mul(number(scaleOfSlope), slope));
  return k.cast(k.select(below, reflected, positive), narrow.type);
}

/** The n-th derivative of cot as a polynomial in cot, by powers: cot' = -(1 + cot²). */
function cotangentDerivative(n: number): readonly number[] {
  if (n === 0) return [0, 1];
  const slope = cotangentDerivative(n - 1)
    .map((c, power) => c * power)
    .slice(1);
  const result = new Array<number>(slope.length + 2).fill(0);
  slope.forEach((c, power) => {
    result[power]! -= c;
    result[power + 2]! -= c;
  });
  return result;
}

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/** `2^x`. */
export const exp2 = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(exp2Op, [x], {}, options);

/** Logarithm to base 2. */
export const log2 = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(log2Op, [x], {}, options);

/** Logarithm to base 10. */
export const log10 = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(log10Op, [x], {}, options);

/** `ln(eᵃ + eᵇ)`, broadcasting, however large a and b are. */
export function logaddexp<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(logaddexpOp, [a, b], {}, options);
}

/** `a · ln b`, broadcasting; 0 where `a` is 0, whatever `b` is. */
export function xlogy<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(xlogyOp, [a, b], {}, options);
}

/** `1 - erf(x)`, exact where that is tiny. */
export const erfc = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(erfcOp, [x], {}, options);

/** Logarithm of the absolute value of the gamma function. */
export const lgamma = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(lgammaOp, [x], {}, options);

/** Derivative of `lgamma`. */
export const digamma = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(digammaOp, [x], {}, options);

/** Highest order of `polygamma`: beyond, factorials and powers leave little of the digits. */
const HIGHEST_ORDER = 20;

/**
 * Derivative of `digamma` of an order from 0 (digamma itself) to 20.
 * @throws GraphError for another order
 */
export function polygamma<S extends Shape>(order: number, x: Tensor<S>, options?: OpOptions): Tensor<S> {
  if (!Number.isInteger(order) || order < 0 || order > HIGHEST_ORDER) {
    throw new GraphError({
      what: `polygamma: ${order} is not an order`,
      fix: `orders are whole numbers from 0 to ${HIGHEST_ORDER}`,
    });
  }
  return order === 0 ? digamma(x, options) : apply<S>(polygammaOp, [x], { order }, options);
}

export const SPECIAL_OPS = [
  exp2Op,
  log2Op,
  log10Op,
  logaddexpOp,
  xlogyOp,
  erfcOp,
  lgammaOp,
  digammaOp,
  polygammaOp,
] as const;
