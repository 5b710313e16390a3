import type { DType } from "../../core/dtype.ts";
import type { BinaryOp, UnaryOp } from "../../kernel/expr.ts";
import { type Selection, scalarShape, unsupported, withTemps } from "./selection.ts";

/**
 * Scalars. A float32 is an f32, a float64 an f64, integers and bool are an i32; a bool is 0 or 1. The meaning of each
 * operation is that of `kernel/scalar.ts`, to the bit.
 */

/** The bits every NaN counts as having, and those of its high word in float64. */
export const NAN_BITS = { float32: 0x7fc00000, float64: 0x7ff80000 };

export function scalarConst(s: Selection, value: number, type: DType): void {
  s.code.op(`${scalarShape(type)}.const`, value);
}

export function scalarUnary(s: Selection, op: UnaryOp, type: DType): void {
  const { code } = s;
  const shape = scalarShape(type);
  if (shape !== "i32") {
    if (op === "not") throw unsupported(op, type);
    code.op(`${shape}.${op}`);
    return;
  }
  switch (op) {
    case "not":
      if (type === "bool") code.op("i32.eqz");
      else code.op("i32.const", -1).op("i32.xor");
      return;
    case "neg":
      code.op("i32.const", -1).op("i32.mul");
      return;
    case "abs":
      if (type === "int32") absolute(s);
      return;
    case "sqrt":
      throw unsupported(op, type);
    default: // A whole number rounds to itself.
      return;
  }
}

/** |x| = (x ^ sign) - sign, where sign is -1 for a negative x and else 0. */
function absolute(s: Selection): void {
  withTemps(s, ["i32", "i32"], (x, sign) => {
    s.code.op("local.tee", x).op("local.get", x).op("i32.const", 31).op("i32.shr_s").op("local.tee", sign);
    s.code.op("i32.xor").op("local.get", sign).op("i32.sub");
  });
}

/** `type` is the type of the operands. A comparison gives a bool. */
export function scalarBinary(s: Selection, op: BinaryOp, type: DType): void {
  const { code } = s;
  const shape = scalarShape(type);
  if (shape === "i32") {
    integerBinary(s, op, type);
    return;
  }
  switch (op) {
    case "rem":
      remainder(s, shape);
      return;
    case "and":
    case "or":
    case "xor":
    case "shl":
    case "shr":
      throw unsupported(op, type);
    default:
      code.op(`${shape}.${op}`);
  }
}

/** The remainder of two float32 is a float32: nothing is lost by computing it in float64. */
function remainder(s: Selection, shape: "f32" | "f64"): void {
  const { code } = s;
  if (shape === "f64") {
    code.op("call", s.remainder);
    return;
  }
  withTemps(s, ["f32"], (y) => {
    code.op("local.set", y).op("f64.promote_f32").op("local.get", y).op("f64.promote_f32");
    code.op("call", s.remainder).op("f32.demote_f64");
  });
}

function integerBinary(s: Selection, op: BinaryOp, type: DType): void {
  const { code } = s;
  const sign = type === "int32" ? "s" : "u";
  switch (op) {
    case "lt":
    case "le":
    case "shr":
      code.op(`i32.${op}_${sign}`);
      return;
    case "div":
    case "rem":
      divide(s, op, sign);
      return;
    case "min":
    case "max":
      withTemps(s, ["i32", "i32"], (x, y) => {
        code.op("local.set", y).op("local.tee", x).op("local.get", y).op("local.get", x).op("local.get", y);
        code.op(`i32.${op === "min" ? "lt" : "gt"}_${sign}`).op("select");
      });
      return;
    default:
      code.op(`i32.${op}`);
  }
}

/** WebAssembly traps where LoopIR gives 0 for a zero divisor, and for -2^31 / -1, which wraps to -2^31. */
function divide(s: Selection, op: "div" | "rem", sign: "s" | "u"): void {
  const { code } = s;
  const divisor = code.lastConstant;
  if (divisor !== null && divisor !== 0 && divisor !== -1) {
    code.op(`i32.${op}_${sign}`);
    return;
  }
  withTemps(s, ["i32", "i32"], (x, y) => {
    code.op("local.set", y).op("local.set", x).op("local.get", y);
    // Both 0 and -1 are left out by one comparison: y + 1, unsigned, is then at most 1.
    if (op === "div" && sign === "s") code.op("i32.const", 1).op("i32.add").op("i32.const", 1).op("i32.gt_u");
    code.if("i32").op("local.get", x).op("local.get", y).op(`i32.${op}_${sign}`).else().op("i32.const", 0);
    // -(x & y) is 0 for y = 0 and -x for y = -1.
    if (op === "div" && sign === "s") code.op("local.get", x).op("local.get", y).op("i32.and").op("i32.sub");
    code.end();
  });
}

// ── conversions ──────────────────────────────────────────────────────────────────────────────────────────────────

/** `bits` reinterprets (see `reinterpret` in `kernel/scalar.ts`), otherwise the value is converted. */
export function scalarCast(s: Selection, from: DType, to: DType, bits: boolean): void {
  if (from === to) return;
  if (bits) scalarBits(s, from, to);
  else convert(s, from, to);
}

function convert({ code }: Selection, from: DType, to: DType): void {
  const source = scalarShape(from);
  const target = scalarShape(to);
  const sign = (type: DType): "s" | "u" => (type === "int32" ? "s" : "u");
  if (to === "bool") code.op(`${source}.const`, 0).op(`${source}.ne`);
  else if (source === "i32") {
    if (target !== "i32") code.op(`${target}.convert_i32_${sign(from)}`);
  } else if (target === "i32") code.op(`i32.trunc_sat_${source}_${sign(to)}`);
  else if (target === "f32") code.op("f32.demote_f64");
  else code.op("f64.promote_f32");
}

function scalarBits(s: Selection, from: DType, to: DType): void {
  const { code } = s;
  if (from === "float32" || from === "float64") {
    const shape = scalarShape(from) as "f32" | "f64";
    withTemps(s, [shape], (x) => {
      code.op("local.tee", x);
      if (shape === "f32") code.op("i32.reinterpret_f32");
      else code.op("i64.reinterpret_f64").op("i64.const", 32).op("i64.shr_u").op("i32.wrap_i64");
      code.op("i32.const", NAN_BITS[from]).op("local.get", x).op("local.get", x).op(`${shape}.eq`).op("select");
    });
  }
  if (to === "float32") code.op("f32.reinterpret_i32");
  if (to === "float64") code.op("i64.extend_i32_u").op("i64.const", 32).op("i64.shl").op("f64.reinterpret_i64");
}

// ── memory ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** The address is on the stack; `offset` bytes are added to it. */
export function scalarLoad({ code }: Selection, type: DType, offset: number): void {
  code.op(type === "bool" ? "i32.load8_u" : `${scalarShape(type)}.load`, offset);
}

/** The address and the value are on the stack. */
export function scalarStore({ code }: Selection, type: DType, offset: number): void {
  code.op(type === "bool" ? "i32.store8" : `${scalarShape(type)}.store`, offset);
}
