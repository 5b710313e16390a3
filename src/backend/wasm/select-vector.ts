import type { DType } from "../../core/dtype.ts";
import { type BinaryOp, isCompare, type UnaryOp } from "../../kernel/expr.ts";
import { NAN_BITS, scalarBinary } from "./select-scalar.ts";
import { type Half, type Selection, unsupported, vectorShape, withTemps } from "./selection.ts";

/**
 * Pieces: one v128 with four lanes of 32 bits or two of float64. A piece of bool is a mask, each lane all ones or all
 * zeros. What the lanes compute is what `select-scalar.ts` computes for one.
 */

// ── shuffles ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** The 16 byte numbers that pick four words: 0-3 of the first operand, 4-7 of the second. */
const words = (...picked: readonly number[]): number[] =>
  picked.flatMap((word) => [4 * word, 4 * word + 1, 4 * word + 2, 4 * word + 3]);
const LOW_HALVES = words(0, 1, 4, 5);
const HIGH_HALF = words(2, 3, 2, 3);
const EVEN_WORDS = words(0, 2, 4, 6);
const ODD_WORDS = words(1, 3, 5, 7);
/** Each word of the first operand's half behind a word of the second. */
const INTERLEAVED = [words(4, 0, 5, 1), words(4, 2, 5, 3)] as const;

/** Brings the wanted half of a piece to the front. */
function toFront(s: Selection, half: Half): void {
  if (half === 0) return;
  withTemps(s, ["v128"], (x) =>
    s.code
      .op("local.tee", x)
      .op("local.get", x)
      .op("i8x16.shuffle", ...HIGH_HALF),
  );
}

/** Applies to each of two float64 pieces what turns it into two lanes in front; joins those to one piece. */
function joinHalves(s: Selection, narrow: "f32x4.demote_f64x2_zero" | `i32x4.trunc_sat_f64x2_${"s" | "u"}_zero`): void {
  withTemps(s, ["v128"], (high) => {
    s.code
      .op("local.set", high)
      .op(narrow)
      .op("local.get", high)
      .op(narrow)
      .op("i8x16.shuffle", ...LOW_HALVES);
  });
}

// ── constants and operations ─────────────────────────────────────────────────────────────────────────────────────

const scratch = new DataView(new ArrayBuffer(8));
/** The 32-bit words of a value in memory. */
function wordsOf(value: number, type: DType): number[] {
  if (type === "float64") {
    scratch.setFloat64(0, value, true);
    return [scratch.getInt32(0, true), scratch.getInt32(4, true)];
  }
  if (type === "float32") scratch.setFloat32(0, value, true);
  else scratch.setInt32(0, type === "bool" ? -value : value, true);
  return [scratch.getInt32(0, true)];
}

export function vectorConst({ code }: Selection, value: number, type: DType): void {
  const one = wordsOf(value, type);
  code.op("v128.const", ...one, ...one, ...(one.length === 1 ? [...one, ...one] : []));
}

export function vectorUnary({ code }: Selection, op: UnaryOp, type: DType): void {
  const shape = vectorShape(type);
  if (op === "not") {
    if (shape !== "i32x4") throw unsupported(op, type);
    code.op("v128.not");
  } else if (shape !== "i32x4") code.op(`${shape}.${op}`);
  else if (op === "neg") code.op("i32x4.neg");
  else if (op === "abs") {
    if (type === "int32") code.op("i32x4.abs");
  } else if (op === "sqrt") throw unsupported(op, type);
  // Else a rounding, and a whole number rounds to itself.
}

/** Why an operation has no vector instruction, so that `vectorBinary` does it lane by lane; null if it has one. */
export function laneByLane(op: BinaryOp, type: DType): string | null {
  if (op === "rem") return "WebAssembly has no vector remainder";
  if (op === "div" && vectorShape(type) === "i32x4") return "WebAssembly has no vector division of integers";
  if (op === "shl" || op === "shr") return "WebAssembly shifts all lanes by one count (see vectorShift)";
  return null;
}

/**
 * `type` is the type of the operands. A comparison gives a mask with lanes as wide as theirs: those of float64 are to be
 * joined with `joinMasks`.
 */
export function vectorBinary(s: Selection, op: BinaryOp, type: DType): void {
  const { code } = s;
  const shape = vectorShape(type);
  switch (op) {
    case "rem":
    case "shl":
    case "shr":
      eachLane(s, op, type);
      return;
    case "div":
      if (shape === "i32x4") eachLane(s, op, type);
      else code.op(`${shape}.div`);
      return;
    case "and":
    case "or":
    case "xor":
      if (shape !== "i32x4") throw unsupported(op, type);
      code.op(`v128.${op}`);
      return;
    case "lt":
    case "le":
    case "min":
    case "max":
      if (shape !== "i32x4") code.op(`${shape}.${op}`);
      else if (type === "bool" && !isCompare(op)) code.op(op === "min" ? "v128.and" : "v128.or");
      // As unsigned numbers masks compare like the 0 and 1 they stand for.
      else code.op(`i32x4.${op}_${type === "int32" ? "s" : "u"}`);
      return;
    default:
      code.op(`${shape}.${op}`);
  }
}

function eachLane(s: Selection, op: BinaryOp, type: DType): void {
  const { code } = s;
  const shape = vectorShape(type);
  withTemps(s, ["v128", "v128"], (x, y) => {
    code.op("local.set", y).op("local.set", x);
    for (let lane = 0; lane < (shape === "f64x2" ? 2 : 4); lane++) {
      code.op("local.get", x).op(`${shape}.extract_lane`, lane).op("local.get", y).op(`${shape}.extract_lane`, lane);
      scalarBinary(s, op, type);
      if (lane === 0) code.op(`${shape}.splat`);
      else code.op(`${shape}.replace_lane`, lane);
    }
  });
}

/** A piece and one shift count for all its lanes, an int32 scalar, are on the stack. */
export function vectorShift({ code }: Selection, op: "shl" | "shr", type: DType): void {
  if (op === "shl") code.op("i32x4.shl");
  else code.op(type === "int32" ? "i32x4.shr_s" : "i32x4.shr_u");
}

// ── masks ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The masks of two float64 pieces become one of four lanes. */
export function joinMasks({ code }: Selection): void {
  code.op("i8x16.shuffle", ...EVEN_WORDS);
}

/** The part of a mask that belongs to a float64 piece, its lanes as wide as those. */
export function splitMask({ code }: Selection, half: Half): void {
  code.op(half === 0 ? "i64x2.extend_low_i32x4_s" : "i64x2.extend_high_i32x4_s");
}

/** Stack: the piece where the mask is set, the piece where it is not, the mask. */
export function vectorSelect({ code }: Selection): void {
  code.op("v128.bitselect");
}

// ── conversions ──────────────────────────────────────────────────────────────────────────────────────────────────

/** Two lanes of a float32 piece as a float64 piece. */
export function promote(s: Selection, half: Half): void {
  toFront(s, half);
  s.code.op("f64x2.promote_low_f32x4");
}

/** Two float64 pieces as one of float32. */
export function demote(s: Selection): void {
  joinHalves(s, "f32x4.demote_f64x2_zero");
}

/** Between types whose pieces have four lanes. */
export function vectorCast(s: Selection, from: DType, to: DType): void {
  const { code } = s;
  if (from === to) return;
  const [source, target] = [vectorShape(from), vectorShape(to)];
  if (source === "f64x2" || target === "f64x2") throw unsupported(`vector cast to ${to}`, from);
  if (to === "bool") {
    vectorConst(s, 0, from);
    code.op(`${source}.ne`);
  } else if (from === "bool") {
    if (target === "i32x4") code.op("i32x4.neg");
    else {
      vectorConst(s, 1, to);
      code.op("v128.and");
    }
  } else if (source === "i32x4" && target === "f32x4") {
    code.op(from === "int32" ? "f32x4.convert_i32x4_s" : "f32x4.convert_i32x4_u");
  } else if (source === "f32x4" && target === "i32x4") {
    code.op(to === "int32" ? "i32x4.trunc_sat_f32x4_s" : "i32x4.trunc_sat_f32x4_u");
  }
}

/** Two lanes of an integer or bool piece as a float64 piece. */
export function widenCast(s: Selection, from: DType, half: Half): void {
  if (from === "bool") {
    splitMask(s, half);
    vectorConst(s, 1, "float64");
    s.code.op("v128.and");
    return;
  }
  toFront(s, half);
  s.code.op(from === "int32" ? "f64x2.convert_low_i32x4_s" : "f64x2.convert_low_i32x4_u");
}

/** Two float64 pieces as one of integers or bool. */
export function narrowCast(s: Selection, to: DType): void {
  if (to !== "bool") {
    joinHalves(s, to === "int32" ? "i32x4.trunc_sat_f64x2_s_zero" : "i32x4.trunc_sat_f64x2_u_zero");
    return;
  }
  withTemps(s, ["v128"], (high) => {
    s.code.op("local.set", high);
    vectorConst(s, 0, "float64");
    s.code.op("f64x2.ne").op("local.get", high);
    vectorConst(s, 0, "float64");
    s.code.op("f64x2.ne");
  });
  joinMasks(s);
}

/** Reinterprets the bits of float32 and integer pieces; those of a NaN are the canonical ones. */
export function vectorBits(s: Selection, from: DType, to: DType): void {
  const { code } = s;
  if (vectorShape(from) === "f64x2" || vectorShape(to) === "f64x2") throw unsupported(`vector bits as ${to}`, from);
  if (from !== "float32" || to === "float32") return;
  withTemps(s, ["v128"], (x) => {
    code.op("local.tee", x);
    vectorConst(s, NAN_BITS.float32, "int32");
    code.op("local.get", x).op("local.get", x).op("f32x4.eq").op("v128.bitselect");
  });
}

/** Two float64 pieces become one with their high words; a NaN has the canonical one, or its own if `looseNaN`. */
export function highWords(s: Selection, looseNaN = false): void {
  const { code } = s;
  if (looseNaN) {
    code.op("i8x16.shuffle", ...ODD_WORDS);
    return;
  }
  withTemps(s, ["v128", "v128"], (low, high) => {
    code
      .op("local.set", high)
      .op("local.tee", low)
      .op("local.get", high)
      .op("i8x16.shuffle", ...ODD_WORDS);
    // The high word alone does not tell a NaN from an infinity.
    vectorConst(s, NAN_BITS.float64, "int32");
    for (const x of [low, high]) code.op("local.get", x).op("local.get", x).op("f64x2.eq");
    joinMasks(s);
    code.op("v128.bitselect");
  });
}

/** Two lanes of an integer piece as the high words of a float64 piece, the low words 0. */
export function fromHighWords(s: Selection, half: Half): void {
  vectorConst(s, 0, "int32");
  s.code.op("i8x16.shuffle", ...INTERLEAVED[half]);
}
