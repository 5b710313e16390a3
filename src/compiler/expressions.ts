import { getOrMake } from "../core/collections.ts";
import { isFullyKnown, knownShape, type Sizes, type TensorSpec } from "../core/shape.ts";
import { divideExactly, multiplySizes, type Size } from "../core/size.ts";
import type { IndexFunction, KernelBuilder, OutputInfo } from "../graph/define.ts";
import type { Expr } from "../kernel/expr.ts";
import * as ir from "../kernel/expr.ts";
import { countOfAll, type Extent, extentsOf, extentValue, stridesOfExtents } from "../kernel/extent.ts";
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
    extents: readonly Extent[],
    value: (...index: Expr[]) => Expr,
    order?: "serial" | "interleaved",
  ): Expr;
}

/** Row-major number of the element at `index`; axes of size 1 do not matter. */
export function flatten(extents: readonly Extent[], index: readonly Expr[]): Expr {
  const strides = stridesOfExtents(extents);
  let flat: Expr = ir.int(0);
  index.forEach((i, axis) => {
    if (extents[axis] !== 1) flat = ir.add(flat, ir.mul(i, extentValue(strides[axis]!)));
  });
  return flat;
}

/** Index of the element with a given row-major number. */
export function unflatten(extents: readonly Extent[], flat: Expr): Expr[] {
  const strides = stridesOfExtents(extents);
  return extents.map((extent, axis) => {
    if (extent === 0 || extent === 1) return ir.int(0);
    const above = ir.div(flat, extentValue(strides[axis]!));
    // The outermost significant axis needs no remainder: the number is inside the array.
    return countOfAll(extents.slice(0, axis)) === 1 ? above : ir.rem(above, extentValue(extent));
  });
}

/** Makes an `IndexFunction` out of a value at a canonical index (0 on axes of size 1). */
export function indexFunction(
  { dtype, shape }: TensorSpec,
  at: (index: readonly Expr[], extents: readonly Extent[]) => Expr,
  flat?: (element: Expr) => Expr,
): IndexFunction {
  const extents = extentsOf(shape);
  const sizes = shape!; // of unknown rank there are no extents
  const fn = (...index: Expr[]): Expr =>
    at(
      index.map((i, axis) => (extents[axis] === 1 ? ir.int(0) : i)),
      extents,
    );
  const regrouped = (from: Sizes, index: readonly Expr[]): Expr =>
    flat ? flat(flatten(extentsOf(from), index)) : at(regroupIndex(from, index, sizes), extents);
  const atElement = flat ?? ((element: Expr) => at(unflatten(extents, element), extents));
  // `shape` as it stands if it is all numbers; else asking for it is an error.
  const info = { flat: atElement, regrouped, dtype, sizes, extents, shape: extents as readonly number[] };
  const made = Object.assign(fn, info);
  return isFullyKnown(shape) ? made : Object.defineProperty(made, "shape", { get: () => knownShape(shape) });
}

/**
 * The index in an array of sizes `to` of the element that has `index` in one of sizes `from`. Axes, or runs of them, that
 * have the same number of elements are worked out by themselves, so that there is no division where none is needed.
 */
function regroupIndex(from: Sizes, index: readonly Expr[], to: Sizes): Expr[] {
  const result: Expr[] = to.map(() => ir.int(0));
  let [left, right] = [from.length, to.length];
  while (right > 0) {
    let [first, start] = [left, right - 1];
    let [have, want]: [Size, Size] = [1, to[start]!];
    // The shortest runs that end here and have the same number of elements.
    for (let most = from.length + to.length; have !== want && most > 0; most--) {
      if (first > 0 && (start === 0 || divideExactly(want, have) !== null)) have = multiplySizes(have, from[--first]!);
      else if (start > 0) want = multiplySizes(want, to[--start]!);
    }
    const flat = flatten(extentsOf(from.slice(first, left)), index.slice(first, left));
    unflatten(extentsOf(to.slice(start, right)), flat).forEach((i, axis) => {
      result[start + axis] = i;
    });
    [left, right] = [first, start];
  }
  return result;
}

/** What a rule is told about a value: its sizes as numbers only if it asks for them, and all are. */
export function outputInfo({ dtype, shape }: TensorSpec): OutputInfo {
  if (isFullyKnown(shape)) return { dtype, sizes: shape, extents: shape, shape };
  return {
    dtype,
    extents: extentsOf(shape),
    sizes: shape!,
    get shape() {
      return knownShape(shape);
    },
  };
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
  loops: readonly { readonly index: ir.VarExpr; readonly extent: Extent }[],
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
  return `${op} ${order} ${loops.map(({ extent }) => (typeof extent === "number" ? extent : `x${extent.id}`))}: ${substitute(term, names).id}`;
}
