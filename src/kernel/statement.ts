import type { DType } from "../core/dtype.ts";
import type { BinaryOp, Expr, VarExpr } from "./expr.ts";
import type { Extent } from "./extent.ts";

/**
 * Statements of LoopIR: what one kernel does, in an order that is fixed.
 *
 * `reduce` is the only structured one: it names a fold and the order of its floating-point operations, so that a
 * backend may vectorise it without changing a bit. `kernel/reduce.ts` turns it into plain loops.
 */
export type Stmt = ForStmt | LetStmt | SetStmt | StoreStmt | IfStmt | WhileStmt | ReduceStmt;

/**
 * `for (index = 0; index < extent; index++)`.
 *
 * `lanes`, `unroll` and `parallel` say how a backend runs the loop; what it computes is the same without them.
 */
export interface ForStmt {
  readonly kind: "for";
  readonly index: VarExpr;
  readonly extent: Expr;
  readonly body: readonly Stmt[];
  /**
   * A vector loop: all turns run side by side, one a lane, statement by statement. Equal to the extent, which is a
   * constant multiple of 4; no turn reads what another writes. Vector loops do not nest.
   */
  readonly lanes?: number;
  /** Turns written out one after another; divides the constant extent. */
  readonly unroll?: number;
  /**
   * Turns may be shared out among threads. Only the outermost loops of a kernel, and loops that are all there is in such
   * a one; see `kernel/parallel.ts`.
   */
  readonly parallel?: boolean;
}
/** Introduces `variable`; `mutable` ones may be `set` later. Visible to the end of the enclosing block. */
export interface LetStmt {
  readonly kind: "let";
  readonly variable: VarExpr;
  readonly value: Expr;
  readonly mutable: boolean;
}
export interface SetStmt {
  readonly kind: "set";
  readonly variable: VarExpr;
  readonly value: Expr;
}
export interface StoreStmt {
  readonly kind: "store";
  readonly buffer: Buffer;
  readonly at: Expr;
  readonly value: Expr;
}
export interface IfStmt {
  readonly kind: "if";
  readonly test: Expr;
  readonly body: readonly Stmt[];
}
export interface WhileStmt {
  readonly kind: "while";
  readonly test: Expr;
  readonly body: readonly Stmt[];
}
export type ReduceOp = Extract<BinaryOp, "add" | "mul" | "max" | "min" | "or" | "and">;
/**
 * `variable = fold of value over all loops`, visible to the end of the enclosing block. For each index tuple, in
 * row-major order, `body` runs and then `value` is folded in.
 *
 * - `serial`: increasing order; long folds in fixed chunks whose partial results are added in order;
 * - `interleaved`: element i goes to partial i mod 32, and the partials are added pairwise (16, 8, 4, 2, 1 apart);
 *   long folds again in fixed chunks.
 * The order therefore depends on the extents alone.
 */
export interface ReduceStmt {
  readonly kind: "reduce";
  readonly variable: VarExpr;
  readonly op: ReduceOp;
  readonly order: "serial" | "interleaved";
  readonly loops: readonly { readonly index: VarExpr; readonly extent: Extent }[];
  readonly body: readonly Stmt[];
  readonly value: Expr;
}

/** An array a kernel reads or writes; `scratch` is private to one execution of the kernel. */
export interface Buffer {
  readonly name: string;
  readonly dtype: DType;
  readonly size: number;
  readonly role: "in" | "out" | "scratch";
}

/** One loop nest with its arrays as parameters: a compiled kernel serves every plan with the same structure. */
export interface Kernel {
  /** Readable: `matmul_add_relu`. */
  readonly name: string;
  /** In parameter order: outputs, inputs, scratch. */
  readonly buffers: readonly Buffer[];
  readonly body: readonly Stmt[];
}

const NONE: readonly Stmt[] = [];

/** Statements directly inside a statement. */
export function bodyOf(statement: Stmt): readonly Stmt[] {
  switch (statement.kind) {
    case "for":
    case "if":
    case "while":
    case "reduce":
      return statement.body;
    default:
      return NONE;
  }
}

/** Expressions directly inside a statement (not those of its body). */
export function expressionsOf(statement: Stmt): readonly Expr[] {
  switch (statement.kind) {
    case "for":
      return [statement.extent];
    case "let":
    case "set":
      return [statement.value];
    case "reduce": {
      const open = statement.loops.flatMap(({ extent }) => (typeof extent === "number" ? [] : [extent]));
      return open.length === 0 ? [statement.value] : [...open, statement.value];
    }
    case "store":
      return [statement.at, statement.value];
    case "if":
    case "while":
      return [statement.test];
  }
}

/** Visits every statement, outer before inner. Nesting is bounded by loop depth, so recursion is safe. */
export function walkStatements(body: readonly Stmt[], visit: (statement: Stmt) => void): void {
  for (let i = 0; i < body.length; i++) {
    visit(body[i]!);
    walkStatements(bodyOf(body[i]!), visit);
  }
}
