import { isInteger } from "../core/dtype.ts";
import type { Shape, Valid } from "../core/shape-types.ts";
import type { OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import {
  apply,
  type BroadcastOf,
  type BroadcastResult,
  defineBinary,
  defineUnary,
  i32,
  type Operand,
  type OpOptions,
  u32,
} from "./support.ts";

/** Operands of one integer dtype; the output has it too. */
const integerDType: OpDef["dtypes"] = (inputs, _attrs, context) => {
  const wrong = inputs.find((dtype) => !isInteger(dtype));
  if (wrong) context.fail(`takes whole numbers, not ${wrong}`, 'convert it first: cast(x, "int32")');
  const [left, right = left] = inputs;
  if (left !== right) {
    context.fail(`operands have different dtypes, ${left} and ${right}`, `convert one: cast(x, "${left}")`);
  }
  return [left!];
};

const WORDS = [
  { inputs: [i32([2, 3], { domain: [-100, 100] }), i32([3], { domain: [-100, 100] })], attrs: {} },
  { inputs: [i32([2, 1], { values: [-1, 2147483647] }), i32([2], { values: [-2147483648, 5] })], attrs: {} },
  { inputs: [u32([2], { values: [4294967295, 12] }), u32([], { values: [10] })], attrs: {} },
  { inputs: [i32([0, 2]), i32([2])], attrs: {} },
];
const SHIFTS = [
  { inputs: [i32([2, 3], { domain: [-100, 100] }), i32([3], { domain: [0, 31] })], attrs: {} },
  { inputs: [u32([3], { values: [4294967295, 1, 7] }), u32([], { values: [4] })], attrs: {} },
  { inputs: [i32([2], { values: [-8, 8] }), i32([2, 1], { values: [1, 33] })], attrs: {}, note: "33 counts as 1" },
];
const POINTWISE = { dtypes: integerDType, gradient: "none" } as const;

export const bitwiseAndOp = defineBinary({
  ...POINTWISE,
  name: "bitwiseAnd",
  doc: "Bits that both whole numbers have, broadcasting.\n$y = a \\mathbin{\\&} b$",
  commutative: true,
  formula: (a, b, k) => k.binary("and", a, b),
  examples: WORDS,
});

export const bitwiseOrOp = defineBinary({
  ...POINTWISE,
  name: "bitwiseOr",
  doc: "Bits that one of two whole numbers has, or both, broadcasting.\n$y = a \\mathbin{|} b$",
  commutative: true,
  formula: (a, b, k) => k.binary("or", a, b),
  examples: WORDS,
});

export const bitwiseXorOp = defineBinary({
  ...POINTWISE,
  name: "bitwiseXor",
  doc: "Bits that just one of two whole numbers has, broadcasting.\n$y = a \\oplus b$",
  commutative: true,
  formula: (a, b, k) => k.binary("xor", a, b),
  examples: WORDS,
});

export const bitwiseNotOp = defineUnary({
  ...POINTWISE,
  name: "bitwiseNot",
  doc: "Every bit of a whole number turned over; TensorFlow calls it invert.\n$y = \\lnot x = -x - 1$",
  formula: (x, k) => k.binary("xor", x, k.constant(-1, x.type)),
  examples: [
    { inputs: [i32([3], { values: [0, -1, 5] })], attrs: {} },
    { inputs: [u32([2], { values: [0, 5] })], attrs: {} },
  ],
});

export const leftShiftOp = defineBinary({
  ...POINTWISE,
  name: "leftShift",
  doc: "Bits moved up by a count, broadcasting; what leaves at the top is lost. Counts are taken modulo 32.\n$y = a \\cdot 2^b \\bmod 2^{32}$",
  formula: (a, b, k) => k.binary("shl", a, b),
  examples: SHIFTS,
});

export const rightShiftOp = defineBinary({
  ...POINTWISE,
  name: "rightShift",
  doc: "Bits moved down by a count, broadcasting; int32 keeps its sign. Counts are taken modulo 32.\n$y = \\lfloor a / 2^b \\rfloor$",
  formula: (a, b, k) => k.binary("shr", a, b),
  examples: SHIFTS,
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/** Bits that both have, broadcasting; whole numbers only. */
export function bitwiseAnd<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(bitwiseAndOp, [a, b], {}, options);
}

/** Bits that one or both have, broadcasting; whole numbers only. */
export function bitwiseOr<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(bitwiseOrOp, [a, b], {}, options);
}

/** Bits that just one has, broadcasting; whole numbers only. */
export function bitwiseXor<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(bitwiseXorOp, [a, b], {}, options);
}

/** Every bit turned over; whole numbers only. */
export const bitwiseNot = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(bitwiseNotOp, [x], {}, options);

/** `a · 2^b`, broadcasting, without what leaves at the top; whole numbers only. */
export function leftShift<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(leftShiftOp, [a, b], {}, options);
}

/** `a / 2^b` rounded down, broadcasting; whole numbers only. */
export function rightShift<const A extends Operand, const B extends Operand>(
  a: A,
  b: B & Valid<BroadcastOf<A, B>>,
  options?: OpOptions,
): BroadcastResult<A, B> {
  return apply(rightShiftOp, [a, b], {}, options);
}

export const BITWISE_OPS = [bitwiseAndOp, bitwiseOrOp, bitwiseXorOp, bitwiseNotOp, leftShiftOp, rightShiftOp] as const;
