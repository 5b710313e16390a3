import * as w from "../../src/backend/wasm/select.ts";
import { byteSize, DTYPES, type DType, isFloat, isInteger, isNumeric } from "../../src/core/dtype.ts";
import { type BinaryOp, isCompare, type UnaryOp } from "../../src/kernel/expr.ts";
import { address, type Scratch } from "./wasm-selection.ts";

/**
 * One snippet for each operation and dtype, `scalar …` for one element and `vector …` for four, from memory to memory.
 */

export const UNARY_OPS: readonly UnaryOp[] = ["neg", "abs", "sqrt", "floor", "ceil", "trunc", "nearest", "not"];
export const BINARY_OPS: readonly BinaryOp[] = [
  ...(["add", "sub", "mul", "div", "rem", "min", "max"] as const),
  ...(["and", "or", "xor", "shl", "shr", "lt", "le", "eq", "ne"] as const),
];

/** As the verifier of LoopIR allows them. */
export function unaryTypes(op: UnaryOp): DType[] {
  if (op === "sqrt") return DTYPES.filter(isFloat);
  return DTYPES.filter(op === "not" ? (type) => !isFloat(type) : isNumeric);
}
export function binaryTypes(op: BinaryOp): DType[] {
  if (op === "add" || op === "sub" || op === "mul" || op === "div" || op === "rem") return DTYPES.filter(isNumeric);
  if (op === "and" || op === "or" || op === "xor") return DTYPES.filter((type) => !isFloat(type));
  if (op === "shl" || op === "shr") return DTYPES.filter(isInteger);
  return [...DTYPES];
}

export const piecesOf = (type: DType): number => (type === "float64" ? 2 : 1);

/** Pushes piece `p` of an operand in memory. */
export function loadPiece(s: Scratch, operand: 0 | 1, type: DType, p: number): void {
  address(s, operand);
  w.vectorLoad(s, type, p * 16);
}
/** Stores each piece of the result. */
export function storePieces(s: Scratch, type: DType, push: (p: number) => void): void {
  for (let p = 0; p < piecesOf(type); p++) {
    address(s, 2);
    push(p);
    w.vectorStore(s, type, p * 16);
  }
}

const all: Record<string, (s: Scratch) => void> = {};

function scalarSnippet(name: string, operands: number, from: DType, to: DType, build: (s: Scratch) => void): void {
  all[`scalar ${name}`] = (s) => {
    address(s, 2);
    for (let operand = 0; operand < operands; operand++) {
      address(s, operand as 0 | 1);
      w.scalarLoad(s, from, 0);
    }
    build(s);
    w.scalarStore(s, to, 0);
  };
}

for (const op of UNARY_OPS) {
  for (const type of unaryTypes(op)) {
    scalarSnippet(`${op} ${type}`, 1, type, type, (s) => w.scalarUnary(s, op, type));
    all[`vector ${op} ${type}`] = (s) =>
      storePieces(s, type, (p) => {
        loadPiece(s, 0, type, p);
        w.vectorUnary(s, op, type);
      });
  }
}

for (const op of BINARY_OPS) {
  for (const type of binaryTypes(op)) {
    const to = isCompare(op) ? "bool" : type;
    scalarSnippet(`${op} ${type}`, 2, type, to, (s) => w.scalarBinary(s, op, type));
    all[`vector ${op} ${type}`] = (s) => {
      const one = (p: number): void => {
        loadPiece(s, 0, type, p);
        loadPiece(s, 1, type, p);
        w.vectorBinary(s, op, type);
      };
      storePieces(s, to, (p) => {
        one(p);
        if (isCompare(op) && type === "float64") {
          one(1);
          w.joinMasks(s);
        }
      });
    };
  }
}

/** Pushes piece `p` of a value converted. */
function vectorCast(s: Scratch, from: DType, to: DType, bits: boolean, p: number): void {
  const half = (p & 1) as w.Half;
  if (from === "float64") {
    loadPiece(s, 0, from, 0);
    loadPiece(s, 0, from, 1);
    if (bits) w.highWords(s);
    else if (to === "float32") w.demote(s);
    else w.narrowCast(s, to);
  } else {
    loadPiece(s, 0, from, 0);
    if (to !== "float64") (bits ? w.vectorBits : w.vectorCast)(s, from, to);
    else if (bits) {
      w.vectorBits(s, from, "uint32");
      w.fromHighWords(s, half);
    } else if (from === "float32") w.promote(s, half);
    else w.widenCast(s, from, half);
  }
}

for (const from of DTYPES) {
  for (const to of DTYPES) {
    if (from === to) continue;
    for (const bits of from === "bool" || to === "bool" ? [false] : [false, true]) {
      const name = `${bits ? "bits" : "cast"} ${from} ${to}`;
      scalarSnippet(name, 1, from, to, (s) => w.scalarCast(s, from, to, bits));
      all[`vector ${name}`] = (s) => storePieces(s, to, (p) => vectorCast(s, from, to, bits, p));
    }
  }
}

for (const op of ["shl", "shr"] as const) {
  for (const type of ["int32", "uint32"] as const) {
    all[`shift ${op} ${type}`] = (s) =>
      storePieces(s, type, (p) => {
        loadPiece(s, 0, type, p);
        address(s, 1);
        w.scalarLoad(s, "int32", 0);
        w.vectorShift(s, op, type);
      });
  }
}

/** Lanes of a piece, by type. */
export const widthOf = (type: DType): number => 4 / piecesOf(type);

for (const type of DTYPES) {
  const width = widthOf(type);
  const bytes = byteSize(type);
  for (let count = 1; count < width; count++) {
    all[`part ${type} ${count}`] = (s) => {
      address(s, 2);
      loadPiece(s, 0, type, 0);
      w.vectorStorePart(s, type, 0, count);
    };
  }
  // Masks also as the integers they are, since a bool in memory shows only one bit of each lane.
  for (const to of type === "bool" ? (["bool", "int32"] as const) : [type]) {
    const name = to === type ? type : "mask";
    const snippet = (what: string, build: (s: Scratch) => void): void => {
      all[`${what} ${name}`] = (s) => {
        address(s, 2);
        build(s);
        w.vectorStore(s, to, 0);
      };
    };
    snippet("load", (s) => loadPiece(s, 0, type, 0));
    snippet("splat", (s) => {
      address(s, 0);
      w.scalarLoad(s, type, 3 * bytes);
      w.splat(s, type);
    });
    snippet("splatLoad", (s) => {
      address(s, 0);
      w.splatLoad(s, type, 3 * bytes);
    });
    for (let lane = 0; lane < width; lane++) {
      snippet(`replace ${lane}`, (s) => {
        loadPiece(s, 0, type, 0);
        address(s, 1);
        w.scalarLoad(s, type, 0);
        w.replaceLane(s, type, lane);
      });
      snippet(`laneLoad ${lane}`, (s) => {
        address(s, 1);
        loadPiece(s, 0, type, 0);
        w.laneLoad(s, type, 2 * bytes, lane);
      });
    }
  }
  for (let lane = 0; lane < width; lane++) {
    all[`extract ${type} ${lane}`] = (s) => {
      address(s, 2);
      loadPiece(s, 0, type, 0);
      w.extractLane(s, type, lane);
      w.scalarStore(s, type, 0);
    };
  }
  /** Picks from both operands by a mask in the four bytes in front of the first. */
  all[`select ${type}`] = (s) =>
    storePieces(s, type, (p) => {
      loadPiece(s, 0, type, p);
      loadPiece(s, 1, type, p);
      address(s, 0);
      s.code.op("i32.const", 4).op("i32.sub");
      w.vectorLoad(s, "bool", 0);
      if (type === "float64") w.splitMask(s, p as w.Half);
      w.vectorSelect(s);
    });
}

export const snippets: Readonly<Record<string, (s: Scratch) => void>> = all;
