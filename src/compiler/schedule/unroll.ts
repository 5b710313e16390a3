import { isFloat, rangeOf } from "../../core/dtype.ts";
import { binary, childrenOf, constant, type Expr, int, select } from "../../kernel/expr.ts";
import { fixedLoops, identityOf, reductionOrder } from "../../kernel/reduce.ts";
import {
  bodyOf,
  expressionsOf,
  type ReduceOp,
  type ReduceStmt,
  type Stmt,
  walkStatements,
} from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";
import { replaceIn } from "./replace.ts";
import { extentOf, type Names } from "./statements.ts";

/** A fold is written out up to so many terms. */
export const MOST_TERMS = 16;
/** Operations and values in all of them. */
const MOST_NODES = 256;

/**
 * Writes out short folds, term by term:
 *
 *     let max = reduce max over r < 2: over s < 2: x[i*56 + r*28 + s]
 *     →  let max = max(max(max(x[i*56], x[i*56 + 1]), x[i*56 + 28]), x[i*56 + 29])
 *
 * Each term then has its own range: tests it always passes are gone, and what was counted is part of an address. The
 * order stays.
 */
export function unrollFolds(body: readonly Stmt[], names: Names): Stmt[] {
  return body.flatMap((statement): Stmt[] => {
    const written = statement.kind === "reduce" ? writeOut(statement, names) : null;
    if (written) return written;
    if (bodyOf(statement).length === 0) return [statement];
    return [{ ...statement, body: unrollFolds(bodyOf(statement), names) } as Stmt];
  });
}

/** The statements of all terms, then the fold as one expression; null for a fold that is long or has loops inside. */
function writeOut(reduce: ReduceStmt, names: Names): Stmt[] | null {
  const { op, variable: result, body, value } = reduce;
  const { type } = result;
  const loops = fixedLoops(reduce);
  if (!loops) return null;
  const total = extentOf(loops);
  if (total < 1 || total > MOST_TERMS || total * nodesOf(reduce) > MOST_NODES) return null;
  const extents = loops.map(({ extent }) => extent);
  if (reductionOrder(op, type, reduce.order, extents).kind !== "serial") return null;
  const all = rangeOf(type);
  if (result.min > all.min || result.max < all.max || !isStraight(body)) return null;
  // Zero and the first term: -0 becomes 0. Elsewhere the first term is itself.
  let sum: Expr | null = isFloat(type) && op === "add" ? constant(identityOf(op, type), type) : null;
  const out: Stmt[] = [];
  for (let element = 0; element < total; element++) {
    const place = new Map<Expr, Expr>();
    let rest = element;
    for (const { index, extent } of [...loops].reverse()) {
      place.set(index, int(rest % extent));
      rest = Math.floor(rest / extent);
    }
    out.push(...replaceIn(body, place, (name) => names.fresh(name)));
    const term = substitute(value, place);
    sum = sum ? joined(op, sum, term) : term;
  }
  return [...out, { kind: "let", variable: result, value: sum!, mutable: false }];
}

/** `x op y`. The least of several numbers in rising order that tests pick is the first one: no comparison is needed. */
function joined(op: ReduceOp, x: Expr, y: Expr): Expr {
  if (op === "min" && x.kind === "select" && x.yes.max <= y.min) return select(x.test, x.yes, joined(op, x.no, y));
  return binary(op, x, y);
}

/** True if the statements of one term may come before those of the next: none repeats others, or sets a variable of all. */
function isStraight(body: readonly Stmt[]): boolean {
  const own = new Set<string>();
  let straight = true;
  walkStatements(body, (statement) => {
    if (statement.kind === "let") own.add(statement.variable.name);
    else straight &&= statement.kind === "if" || (statement.kind === "set" && own.has(statement.variable.name));
  });
  return straight;
}

/** Different operations and values, those in addresses not counted. */
function nodesOf(reduce: ReduceStmt): number {
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind !== "load") childrenOf(expr).forEach(visit);
  };
  visit(reduce.value);
  walkStatements(reduce.body, (statement) => {
    expressionsOf(statement).forEach(visit);
  });
  return seen.size;
}
