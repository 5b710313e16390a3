import { getOrMake } from "../core/collections.ts";
import type { DType } from "../core/dtype.ts";
import { elementCount, stridesOf } from "../core/shape.ts";
import type { IndexFunction, KernelBuilder } from "../graph/define.ts";
import type { Expr } from "../kernel/expr.ts";
import * as ir from "../kernel/expr.ts";
import type { ReduceOp, Stmt } from "../kernel/statement.ts";

/** The part of `KernelBuilder` that only makes expressions. */
export abstract class ExpressionBuilder implements KernelBuilder {
  unary = ir.unary;
  binary = ir.binary;
  call = ir.call;
  constant = ir.constant;
  int = ir.int;
  cast = ir.cast;
  bitcast = ir.bitcast;
  select = ir.select;
  abstract when(test: Expr, yes: () => Expr, no: Expr): Expr;
  abstract let(hint: string, value: Expr): Expr;
  abstract reduce(
    op: ReduceOp,
    extents: readonly number[],
    value: (...index: Expr[]) => Expr,
    order?: "serial" | "interleaved",
  ): Expr;
}

/** Row-major number of the element at `index`; axes of size 1 do not matter. */
export function flatten(shape: readonly number[], index: readonly Expr[]): Expr {
  const strides = stridesOf(shape);
  let flat: Expr = ir.int(0);
  index.forEach((i, axis) => {
    if (shape[axis] !== 1) flat = ir.add(flat, ir.mul(i, ir.int(strides[axis]!)));
  });
  return flat;
}

/** Index of the element with a given row-major number. */
export function unflatten(shape: readonly number[], flat: Expr): Expr[] {
  const strides = stridesOf(shape);
  return shape.map((size, axis) => {
    if (size <= 1) return ir.int(0);
    const above = ir.div(flat, ir.int(strides[axis]!));
    // The outermost significant axis needs no remainder: the number is inside the array.
    return elementCount(shape.slice(0, axis)) === 1 ? above : ir.rem(above, ir.int(size));
  });
}

/** Makes an `IndexFunction` out of a value at a canonical index (0 on axes of size 1). */
export function indexFunction(
  shape: readonly number[],
  dtype: DType,
  at: (index: readonly Expr[]) => Expr,
  flat: (element: Expr) => Expr = (element) => at(unflatten(shape, element)),
): IndexFunction {
  const fn = (...index: Expr[]): Expr => at(index.map((i, axis) => (shape[axis] === 1 ? ir.int(0) : i)));
  return Object.assign(fn, { flat, shape, dtype });
}

/** Loop variables an expression uses, looking through nothing but arithmetic and loads. */
export function variablesIn(exprs: readonly Expr[]): ReadonlySet<ir.VarExpr> {
  const found = new Set<ir.VarExpr>();
  const seen = new Set<Expr>();
  const stack = [...exprs];
  for (let expr = stack.pop(); expr; expr = stack.pop()) {
    if (seen.has(expr)) continue;
    seen.add(expr);
    if (expr.kind === "var") found.add(expr);
    else stack.push(...ir.childrenOf(expr));
  }
  return found;
}

/** How often `part` is an operand inside `whole`. */
export function occurrences(whole: Expr, part: Expr): number {
  let count = whole === part ? 1 : 0;
  const seen = new Set<Expr>();
  const stack = [whole];
  for (let expr = stack.pop(); expr; expr = stack.pop()) {
    if (seen.has(expr) || expr === part) continue;
    seen.add(expr);
    for (const child of ir.childrenOf(expr)) {
      if (child === part) count++;
      stack.push(child);
    }
  }
  return count;
}

/** Replaces subexpressions; each is visited once. Depth is bounded by the size of one kernel. */
export function substitute(whole: Expr, names: ReadonlyMap<Expr, Expr>): Expr {
  const done = new Map(names);
  const visit = (expr: Expr): Expr => getOrMake(done, expr, () => ir.mapChildren(expr, visit));
  return visit(whole);
}

/**
 * The same for two reductions that differ in nothing but the names of their loops and of what their bodies name, such
 * as the maximum of a window in `maxPool2d` and in its winners: the second one uses the result of the first. Null for
 * a body that does more than name values.
 */
export function reductionKey(
  op: ReduceOp,
  order: string,
  loops: readonly { readonly index: ir.VarExpr; readonly extent: number }[],
  body: readonly Stmt[],
  term: Expr,
): string | null {
  const names = new Map<Expr, Expr>();
  // No name of a kernel has a question mark in it.
  for (const [loop, { index, extent }] of loops.entries()) names.set(index, ir.indexVariable(`?${loop}`, extent));
  for (const statement of body) {
    if (statement.kind !== "let" || statement.mutable) return null;
    names.set(statement.variable, substitute(statement.value, names));
  }
  return `${op} ${order} ${loops.map(({ extent }) => extent)}: ${substitute(term, names).id}`;
}
