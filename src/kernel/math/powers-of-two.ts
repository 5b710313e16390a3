import { constant, type Expr } from "../expr.ts";
import { add, and, type Builder, bits, cast, lt, mul, or, type PerType, select, shl, shr, sub, xor } from "./define.ts";

/** How each type is laid out, as seen through `bits`: float64 shows its high word only. */
export interface Layout {
  /** Position of the exponent in the (high) word. */
  readonly shift: number;
  /** Exponent field of 1. */
  readonly bias: number;
  /** 1.5·2^p: adding it rounds to the nearest whole number and leaves that number in the low bits. */
  readonly magic: number;
  /** The (high) word of √½. */
  readonly sqrtHalf: number;
}
export const LAYOUT: PerType<Layout> = {
  float32: { shift: 23, bias: 127, magic: 1.5 * 2 ** 23, sqrtHalf: 0x3f3504f3 },
  float64: { shift: 20, bias: 1023, magic: 1.5 * 2 ** 52, sqrtHalf: 0x3fe6a09e },
};

/** A whole number as a float and as an int32. */
export interface Whole {
  readonly float: Expr;
  /** Only its low bits count: for float32 the bits of the magic number stand above them. */
  readonly int: Expr;
}

/**
 * x·factor rounded to the nearest whole number, by adding a magic number: two operations on every machine. `int` is
 * the whole number plus `offset`; for float32 it costs nothing because the offset is part of the magic number.
 */
export function nearestMultiple(k: Builder, x: Expr, factor: number, offset: number): Whole {
  const { magic } = k.pick(LAYOUT);
  if (k.type === "float32") {
    const shifted = k.let("shifted", add(mul(x, factor), magic + offset));
    return { float: k.let("n", sub(shifted, magic + offset)), int: k.let("i", bits(shifted, "int32")) };
  }
  const n = k.let("n", sub(add(mul(x, factor), magic), magic));
  return { float: n, int: k.let("i", add(cast(n, "int32"), offset)) };
}

/** The float whose exponent field is the low bits of `field`: 2^(field - bias). */
export const fromExponent = (k: Builder, field: Expr): Expr => bits(shl(field, k.pick(LAYOUT).shift), k.type);

/** 2^n as a product of two powers that are both in range, from n + 2·bias. */
export function halfPowers(k: Builder, i: Expr): { readonly first: Expr; readonly second: Expr } {
  const half = k.let("half", shr(i, 1));
  return { first: half, second: k.let("other", sub(i, half)) };
}

/** p·2^n with one rounding, right through overflow and subnormals, from n + 2·bias. */
export function scaleByPower(k: Builder, p: Expr, i: Expr): Expr {
  const { first, second } = halfPowers(k, i);
  return mul(mul(p, fromExponent(k, first)), fromExponent(k, second));
}

/** x = m·2^n with m in [√½, √2). */
export interface Split {
  /** m, a named value. */
  readonly m: Expr;
  /** n as a float. */
  readonly n: Expr;
}

/** Splits a positive finite `x`. With `small: true` subnormal numbers are right too. */
export function splitExponent(k: Builder, x: Expr, range: { readonly small: boolean }): Split {
  const { shift, bias, sqrtHalf } = k.pick(LAYOUT);
  let scaled = x;
  let correction: Expr | number = 0;
  if (k.type === "float64") {
    // The mantissa can not be taken from the high word, so it is x·2^-n; scaled so that 2^-n itself stays normal.
    const up = range.small ? k.let("isSmall", lt(x, 1)) : null;
    scaled = k.let("scaled", mul(x, up ? select(up, constant(2 ** 54, k.type), 0.25) : 0.25));
    correction = up ? select(up, constant(-54, "int32"), 2) : 2;
  } else if (range.small) {
    const up = k.let("isSmall", lt(x, 2 ** -126));
    scaled = k.let("scaled", select(up, mul(x, 2 ** 23), x));
    correction = select(up, constant(-23, "int32"), 0);
  }
  const word = k.let("word", bits(scaled, "int32"));
  const e = k.let("e", shr(sub(word, sqrtHalf), shift));
  const m = k.type === "float32" ? bits(sub(word, shl(e, shift)), k.type) : mul(scaled, fromExponent(k, sub(bias, e)));
  return { m: k.let("m", m), n: k.let("n", cast(correction === 0 ? e : add(e, correction), k.type)) };
}

const SIGN = -(2 ** 31);
/** The sign bit of x (for float64 of its high word), as an int32 with all other bits 0. */
export const signBit = (x: Expr): Expr => and(bits(x, "int32"), SIGN);

/** `magnitude` with its sign changed where `sign` (an int32, only bit 31 set or none) says so. */
export function flipSign(k: Builder, magnitude: Expr, sign: Expr): Expr {
  if (k.type === "float32") return bits(xor(bits(magnitude, "int32"), sign), k.type);
  // The low word would be lost, so multiply by ±1, which can be made from its high word.
  return mul(magnitude, bits(or(sign, 0x3ff00000), k.type));
}
