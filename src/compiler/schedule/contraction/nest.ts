import { isFloat } from "../../../core/dtype.ts";
import { add, type BinaryExpr, childrenOf, type Expr, int, load, mul, type VarExpr } from "../../../kernel/expr.ts";
import { fixedLoops, reductionOrder } from "../../../kernel/reduce.ts";
import {
  type Buffer,
  expressionsOf,
  type Kernel,
  type LetStmt,
  type ReduceStmt,
  type Stmt,
} from "../../../kernel/statement.ts";
import { substitute, variablesIn } from "../../expressions.ts";
import { replaceIn } from "../replace.ts";
import { extentOf, type Loop, makeLoop, type Names, renewBody } from "../statements.ts";

/** A sum of products and what follows: `finish(sum over loops of left·right)` for every point of the axes. */
export interface Contraction {
  /** Output axes, outermost first, and the reduction's loops. */
  readonly axes: readonly Loop[];
  readonly loops: readonly Loop[];
  /** Turns of the first reduction loop in each chunk of a long sum; null if the sum is one chunk. */
  readonly chunk: number | null;
  /** The product, its operands being formulas over axes and loops. */
  readonly product: BinaryExpr;
  readonly sum: VarExpr;
  /** What happens once the sum of a point is known. */
  readonly finish: readonly Stmt[];
}

/** A kernel that is made of contractions alone, to be done one after the other. */
export interface Contractions {
  /** Lets outside of all loops. */
  readonly head: readonly Stmt[];
  readonly steps: readonly Contraction[];
  /** What one leaves for the last one. */
  readonly scratch: readonly Buffer[];
}

/**
 * A kernel as contractions; null if it is something else. Of several sums over the same axes (the cell of a recurrent
 * network has two) all but the last are kept in an array, and the last one's epilogue reads them.
 */
export function contractionsOf(kernel: Kernel, names: Names): Contractions | null {
  // Most kernels are none, and that shows before their expressions are looked at.
  if (!nestOf(kernel.body)?.sums.every(isSumOfFloats)) return null;
  const nest = nestOf(renewBody(kernel.body));
  if (!nest) return null;
  const { axes, lets, sums, after } = nest;
  // The operands as formulas of the loops alone: whatever has a name is written out.
  const meaning = new Map<Expr, Expr>();
  const define = ({ variable, value }: LetStmt): void => void meaning.set(variable, substitute(value, meaning));
  lets.forEach(define);
  const named = new Set<Expr>(sums.map((sum) => sum.variable));
  const scratch: Buffer[] = [];
  const steps: Contraction[] = [];
  const known: Stmt[] = [];
  for (const sum of sums) {
    if (!sum.body.every(isLet)) return null;
    sum.body.forEach(define);
    const product = substitute(sum.value, meaning);
    if (product.kind !== "binary" || product.op !== "mul") return null;
    if ([...variablesIn([product])].some((variable) => named.has(variable))) return null;
    const loops = fixedLoops(sum);
    if (!loops) return null;
    const extents = loops.map((loop) => loop.extent);
    const order = reductionOrder(sum.op, sum.variable.type, sum.order, extents);
    if (order.total < 1) return null;
    const step = { axes, loops, chunk: order.chunk, product, sum: sum.variable };
    if (sum === sums.at(-1)) {
      const finish = [...known, ...needed(lets, after), ...after];
      steps.push(splitAll({ ...step, finish }, names));
      continue;
    }
    const { name, type: dtype } = sum.variable;
    const buffer: Buffer = { name: names.fresh(`${name}_kept`), dtype, size: extentOf(axes), role: "scratch" };
    const at = axes.reduce((index: Expr, axis) => add(mul(index, int(axis.extent)), axis.index), int(0));
    scratch.push(buffer);
    steps.push(splitAll({ ...step, finish: [{ kind: "store", buffer, at, value: sum.variable }] }, names));
    known.push({ kind: "let", variable: sum.variable, value: load(buffer, at), mutable: false });
  }
  return { head: nest.head, steps, scratch };
}

/** Loops inside of each other, and in the innermost lets and sums, then what is done with them. */
interface Nest {
  readonly head: readonly Stmt[];
  readonly axes: readonly Loop[];
  readonly lets: readonly LetStmt[];
  readonly sums: readonly ReduceStmt[];
  readonly after: readonly Stmt[];
}

function nestOf(whole: readonly Stmt[]): Nest | null {
  const axes: Loop[] = [];
  const lets: LetStmt[] = [];
  const head: Stmt[] = [];
  let body = whole;
  for (let last = body.at(-1); last?.kind === "for"; last = body.at(-1)) {
    const above = body.slice(0, -1);
    if (!above.every(isLet) || last.extent.kind !== "const" || last.extent.value < 1 || last.lanes) return null;
    if (axes.length === 0) head.push(...above);
    else lets.push(...above);
    axes.push({ index: last.index, extent: last.extent.value });
    body = last.body;
  }
  const sums = body.filter((statement) => statement.kind === "reduce");
  if (axes.length === 0 || sums.length === 0) return null;
  const end = body.lastIndexOf(sums.at(-1)!) + 1;
  const before = body.slice(0, end).filter((statement) => statement.kind !== "reduce");
  const after = body.slice(end);
  return before.every(isLet) && after.every(isPlain) ? { head, axes, lets: [...lets, ...before], sums, after } : null;
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
    const copied = replaceIn(finish, new Map(place).set(sum, sum));
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
