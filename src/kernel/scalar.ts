import { type DType, isFloat, isInteger, rangeOf, roundTo } from "../core/dtype.ts";
import type { BinaryOp, UnaryOp } from "./expr.ts";

/** Scalar arithmetic of LoopIR: the one definition, used to fold constants and by the interpreter. */

/** Round to nearest, ties to even. */
export function nearestEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? keepSign(floor, x) : keepSign(floor + 1, x);
  return keepSign(floor % 2 === 0 ? floor : floor + 1, x);
}
const keepSign = (value: number, of: number): number => (value === 0 && (of < 0 || Object.is(of, -0)) ? -0 : value);

export function applyUnary(op: UnaryOp, type: DType, x: number): number {
  switch (op) {
    case "neg":
      return isInteger(type) ? roundTo(type, 0 - x) : -x;
    case "abs":
      return roundTo(type, Math.abs(x));
    case "sqrt":
      return roundTo(type, Math.sqrt(x));
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    case "trunc":
      return Math.trunc(x);
    case "nearest":
      return nearestEven(x);
    case "not":
      return type === "bool" ? 1 - x : roundTo(type, ~x);
  }
}

/** `type` is the type of the operands. */
export function applyBinary(op: BinaryOp, type: DType, x: number, y: number): number {
  switch (op) {
    case "add":
      return roundTo(type, x + y);
    case "sub":
      return roundTo(type, x - y);
    case "mul":
      return isInteger(type) ? roundTo(type, Math.imul(x, y)) : roundTo(type, x * y);
    case "div":
      return isFloat(type) ? roundTo(type, x / y) : y === 0 ? 0 : roundTo(type, Math.trunc(x / y));
    case "rem":
      return isFloat(type) ? roundTo(type, x % y) : y === 0 ? 0 : roundTo(type, x % y);
    case "min":
      return Math.min(x, y);
    case "max":
      return Math.max(x, y);
    case "and":
      return roundTo(type, x & y);
    case "or":
      return roundTo(type, x | y);
    case "xor":
      return roundTo(type, x ^ y);
    case "shl":
      return roundTo(type, x << (y & 31));
    case "shr":
      return type === "uint32" ? x >>> (y & 31) : x >> (y & 31);
    case "lt":
      return x < y ? 1 : 0;
    case "le":
      return x <= y ? 1 : 0;
    case "eq":
      return x === y ? 1 : 0;
    case "ne":
      return x !== y ? 1 : 0;
  }
}

/** Conversion of a value between dtypes, as `cast` defines it. */
export function convert(value: number, from: DType, to: DType): number {
  if (to === "bool") return value !== 0 ? 1 : 0;
  if (isFloat(to)) return roundTo(to, value);
  if (isFloat(from)) {
    const { min, max } = rangeOf(to);
    return Number.isNaN(value) ? 0 : Math.min(max, Math.max(min, Math.trunc(value))) + 0;
  }
  return roundTo(to, value);
}

const bitsBuffer = new DataView(new ArrayBuffer(8));
/**
 * Reinterprets the 32 bits of a float32, int32 or uint32. A float64 stands for its high word (sign, exponent and the
 * 20 leading bits of the fraction): read as an integer it is that word, made from an integer its low word is 0.
 * Since all NaNs count as one, the bits of a NaN are those of the canonical one, 0x7fc00000 (float64: 0x7ff80000).
 */
export function reinterpret(value: number, from: DType, to: DType): number {
  bitsBuffer.setFloat64(0, 0);
  const one = Number.isNaN(value) ? Number.NaN : value;
  if (from === "float32") bitsBuffer.setFloat32(0, one);
  else if (from === "float64") bitsBuffer.setFloat64(0, one);
  else bitsBuffer.setUint32(0, value >>> 0);
  if (to === "float32") return bitsBuffer.getFloat32(0);
  if (to === "float64") {
    bitsBuffer.setUint32(4, 0);
    return bitsBuffer.getFloat64(0);
  }
  return to === "int32" ? bitsBuffer.getInt32(0) : bitsBuffer.getUint32(0);
}
