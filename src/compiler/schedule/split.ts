import { isFloat } from "../../core/dtype.ts";
import {
  add,
  type BinaryExpr,
  type ConstExpr,
  childrenOf,
  type Expr,
  indexVariable,
  int,
  mul,
  type VarExpr,
} from "../../kernel/expr.ts";
import { expressionsOf, type ForStmt, type Stmt, walkStatements } from "../../kernel/statement.ts";
import { variablesIn } from "../expressions.ts";
import { affineOf, coefficientOf } from "./affine.ts";
import { replaceIn } from "./replace.ts";
import type { Names } from "./statements.ts";
import { Strides } from "./stride.ts";

/** Loops shorter than this are not worth the split. */
const SHORTEST_PERIOD = 4;

/** Splits a loop so that all its addresses move evenly, by one of the ways below; null if they do, or none does it. */
export function splitUnevenLoop(loop: ForStmt, names: Names): Stmt[] | null {
  if (!loop.body.every(({ kind }) => kind === "let" || kind === "store")) return null;
  if (movesEvenly(loop.index, loop.body)) return null;
  return splitAtWrap(loop) ?? splitAtDivisor(loop, names);
}

/**
 * Where an address starts again at 0 on the way:
 *
 *     for i < 100: y[i] = x[(i + 95) % 100]   →   for i < 5: y[i] = x[i + 95], for i < 95: y[i + 5] = x[i]
 */
function splitAtWrap({ index, extent, body }: ForStmt): Stmt[] | null {
  if (extent.kind !== "const") return null;
  for (const division of divisionsOf(index, body)) {
    const form = affineOf(division.x);
    if (division.op !== "rem" || !form || form.terms.size !== 1 || coefficientOf(form, index) !== 1) continue;
    const at = division.y.value - form.constant;
    if (form.constant < 0 || at <= 0 || at >= extent.value || division.x.max >= 2 * division.y.value) continue;
    const first = indexVariable(index.name, at);
    const second = indexVariable(index.name, extent.value - at);
    const before = replaceIn(body, new Map([[index, first]]));
    const after = replaceIn(
      body,
      new Map<Expr, Expr>([
        [index, add(second, int(at))],
        [division, second],
      ]),
    );
    if (!movesEvenly(first, before) || !movesEvenly(second, after)) continue;
    return [
      { kind: "for", index: first, extent: int(at), body: before },
      { kind: "for", index: second, extent: int(extent.value - at), body: after },
    ];
  }
  return null;
}

/**
 * Where an address goes by the quotient and the remainder of an index, so that it runs through memory:
 *
 *     for i < 500: y[i] = x[i % 100]   →   for i < 5: for inPeriod < 100: y[i*100 + inPeriod] = x[inPeriod]
 */
function splitAtDivisor({ index, extent, body }: ForStmt, names: Names): Stmt[] | null {
  if (extent.kind !== "const") return null;
  const periods = new Set(divisionsOf(index, body).map((division) => division.y.value));
  for (const period of [...periods].sort((x, y) => x - y)) {
    if (period < SHORTEST_PERIOD || period >= extent.value || extent.value % period !== 0) continue;
    const turns = extent.value / period;
    const outer = indexVariable(index.name, turns);
    const inner = indexVariable(names.fresh("inPeriod"), period);
    const inside = replaceIn(body, new Map([[index, add(mul(outer, int(period)), inner)]]));
    if (!movesEvenly(inner, inside)) continue;
    const loop: Stmt = { kind: "for", index: inner, extent: int(period), body: inside };
    return [{ kind: "for", index: outer, extent: int(turns), body: [loop] }];
  }
  return null;
}

/** Turns that are written out, at most. */
const MOST_TURNS = 4;

/**
 * Writes out as many turns of a loop as a small number that its index is divided by, so that no division is left:
 *
 *     for i < 28: …x[i / 2]…if (i % 2 == 0)…   →   for i < 14: …x[i]…, …x[i]…
 *
 * Null where there is no such number.
 */
export function unrollByDivisor({ index, extent, body }: ForStmt, names: Names): Stmt[] | null {
  if (extent.kind !== "const") return null;
  const period = Math.max(0, ...smallDivisors(index, body));
  const turns = Math.floor(extent.value / period);
  if (period === 0 || turns < 2) return null;
  const outer = indexVariable(index.name, turns);
  const copies = (count: number, first: Expr): Stmt[] =>
    Array.from({ length: count }, (_, turn) =>
      replaceIn(body, new Map([[index, add(first, int(turn))]]), (name) => names.fresh(name)),
    ).flat();
  return [
    { kind: "for", index: outer, extent: int(turns), body: copies(period, mul(outer, int(period))) },
    ...copies(extent.value - turns * period, int(turns * period)),
  ];
}

function smallDivisors(index: VarExpr, body: readonly Stmt[]): ReadonlySet<number> {
  const found = new Set<number>();
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (isDivision(expr) && expr.y.value > 1 && expr.y.value <= MOST_TURNS && variablesIn([expr.x]).has(index))
      found.add(expr.y.value);
    childrenOf(expr).forEach(visit);
  };
  walkStatements(body, (statement) => {
    expressionsOf(statement).forEach(visit);
  });
  return found;
}

/** A quotient or a remainder of whole numbers, by a constant. */
type Division = BinaryExpr & { readonly y: ConstExpr };

const isDivision = (expr: Expr): expr is Division =>
  expr.kind === "binary" && (expr.op === "div" || expr.op === "rem") && !isFloat(expr.type) && expr.y.kind === "const";

/** Those in addresses that change from turn to turn. */
function divisionsOf(index: VarExpr, body: readonly Stmt[]): readonly Division[] {
  const found: Division[] = [];
  const strides = new Strides(index);
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr) || strides.of(expr) === 0) return;
    seen.add(expr);
    if (isDivision(expr)) found.push(expr);
    childrenOf(expr).forEach(visit);
  };
  eachLoad(body, visit);
  return found;
}

/** True if every address moves by the same step from turn to turn. */
function movesEvenly(index: VarExpr, body: readonly Stmt[]): boolean {
  const strides = new Strides(index);
  let even = true;
  eachLoad(body, (at) => {
    even &&= strides.of(at) !== null;
  });
  return even;
}

function eachLoad(body: readonly Stmt[], visit: (at: Expr) => void): void {
  const seen = new Set<Expr>();
  const inside = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "load") visit(expr.at);
    childrenOf(expr).forEach(inside);
  };
  for (const statement of body) expressionsOf(statement).forEach(inside);
}
