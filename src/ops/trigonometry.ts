import type { Shape, Valid } from "../core/shape-types.ts";
import type { OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import * as math from "../kernel/math/index.ts";
import { add, div, mul, neg, square, sub } from "./arithmetic.ts";
import { rsqrt } from "./elementary.ts";
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

/** `1 - x²`, exact near ±1 too. */
const oneLessSquare = (x: Tensor): Tensor => mul(sub(1, x), add(x, 1));

// ── angles ───────────────────────────────────────────────────────────────────────────────────────────────────────

export const tanOp = defineUnary({
  ...FUNCTION,
  name: "tan",
  doc: "The tangent of an angle in radians.\n$y = \\tan x, \\quad y' = 1 + y^2$",
  gradient: ({ y: [y], g }) => [mul(g, add(square(y!), 1))],
  formula: (x, k) => k.call(math.tan, x),
  examples: unaryExamples({ domain: [-1.2, 1.2] }),
});

export const asinOp = defineUnary({
  ...FUNCTION,
  name: "asin",
  doc: "The angle in [-π/2, π/2] with a given sine; NaN outside of [-1, 1].\n$y = \\arcsin x, \\quad y' = 1 / \\sqrt{1 - x^2}$",
  gradient: ({ x: [x], g }) => [mul(g, rsqrt(oneLessSquare(x!)))],
  formula: (x, k) => k.call(math.asin, x),
  examples: unaryExamples({ domain: [-0.9, 0.9] }),
});

export const acosOp = defineUnary({
  ...FUNCTION,
  name: "acos",
  doc: "The angle in [0, π] with a given cosine; NaN outside of [-1, 1].\n$y = \\arccos x, \\quad y' = -1 / \\sqrt{1 - x^2}$",
  gradient: ({ x: [x], g }) => [neg(mul(g, rsqrt(oneLessSquare(x!))))],
  formula: (x, k) => k.call(math.acos, x),
  examples: unaryExamples({ domain: [-0.9, 0.9] }),
});

export const atanOp = defineUnary({
  ...FUNCTION,
  name: "atan",
  doc: "The angle in (-π/2, π/2) with a given tangent.\n$y = \\arctan x, \\quad y' = 1 / (1 + x^2)$",
  gradient: ({ x: [x], g }) => [div(g, add(square(x!), 1))],
  formula: (x, k) => k.call(math.atan, x),
  examples: unaryExamples({ domain: [-3, 3] }),
});

export const atan2Op: OpDef<NoAttrs> = defineBinary({
  ...FUNCTION,
  name: "atan2",
  doc: [
    "The angle of the point (b, a), in [-π, π], broadcasting.",
    "$y = \\mathrm{atan2}(a, b)$, so that $a = r \\sin y$ and $b = r \\cos y$",
  ].join("\n"),
  gradient: ({ x: [a, b], g }) => {
    const share = div(g, add(square(a!), square(b!)));
    return [sumTo(mul(share, b!), a!), sumTo(neg(mul(share, a!)), b!)];
  },
  formula: (a, b, k) => k.call(math.atan2, a, b),
  examples: [
    ...broadcastExamples({ domain: [0.3, 2] }, { domain: [-2, -0.3] }),
    { inputs: [f64([4], { values: [1, 1, -1, -1] }), f64([4], { values: [1, -1, 1, -1] })], attrs: {} },
    { inputs: [f32([3], { values: [0.5, -2, 0.1] }), f32([], { values: [0.7] })], attrs: {} },
  ],
});

// ── hyperbolic functions ─────────────────────────────────────────────────────────────────────────────────────────

export const sinhOp: OpDef<NoAttrs> = defineUnary({
  ...FUNCTION,
  name: "sinh",
  doc: "The hyperbolic sine.\n$y = (e^x - e^{-x}) / 2$",
  gradient: ({ x: [x], g }) => [mul(g, cosh(x!))],
  formula: (x, k) => k.call(math.sinh, x),
  examples: unaryExamples({ domain: [-2, 2] }),
});

export const coshOp: OpDef<NoAttrs> = defineUnary({
  ...FUNCTION,
  name: "cosh",
  doc: "The hyperbolic cosine.\n$y = (e^x + e^{-x}) / 2$",
  gradient: ({ x: [x], g }) => [mul(g, sinh(x!))],
  formula: (x, k) => k.call(math.cosh, x),
  examples: unaryExamples({ domain: [-2, 2] }),
});

export const asinhOp = defineUnary({
  ...FUNCTION,
  name: "asinh",
  doc: "The inverse of the hyperbolic sine.\n$y = \\ln(x + \\sqrt{x^2 + 1}), \\quad y' = 1 / \\sqrt{x^2 + 1}$",
  gradient: ({ x: [x], g }) => [mul(g, rsqrt(add(square(x!), 1)))],
  formula: (x, k) => k.call(math.asinh, x),
  examples: unaryExamples({ domain: [-3, 3] }),
});

export const acoshOp = defineUnary({
  ...FUNCTION,
  name: "acosh",
  doc: "The inverse of the hyperbolic cosine; NaN below 1.\n$y = \\ln(x + \\sqrt{x^2 - 1}), \\quad y' = 1 / \\sqrt{x^2 - 1}$",
  gradient: ({ x: [x], g }) => [mul(g, rsqrt(mul(sub(x!, 1), add(x!, 1))))],
  formula: (x, k) => k.call(math.acosh, x),
  examples: unaryExamples({ domain: [1.3, 4] }),
});

export const atanhOp = defineUnary({
  ...FUNCTION,
  name: "atanh",
  doc: "The inverse of the hyperbolic tangent; infinite at ±1, NaN beyond.\n$y = \\tfrac12 \\ln \\frac{1 + x}{1 - x}, \\quad y' = 1 / (1 - x^2)$",
  gradient: ({ x: [x], g }) => [div(g, oneLessSquare(x!))],
  formula: (x, k) => k.call(math.atanh, x),
  examples: unaryExamples({ domain: [-0.8, 0.8] }),
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/** Tangent of an angle in radians. */
export const tan = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => apply<S>(tanOp, [x], {}, options);

/** The angle in [-π/2, π/2] with sine `x`; NaN outside of [-1, 1]. */
export const asin = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(asinOp, [x], {}, options);

/** The angle in [0, π] with cosine `x`; NaN outside of [-1, 1]. */
export const acos = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(acosOp, [x], {}, options);

/** The angle in (-π/2, π/2) with tangent `x`. */
export const atan = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(atanOp, [x], {}, options);

/** The angle of the point `(x, y)`, in [-π, π], broadcasting: `y` comes first, as everywhere. */
export function atan2<const A extends Operand, const B extends Operand>(
  y: A,
  x: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(atan2Op, [y, x], {}, options);
}

/** Hyperbolic sine. */
export const sinh = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(sinhOp, [x], {}, options);

/** Hyperbolic cosine. */
export const cosh = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(coshOp, [x], {}, options);

/** Inverse of the hyperbolic sine. */
export const asinh = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(asinhOp, [x], {}, options);

/** Inverse of the hyperbolic cosine; NaN below 1. */
export const acosh = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(acoshOp, [x], {}, options);

/** Inverse of the hyperbolic tangent; NaN outside of [-1, 1]. */
export const atanh = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(atanhOp, [x], {}, options);

export const TRIGONOMETRY_OPS = [
  tanOp,
  asinOp,
  acosOp,
  atanOp,
  atan2Op,
  sinhOp,
  coshOp,
  asinhOp,
  acoshOp,
  atanhOp,
] as const;
