import { isFloat } from "../../core/dtype.ts";
import {
  add,
  binary,
  childrenOf,
  constant,
  type Expr,
  indexVariable,
  int,
  mul,
  type VarExpr,
  variable,
} from "../../kernel/expr.ts";
import { type Extent, extentValue, mostOf } from "../../kernel/extent.ts";
import { reductionOrder } from "../../kernel/reduce.ts";
import type { ForStmt, Kernel, LetStmt, ReduceStmt, Stmt, StoreStmt } from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";
import { replaceIn } from "./replace.ts";

/** Rows and columns of the register tile: 16 running sums, and 8 loads feed 16 multiply-adds. */
const TILE = 4;
/** Terms of a sum below which a tile does not pay. */
const SHORT = 8;

/** A contraction's two innermost loops and what happens in them. */
interface Nest {
  readonly rows: ForStmt;
  readonly columns: ForStmt;
  readonly before: readonly LetStmt[];
  readonly sum: ReduceStmt;
  readonly after: readonly (LetStmt | StoreStmt)[];
}

/**
 * Unroll-and-jam: the two innermost loops around a sum of products run in tiles of 4 x 4, so that every value loaded
 * is used four times while it is in a register. Each sum keeps its own order, so no bit changes.
 *
 *     for i0 < M: for i1 < N: sum over r of a[i0, r]*b[r, i1]
 *     →  for i0 < M/4: for i1 < N/4: 16 sums side by side over r, and the rest as before
 *
 * Returns the kernel itself where the pattern is not found.
 */
export function tileContraction(kernel: Kernel): Kernel {
  const body = tileBlock(kernel.body);
  return body === kernel.body ? kernel : { ...kernel, body };
}

function tileBlock(body: readonly Stmt[]): readonly Stmt[] {
  const [only] = body;
  if (body.length !== 1 || only?.kind !== "for") return body;
  const nest = nestOf(only);
  if (nest) return tileNest(nest);
  const inner = tileBlock(only.body);
  return inner === only.body ? body : [{ ...only, body: inner }];
}

/** The nest that begins with `rows`, if it is one: two loops around lets, one sum of floats, and stores. */
function nestOf(rows: ForStmt): Nest | null {
  const [columns] = rows.body;
  if (rows.body.length !== 1 || columns?.kind !== "for") return null;
  if (extentOf(rows) < TILE || extentOf(columns) < TILE) return null;
  const at = columns.body.findIndex((statement) => statement.kind === "reduce");
  const sum = columns.body[at];
  if (sum?.kind !== "reduce" || sum.op !== "add" || sum.body.length > 0 || !isFloat(sum.variable.type)) return null;
  const order = reductionOrder(
    sum.op,
    sum.variable.type,
    sum.order,
    sum.loops.map((loop) => mostOf(loop.extent)),
  );
  if (order.kind !== "serial" || order.chunk !== null || order.total < SHORT) return null;
  const before = columns.body.slice(0, at);
  const after = columns.body.slice(at + 1);
  const plain = (statement: Stmt): statement is LetStmt | StoreStmt =>
    (statement.kind === "let" && !statement.mutable) || statement.kind === "store";
  const isLet = (statement: Stmt): statement is LetStmt => statement.kind === "let" && !statement.mutable;
  return before.every(isLet) && after.every(plain) ? { rows, columns, before, sum, after } : null;
}

const extentOf = (loop: ForStmt): number => (loop.extent.kind === "const" ? loop.extent.value : 0);

/** Tiles of 4 x 4 where they fit; what is left over at the right and at the bottom runs one by one. */
function tileNest(nest: Nest): Stmt[] {
  const { rows, columns } = nest;
  const [height, width] = [Math.floor(extentOf(rows) / TILE), Math.floor(extentOf(columns) / TILE)];
  const right = extentOf(columns) - width * TILE;
  const bottom = extentOf(rows) - height * TILE;
  const row = indexVariable(rows.index.name, height);
  const column = indexVariable(columns.index.name, width);
  const inRow = (p: number): Expr => add(mul(row, int(TILE)), int(p));

  const statements: Stmt[] = [loop(row, height, [loop(column, width, tileBody(nest, inRow, column))])];
  if (right > 0) {
    const [edgeRow, edge] = [indexVariable(rows.index.name, height * TILE), indexVariable(columns.index.name, right)];
    const place = new Map<Expr, Expr>([
      [rows.index, edgeRow],
      [columns.index, add(edge, int(width * TILE))],
    ]);
    statements.push(loop(edgeRow, height * TILE, [loop(edge, right, replaceIn(columns.body, place))]));
  }
  if (bottom > 0) {
    const [edge, all] = [indexVariable(rows.index.name, bottom), columns.index];
    const place = new Map<Expr, Expr>([[rows.index, add(edge, int(height * TILE))]]);
    statements.push(loop(edge, bottom, [loop(all, extentOf(columns), replaceIn(columns.body, place))]));
  }
  return statements;
}

const loop = (index: VarExpr, extent: Extent, body: readonly Stmt[]): ForStmt => ({
  kind: "for",
  index,
  extent: extentValue(extent),
  body,
});

function tileBody(nest: Nest, inRow: (p: number) => Expr, column: VarExpr): Stmt[] {
  const { rows, columns, before, sum, after } = nest;
  const places: { readonly suffix: string; readonly place: Map<Expr, Expr> }[] = [];
  for (let p = 0; p < TILE; p++) {
    for (let q = 0; q < TILE; q++) {
      const inColumn = add(mul(column, int(TILE)), int(q));
      places.push({
        suffix: `_${p}${q}`,
        place: new Map([
          [rows.index, inRow(p)],
          [columns.index, inColumn],
        ]),
      });
    }
  }
  const head = places.flatMap(({ place, suffix }) => replaceIn(before, place, (name) => name + suffix));
  // One running sum for each element of the tile.
  const sums = places.map(({ suffix }) => variable(sum.variable.name + suffix, sum.variable.type));
  const starts = sums.map(
    (running): Stmt => ({ kind: "let", variable: running, value: constant(0, running.type), mutable: true }),
  );
  const terms = places.map(({ place }) => substitute(sum.value, place));
  const { lets, values } = nameShared(terms);
  const steps = sums.map(
    (running, i): Stmt => ({ kind: "set", variable: running, value: binary("add", running, values[i]!) }),
  );
  const inner = sum.loops.reduceRight<Stmt[]>(
    (body, { index, extent }) => [loop(index, extent, body)],
    [...lets, ...steps],
  );
  const tail = places.flatMap(({ place, suffix }, i) =>
    replaceIn(after, new Map(place).set(sum.variable, sums[i]!), (name) => name + suffix),
  );
  return [...head, ...starts, ...inner, ...tail];
}

/** Names each load that several terms use. */
function nameShared(terms: readonly Expr[]): { readonly lets: readonly Stmt[]; readonly values: readonly Expr[] } {
  const uses = new Map<Expr, number>();
  for (const term of terms) for (const load of loadsIn(term)) uses.set(load, (uses.get(load) ?? 0) + 1);
  const names = new Map<Expr, Expr>();
  const lets: Stmt[] = [];
  for (const [load, count] of uses) {
    if (count < 2 || load.kind !== "load") continue;
    const named = variable(`${load.buffer.name}_${names.size}`, load.type);
    names.set(load, named);
    lets.push({ kind: "let", variable: named, value: load, mutable: false });
  }
  return { lets, values: terms.map((term) => substitute(term, names)) };
}

function loadsIn(term: Expr): ReadonlySet<Expr> {
  const found = new Set<Expr>();
  const stack = [term];
  for (let expr = stack.pop(); expr; expr = stack.pop()) {
    if (expr.kind === "load") found.add(expr);
    // What only some branch loads must not be loaded always.
    else if (expr.kind === "select") stack.push(expr.test);
    else stack.push(...childrenOf(expr));
  }
  return found;
}
