import { getOrMake } from "../core/collections.ts";
import { type DType, isFloat, rangeOf, roundTo } from "../core/dtype.ts";
import { CompileError } from "../core/errors.ts";
import type { MathRecipe } from "./math/define.ts";
import { applyBinary, applyUnary, convert, reinterpret } from "./scalar.ts";
import type { Buffer } from "./statement.ts";

/**
 * Scalar expressions of LoopIR.
 *
 * They are interned by the constructors below, which also simplify, so that within one kernel `a === b` means
 * "the same expression". Integer rules are exact because every integer expression carries the interval of values
 * it can take; floating-point expressions are never rearranged, since LoopIR fixes the order of every operation.
 *
 * Meaning of the operators, on every backend:
 * - `float32` results are rounded to float32 after each operation; integers wrap at 32 bits;
 * - integer `div` truncates, `rem` takes the sign of the dividend, and a zero divisor gives 0;
 * - `min`/`max` are IEEE 754-2019 minimum/maximum: NaN propagates and -0 < +0;
 * - `shr` is arithmetic on int32 and logical on uint32; shift counts are taken modulo 32;
 * - casts from float to integer truncate and saturate, NaN becomes 0; a cast to bool is `x != 0`;
 * - `select` evaluates only the branch it needs, so a guarded load may be out of bounds when not taken.
 */
export type Expr = ConstExpr | VarExpr | LoadExpr | UnaryExpr | BinaryExpr | SelectExpr | CastExpr | CallExpr;

interface Typed {
  readonly id: number;
  readonly type: DType;
  /** For integers and bool: bounds of the value, inclusive. For floats -Infinity and Infinity. */
  readonly min: number;
  readonly max: number;
}
export interface ConstExpr extends Typed {
  readonly kind: "const";
  readonly value: number;
}
/** A loop index, a `let`, or an accumulator. */
export interface VarExpr extends Typed {
  readonly kind: "var";
  readonly name: string;
}
export interface LoadExpr extends Typed {
  readonly kind: "load";
  readonly buffer: Buffer;
  readonly at: Expr;
}
export interface UnaryExpr extends Typed {
  readonly kind: "unary";
  readonly op: UnaryOp;
  readonly x: Expr;
}
export interface BinaryExpr extends Typed {
  readonly kind: "binary";
  readonly op: BinaryOp;
  readonly x: Expr;
  readonly y: Expr;
}
export interface SelectExpr extends Typed {
  readonly kind: "select";
  readonly test: Expr;
  readonly yes: Expr;
  readonly no: Expr;
}
/** `bits: true` reinterprets (see `reinterpret`), otherwise the value is converted. */
export interface CastExpr extends Typed {
  readonly kind: "cast";
  readonly x: Expr;
  readonly bits: boolean;
}
/** A function of the library's own (exp, log, …), defined as LoopIR in `kernel/math`. */
export interface CallExpr extends Typed {
  readonly kind: "call";
  readonly fn: MathRecipe;
  readonly args: readonly Expr[];
}

export type UnaryOp = "neg" | "abs" | "sqrt" | "floor" | "ceil" | "trunc" | "nearest" | "not";
export type ArithmeticOp = "add" | "sub" | "mul" | "div" | "rem" | "min" | "max";
export type BitOp = "and" | "or" | "xor" | "shl" | "shr";
export type CompareOp = "lt" | "le" | "eq" | "ne";
export type BinaryOp = ArithmeticOp | BitOp | CompareOp;

const COMPARE: ReadonlySet<string> = new Set<CompareOp>(["lt", "le", "eq", "ne"]);
export const isCompare = (op: BinaryOp): op is CompareOp => COMPARE.has(op);

// ── interning ────────────────────────────────────────────────────────────────────────────────────────────────────

let table = new Map<string, Expr>();
let nextId = 0;
const nextNumber = (): number => nextId++;

/**
 * Runs `build` with an empty intern table and drops the table afterwards, so that compiling many kernels does not
 * hold every expression ever made. Expressions stay valid; only `===` is confined to one such region.
 */
export function withFreshExpressions<T>(build: () => T): T {
  const outer = table;
  table = new Map();
  try {
    return build();
  } finally {
    table = outer;
  }
}

/*
 * Constructors look their key up first and build the object only if there is none: a first compilation runs this in
 * V8's interpreter, where closures and copies of objects are what costs.
 */
function intern<E extends Expr>(key: string, expr: E): E {
  table.set(key, expr);
  return expr;
}

// ── leaves ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A constant, rounded to its dtype. */
export function constant(value: number, type: DType): Expr {
  const rounded = roundTo(type, value);
  const key = `c${type}:${Object.is(rounded, -0) ? "-0" : rounded}`;
  const known = table.get(key);
  if (known) return known;
  const float = isFloat(type);
  const min = float ? Number.NEGATIVE_INFINITY : rounded;
  const max = float ? Number.POSITIVE_INFINITY : rounded;
  return intern(key, { id: nextId++, kind: "const", type, value: rounded, min, max });
}
/** An int32 constant: the type of every index. */
export const int = (value: number): Expr => constant(value, "int32");
export const truth = (value: boolean): Expr => constant(value ? 1 : 0, "bool");

/** A variable; `range` narrows what an index can be. */
export function variable(name: string, type: DType, range = rangeOf(type)): VarExpr {
  const key = `v${type}:${name}:${range.min}:${range.max}`;
  const known = table.get(key) as VarExpr | undefined; // keys of variables begin with v
  return known ?? intern(key, { id: nextId++, kind: "var", type, name, min: range.min, max: range.max });
}
/** A loop index that runs over `0 … extent - 1`. */
export const indexVariable = (name: string, extent: number | Expr): VarExpr =>
  variable(name, "int32", { min: 0, max: Math.max(0, (typeof extent === "number" ? extent : extent.max) - 1) });

const bufferIds = new WeakMap<Buffer, number>(); // two buffers may have one name
export function load(buffer: Buffer, at: Expr): Expr {
  const key = `l${getOrMake(bufferIds, buffer, nextNumber)}:${at.id}`;
  const known = table.get(key);
  if (known) return known;
  const { min, max } = rangeOf(buffer.dtype);
  return intern(key, { id: nextId++, kind: "load", type: buffer.dtype, buffer, at, min, max });
}

export const isConst = (expr: Expr, value: number): boolean => expr.kind === "const" && Object.is(expr.value, value);

// ── constructors ─────────────────────────────────────────────────────────────────────────────────────────────────

export function unary(op: UnaryOp, x: Expr): Expr {
  if (x.kind === "const") return constant(applyUnary(op, x.type, x.value), x.type);
  if (op === "not" && x.type === "bool" && x.kind === "unary" && x.op === "not") return x.x;
  const key = `u${op}:${x.id}`;
  const known = table.get(key);
  if (known) return known;
  const { min, max } = rangeOf(x.type);
  return intern(key, { id: nextId++, kind: "unary", type: x.type, op, x, min, max });
}

/** Interval of an integer operation; the whole dtype where it could wrap. */
function integerRange(op: BinaryOp, type: DType, x: Expr, y: Expr): Range {
  const all = rangeOf(type);
  switch (op) {
    case "add":
    case "sub":
    case "mul":
      return within({ min: exactLeast(op, x, y), max: exactMost(op, x, y) }, all);
    case "div":
      if (x.min < 0 || y.min <= 0) return all;
      return within({ min: Math.floor(x.min / y.max), max: Math.floor(x.max / y.min) }, all);
    case "rem":
      return x.min >= 0 && y.min > 0 ? within({ min: 0, max: Math.min(x.max, y.max - 1) }, all) : all;
    case "min":
      return { min: Math.min(x.min, y.min), max: Math.min(x.max, y.max) };
    case "max":
      return { min: Math.max(x.min, y.min), max: Math.max(x.max, y.max) };
    case "and":
      return y.min >= 0 ? { min: 0, max: y.max } : x.min >= 0 ? { min: 0, max: x.max } : all;
    default:
      return all;
  }
}

type Range = Readonly<{ min: number; max: number }>;
const within = (range: Range, all: Range): Range => (range.min >= all.min && range.max <= all.max ? range : all);

/** Smallest and largest sum, difference or product of whole numbers. */
function exactLeast(op: BinaryOp, x: Expr, y: Expr): number {
  if (op === "add") return x.min + y.min;
  if (op === "sub") return x.min - y.max;
  return Math.min(x.min * y.min, x.min * y.max, x.max * y.min, x.max * y.max);
}
function exactMost(op: BinaryOp, x: Expr, y: Expr): number {
  if (op === "add") return x.max + y.max;
  if (op === "sub") return x.max - y.min;
  return Math.max(x.min * y.min, x.min * y.max, x.max * y.min, x.max * y.max);
}

export function binary(op: BinaryOp, x: Expr, y: Expr): Expr {
  if (x.type !== y.type) {
    throw new CompileError({ what: `LoopIR ${op}: operand types differ, ${x.type} against ${y.type}` });
  }
  const type: DType = isCompare(op) ? "bool" : x.type;
  if (x.kind === "const" && y.kind === "const") {
    return constant(applyBinary(op, x.type, x.value, y.value), type);
  }
  const key = `b${op}:${x.id}:${y.id}`;
  const known = table.get(key); // what can be simplified is never entered
  if (known) return known;
  const simpler = isFloat(x.type) ? simplifyFloat(op, x, y) : simplifyInteger(op, x, y);
  if (simpler) return simpler;
  const { min, max } = isFloat(type) || isCompare(op) ? rangeOf(type) : integerRange(op, type, x, y);
  return intern(key, { id: nextId++, kind: "binary", type, op, x, y, min, max });
}

/** Only what is exact for every value, NaN and -0 included. */
function simplifyFloat(op: BinaryOp, x: Expr, y: Expr): Expr | null {
  if (op === "mul" && isConst(y, 1)) return x;
  if (op === "mul" && isConst(x, 1)) return y;
  if (op === "div" && isConst(y, 1)) return x;
  if (op === "sub" && isConst(y, 0)) return x;
  if ((op === "min" || op === "max") && x === y) return x;
  return null;
}

/** True if the operation can not wrap, so that the algebra of whole numbers applies. */
export const exactInteger = (op: BinaryOp, x: Expr, y: Expr): boolean => {
  const all = rangeOf(x.type);
  return exactLeast(op, x, y) >= all.min && exactMost(op, x, y) <= all.max;
};

function simplifyInteger(op: BinaryOp, x: Expr, y: Expr): Expr | null {
  switch (op) {
    case "add":
      if (isConst(x, 0)) return y;
      if (isConst(y, 0)) return x;
      if (x.kind === "const") return binary("add", y, x); // constants to the right
      if (y.kind === "const" && x.kind === "binary" && x.op === "add" && x.y.kind === "const") {
        return binary("add", x.x, binary("add", x.y, y)); // (a + 1) + 2 → a + 3; exact even when wrapping
      }
      return null;
    case "sub":
      if (isConst(y, 0)) return x;
      if (x === y) return constant(0, x.type);
      if (y.kind === "const" && x.type === "int32" && y.value > -(2 ** 31)) return binary("add", x, int(-y.value));
      return null;
    case "mul":
      if (isConst(x, 1)) return y;
      if (isConst(y, 1)) return x;
      if (isConst(x, 0) || isConst(y, 0)) return constant(0, x.type);
      if (x.kind === "const") return binary("mul", y, x);
      if (y.kind === "const" && x.kind === "binary" && x.op === "mul" && x.y.kind === "const") {
        return binary("mul", x.x, binary("mul", x.y, y));
      }
      return null;
    case "div":
      return simplifyDivision(x, y);
    case "rem":
      return simplifyRemainder(x, y);
    case "min":
      return x.max <= y.min || x === y ? x : y.max <= x.min ? y : null;
    case "max":
      return x.min >= y.max || x === y ? x : y.min >= x.max ? y : null;
    case "lt":
      return x.max < y.min ? truth(true) : x.min >= y.max || x === y ? truth(false) : null;
    case "le":
      return x.max <= y.min || x === y ? truth(true) : x.min > y.max ? truth(false) : null;
    case "eq":
      return x === y ? truth(true) : x.max < y.min || y.max < x.min ? truth(false) : null;
    case "ne":
      return x === y ? truth(false) : x.max < y.min || y.max < x.min ? truth(true) : null;
    case "and":
      if (x === y) return x;
      if (x.type === "bool") {
        if (isConst(x, 1)) return y;
        if (isConst(y, 1)) return x;
        if (isConst(x, 0) || isConst(y, 0)) return truth(false);
      }
      return null;
    case "or":
      if (x === y) return x;
      if (x.type === "bool") {
        if (isConst(x, 0)) return y;
        if (isConst(y, 0)) return x;
        if (isConst(x, 1) || isConst(y, 1)) return truth(true);
      }
      return null;
    default:
      return null;
  }
}

/** Splits `a*6 + b` into the part that `by` divides and the rest, for a sum that can not wrap. */
function splitMultiple(x: Expr, by: number): { readonly quotient: Expr; readonly rest: Expr } | null {
  if (x.kind !== "binary") return null;
  if (x.op === "mul" && x.y.kind === "const" && x.y.value % by === 0 && exactInteger("mul", x.x, x.y)) {
    return { quotient: binary("mul", x.x, constant(x.y.value / by, x.type)), rest: constant(0, x.type) };
  }
  if (x.op !== "add" || !exactInteger("add", x.x, x.y)) return null;
  const left = splitMultiple(x.x, by);
  const right = splitMultiple(x.y, by);
  if (left && right) {
    return { quotient: binary("add", left.quotient, right.quotient), rest: binary("add", left.rest, right.rest) };
  }
  if (left) return { quotient: left.quotient, rest: binary("add", left.rest, x.y) };
  if (right) return { quotient: right.quotient, rest: binary("add", x.x, right.rest) };
  return null;
}

function simplifyDivision(x: Expr, y: Expr): Expr | null {
  if (isConst(y, 1)) return x;
  if (y.kind !== "const" || y.value <= 0 || x.min < 0) return null;
  if (x.max < y.value) return constant(0, x.type);
  const split = splitMultiple(x, y.value);
  if (split && split.rest.min >= 0 && split.quotient.min >= 0) {
    return binary("add", split.quotient, binary("div", split.rest, y));
  }
  if (x.kind === "binary" && x.op === "div" && x.y.kind === "const" && x.y.value * y.value < 2 ** 31) {
    return binary("div", x.x, constant(x.y.value * y.value, x.type)); // (a / 2) / 3 → a / 6 for a ≥ 0
  }
  return null;
}

function simplifyRemainder(x: Expr, y: Expr): Expr | null {
  if (isConst(y, 1)) return constant(0, x.type);
  if (y.kind !== "const" || y.value <= 0 || x.min < 0) return null;
  if (x.max < y.value) return x;
  const split = splitMultiple(x, y.value);
  if (split && split.rest.min >= 0 && split.quotient.min >= 0) return binary("rem", split.rest, y);
  return null;
}

export function select(test: Expr, yes: Expr, no: Expr): Expr {
  if (yes.type !== no.type) {
    throw new CompileError({ what: `LoopIR select: branch types differ, ${yes.type} against ${no.type}` });
  }
  if (test.kind === "const") return test.value ? yes : no;
  if (yes === no) return yes;
  const key = `s${test.id}:${yes.id}:${no.id}`;
  const known = table.get(key);
  if (known) return known;
  const min = Math.min(yes.min, no.min);
  const max = Math.max(yes.max, no.max);
  return intern(key, { id: nextId++, kind: "select", type: yes.type, test, yes, no, min, max });
}

/** Converts a value to `type`. */
export function cast(x: Expr, type: DType): Expr {
  if (x.type === type) return x;
  if (x.kind === "const") return constant(convert(x.value, x.type, type), type);
  const key = `t${type}:${x.id}`;
  const known = table.get(key);
  if (known) return known;
  const { min, max } = isFloat(x.type) || isFloat(type) ? rangeOf(type) : within(x, rangeOf(type));
  return intern(key, { id: nextId++, kind: "cast", type, x, bits: false, min, max });
}

/** Reinterprets bits; for float64 the high word. */
export function bitcast(x: Expr, type: DType): Expr {
  if (x.type === type) return x;
  if (x.kind === "const") return constant(reinterpret(x.value, x.type, type), type);
  const key = `i${type}:${x.id}`;
  const known = table.get(key);
  if (known) return known;
  const { min, max } = rangeOf(type);
  return intern(key, { id: nextId++, kind: "cast", type, x, bits: true, min, max });
}

/** Calls a function of `kernel/math`; its result has the type of its arguments. */
export function call(fn: MathRecipe, ...args: Expr[]): Expr {
  const type = args[0]!.type;
  const key = `f${fn.name}:${args.map((arg) => arg.id).join()}`;
  const known = table.get(key);
  if (known) return known;
  const { min, max } = rangeOf(type);
  return intern(key, { id: nextId++, kind: "call", type, fn, args, min, max });
}

export const add = (x: Expr, y: Expr): Expr => binary("add", x, y);
export const sub = (x: Expr, y: Expr): Expr => binary("sub", x, y);
export const mul = (x: Expr, y: Expr): Expr => binary("mul", x, y);
export const div = (x: Expr, y: Expr): Expr => binary("div", x, y);
export const rem = (x: Expr, y: Expr): Expr => binary("rem", x, y);
export const lt = (x: Expr, y: Expr): Expr => binary("lt", x, y);
export const le = (x: Expr, y: Expr): Expr => binary("le", x, y);
export const eq = (x: Expr, y: Expr): Expr => binary("eq", x, y);
export const and = (x: Expr, y: Expr): Expr => binary("and", x, y);

const NONE: readonly Expr[] = [];

/** Direct subexpressions. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "const":
    case "var":
      return NONE;
    case "load":
      return [expr.at];
    case "unary":
    case "cast":
      return [expr.x];
    case "binary":
      return [expr.x, expr.y];
    case "select":
      return [expr.test, expr.yes, expr.no];
    case "call":
      return expr.args;
  }
}

/** Rebuilds an expression with `replace` applied to its children; the same object if nothing changed. */
export function mapChildren(expr: Expr, replace: (child: Expr) => Expr): Expr {
  switch (expr.kind) {
    case "const":
    case "var":
      return expr;
    case "load": {
      const at = replace(expr.at);
      return at === expr.at ? expr : load(expr.buffer, at);
    }
    case "unary": {
      const x = replace(expr.x);
      return x === expr.x ? expr : unary(expr.op, x);
    }
    case "cast": {
      const x = replace(expr.x);
      if (x === expr.x) return expr;
      return expr.bits ? bitcast(x, expr.type) : cast(x, expr.type);
    }
    case "binary": {
      const x = replace(expr.x);
      const y = replace(expr.y);
      return x === expr.x && y === expr.y ? expr : binary(expr.op, x, y);
    }
    case "select": {
      const test = replace(expr.test);
      const yes = replace(expr.yes);
      const no = replace(expr.no);
      return test === expr.test && yes === expr.yes && no === expr.no ? expr : select(test, yes, no);
    }
    case "call": {
      const args = expr.args.map((arg) => replace(arg));
      return args.every((arg, i) => arg === expr.args[i]) ? expr : call(expr.fn, ...args);
    }
  }
}
