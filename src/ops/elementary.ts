import type { Shape, Valid } from "../core/shape-types.ts";
import type { OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import * as math from "../kernel/math/index.ts";
import { add, div, mul, neg, square, sub } from "./arithmetic.ts";
import { equal, greater, logicalAnd, where } from "./comparison.ts";
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
  type NoAttrs,
  type Operand,
  type OpOptions,
  unaryExamples,
} from "./support.ts";

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

export const expOp = defineUnary({
  ...FUNCTION,
  name: "exp",
  doc: "The exponential function.\n$y = e^x$",
  gradient: ({ y: [y], g }) => [mul(g, y!)],
  formula: (x, k) => k.call(math.exp, x),
  examples: unaryExamples({ domain: [-2, 2] }),
});

export const expm1Op = defineUnary({
  ...FUNCTION,
  name: "expm1",
  doc: "The exponential function less 1, exact for small x too.\n$y = e^x - 1$",
  gradient: ({ y: [y], g }) => [mul(g, add(y!, 1))],
  formula: (x, k) => k.call(math.expm1, x),
  examples: [...unaryExamples({ domain: [-2, 2] }), { inputs: [f64([3], { domain: [-1e-6, 1e-6] })], attrs: {} }],
});

export const logOp = defineUnary({
  ...FUNCTION,
  name: "log",
  doc: "The natural logarithm; -Infinity at 0, NaN below.\n$y = \\ln x$",
  gradient: ({ x: [x], g }) => [div(g, x!)],
  formula: (x, k) => k.call(math.log, x),
  examples: unaryExamples({ domain: [0.2, 3] }),
});

export const log1pOp = defineUnary({
  ...FUNCTION,
  name: "log1p",
  doc: "The natural logarithm of 1 + x, exact for small x too.\n$y = \\ln(1 + x)$",
  gradient: ({ x: [x], g }) => [div(g, add(x!, 1))],
  formula: (x, k) => k.call(math.log1p, x),
  examples: [...unaryExamples({ domain: [-0.7, 2] }), { inputs: [f64([3], { domain: [-1e-6, 1e-6] })], attrs: {} }],
});

export const sqrtOp = defineUnary({
  ...FUNCTION,
  name: "sqrt",
  doc: "The square root; NaN below 0, and an infinite derivative at 0.\n$y = \\sqrt{x}$",
  gradient: ({ y: [y], g }) => [div(mul(g, 0.5), y!)],
  formula: (x, k) => k.unary("sqrt", x),
  examples: unaryExamples({ domain: [0.2, 3] }),
});

export const rsqrtOp = defineUnary({
  ...FUNCTION,
  name: "rsqrt",
  doc: "One over the square root.\n$y = 1 / \\sqrt{x}$",
  gradient: ({ y: [y], g }) => [mul(mul(g, -0.5), mul(square(y!), y!))],
  formula: (x, k) => k.binary("div", k.constant(1, x.type), k.unary("sqrt", x)),
  examples: unaryExamples({ domain: [0.3, 3] }),
});

export const sinOp = defineUnary({
  ...FUNCTION,
  name: "sin",
  doc: "The sine of an angle in radians.\n$y = \\sin x$",
  gradient: ({ x: [x], g }) => [mul(g, cos(x!))],
  formula: (x, k) => k.call(math.sin, x),
  examples: unaryExamples({ domain: [-4, 4] }),
});

export const cosOp = defineUnary({
  ...FUNCTION,
  name: "cos",
  doc: "The cosine of an angle in radians.\n$y = \\cos x$",
  gradient: ({ x: [x], g }) => [neg(mul(g, sin(x!)))],
  formula: (x, k) => k.call(math.cos, x),
  examples: unaryExamples({ domain: [-4, 4] }),
});

export const erfOp = defineUnary({
  ...FUNCTION,
  name: "erf",
  doc: "The error function: the chance that a normal value of variance 1/2 lies between -x and x.\n$y = \\frac{2}{\\sqrt{\\pi}} \\int_0^x e^{-t^2} dt$",
  gradient: ({ x: [x], g }) => [mul(mul(g, TWO_OVER_SQRT_PI), exp(neg(square(x!))))],
  formula: (x, k) => k.call(math.erf, x),
  examples: unaryExamples({ domain: [-2, 2] }),
});

export const powOp: OpDef<NoAttrs> = defineBinary({
  ...FUNCTION,
  name: "pow",
  doc: [
    "One tensor to the power of another, broadcasting. NaN for a negative base unless the exponent is whole.",
    "$y = a^b$",
    "The gradient in the exponent is 0 where the base is 0 or negative, as in TensorFlow; the gradient of $0^0$ is 0.",
  ].join("\n"),
  gradient: ({ x: [a, b], y: [y], g }) => {
    // b·a^(b-1), where 0·0^(-1) would give NaN.
    const corner = logicalAnd(equal(a!, 0), equal(b!, 0));
    const slope = mul(b!, pow(a!, where(corner, 1, sub(b!, 1))));
    const positive = greater(a!, 0);
    const logarithm = where(positive, log(where(positive, a!, 1)), 0);
    return [sumTo(mul(g, slope), a!), sumTo(mul(mul(g, y!), logarithm), b!)];
  },
  formula: (a, b, k) => k.call(math.pow, a, b),
  examples: [
    ...broadcastExamples({ domain: [0.5, 2] }, { domain: [-2, 2] }),
    { inputs: [f32([3], { values: [0.5, 1.5, 2] }), f32([], { values: [2] })], attrs: {} },
    { inputs: [f64([3], { values: [0.5, 1.5, 2] }), f64([3], { values: [0, 1, 3] })], attrs: {} },
  ],
});

/** `e^x`. */
export const exp = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => apply<S>(expOp, [x], {}, options);

/** `e^x - 1`, exact for small x too. */
export const expm1 = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(expm1Op, [x], {}, options);

/** `ln x`: -Infinity at 0, NaN below. */
export const log = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => apply<S>(logOp, [x], {}, options);

/** `ln(1 + x)`, exact for small x too. */
export const log1p = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(log1pOp, [x], {}, options);

/** `√x`: NaN below 0. */
export const sqrt = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(sqrtOp, [x], {}, options);

/** `1 / √x`. */
export const rsqrt = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(rsqrtOp, [x], {}, options);

/** Sine of an angle in radians. */
export const sin = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => apply<S>(sinOp, [x], {}, options);

/** Cosine of an angle in radians. */
export const cos = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => apply<S>(cosOp, [x], {}, options);

/** The error function. */
export const erf = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => apply<S>(erfOp, [x], {}, options);

/**
 * `a^b`, broadcasting; floating point only. NaN for a negative base unless the exponent is whole. The gradient in the
 * exponent is 0 where the base is 0 or negative.
 */
export function pow<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(powOp, [a, b], {}, options);
}

export const ELEMENTARY_OPS = [expOp, expm1Op, logOp, log1pOp, sqrtOp, rsqrtOp, sinOp, cosOp, erfOp, powOp];
