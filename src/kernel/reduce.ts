import { type DType, isFloat, rangeOf } from "../core/dtype.ts";
import { CompileError } from "../core/errors.ts";
import {
  add,
  binary,
  constant,
  div,
  type Expr,
  indexVariable,
  int,
  load,
  mul,
  rem,
  select,
  sub,
  type VarExpr,
  variable,
} from "./expr.ts";
import { countOfAll, extentValue, mostOf } from "./extent.ts";
import {
  type Buffer,
  bodyOf,
  type Kernel,
  type ReduceOp,
  type ReduceStmt,
  type Stmt,
  walkStatements,
} from "./statement.ts";

/*
 * The order of a reduction. It depends on the extents, the operator and the dtype alone, and it is the contract that
 * every backend keeps to the bit. Let `n` be the number of elements (the product of the extents) and `0` stand for
 * the identity of the operator.
 *
 * serial
 * - n ≤ SERIAL_LIMIT: `acc = 0`, then `acc = acc op value` for every element in row-major order.
 * - longer float sums and products: the indices of the outermost loop (extent m) are split into chunks of
 *   `ceil(m / CHUNKS)`. Each chunk is folded from 0 by itself; then the chunks' results are folded in order, from 0.
 * - everything else (max, min, or, and, integers) is never chunked: there the order cannot be seen.
 *
 * interleaved (float add and mul; anything else is serial)
 * - width = the smallest power of two ≥ min(n, LANES). Partial j starts at 0 and takes the elements i with
 *   i mod width = j in increasing order. Then, for step = width/2, width/4, …, 1:
 *   `partial[j] = partial[j] op partial[j + step]` for every j < step. The result is partial[0].
 * - n > INTERLEAVED_LIMIT: the row-major element index is split into chunks of `ceil(ceil(n / CHUNKS) / LANES) * LANES`
 *   elements. Each chunk is reduced as above; then the chunks' results are folded in order, from 0.
 *
 * No elements give the identity.
 *
 * Extents that are known only at run time give the same bits as those numbers would. Partials that get no elements hold
 * the identity, which changes no sum of them, so their number may follow from the most elements there can be; and one
 * chunk folded from 0 is itself.
 */

/** Serial float sums longer than this are split into chunks. */
export const SERIAL_LIMIT = 4096;
/** Interleaved sums longer than this are split into chunks. */
export const INTERLEAVED_LIMIT = 32768;
/** Number of partials of a long interleaved sum. */
export const LANES = 32;
/** A long sum has at most this many chunks. */
export const CHUNKS = 8;

/** Neutral element of a fold. */
export function identityOf(op: ReduceOp, type: DType): number {
  switch (op) {
    case "add":
    case "or":
      return 0;
    case "mul":
      return 1;
    case "max":
      return rangeOf(type).min;
    case "min":
      return rangeOf(type).max;
    case "and":
      return type === "int32" ? -1 : rangeOf(type).max;
  }
}

/** How a reduction is carried out, as data: what the rule above says for given extents. */
export interface ReductionOrder {
  readonly kind: "serial" | "interleaved";
  /** Number of elements. */
  readonly total: number;
  /** Serial: indices of the outermost loop per chunk; interleaved: elements per chunk. Null if there are no chunks. */
  readonly chunk: number | null;
  /** Interleaved: number of partials. Serial: 1. */
  readonly width: number;
}

export function reductionOrder(
  op: ReduceOp,
  type: DType,
  order: ReduceStmt["order"],
  extents: readonly number[],
): ReductionOrder {
  const total = extents.reduce((product, extent) => product * extent, 1);
  const ordered = isFloat(type) && (op === "add" || op === "mul");
  if (ordered && order === "interleaved" && total > 1) {
    const chunk = total > INTERLEAVED_LIMIT ? Math.ceil(Math.ceil(total / CHUNKS) / LANES) * LANES : null;
    return { kind: "interleaved", total, chunk, width: powerOfTwo(Math.min(total, LANES)) };
  }
  const chunked = ordered && order === "serial" && total > SERIAL_LIMIT;
  return { kind: "serial", total, chunk: chunked ? Math.ceil(extents[0]! / CHUNKS) : null, width: 1 };
}
/** The same for the most elements that a reduction can have: whether there are chunks, and how many partials. */
const orderOf = (reduce: ReduceStmt): ReductionOrder =>
  reductionOrder(
    reduce.op,
    reduce.variable.type,
    reduce.order,
    reduce.loops.map((loop) => mostOf(loop.extent)),
  );

/** The loops of a reduction if all their extents are numbers, else null. */
export function fixedLoops({ loops }: ReduceStmt): readonly FixedLoop[] | null {
  return loops.every((loop): loop is FixedLoop => typeof loop.extent === "number") ? loops : null;
}
export interface FixedLoop {
  readonly index: VarExpr;
  readonly extent: number;
}

const powerOfTwo = (atLeast: number): number => (atLeast <= 1 ? 1 : 2 ** (32 - Math.clz32(atLeast - 1)));

/** Turns every `reduce` into plain loops in the order above. The same kernel if there is none. */
export function expandReductions(kernel: Kernel): Kernel {
  let found = false;
  walkStatements(kernel.body, (statement) => {
    found ||= statement.kind === "reduce";
  });
  if (!found) return kernel;
  const expansion = new Expansion(kernel);
  const body = expansion.statements(kernel.body, 0);
  return { ...kernel, buffers: [...kernel.buffers, ...expansion.scratch], body };
}

class Expansion {
  readonly scratch: Buffer[] = [];
  readonly #names = new Set<string>();
  readonly #partials = new Map<string, Buffer>();
  readonly #width = new Map<DType, number>();

  constructor(kernel: Kernel) {
    for (const buffer of kernel.buffers) this.#names.add(buffer.name);
    walkStatements(kernel.body, (statement) => {
      for (const name of boundNames(statement)) this.#names.add(name);
      if (statement.kind !== "reduce") return;
      const type = statement.variable.type;
      this.#width.set(type, Math.max(this.#width.get(type) ?? 1, orderOf(statement).width));
    });
  }

  /** `depth`: how many interleaved reductions of one dtype enclose these statements at most. */
  statements(body: readonly Stmt[], depth: number): readonly Stmt[] {
    return body.flatMap((statement): readonly Stmt[] => {
      if (statement.kind === "reduce") return this.#reduce(statement, depth);
      if (bodyOf(statement).length === 0) return [statement];
      return [{ ...statement, body: this.statements(bodyOf(statement), depth) } as Stmt];
    });
  }

  #reduce(reduce: ReduceStmt, depth: number): readonly Stmt[] {
    const { variable: result } = reduce;
    if (result.type !== reduce.value.type) {
      throw new CompileError({
        what: `LoopIR reduce: ${result.name} is ${result.type}, its value ${reduce.value.type}`,
      });
    }
    const order = orderOf(reduce);
    const all = rangeOf(result.type);
    // An accumulator starts at the identity, which a narrowed variable may not hold: fold in one of its own.
    const narrow = result.min > all.min || result.max < all.max;
    const sum = narrow ? variable(this.#fresh(`${result.name}_fold`), result.type) : result;
    const out = this.#fold(reduce, order, sum, depth);
    if (!narrow) return out;
    const clamped = binary("min", binary("max", sum, constant(result.min, sum.type)), constant(result.max, sum.type));
    return [...out, { kind: "let", variable: result, value: clamped, mutable: false }];
  }

  /** Declares `sum` and folds the reduction into it. */
  #fold(reduce: ReduceStmt, order: ReductionOrder, sum: VarExpr, depth: number): readonly Stmt[] {
    const identity = constant(identityOf(reduce.op, sum.type), sum.type);
    if (order.total === 0) return [{ kind: "let", variable: sum, value: identity, mutable: false }];
    if (order.kind === "interleaved") return this.#interleaved(reduce, order, sum, identity, depth);
    return this.#serial(reduce, order, sum, identity, depth);
  }

  #serial(reduce: ReduceStmt, order: ReductionOrder, sum: VarExpr, identity: Expr, depth: number): readonly Stmt[] {
    const fold = (into: VarExpr): readonly Stmt[] => [
      ...this.statements(reduce.body, depth),
      { kind: "set", variable: into, value: binary(reduce.op, into, reduce.value) },
    ];
    const start: Stmt = { kind: "let", variable: sum, value: identity, mutable: true };
    if (order.chunk === null) return [start, ...nest(reduce.loops, fold(sum))];

    const [outer, ...inner] = reduce.loops;
    const part = variable(this.#fresh(`${sum.name}_part`), sum.type);
    const fixed = fixedLoops(reduce);
    const chunk = fixed ? this.#chunks(fixed[0]!.extent, order.chunk) : this.#openChunks(reduce.loops);
    return [
      start,
      ...chunk.lets,
      chunk.loop([
        { kind: "let", variable: part, value: identity, mutable: true },
        chunk.each([
          { kind: "let", variable: outer!.index, value: add(chunk.start, chunk.offset), mutable: false },
          ...nest(inner, fold(part)),
        ]),
        { kind: "set", variable: sum, value: binary(reduce.op, sum, part) },
      ]),
    ];
  }

  #interleaved(
    reduce: ReduceStmt,
    order: ReductionOrder,
    sum: VarExpr,
    identity: Expr,
    depth: number,
  ): readonly Stmt[] {
    const { width, total } = order;
    const partial = this.#partial(sum.type, depth);
    const clear = indexVariable(this.#fresh("lane"), width);
    const start = loop(clear, int(width), [{ kind: "store", buffer: partial, at: clear, value: identity }]);

    const lane = rem(flatIndex(reduce.loops), int(width));
    const fold: readonly Stmt[] = [
      ...this.statements(reduce.body, depth + 1),
      { kind: "store", buffer: partial, at: lane, value: binary(reduce.op, load(partial, lane), reduce.value) },
    ];
    const finish: Stmt[] = [];
    for (let step = width / 2; step >= 1; step /= 2) {
      const at = indexVariable(clear.name, step);
      const pair = binary(reduce.op, load(partial, at), load(partial, add(at, int(step))));
      finish.push(loop(at, int(step), [{ kind: "store", buffer: partial, at, value: pair }]));
    }

    const fixed = fixedLoops(reduce);
    if (order.chunk !== null && !fixed) return this.#counted(reduce, sum, identity, { partial, start, fold, finish });
    if (order.chunk === null || !fixed) {
      const value = load(partial, int(0));
      return [start, ...nest(reduce.loops, fold), ...finish, { kind: "let", variable: sum, value, mutable: false }];
    }
    const chunk = this.#chunks(total, order.chunk);
    const elements =
      fixed.filter((l) => l.extent > 1).length === 1
        ? this.#line(fixed, chunk, fold)
        : this.#rows(fixed, total, chunk, fold);
    return [
      { kind: "let", variable: sum, value: identity, mutable: true },
      chunk.loop([
        start,
        ...elements,
        ...finish,
        { kind: "set", variable: sum, value: binary(reduce.op, sum, load(partial, int(0))) },
      ]),
    ];
  }

  /** The elements of one chunk if there is one loop: its index is the element's. */
  #line(loops: readonly FixedLoop[], chunk: Chunks, fold: readonly Stmt[]): readonly Stmt[] {
    const lets = loops.map(
      ({ index, extent }): Stmt => ({
        kind: "let",
        variable: index,
        value: extent > 1 ? add(chunk.start, chunk.offset) : int(0),
        mutable: false,
      }),
    );
    return [chunk.each([...lets, ...fold])];
  }

  /**
   * The elements of one chunk if there are several loops: a chunk may begin and end inside a row, a row being a run
   * of the innermost loop. Divisions are needed once a row, not once an element.
   */
  #rows(loops: readonly FixedLoop[], total: number, chunk: Chunks, fold: readonly Stmt[]): readonly Stmt[] {
    const outer = loops.slice(0, -1);
    const inner = loops.at(-1)!;
    const length = int(inner.extent);
    const lets: Stmt[] = [];
    const define = (base: string, value: Expr): VarExpr => {
      const named = variable(this.#fresh(base), "int32", { min: value.min, max: value.max });
      lets.push({ kind: "let", variable: named, value, mutable: false });
      return named;
    };
    const end = define("chunk_end", binary("min", add(chunk.start, int(chunk.size)), int(total)));
    const firstRow = define("row_first", div(chunk.start, length));
    const endRow = define("row_end", div(add(end, int(inner.extent - 1)), length));
    const step = indexVariable(this.#fresh("row_step"), endRow.max);
    const outside = lets.splice(0);

    const rows = total / inner.extent;
    const row = variable(this.#fresh("row"), "int32", { min: 0, max: rows - 1 });
    lets.push({ kind: "let", variable: row, value: add(firstRow, step), mutable: false });
    let rest: Expr = row;
    for (const { index, extent } of [...outer].reverse()) {
      lets.push({ kind: "let", variable: index, value: rem(rest, int(extent)), mutable: false });
      rest = div(rest, int(extent));
    }
    const from = define("column_first", binary("max", sub(chunk.start, mul(row, length)), int(0)));
    const to = define("column_end", binary("min", sub(end, mul(row, length)), length));
    const count = sub(to, from);
    const column = indexVariable(this.#fresh("column"), count.max);
    lets.push(
      loop(column, count, [{ kind: "let", variable: inner.index, value: add(from, column), mutable: false }, ...fold]),
    );
    return [...outside, loop(step, sub(endRow, firstRow), lets)];
  }

  /** Splits `0 … total - 1` into runs of `size`; the last may be shorter. */
  #chunks(total: number, size: number): Chunks {
    const count = Math.ceil(total / size);
    const index = indexVariable(this.#fresh("chunk"), count);
    const offset = indexVariable(this.#fresh("offset"), size);
    const start = mul(index, int(size));
    const length = total % size === 0 ? int(size) : binary("min", int(size), sub(int(total), start));
    return {
      size,
      lets: [],
      start,
      offset,
      loop: (body) => loop(index, int(count), body),
      each: (body) => loop(offset, length, body),
    };
  }

  /** The same for the outermost loop of a serial reduction whose chunks are known only at run time. */
  #openChunks(loops: ReduceStmt["loops"]): Chunks {
    const outer = extentValue(loops[0]!.extent);
    const total = extentValue(countOfAll(loops.map(({ extent }) => extent)));
    const long = binary("lt", int(SERIAL_LIMIT), total);
    const lets: Stmt[] = [];
    const size = this.#define(lets, "chunk_size", select(long, dividedUp(outer, CHUNKS), outer));
    const count = binary("min", div(add(outer, sub(size, int(1))), size), int(CHUNKS));
    const index = indexVariable(this.#fresh("chunk"), count);
    const offset = indexVariable(this.#fresh("offset"), size);
    const start = mul(index, size);
    return {
      size: size.max,
      lets,
      start,
      offset,
      loop: (body) => loop(index, count, body),
      each: (body) => loop(offset, binary("min", size, sub(outer, start)), body),
    };
  }

  /** A long interleaved reduction whose chunks are known only at run time: counts what is left of the current one. */
  #counted(
    reduce: ReduceStmt,
    sum: VarExpr,
    identity: Expr,
    { partial, start, fold, finish }: { partial: Buffer; start: Stmt; fold: readonly Stmt[]; finish: readonly Stmt[] },
  ): readonly Stmt[] {
    const total = extentValue(countOfAll(reduce.loops.map(({ extent }) => extent)));
    const long = binary("lt", int(INTERLEAVED_LIMIT), total);
    const lets: Stmt[] = [];
    const inLanes = mul(dividedUp(dividedUp(total, CHUNKS), LANES), int(LANES));
    const size = this.#define(lets, "chunk_size", select(long, inLanes, total));
    const left = variable(this.#fresh("left"), "int32");
    const take: readonly Stmt[] = [
      ...finish,
      { kind: "set", variable: sum, value: binary(reduce.op, sum, load(partial, int(0))) },
    ];
    return [
      ...lets,
      { kind: "let", variable: sum, value: identity, mutable: true },
      { kind: "let", variable: left, value: size, mutable: true },
      start,
      ...nest(reduce.loops, [
        {
          kind: "if",
          test: binary("eq", left, int(0)),
          body: [...take, start, { kind: "set", variable: left, value: size }],
        },
        ...fold,
        { kind: "set", variable: left, value: sub(left, int(1)) },
      ]),
      ...take,
    ];
  }

  #define(lets: Stmt[], base: string, value: Expr): Expr {
    if (value.kind === "const") return value;
    const named = variable(this.#fresh(base), "int32", { min: value.min, max: value.max });
    lets.push({ kind: "let", variable: named, value, mutable: false });
    return named;
  }

  /** The array of partials for a nesting depth; reductions that are not nested share it. */
  #partial(type: DType, depth: number): Buffer {
    const key = `${type}:${depth}`;
    let buffer = this.#partials.get(key);
    if (!buffer) {
      buffer = { name: this.#fresh("partial"), dtype: type, size: this.#width.get(type)!, role: "scratch" };
      this.#partials.set(key, buffer);
      this.scratch.push(buffer);
    }
    return buffer;
  }

  #fresh(base: string): string {
    let name = base;
    for (let i = 1; this.#names.has(name); i++) name = `${base}${i}`;
    this.#names.add(name);
    return name;
  }
}

/** `ceil(x / by)` for x ≥ 0. */
const dividedUp = (x: Expr, by: number): Expr => div(add(x, int(by - 1)), int(by));

interface Chunks {
  /** Indices of a chunk, at most. */
  readonly size: number;
  /** What is worked out before the loop over the chunks. */
  readonly lets: readonly Stmt[];
  /** First index of the current chunk, and the index within it. */
  readonly start: Expr;
  readonly offset: VarExpr;
  /** The loop over the chunks, and inside it the loop over one chunk. */
  loop(body: readonly Stmt[]): Stmt;
  each(body: readonly Stmt[]): Stmt;
}

const loop = (index: VarExpr, extent: Expr, body: readonly Stmt[]): Stmt => ({ kind: "for", index, extent, body });

function nest(loops: ReduceStmt["loops"], body: readonly Stmt[]): readonly Stmt[] {
  return loops.reduceRight((inner, { index, extent }) => [loop(index, extentValue(extent), inner)], body);
}

function flatIndex(loops: ReduceStmt["loops"]): Expr {
  return loops.reduce((flat: Expr, { index, extent }) => add(mul(flat, extentValue(extent)), index), int(0));
}

function boundNames(statement: Stmt): readonly string[] {
  const names: string[] = [];
  if (statement.kind === "for") names.push(statement.index.name);
  if (statement.kind === "let") names.push(statement.variable.name);
  if (statement.kind === "reduce") names.push(statement.variable.name, ...statement.loops.map((l) => l.index.name));
  return names;
}
