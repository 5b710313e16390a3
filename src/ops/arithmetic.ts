import { type DType, isFloat, isInteger, rangeOf } from "../core/dtype.ts";
import type { MeetAll } from "../core/shape-rules.ts";
import type { Conflicts, DifferentRank, Result, Shape, Unless, Valid } from "../core/shape-types.ts";
import { sizeText } from "../core/size.ts";
import { defineOp, type KernelBuilder, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import type { Expr } from "../kernel/expr.ts";
import { greaterEqual, lessEqual, logicalAnd, where } from "./comparison.ts";
import { sumTo } from "./reduction.ts";
import {
  apply,
  type BroadcastOf,
  type BroadcastResult,
  broadcastExamples,
  callError,
  defineBinary,
  defineUnary,
  f32,
  f64,
  floatDType,
  i32,
  keepsShape,
  type NoAttrs,
  numericDType,
  type Operand,
  type OpOptions,
  type ShapeOf,
  type ShapesOf,
  u32,
  unaryExamples,
} from "./support.ts";

const WHOLE = { inputs: [i32([2, 3], { domain: [-5, 5] }), i32([3], { domain: [-5, 5] })], attrs: {} };
const UNSIGNED = { inputs: [u32([3]), u32([2, 1])], attrs: {} };
/** Three values apart from one another and from the ones in `HIGH`, so that no tie comes near. */
const LOW = { values: [-0.8, 0.3, 0.9] };
const HIGH = { values: [0.5, -0.4, 1.2, -0.9, 0.1, 0.7] };

// ── two operands ─────────────────────────────────────────────────────────────────────────────────────────────────

export const addOp: OpDef<NoAttrs> = defineBinary({
  name: "add",
  doc: "Sum of two tensors, broadcasting.\n$y = a + b$",
  commutative: true,
  gradient: ({ x: [a, b], g }) => [sumTo(g, a!), sumTo(g, b!)],
  formula: (a, b, k) => k.binary("add", a, b),
  examples: [...broadcastExamples(), WHOLE, UNSIGNED],
});

export const subOp: OpDef<NoAttrs> = defineBinary({
  name: "sub",
  doc: "Difference of two tensors, broadcasting.\n$y = a - b$",
  gradient: ({ x: [a, b], g }) => [sumTo(g, a!), sumTo(neg(g), b!)],
  formula: (a, b, k) => k.binary("sub", a, b),
  examples: [...broadcastExamples(), WHOLE, UNSIGNED],
});

export const mulOp: OpDef<NoAttrs> = defineBinary({
  name: "mul",
  doc: "Product of two tensors, element by element, broadcasting.\n$y = a \\cdot b$",
  commutative: true,
  gradient: ({ x: [a, b], g }) => [sumTo(mul(g, b!), a!), sumTo(mul(g, a!), b!)],
  formula: (a, b, k) => k.binary("mul", a, b),
  examples: [...broadcastExamples(), WHOLE, UNSIGNED],
});

export const divOp: OpDef<NoAttrs> = defineBinary({
  name: "div",
  doc: "Quotient of two floating-point tensors, broadcasting. For whole numbers there is floorDiv.\n$y = a / b$",
  dtypes: floatDType,
  gradient: ({ x: [a, b], y: [y], g }) => {
    const share = div(g, b!);
    return [sumTo(share, a!), sumTo(neg(mul(share, y!)), b!)];
  },
  formula: (a, b, k) => k.binary("div", a, b),
  examples: [
    ...broadcastExamples({}, { domain: [0.5, 2] }),
    { inputs: [f64([2, 2]), f64([], { domain: [-2, -0.5] })], attrs: {} },
  ],
});

/** True where an integer or floating-point quotient is not whole and the operands' signs differ. */
const roundsDown = (k: KernelBuilder, rest: Expr, divisor: Expr): Expr => {
  const zero = k.constant(0, rest.type);
  const opposite = k.binary("ne", k.binary("lt", rest, zero), k.binary("lt", divisor, zero));
  return k.binary("and", k.binary("ne", rest, zero), opposite);
};

export const floorDivOp: OpDef<NoAttrs> = defineBinary({
  name: "floorDiv",
  doc: "Quotient rounded down, broadcasting. Whole numbers divided by 0 give 0.\n$y = \\lfloor a / b \\rfloor$",
  gradient: "zero",
  formula: (a, b, k) => {
    const quotient = k.binary("div", a, b);
    if (isFloat(a.type)) return k.unary("floor", quotient);
    const below = k.binary("sub", quotient, k.constant(1, a.type));
    return k.select(roundsDown(k, k.binary("rem", a, b), b), below, quotient);
  },
  examples: [
    { inputs: [f32([4], { values: [5.25, -5.25, 5.25, -5.25] }), f32([4], { values: [3, 3, -3, -3] })], attrs: {} },
    { inputs: [f64([2, 3], { domain: [1.1, 1.9] }), f64([], { values: [0.5] })], attrs: {} },
    { inputs: [i32([4], { values: [7, -7, 7, -7] }), i32([4], { values: [2, 2, -2, -2] })], attrs: {} },
    { inputs: [i32([3], { values: [6, -6, 5] }), i32([3], { values: [3, 3, 0] })], attrs: {} },
    { inputs: [u32([2], { values: [4294967295, 7] }), u32([])], attrs: {} },
  ],
});

export const modOp: OpDef<NoAttrs> = defineBinary({
  name: "mod",
  doc: "Remainder with the sign of the divisor, broadcasting. Whole numbers modulo 0 give 0.\n$y = a - b \\lfloor a / b \\rfloor$",
  gradient: ({ x: [a, b], g }) => [sumTo(g, a!), sumTo(neg(mul(g, floorDiv(a!, b!))), b!)],
  formula: (a, b, k) => {
    const rest = k.binary("rem", a, b);
    return k.select(roundsDown(k, rest, b), k.binary("add", rest, b), rest);
  },
  examples: [
    { inputs: [f32([4], { values: [5.25, -5.25, 5.25, -5.25] }), f32([4], { values: [3, 3, -3, -3] })], attrs: {} },
    { inputs: [f64([2, 1], { values: [1.3, -0.4] }), f64([2], { values: [0.5, -0.7] })], attrs: {} },
    { inputs: [i32([4], { values: [7, -7, 7, -7] }), i32([4], { values: [3, 3, -3, -3] })], attrs: {} },
    { inputs: [i32([3], { values: [6, -6, 5] }), i32([3], { values: [3, 3, 0] })], attrs: {} },
    { inputs: [u32([2], { values: [4294967295, 7] }), u32([], { values: [10] })], attrs: {} },
  ],
});

export const maximumOp: OpDef<NoAttrs> = defineBinary({
  name: "maximum",
  doc: [
    "The larger of two elements, broadcasting; NaN if either is.",
    "$y = \\max(a, b)$",
    "Where both are equal the whole gradient goes to the first, as in TensorFlow.",
  ].join("\n"),
  commutative: true,
  gradient: ({ x: [a, b], g }) => {
    const first = greaterEqual(a!, b!);
    return [sumTo(where(first, g, 0), a!), sumTo(where(first, 0, g), b!)];
  },
  formula: (a, b, k) => k.binary("max", a, b),
  examples: [
    { inputs: [f32([3], LOW), f32([2, 3], HIGH)], attrs: {} },
    { inputs: [f64([3, 1], LOW), f64([6], HIGH)], attrs: {} },
    { inputs: [f64([], { values: [0.2] }), f64([3], LOW)], attrs: {} },
    WHOLE,
    UNSIGNED,
  ],
});

export const minimumOp: OpDef<NoAttrs> = defineBinary({
  name: "minimum",
  doc: [
    "The smaller of two elements, broadcasting; NaN if either is.",
    "$y = \\min(a, b)$",
    "Where both are equal the whole gradient goes to the first, as in TensorFlow.",
  ].join("\n"),
  commutative: true,
  gradient: ({ x: [a, b], g }) => {
    const first = lessEqual(a!, b!);
    return [sumTo(where(first, g, 0), a!), sumTo(where(first, 0, g), b!)];
  },
  formula: (a, b, k) => k.binary("min", a, b),
  examples: [
    { inputs: [f32([3], LOW), f32([2, 3], HIGH)], attrs: {} },
    { inputs: [f64([3, 1], LOW), f64([6], HIGH)], attrs: {} },
    { inputs: [f64([], { values: [0.2] }), f64([3], LOW)], attrs: {} },
    WHOLE,
    UNSIGNED,
  ],
});

export const squaredDifferenceOp: OpDef<NoAttrs> = defineBinary({
  name: "squaredDifference",
  doc: "Square of the difference, broadcasting.\n$y = (a - b)^2$",
  commutative: true,
  gradient: ({ x: [a, b], g }) => {
    const slope = mul(g, mul(sub(a!, b!), 2));
    return [sumTo(slope, a!), sumTo(neg(slope), b!)];
  },
  formula: (a, b, k) => {
    const difference = k.binary("sub", a, b);
    return k.binary("mul", difference, difference);
  },
  examples: [...broadcastExamples(), WHOLE],
});

// ── one operand ──────────────────────────────────────────────────────────────────────────────────────────────────

const SIGNED = { inputs: [i32([4], { values: [-3, 0, 2, -2147483648] })], attrs: {} };
/** Values on both sides of 0, but not near it. */
const AWAY_FROM_ZERO = [...unaryExamples({ domain: [0.3, 2] }), ...unaryExamples({ domain: [-2, -0.3] })];
const BETWEEN_WHOLE = [
  { inputs: [f32([6], { values: [-1.7, -0.3, 0.3, 0.6, 1.4, 2.7] })], attrs: {} },
  { inputs: [f64([2, 2], { domain: [1.1, 1.4] })], attrs: {} },
  { inputs: [f64([], { values: [-2.3] })], attrs: {} },
];

export const negOp: OpDef<NoAttrs> = defineUnary({
  name: "neg",
  doc: "The negative.\n$y = -x$",
  gradient: ({ g }) => [neg(g)],
  formula: (x, k) => k.unary("neg", x),
  examples: [...unaryExamples(), SIGNED],
});

export const absOp: OpDef<NoAttrs> = defineUnary({
  name: "abs",
  doc: "The absolute value. The derivative at 0 is taken as 0.\n$y = |x|$",
  gradient: ({ x: [x], g }) => [mul(g, sign(x!))],
  formula: (x, k) => k.unary("abs", x),
  examples: [...AWAY_FROM_ZERO, SIGNED],
});

export const signOp: OpDef<NoAttrs> = defineUnary({
  name: "sign",
  doc: "-1, 0 or 1; NaN for NaN. The gradient is 0 everywhere.\n$y = [x > 0] - [x < 0]$",
  gradient: "zero",
  formula: (x, k) => {
    const zero = k.constant(0, x.type);
    const rest = k.select(k.binary("lt", zero, x), k.constant(1, x.type), x); // x itself: 0, -0 or NaN
    return k.select(k.binary("lt", x, zero), k.constant(-1, x.type), rest);
  },
  examples: [...AWAY_FROM_ZERO, SIGNED, { inputs: [u32([2], { values: [0, 9] })], attrs: {} }],
});

export const squareOp: OpDef<NoAttrs> = defineUnary({
  name: "square",
  doc: "The square.\n$y = x^2$",
  gradient: ({ x: [x], g }) => [mul(g, mul(x!, 2))],
  formula: (x, k) => k.binary("mul", x, x),
  examples: [...unaryExamples(), { inputs: [i32([3], { domain: [-9, 9] })], attrs: {} }],
});

export const reciprocalOp: OpDef<NoAttrs> = defineUnary({
  name: "reciprocal",
  doc: "One over the value; infinite at 0.\n$y = 1 / x$",
  dtypes: floatDType,
  gradient: ({ y: [y], g }) => [neg(mul(g, square(y!)))],
  formula: (x, k) => k.binary("div", k.constant(1, x.type), x),
  examples: unaryExamples({ domain: [0.4, 2] }),
});

export const floorOp: OpDef<NoAttrs> = defineUnary({
  name: "floor",
  doc: "The largest whole number that is not larger. The gradient is 0 everywhere.\n$y = \\lfloor x \\rfloor$",
  dtypes: floatDType,
  gradient: "zero",
  formula: (x, k) => k.unary("floor", x),
  examples: BETWEEN_WHOLE,
});

export const ceilOp: OpDef<NoAttrs> = defineUnary({
  name: "ceil",
  doc: "The smallest whole number that is not smaller. The gradient is 0 everywhere.\n$y = \\lceil x \\rceil$",
  dtypes: floatDType,
  gradient: "zero",
  formula: (x, k) => k.unary("ceil", x),
  examples: BETWEEN_WHOLE,
});

export const roundOp: OpDef<NoAttrs> = defineUnary({
  name: "round",
  doc: "The nearest whole number, the even one of two equally near. The gradient is 0 everywhere.\n$y = \\lfloor x \\rceil$",
  dtypes: floatDType,
  gradient: "zero",
  formula: (x, k) => k.unary("nearest", x),
  examples: BETWEEN_WHOLE,
});

export const stepOp: OpDef<NoAttrs> = defineUnary({
  name: "step",
  doc: [
    "The threshold neuron: 1 above 0, else 0.",
    "$y = [x > 0]$",
    "The gradient is 0 everywhere, so nothing before it can be trained by gradient descent.",
  ].join("\n"),
  gradient: "zero",
  formula: (x, k) => k.select(k.binary("lt", k.constant(0, x.type), x), k.constant(1, x.type), k.constant(0, x.type)),
  examples: [...AWAY_FROM_ZERO, { inputs: [i32([3], { values: [-1, 0, 1] })], attrs: {} }],
});

type Bounds = { readonly min: number; readonly max: number };

/** A bound in the dtype that is clipped: whole, and infinity as the largest number there is. */
function boundIn(dtype: DType, bound: number, rounding: (bound: number) => number): number {
  if (!isInteger(dtype)) return bound;
  const { min, max } = rangeOf(dtype);
  return Math.min(max, Math.max(min, rounding(bound)));
}

export const clipByValueOp: OpDef<Bounds> = defineOp<Bounds>({
  name: "clipByValue",
  category: "pointwise",
  doc: [
    "Values below `min` become `min`, values above `max` become `max`; NaN stays.",
    "$y = \\min(\\max(x, l), h)$",
    "The gradient passes from `min` to `max`, both included, and is 0 outside.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: numericDType,
  ...keepsShape,
  gradient: ({ op, x: [x], g }) => {
    const { min, max } = op.attrs;
    return [where(logicalAnd(greaterEqual(x!, min), lessEqual(x!, max)), g, 0)];
  },
  compute: ({ in: [x], attrs: { min, max }, output: { dtype }, k }, index) => {
    const raised = k.binary("max", x!(...index), k.constant(boundIn(dtype, min, Math.ceil), dtype));
    return k.binary("min", raised, k.constant(boundIn(dtype, max, Math.floor), dtype));
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([5], { values: [-2, -0.6, 0.1, 0.7, 2] })], attrs: { min: -0.5, max: 0.5 } },
    { inputs: [f64([2, 2], { domain: [0.1, 0.9] })], attrs: { min: 0, max: Infinity } },
    { inputs: [f64([], { values: [-1] })], attrs: { min: 0, max: 1 } },
    { inputs: [i32([4], { values: [-3, 0, 2, 9] })], attrs: { min: -1, max: 4 } },
  ],
});

// ── many operands ────────────────────────────────────────────────────────────────────────────────────────────────

export const addNOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "addN",
  category: "pointwise",
  doc: "Sum of tensors of one shape, added from left to right.\n$y = x_1 + x_2 + \\dots$",
  inputs: "many",
  dtypes: numericDType,
  shapes: (inputs, _attrs, context) => {
    const first = inputs[0]!;
    inputs.forEach((shape, which) => {
      if (shape.length !== first.length) {
        context.fail(`input ${which} has rank ${shape.length}, input 0 has rank ${first.length}`);
      }
      shape.forEach((size, axis) => {
        context.require(
          first[axis]!,
          size,
          `axis ${axis} differs: ${sizeText(first[axis]!)} against ${sizeText(size)}`,
          {
            marks: inputs.map((_, i) => (i === 0 || i === which ? [axis] : [])),
            fix: "all shapes must be equal; add broadcasts",
          },
        );
      });
    });
    return [first];
  },
  shapesOfUnknown: (inputs) => [inputs.find((shape) => shape !== null) ?? null],
  gradient: ({ x, g }) => x.map((term) => sumTo(g, term)),
  compute: ({ in: terms, k }, index) =>
    terms.map((term) => term(...index)).reduce((sum, term) => k.binary("add", sum, term)),
  cost: "cheap",
  examples: [
    { inputs: [f32([2, 3]), f32([2, 3]), f32([2, 3])], attrs: {} },
    { inputs: [f64([2])], attrs: {} },
    { inputs: [f64([]), f64([])], attrs: {} },
    { inputs: [i32([2]), i32([2]), i32([2]), i32([2])], attrs: {} },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/** `a + b`, broadcasting. Bare numbers and lists take the dtype of the tensor beside them. */
export function add<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(addOp, [a, b], {}, options);
}

/** `a - b`, broadcasting. */
export function sub<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(subOp, [a, b], {}, options);
}

/** `a · b`, element by element, broadcasting. */
export function mul<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(mulOp, [a, b], {}, options);
}

/** `a / b`, broadcasting; floating point only. */
export function div<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(divOp, [a, b], {}, options);
}

/** `a / b` rounded down, broadcasting. Whole numbers divided by 0 give 0. */
export function floorDiv<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(floorDivOp, [a, b], {}, options);
}

/** The remainder of `a / b` with the sign of `b`, broadcasting. Whole numbers modulo 0 give 0. */
export function mod<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(modOp, [a, b], {}, options);
}

/** The larger of two elements, broadcasting. Where both are equal the gradient goes to `a`. */
export function maximum<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(maximumOp, [a, b], {}, options);
}

/** The smaller of two elements, broadcasting. Where both are equal the gradient goes to `a`. */
export function minimum<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(minimumOp, [a, b], {}, options);
}

/** `(a - b)²`, broadcasting. */
export function squaredDifference<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(squaredDifferenceOp, [a, b], {}, options);
}

/** `-x`. */
export const neg = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => apply<S>(negOp, [x], {}, options);

/** `|x|`; its derivative at 0 is 0. */
export const abs = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> => apply<S>(absOp, [x], {}, options);

/** -1, 0 or 1; NaN for NaN. */
export const sign = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(signOp, [x], {}, options);

/** `x²`. */
export const square = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(squareOp, [x], {}, options);

/** `1 / x`; floating point only. */
export const reciprocal = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(reciprocalOp, [x], {}, options);

/** The largest whole number that is not larger; floating point only. */
export const floor = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(floorOp, [x], {}, options);

/** The smallest whole number that is not smaller; floating point only. */
export const ceil = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(ceilOp, [x], {}, options);

/** The nearest whole number, the even one of two equally near; floating point only. */
export const round = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(roundOp, [x], {}, options);

/** The threshold neuron: 1 above 0, else 0. Its gradient is 0 everywhere. */
export const step = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(stepOp, [x], {}, options);

/**
 * `x`, but nowhere below `min` or above `max`. The gradient is 0 outside.
 * @throws GraphError if `min` is greater than `max`, or one of them is NaN
 */
export function clipByValue<S extends Shape>(x: Tensor<S>, min: number, max: number, options?: OpOptions): Tensor<S> {
  if (!(min <= max))
    throw callError("clipByValue", `nothing lies between ${min} and ${max}`, "min comes first, then max");
  return apply<S>(clipByValueOp, [x], { min, max }, options);
}

/** The list itself, with a complaint at the tensor that does not go with the first. */
type SummandList<L extends readonly Tensor[]> = {
  readonly [I in keyof L]: Unless<
    | DifferentRank<ShapeOf<L[0]>, ShapeOf<L[I]>, `addN: an input has another rank than input 0`>
    | Conflicts<ShapeOf<L[0]>, ShapeOf<L[I]>, "addN: axis ", " differs:">
  >;
};

/**
 * Sum of tensors of one shape, added from left to right.
 * @throws ShapeError if shapes differ, GraphError for an empty list
 */
export function addN<const L extends readonly Tensor[]>(
  list: L & SummandList<L>,
  options?: OpOptions,
): Tensor<Result<MeetAll<ShapesOf<L>>>> {
  if (list.length === 0) throw callError("addN", "the list is empty", "give at least one tensor");
  return apply(addNOp, list, {}, options);
}

export const ARITHMETIC_OPS = [
  addOp,
  subOp,
  mulOp,
  divOp,
  floorDivOp,
  modOp,
  maximumOp,
  minimumOp,
  squaredDifferenceOp,
  negOp,
  absOp,
  signOp,
  squareOp,
  reciprocalOp,
  floorOp,
  ceilOp,
  roundOp,
  stepOp,
  clipByValueOp,
  addNOp,
];
