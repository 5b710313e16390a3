import { getOrMake } from "../../core/collections.ts";
import type { DType } from "../../core/dtype.ts";
import { CompileError } from "../../core/errors.ts";
import type { Expr, VarExpr } from "../expr.ts";
import * as ir from "../expr.ts";
import type { Stmt } from "../statement.ts";

export type FloatType = "float32" | "float64";

/** A scalar function of the library's own, written once as LoopIR and used by every backend. */
export interface MathFunction {
  readonly name: string;
  /** Type of the parameters and of the result. */
  readonly type: FloatType;
  /** Formula, source and error bound in ulp. */
  readonly doc: string;
  readonly params: readonly VarExpr[];
  /** `let`, `set` and `if` statements only; no loops, no memory. */
  readonly body: readonly Stmt[];
  readonly result: Expr;
}

/** How a function is made, for both types; nothing is built until somebody calls it. */
export interface MathRecipe {
  readonly name: string;
  readonly params: readonly string[];
  /** Formula and source. */
  readonly doc: string;
  /** Worst error measured, in units of the last place of the exact result (see test/oracles/math). */
  readonly ulp: { readonly [T in FloatType]: number };
  readonly build: (k: Builder, x: Expr, y?: Expr) => Expr;
}

/** Coefficients for each type. */
export type PerType<T> = { readonly [F in FloatType]: T };

/** Collects the `let`s of a function under construction. */
export class Builder {
  readonly type: FloatType;
  readonly body: Stmt[];
  private readonly used: Map<string, number>;

  constructor(type: FloatType, body: Stmt[], used: Map<string, number>) {
    this.type = type;
    this.body = body;
    this.used = used;
  }

  /** The same function under construction, for pieces of it that compute in another type. */
  as(type: FloatType): Builder {
    return new Builder(type, this.body, this.used);
  }

  /**
   * Names a value, so that using it twice computes it once: backends print expressions as trees. Pieces that are used
   * twice in one function get numbered names.
   */
  let(name: string, value: Expr): Expr {
    if (value.kind === "const" || value.kind === "var") return value;
    const count = (this.used.get(name) ?? 0) + 1;
    this.used.set(name, count);
    const variable = ir.variable(count === 1 ? name : `${name}${count}`, value.type, value);
    this.body.push({ kind: "let", variable, value, mutable: false });
    return variable;
  }

  /** The entry of a table for the type under construction. */
  pick<T>(table: PerType<T>): T {
    return table[this.type];
  }
}

const built = new WeakMap<MathRecipe, Map<DType, MathFunction>>();

/** The LoopIR of a recipe, built once for each type. Throws CompileError for a type that is no float. */
export function mathFunctionOf(recipe: MathRecipe, type: DType): MathFunction {
  if (type !== "float32" && type !== "float64") {
    throw new CompileError({ what: `LoopIR call: no function ${recipe.name} for ${type}` });
  }
  const types = getOrMake(built, recipe, () => new Map<DType, MathFunction>());
  return getOrMake(types, type, () => buildMathFunction(recipe, type));
}

/** Builds the LoopIR of a recipe. */
function buildMathFunction(recipe: MathRecipe, type: FloatType): MathFunction {
  return ir.withFreshExpressions(() => {
    const k = new Builder(type, [], new Map(recipe.params.map((name) => [name, 1])));
    const params = recipe.params.map((name) => ir.variable(name, type));
    const result = recipe.build(k, params[0]!, params[1]);
    const doc = `${recipe.doc} Worst error measured: ${recipe.ulp[type]} ulp.`.trimStart(); // published: no doc
    return { name: recipe.name, type, doc, params, body: k.body, result };
  });
}

// ── operators that take bare numbers, which get the type of the other operand ─────────────────────────────────────

export type Operand = Expr | number;
type Operator = (x: Operand, y: Operand) => Expr;

function lift(op: ir.BinaryOp): Operator {
  return (x, y) => {
    if (typeof x === "number")
      return typeof y === "number" ? bothNumbers(op) : ir.binary(op, ir.constant(x, y.type), y);
    return ir.binary(op, x, typeof y === "number" ? ir.constant(y, x.type) : y);
  };
}
function bothNumbers(op: string): never {
  throw new TypeError(`${op}: one operand must be an expression`);
}

export const add = lift("add");
export const sub = lift("sub");
export const mul = lift("mul");
export const div = lift("div");
export const and = lift("and");
export const or = lift("or");
export const xor = lift("xor");
export const shl = lift("shl");
export const shr = lift("shr");
export const lt = lift("lt");
export const le = lift("le");
export const eq = lift("eq");
export const ne = lift("ne");
export const abs = (x: Expr): Expr => ir.unary("abs", x);
export const not = (x: Expr): Expr => ir.unary("not", x);
export const neg = (x: Expr): Expr => ir.unary("neg", x);
export const trunc = (x: Expr): Expr => ir.unary("trunc", x);
export const sqrt = (x: Expr): Expr => ir.unary("sqrt", x);
export const bits = (x: Expr, type: DType): Expr => ir.bitcast(x, type);
export const cast = (x: Expr, type: DType): Expr => ir.cast(x, type);

export function select(test: Expr, yes: Operand, no: Operand): Expr {
  const type = typeof yes === "number" ? (no as Expr).type : yes.type;
  const lifted = (x: Operand): Expr => (typeof x === "number" ? ir.constant(x, type) : x);
  return ir.select(test, lifted(yes), lifted(no));
}

/**
 * `x`, but not above `bound`; NaN stays NaN. Not `min`: this form is one instruction on x86 (and WASM's `pmin`),
 * while IEEE minimum takes several.
 */
export function atMost(k: Builder, x: Expr, bound: number): Expr {
  const free = k.let("free", x);
  return select(lt(bound, free), bound, free);
}
/** `x`, but not below `bound`; NaN stays NaN. WASM's `pmax`. */
export function atLeast(k: Builder, x: Expr, bound: number): Expr {
  const free = k.let("free", x);
  return select(lt(free, bound), bound, free);
}
