import { add, childrenOf, type Expr, indexVariable, int, mul, type VarExpr } from "../../kernel/expr.ts";
import { expressionsOf, type ForStmt, type Stmt } from "../../kernel/statement.ts";
import { affineOf, coefficientOf } from "./affine.ts";
import { independentTurns } from "./independence.ts";
import { replaceIn } from "./replace.ts";
import type { Names } from "./statements.ts";

/** Elements side by side in the other direction: half a cache line of float32. */
const BLOCK = 8;
/** Name of the index inside of a block. */
const BLOCK_INDEX = "inBlock";

/**
 * Two loops that write along one axis and read along the other, in blocks, so that every line of the cache that is read
 * is used up before it is gone:
 *
 *     for i < 64: for j < 100: y[i*100 + j] = x[j*64 + i]
 *     →  for i < 8: for j < 100: for inBlock < 8: y[(i*8 + inBlock)*100 + j] = x[j*64 + (i*8 + inBlock)]
 *
 * Null where a loop is nothing of the kind.
 */
export function blockTranspose(outer: ForStmt, names: Names): Stmt[] | null {
  const [inner] = outer.body;
  if (outer.body.length !== 1 || inner?.kind !== "for" || inner.lanes || outer.lanes) return null;
  if (outer.extent.kind !== "const" || inner.extent.kind !== "const") return null;
  if (outer.extent.value < BLOCK || inner.extent.value < BLOCK) return null;
  if (!inner.body.every(({ kind }) => kind === "let" || kind === "store")) return null;
  if (!turnsOver(inner.body, outer.index, inner.index) || !independentTurns(outer.index, outer.body)) return null;
  const blocks = Math.floor(outer.extent.value / BLOCK);
  const rows = (first: Expr, count: number): Stmt => {
    const k = indexVariable(names.fresh(BLOCK_INDEX), count);
    const body = replaceIn(inner.body, new Map([[outer.index, add(first, k)]]));
    return { ...inner, body: [{ kind: "for", index: k, extent: int(count), body }] };
  };
  const block = indexVariable(outer.index.name, blocks);
  const rest = outer.extent.value - blocks * BLOCK;
  const all: Stmt[] = [{ kind: "for", index: block, extent: int(blocks), body: [rows(mul(block, int(BLOCK)), BLOCK)] }];
  return rest > 0 ? [...all, rows(int(blocks * BLOCK), rest)] : all;
}

/** True for the innermost loop of a block: the loop around it is the one to run in lanes. */
export const isBlock = (loop: ForStmt): boolean =>
  loop.extent.kind === "const" && loop.extent.value <= BLOCK && loop.index.name.startsWith(BLOCK_INDEX);

/** True if everything is stored along `inner`, and something is read along `outer` and far apart along `inner`. */
function turnsOver(body: readonly Stmt[], outer: VarExpr, inner: VarExpr): boolean {
  let found = false;
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "load") {
      const form = affineOf(expr.at);
      found ||= form !== null && coefficientOf(form, outer) === 1 && Math.abs(coefficientOf(form, inner)) >= BLOCK;
    }
    childrenOf(expr).forEach(visit);
  };
  const along = body.every((statement) => {
    expressionsOf(statement).forEach(visit);
    if (statement.kind !== "store") return true;
    const form = affineOf(statement.at);
    return form !== null && coefficientOf(form, inner) === 1;
  });
  return along && found;
}
