import { childrenOf, type Expr, indexVariable, int } from "../../kernel/expr.ts";
import { fixedLoops } from "../../kernel/reduce.ts";
import { bodyOf, expressionsOf, type ForStmt, type ReduceStmt, type Stmt } from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";
import { affineOf, coefficientOf } from "./affine.ts";
import { replaceIn } from "./replace.ts";

/**
 * Makes one loop of two that run through memory as one would:
 *
 *     for i < 784: for j < 128: y[i*128 + j] = …x[i*128 + j]…   →   for i_j < 100352: y[i_j] = …x[i_j]…
 *
 * Null unless that is so for everything in the inner loop, and the indices serve no other purpose.
 */
export function collapse(outer: ForStmt): ForStmt | null {
  const [inner] = outer.body;
  if (outer.body.length !== 1 || inner?.kind !== "for" || inner.lanes || outer.lanes) return null;
  if (outer.extent.kind !== "const" || inner.extent.kind !== "const") return null;
  const [rows, columns] = [outer.extent.value, inner.extent.value];
  if (rows < 1 || columns < 1 || rows * columns >= 2 ** 31) return null;
  if (!runsThrough(inner.body, outer.index, inner.index, columns)) return null;
  const index = indexVariable(inner.index.name, rows * columns);
  const place = new Map<Expr, Expr>([
    [outer.index, int(0)],
    [inner.index, index],
  ]);
  return { ...inner, index, extent: int(rows * columns), body: replaceIn(inner.body, place) };
}

/** True if both indices are used in addresses only, `outer` always `columns` times as much as `inner`. */
function runsThrough(body: readonly Stmt[], outer: Expr, inner: Expr, columns: number): boolean {
  const addressed = (at: Expr): boolean => {
    const form = affineOf(at);
    if (!form || outer.kind !== "var" || inner.kind !== "var") return free(at);
    return coefficientOf(form, outer) === columns * coefficientOf(form, inner);
  };
  const seen = new Map<Expr, boolean>();
  const free = (expr: Expr): boolean => {
    const known = seen.get(expr);
    if (known !== undefined) return known;
    const value =
      expr.kind === "load" ? addressed(expr.at) : expr !== outer && expr !== inner && childrenOf(expr).every(free);
    seen.set(expr, value);
    return value;
  };
  return body.every((statement) => {
    if (statement.kind === "store" && !addressed(statement.at)) return false;
    const exprs = statement.kind === "store" ? [statement.value] : expressionsOf(statement);
    return exprs.every(free) && runsThrough(bodyOf(statement), outer, inner, columns);
  });
}

/** `collapse` for the loops of a fold whose order goes by the number of the element, not by its loops. */
export function collapseReduce(reduce: ReduceStmt): ReduceStmt {
  const loops = fixedLoops(reduce) ?? [];
  const [outer, inner] = loops.slice(-2);
  if (reduce.order !== "interleaved" || !outer || !inner) return reduce;
  const value: Stmt = { kind: "let", variable: reduce.variable, value: reduce.value, mutable: true };
  if (!runsThrough([...reduce.body, value], outer.index, inner.index, inner.extent)) return reduce;
  const extent = outer.extent * inner.extent;
  const index = indexVariable(inner.index.name, extent);
  const place = new Map<Expr, Expr>([
    [outer.index, int(0)],
    [inner.index, index],
  ]);
  const body = replaceIn(reduce.body, place);
  const merged = {
    ...reduce,
    loops: [...loops.slice(0, -2), { index, extent }],
    body,
    value: substitute(reduce.value, place),
  };
  return collapseReduce(merged);
}
