import type { DType } from "../../core/dtype.ts";
import { type Selection, vectorShape, withTemps } from "./selection.ts";

/**
 * Pieces and memory, pieces and scalars. Addresses need not be aligned; `offset` bytes are added to them. A bool is a
 * byte, 0 or 1, in memory and a mask in a piece.
 */

/** Bytes of a mask's lanes, as bools, in the first four bytes of a piece. */
function maskToBytes(s: Selection): void {
  const fill = Array.from<number>({ length: 12 }).fill(0);
  withTemps(s, ["v128"], (mask) => {
    s.code
      .op("local.tee", mask)
      .op("local.get", mask)
      .op("i8x16.shuffle", 0, 4, 8, 12, ...fill);
  });
  s.code.op("v128.const", 0x01010101, 0, 0, 0).op("v128.and");
}

/** Loads a piece of neighbours. Stack: address. */
export function vectorLoad({ code }: Selection, type: DType, offset: number): void {
  if (type !== "bool") code.op("v128.load", offset);
  else {
    code.op("v128.load32_zero", offset).op("i16x8.extend_low_i8x16_u").op("i32x4.extend_low_i16x8_u");
    code.op("i32x4.neg"); // 1 becomes all ones
  }
}

/** Stores a piece to neighbours. Stack: address, piece. */
export function vectorStore(s: Selection, type: DType, offset: number): void {
  if (type !== "bool") s.code.op("v128.store", offset);
  else {
    maskToBytes(s);
    s.code.op("v128.store32_lane", offset, 0);
  }
}

/** Stores only the first `count` lanes: 1 to 3, of float64 1. Stack: address, piece. */
export function vectorStorePart(s: Selection, type: DType, offset: number, count: number): void {
  const { code } = s;
  if (type === "float64") {
    code.op("v128.store64_lane", offset, 0);
    return;
  }
  const bytes = type === "bool";
  if (bytes) maskToBytes(s);
  const one = bytes ? "v128.store8_lane" : "v128.store32_lane";
  const two = bytes ? "v128.store16_lane" : "v128.store64_lane";
  if (count < 3) {
    code.op(count === 1 ? one : two, offset, 0);
    return;
  }
  withTemps(s, ["i32", "v128"], (address, piece) => {
    code.op("local.set", piece).op("local.tee", address).op("local.get", piece).op(two, offset, 0);
    code
      .op("local.get", address)
      .op("local.get", piece)
      .op(one, offset + (bytes ? 2 : 8), 2);
  });
}

/** Loads one element into all lanes. Stack: address. */
export function splatLoad(s: Selection, type: DType, offset: number): void {
  if (type === "bool") {
    s.code.op("i32.load8_u", offset);
    splat(s, type);
  } else s.code.op(type === "float64" ? "v128.load64_splat" : "v128.load32_splat", offset);
}

/** Loads one element into one lane. Stack: address, piece. */
export function laneLoad(s: Selection, type: DType, offset: number, lane: number): void {
  const { code } = s;
  if (type !== "bool") {
    code.op(type === "float64" ? "v128.load64_lane" : "v128.load32_lane", offset, lane);
    return;
  }
  withTemps(s, ["v128", "i32"], (piece, value) => {
    code.op("local.set", piece).op("i32.load8_u", offset).op("local.set", value);
    code.op("local.get", piece).op("local.get", value);
  });
  replaceLane(s, type, lane);
}

// ── pieces and scalars ───────────────────────────────────────────────────────────────────────────────────────────

/** A scalar in all lanes. */
export function splat({ code }: Selection, type: DType): void {
  code.op(`${vectorShape(type)}.splat`);
  if (type === "bool") code.op("i32x4.neg");
}

/** One lane as a scalar. */
export function extractLane({ code }: Selection, type: DType, lane: number): void {
  code.op(`${vectorShape(type)}.extract_lane`, lane);
  if (type === "bool") code.op("i32.const", 1).op("i32.and");
}

/** Puts a scalar into one lane. Stack: piece, scalar. */
export function replaceLane({ code }: Selection, type: DType, lane: number): void {
  if (type === "bool") code.op("i32.const", -1).op("i32.mul");
  code.op(`${vectorShape(type)}.replace_lane`, lane);
}
