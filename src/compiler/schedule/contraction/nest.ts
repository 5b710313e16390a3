import { isFloat } from "../../../core/dtype.ts";
import { add, type BinaryExpr, childrenOf, type Expr, int, mul, type VarExpr } from "../../../kernel/expr.ts";
import { reductionOrder } from "../../../kernel/reduce.ts";
import { expressionsOf, type Kernel, type LetStmt, type ReduceStmt, type Stmt } from "../../../kernel/statement.ts";
import { substitute, variablesIn } from "../../expressions.ts";
import { copyStatements, type Loop, makeLoop, type Names, renewBody } from "./statements.ts";

/** A kernel that is one sum of products: `finish(sum over loops of left·right)` for every point of the axes. */
export interface Contraction {
  /** Lets outside of all loops. */
  readonly head: readonly Stmt[];
  /** Output axes, outermost first, and the reduction's loops. */
  readonly axes: readonly Loop[];
  readonly loops: readonly Loop[];
  /** Turns of the first reduction loop in each chunk of a long sum; null if the sum is one chunk. */
  readonly chunk: number | null;
  /** The product, and its operands as formulas over axes and loops. */
  readonly product: BinaryExpr;
  readonly sum: VarExpr;
  /** What happens once the sum of a point is known. */
  readonly finish: readonly Stmt[];
}

/** A kernel as a contraction; null if it is none. */
export function contractionOf(kernel: Kernel, names: Names): Contraction | null {
  const axes: Loop[] = [];
  const lets: LetStmt[] = [];
  let head: Stmt[] = [];
  let body: Stmt[] = renewBody(kernel.body);
  for (;;) {
    const last = body.at(-1);
    const above = body.slice(0, -1);
    if (last?.kind !== "for" || !above.every(isLet)) break;
    if (last.extent.kind !== "const" || last.extent.value < 1 || last.lanes) return null;
    if (axes.length === 0) head = above;
    else lets.push(...above);
    axes.push({ index: last.index, extent: last.extent.value });
    body = [...last.body];
  }
  if (axes.length === 0) return null;
  const at = body.findIndex((statement) => statement.kind === "reduce");
  const sum = body[at];
  if (sum?.kind !== "reduce" || !isSumOfFloats(sum) || !sum.body.every(isLet)) return null;
  const before = body.slice(0, at);
  const after = body.slice(at + 1);
  if (!before.every(isLet) || !after.every(isPlain)) return null;
  lets.push(...before);

  // The operands as formulas of the loops alone: whatever has a name is written out.
  const meaning = new Map<Expr, Expr>();
  for (const { variable, value } of [...lets, ...sum.body]) meaning.set(variable, substitute(value, meaning));
  const product = substitute(sum.value, meaning);
  if (product.kind !== "binary" || product.op !== "mul") return null;
  const extents = sum.loops.map((loop) => loop.extent);
  const order = reductionOrder(sum.op, sum.variable.type, sum.order, extents);
  if (order.total < 1) return null;
  const used = needed(lets, after);
  const found: Contraction = {
    head,
    axes,
    loops: sum.loops,
    chunk: order.chunk,
    product,
    sum: sum.variable,
    finish: [...used, ...after],
  };
  return splitAll(found, names);
}

const isLet = (statement: Stmt): statement is LetStmt => statement.kind === "let" && !statement.mutable;

/** Statements that may be copied into a tile: no loops. */
function isPlain(statement: Stmt): boolean {
  if (statement.kind === "if") return statement.body.every(isPlain);
  return statement.kind === "let" || statement.kind === "set" || statement.kind === "store";
}

const isSumOfFloats = ({ op, order, variable: { type } }: ReduceStmt): boolean =>
  op === "add" && order === "serial" && isFloat(type);

/** Those of the lets that later statements use. */
function needed(lets: readonly LetStmt[], later: readonly Stmt[]): readonly LetStmt[] {
  const used = new Set<Expr>(variablesIn(allExpressions(later)));
  const kept: LetStmt[] = [];
  for (const statement of [...lets].reverse()) {
    if (!used.has(statement.variable)) continue;
    for (const inner of variablesIn([statement.value])) used.add(inner);
    kept.unshift(statement);
  }
  return kept;
}

function allExpressions(body: readonly Stmt[]): Expr[] {
  return body.flatMap((statement) => [
    ...expressionsOf(statement),
    ...(statement.kind === "if" ? allExpressions(statement.body) : []),
  ]);
}

// ── axes that are two in one ─────────────────────────────────────────────────────────────────────────────────────

/**
 * An index that occurs as `i / c` and `i % c` is two: `i = c·j + k`. So the channels of a grouped convolution become
 * groups and channels within a group. The first loop of a chunked sum stays whole, since chunks are counted in it.
 */
function splitAll(contraction: Contraction, names: Names): Contraction {
  let current = contraction;
  for (;;) {
    const next = splitOne(current, names);
    if (next === current) return current;
    current = next;
  }
}

function splitOne(contraction: Contraction, names: Names): Contraction {
  const { axes, loops, chunk, product, finish, sum } = contraction;
  const divisions = divisorsIn([product, ...allExpressions(finish)]);
  for (const loop of [...axes, ...loops.slice(chunk === null ? 0 : 1)]) {
    const by = divisions.get(loop.index);
    if (by === undefined || by >= loop.extent || loop.extent % by !== 0) continue;
    const outer = makeLoop(names.fresh(loop.index.name), loop.extent / by);
    const inner = makeLoop(names.fresh(loop.index.name), by);
    const place = new Map<Expr, Expr>([[loop.index, add(mul(outer.index, int(by)), inner.index)]]);
    const split = (list: readonly Loop[]): Loop[] => list.flatMap((other) => (other === loop ? [outer, inner] : other));
    const replaced = substitute(product, place);
    if (replaced.kind !== "binary") return contraction;
    const copied = copyStatements(finish, new Map(place).set(sum, sum), (name) => name);
    return { ...contraction, axes: split(axes), loops: split(loops), product: replaced, finish: copied };
  }
  return contraction;
}

/** For each variable the smallest constant that it is divided by. */
function divisorsIn(roots: readonly Expr[]): ReadonlyMap<Expr, number> {
  const found = new Map<Expr, number>();
  const seen = new Set<Expr>();
  const stack = [...roots];
  for (let expr = stack.pop(); expr; expr = stack.pop()) {
    if (seen.has(expr)) continue;
    seen.add(expr);
    stack.push(...childrenOf(expr));
    if (expr.kind !== "binary" || (expr.op !== "div" && expr.op !== "rem")) continue;
    if (expr.x.kind !== "var" || expr.y.kind !== "const" || expr.y.value < 2) continue;
    found.set(expr.x, Math.min(expr.y.value, found.get(expr.x) ?? Infinity));
  }
  return found;
}
