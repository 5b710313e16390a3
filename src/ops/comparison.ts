import { type DType, isFloat } from "../core/dtype.ts";
import { broadcastShapes, type ShapeContext } from "../core/shape.ts";
import type { Broadcast, Result, Shape, Valid } from "../core/shape-types.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import { Tensor } from "../graph/operation.ts";
import { sumTo } from "./reduction.ts";
import {
  apply,
  type BroadcastOf,
  type BroadcastResult,
  bool,
  boolDType,
  broadcastAt,
  builderAt,
  compareDType,
  constantIn,
  defineBinary,
  defineUnary,
  f32,
  f64,
  floatDType,
  i32,
  keepsShape,
  type NoAttrs,
  type Operand,
  type OpOptions,
  operands,
  orderDType,
  type ShapeOf,
  u32,
} from "./support.ts";

// ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Few distinct values, so that equal ones meet. */
const COMPARED = [
  { inputs: [f32([2, 3], { values: [1, 2, 3, 4, 5, 6] }), f32([3], { values: [1, 5, 3] })], attrs: {} },
  { inputs: [i32([2, 3], { domain: [0, 2] }), i32([2, 1], { domain: [0, 2] })], attrs: {} },
  { inputs: [f64([], { values: [0] }), f64([2], { values: [-0, NaN] })], attrs: {}, note: "0 equals -0, NaN nothing" },
  { inputs: [f32([0, 3]), f32([3])], attrs: {} },
];
const BOOLS = { inputs: [bool([2, 2], { values: [0, 0, 1, 1] }), bool([2], { values: [0, 1] })], attrs: {} };

export const equalOp = defineBinary({
  name: "equal",
  doc: "Whether elements are equal, broadcasting. NaN equals nothing.\n$y = [a = b]$",
  dtypes: compareDType,
  commutative: true,
  gradient: "none",
  formula: (a, b, k) => k.binary("eq", a, b),
  examples: [...COMPARED, BOOLS],
});

export const notEqualOp = defineBinary({
  name: "notEqual",
  doc: "Whether elements differ, broadcasting. NaN differs from everything.\n$y = [a \\ne b]$",
  dtypes: compareDType,
  commutative: true,
  gradient: "none",
  formula: (a, b, k) => k.binary("ne", a, b),
  examples: [...COMPARED, BOOLS],
});

export const lessOp = defineBinary({
  name: "less",
  doc: "Whether the left element is smaller, broadcasting. False for NaN.\n$y = [a < b]$",
  dtypes: orderDType,
  gradient: "none",
  formula: (a, b, k) => k.binary("lt", a, b),
  examples: COMPARED,
});

export const lessEqualOp = defineBinary({
  name: "lessEqual",
  doc: "Whether the left element is smaller or equal, broadcasting. False for NaN.\n$y = [a \\le b]$",
  dtypes: orderDType,
  gradient: "none",
  formula: (a, b, k) => k.binary("le", a, b),
  examples: COMPARED,
});

export const greaterOp = defineBinary({
  name: "greater",
  doc: "Whether the left element is larger, broadcasting. False for NaN.\n$y = [a > b]$",
  dtypes: orderDType,
  gradient: "none",
  formula: (a, b, k) => k.binary("lt", b, a),
  examples: COMPARED,
});

export const greaterEqualOp = defineBinary({
  name: "greaterEqual",
  doc: "Whether the left element is larger or equal, broadcasting. False for NaN.\n$y = [a \\ge b]$",
  dtypes: orderDType,
  gradient: "none",
  formula: (a, b, k) => k.binary("le", b, a),
  examples: COMPARED,
});

// ── logic ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const logicalAndOp = defineBinary({
  name: "logicalAnd",
  doc: "True where both are, broadcasting.\n$y = a \\land b$",
  dtypes: boolDType,
  commutative: true,
  gradient: "none",
  formula: (a, b, k) => k.binary("and", a, b),
  examples: [BOOLS],
});

export const logicalOrOp = defineBinary({
  name: "logicalOr",
  doc: "True where one or both are, broadcasting.\n$y = a \\lor b$",
  dtypes: boolDType,
  commutative: true,
  gradient: "none",
  formula: (a, b, k) => k.binary("or", a, b),
  examples: [BOOLS],
});

export const logicalXorOp = defineBinary({
  name: "logicalXor",
  doc: "True where just one is, broadcasting.\n$y = a \\oplus b$",
  dtypes: boolDType,
  commutative: true,
  gradient: "none",
  formula: (a, b, k) => k.binary("ne", a, b),
  examples: [BOOLS],
});

export const logicalNotOp = defineUnary({
  name: "logicalNot",
  doc: "True becomes false, false true.\n$y = \\lnot x$",
  dtypes: boolDType,
  gradient: "none",
  formula: (x, k) => k.unary("not", x),
  examples: [{ inputs: [bool([2, 2])], attrs: {} }],
});

/** A question about a floating-point value. */
const floatToBool: OpDef["dtypes"] = (inputs, attrs, context) => {
  floatDType(inputs, attrs, context);
  return ["bool"];
};
const SPECIAL = [
  { inputs: [f32([4], { values: [NaN, Infinity, -Infinity, 1.5] })], attrs: {} },
  { inputs: [f64([2, 2], { values: [0, -0, NaN, Infinity] })], attrs: {} },
];

export const isNaNOp = defineUnary({
  name: "isNaN",
  doc: "True where the value is not a number.\n$y = [x \\ne x]$",
  dtypes: floatToBool,
  gradient: "none",
  formula: (x, k) => k.binary("ne", x, x),
  examples: SPECIAL,
});

export const isFiniteOp = defineUnary({
  name: "isFinite",
  doc: "True where the value is neither infinite nor NaN.\n$y = [|x| < \\infty]$",
  dtypes: floatToBool,
  gradient: "none",
  formula: (x, k) => k.binary("lt", k.unary("abs", x), k.constant(Infinity, x.type)),
  examples: SPECIAL,
});

export const isInfOp = defineUnary({
  name: "isInf",
  doc: "True where the value is infinite, of either sign.\n$y = [|x| = \\infty]$",
  dtypes: floatToBool,
  gradient: "none",
  formula: (x, k) => k.binary("eq", k.unary("abs", x), k.constant(Infinity, x.type)),
  examples: SPECIAL,
});

// ── choosing ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Errors of a rule that looks at operands 1 and 2 only, with its marks put where they belong. */
const skippingFirst = (context: ShapeContext): ShapeContext => ({
  fail: (problem, options) => context.fail(problem, { ...options, marks: [[], ...(options?.marks ?? [])] }),
  require: (left, right, problem, options) =>
    context.require(left, right, problem, { ...options, marks: [[], ...(options?.marks ?? [])] }),
});

export const whereOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "where",
  category: "pointwise",
  doc: "Chooses element by element, broadcasting. The gradient of the one not chosen is 0, never NaN.\n$y = a$ where the condition holds, else $b$",
  inputs: ["condition", "yes", "no"],
  dtypes: ([condition, yes, no], _attrs, context) => {
    if (condition !== "bool") {
      context.fail(`the condition is ${condition}, not bool`, "compare it with something: notEqual(condition, 0)");
    }
    if (yes !== no)
      context.fail(`the choices have different dtypes, ${yes} and ${no}`, `convert one: cast(x, "${yes}")`);
    return [yes!];
  },
  shapes: ([condition, yes, no], _attrs, context) => {
    const choices = broadcastShapes(yes!, no!, skippingFirst(context));
    return [broadcastShapes(condition!, choices, context)];
  },
  gradient: ({ x: [condition, yes, no], g }) => [
    null,
    sumTo(where(condition!, g, 0), yes!),
    sumTo(where(condition!, 0, g), no!),
  ],
  compute: ({ in: [condition, yes, no], k }, index) =>
    k.select(broadcastAt(condition!, index), broadcastAt(yes!, index), broadcastAt(no!, index)),
  cost: "cheap",
  examples: [
    { inputs: [bool([2, 3]), f32([2, 3]), f32([2, 3])], attrs: {} },
    { inputs: [bool([2, 1]), f32([3]), f32([])], attrs: {} },
    { inputs: [bool([]), f64([2]), f64([2])], attrs: {} },
    { inputs: [bool([3]), i32([3]), i32([2, 1])], attrs: {} },
    { inputs: [bool([0]), f32([0]), f32([1])], attrs: {} },
  ],
});

/** Of a condition and `yes` that do not fit, nothing is said again. */
type ChoiceOf<C extends Shape, Yes extends Shape, No extends Shape> =
  Broadcast<C, Yes> extends infer Both ? (Both extends Shape ? Broadcast<Both, No> : Shape) : never;

/**
 * `yes` where `condition` holds, else `no`; all three broadcast. Bare numbers take the dtype of the other choice,
 * float32 if both are bare.
 *
 * To guard a function that is not defined everywhere, guard its operand as well as its value: the derivative of
 * `where(x > 0, sqrt(x), 0)` multiplies 0 by infinity at 0. Write `where(x > 0, sqrt(where(x > 0, x, 1)), 0)`.
 * @throws DTypeError if the condition is not bool, ShapeError if shapes do not broadcast
 */
export function where<C extends Shape, const Yes extends Operand, const No extends Operand>(
  condition: Tensor<C>,
  yes: Yes & Valid<Broadcast<C, ShapeOf<Yes>>>,
  no: No & Valid<ChoiceOf<C, ShapeOf<Yes>, ShapeOf<No>>>,
  options?: OpOptions,
): Tensor<Result<ChoiceOf<C, ShapeOf<Yes>, ShapeOf<No>>>> {
  const bare = !(yes instanceof Tensor || no instanceof Tensor);
  const choices = bare
    ? [yes, no].map((choice) => constantIn(builderAt(condition), choice as Exclude<Operand, Tensor>, "float32"))
    : operands("where", [yes, no]);
  return apply(whereOp, [condition, ...choices], {}, options);
}

// ── conversion ───────────────────────────────────────────────────────────────────────────────────────────────────

export const castOp: OpDef<{ readonly dtype: DType }> = defineOp<{ readonly dtype: DType }>({
  name: "cast",
  category: "pointwise",
  doc: [
    "The same values in another dtype.",
    "$y = \\mathrm{dtype}(x)$",
    "Floats become integers by dropping the fraction, saturating at the ends; NaN becomes 0. Anything but 0 is true.",
    "A gradient passes between floating-point dtypes only.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: (_inputs, { dtype }) => [dtype],
  ...keepsShape,
  gradient: ({ op, x: [x], g }) => [isFloat(x!.dtype) && isFloat(op.attrs.dtype) ? cast(g, x!.dtype) : null],
  compute: ({ in: [x], attrs: { dtype }, k }, index) => k.cast(x!(...index), dtype),
  cost: "cheap",
  examples: [
    { inputs: [f32([2, 3])], attrs: { dtype: "float64" } },
    { inputs: [f64([3])], attrs: { dtype: "float32" } },
    { inputs: [f32([6], { values: [-1.7, 1.7, NaN, 1e20, -1e20, 0] })], attrs: { dtype: "int32" } },
    { inputs: [f64([4], { values: [-1, 1.9, 5e9, NaN] })], attrs: { dtype: "uint32" } },
    { inputs: [i32([3], { values: [-1, 0, 16777217] })], attrs: { dtype: "float32" } },
    { inputs: [u32([2], { values: [4294967295, 1] })], attrs: { dtype: "int32" } },
    { inputs: [f32([4], { values: [0, -0, 0.5, NaN] })], attrs: { dtype: "bool" } },
    { inputs: [bool([2, 2])], attrs: { dtype: "float32" } },
    { inputs: [bool([])], attrs: { dtype: "int32" } },
  ],
});

/**
 * The same values in another dtype. Floats become integers by dropping the fraction, saturating at the ends; NaN
 * becomes 0; anything but 0 is true. `x` itself if it has that dtype already.
 */
export const cast = <S extends Shape>(x: Tensor<S>, dtype: DType, options?: OpOptions): Tensor<S> =>
  x.dtype === dtype ? x : apply<S>(castOp, [x], { dtype }, options);

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/** `a = b`, element by element, broadcasting; the result is bool. */
export function equal<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(equalOp, [a, b], {}, options);
}

/** `a ≠ b`, element by element, broadcasting; the result is bool. */
export function notEqual<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(notEqualOp, [a, b], {}, options);
}

/** `a < b`, element by element, broadcasting; the result is bool. */
export function less<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(lessOp, [a, b], {}, options);
}

/** `a ≤ b`, element by element, broadcasting; the result is bool. */
export function lessEqual<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(lessEqualOp, [a, b], {}, options);
}

/** `a > b`, element by element, broadcasting; the result is bool. */
export function greater<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(greaterOp, [a, b], {}, options);
}

/** `a ≥ b`, element by element, broadcasting; the result is bool. */
export function greaterEqual<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(greaterEqualOp, [a, b], {}, options);
}

/** True where both are; bool only. */
export function logicalAnd<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(logicalAndOp, [a, b], {}, options);
}

/** True where one or both are; bool only. */
export function logicalOr<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(logicalOrOp, [a, b], {}, options);
}

/** True where just one is; bool only. */
export function logicalXor<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(logicalXorOp, [a, b], {}, options);
}

/** True becomes false, false true; bool only. */
export const logicalNot = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(logicalNotOp, [x], {}, options);

/** True where the value is not a number; floating point only. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: the name users know; nothing here means the global
export const isNaN = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(isNaNOp, [x], {}, options);

/** True where the value is neither infinite nor NaN; floating point only. */
// biome-ignore lint/suspicious/noShadowRestrictedNames: the name users know; nothing here means the global
export const isFinite = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(isFiniteOp, [x], {}, options);

/** True where the value is infinite, of either sign; floating point only. */
export const isInf = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(isInfOp, [x], {}, options);

export const COMPARISON_OPS = [
  equalOp,
  notEqualOp,
  lessOp,
  lessEqualOp,
  greaterOp,
  greaterEqualOp,
  logicalAndOp,
  logicalOrOp,
  logicalXorOp,
  logicalNotOp,
  isNaNOp,
  isFiniteOp,
  isInfOp,
  whereOp,
  castOp,
];
