import {
  add,
  binary,
  childrenOf,
  constant,
  type Expr,
  indexVariable,
  int,
  load,
  mul,
  type VarExpr,
} from "../../kernel/expr.ts";
import { type FixedLoop, fixedLoops, identityOf, reductionOrder } from "../../kernel/reduce.ts";
import type { Buffer, ForStmt, ReduceStmt, Stmt } from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";
import { independentTurns } from "./independence.ts";
import { replaceIn } from "./replace.ts";
import type { Names } from "./statements.ts";
import { strideOf } from "./stride.ts";

/** Columns whose running results stay in the first-level cache, and rows that are added in one pass over them. */
const COLUMNS = 1024;
const ROWS = 8;
/** Fewer columns or rows than this lie in the cache anyway. */
const FEWEST_COLUMNS = 64;
const FEWEST_ROWS = 32;

/**
 * A fold down the columns of a matrix, row by row, so that memory is read in order:
 *
 *     for i < 1024: y[i] = reduce add over r < 4096: x[r*1024 + i]
 *     →  for i < 1024: sums[i] = 0
 *        for rows < 512: for i < 1024: sums[i] = sums[i] + x[(rows*8)*1024 + i] + … + x[(rows*8 + 7)*1024 + i]
 *        for i < 1024: y[i] = sums[i]
 *
 * Every sum keeps its order. Null where a loop is nothing of the kind.
 */
export function streamRows(loop: ForStmt, names: Names, scratch: Buffer[]): Stmt[] | null {
  const [reduce, ...after] = loop.body;
  if (loop.extent.kind !== "const" || reduce?.kind !== "reduce" || reduce.body.length > 0) return null;
  if (!after.every((statement) => statement.kind === "let" || statement.kind === "store")) return null;
  const loops = fixedLoops(reduce) ?? [];
  const rows = loops.filter((candidate) => candidate.extent > 1);
  const columns = loop.extent.value;
  if (rows.length !== 1 || columns < FEWEST_COLUMNS || rows[0]!.extent < FEWEST_ROWS) return null;
  if (!runsDown(reduce.value, loop.index, rows[0]!.index)) return null;
  // All folds are done before what follows the first of them.
  if (!independentTurns(loop.index, loop.body)) return null;
  const extents = loops.map((candidate) => candidate.extent);
  const order = reductionOrder(reduce.op, reduce.variable.type, reduce.order, extents);
  // Chunks are of the outermost loop, which must be the one with rows.
  if (order.kind !== "serial" || (order.chunk !== null && extents[0] === 1)) return null;
  return new Stream(loop, reduce, rows[0]!, after, names, scratch).statements(columns, order.chunk);
}

/** True if the value is read along the columns, and from row to row far apart. */
function runsDown(value: Expr, column: VarExpr, row: VarExpr): boolean {
  let down = false;
  const seen = new Set<Expr>();
  const visit = (expr: Expr): boolean => {
    if (seen.has(expr)) return true;
    seen.add(expr);
    if (expr.kind !== "load") return childrenOf(expr).every(visit);
    const [along, across] = [strideOf(expr.at, column), strideOf(expr.at, row)];
    if (along === 1 && across !== null && across >= FEWEST_COLUMNS) down = true;
    return along === 0 || along === 1;
  };
  return visit(value) && down;
}

class Stream {
  readonly #loop: ForStmt;
  readonly #reduce: ReduceStmt;
  readonly #after: readonly Stmt[];
  readonly #names: Names;
  readonly #scratch: Buffer[];
  readonly #row: FixedLoop;

  constructor(
    loop: ForStmt,
    reduce: ReduceStmt,
    row: FixedLoop,
    after: readonly Stmt[],
    names: Names,
    scratch: Buffer[],
  ) {
    this.#loop = loop;
    this.#reduce = reduce;
    this.#after = after;
    this.#names = names;
    this.#scratch = scratch;
    this.#row = row;
  }

  statements(columns: number, chunk: number | null): Stmt[] {
    const width = Math.min(columns, COLUMNS);
    const sums = this.#buffer("sums", width);
    const totals = chunk === null ? null : this.#buffer("totals", width);
    const block = (start: Expr, count: number): Stmt[] => {
      const finish = this.#finish(totals ?? sums, start, count);
      if (!totals || chunk === null)
        return [...this.#clear(sums, count), ...this.#add(sums, start, count, int(0), this.#row.extent), ...finish];
      const whole = Math.floor(this.#row.extent / chunk);
      const part = (first: Expr, length: number): Stmt[] => [
        ...this.#clear(sums, count),
        ...this.#add(sums, start, count, first, length),
        ...this.#columns(count, (i) => ({
          kind: "store",
          buffer: totals,
          at: i,
          value: binary(this.#reduce.op, load(totals, i), load(sums, i)),
        })),
      ];
      const index = indexVariable(this.#names.fresh("chunk"), whole);
      const rest = this.#row.extent - whole * chunk;
      return [
        ...this.#clear(totals, count),
        { kind: "for", index, extent: int(whole), body: part(mul(index, int(chunk)), chunk) },
        ...(rest > 0 ? part(int(whole * chunk), rest) : []),
        ...finish,
      ];
    };
    const blocks = Math.floor(columns / width);
    const rest = columns - blocks * width;
    const index = indexVariable(this.#names.fresh("block"), blocks);
    const first: Stmt[] =
      blocks === 1
        ? block(int(0), width)
        : [{ kind: "for", index, extent: int(blocks), body: block(mul(index, int(width)), width) }];
    return rest > 0 ? [...first, ...block(int(blocks * width), rest)] : first;
  }

  #buffer(name: string, size: number): Buffer {
    const buffer: Buffer = { name: this.#names.fresh(name), dtype: this.#reduce.variable.type, size, role: "scratch" };
    this.#scratch.push(buffer);
    return buffer;
  }

  #columns(count: number, body: (i: VarExpr) => Stmt): Stmt[] {
    const index = indexVariable(this.#names.fresh("column"), count);
    return [{ kind: "for", index, extent: int(count), body: [body(index)] }];
  }

  #clear(buffer: Buffer, count: number): Stmt[] {
    const value = constant(identityOf(this.#reduce.op, buffer.dtype), buffer.dtype);
    return this.#columns(count, (at) => ({ kind: "store", buffer, at, value }));
  }

  /** Adds `count` columns of `length` rows, several rows in one pass. */
  #add(sums: Buffer, start: Expr, count: number, first: Expr, length: number): Stmt[] {
    const pass = (row: Expr, rows: number): Stmt[] =>
      this.#columns(count, (i) => {
        let value: Expr = load(sums, i);
        for (let r = 0; r < rows; r++)
          value = binary(this.#reduce.op, value, this.#value(add(row, int(r)), add(start, i)));
        return { kind: "store", buffer: sums, at: i, value };
      });
    const passes = Math.floor(length / ROWS);
    const index = indexVariable(this.#names.fresh("rows"), passes);
    const rest = length - passes * ROWS;
    const whole: Stmt = {
      kind: "for",
      index,
      extent: int(passes),
      body: pass(add(first, mul(index, int(ROWS))), ROWS),
    };
    return [...(passes > 0 ? [whole] : []), ...(rest > 0 ? pass(add(first, int(passes * ROWS)), rest) : [])];
  }

  #value(row: Expr, column: Expr): Expr {
    const place = new Map<Expr, Expr>(this.#reduce.loops.map((candidate) => [candidate.index, int(0)]));
    place.set(this.#row.index, row).set(this.#loop.index, column);
    return substitute(this.#reduce.value, place);
  }

  /** What follows the fold, for each column. */
  #finish(sums: Buffer, start: Expr, count: number): Stmt[] {
    const index = indexVariable(this.#names.fresh("column"), count);
    const place = new Map<Expr, Expr>([[this.#loop.index, add(start, index)]]);
    const sum: Stmt = { kind: "let", variable: this.#reduce.variable, value: load(sums, index), mutable: false };
    return [{ kind: "for", index, extent: int(count), body: replaceIn([sum, ...this.#after], place) }];
  }
}
