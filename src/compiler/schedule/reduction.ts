import { isFloat, rangeOf } from "../../core/dtype.ts";
import {
  add,
  binary,
  childrenOf,
  constant,
  type Expr,
  indexVariable,
  int,
  load,
  lt,
  mul,
  select,
  truth,
  type VarExpr,
  variable,
} from "../../kernel/expr.ts";
import { identityOf, reductionOrder } from "../../kernel/reduce.ts";
import type { Buffer, LetStmt, ReduceStmt, Stmt } from "../../kernel/statement.ts";
import { affineOf, coefficientOf } from "./contraction/affine.ts";
import type { Names } from "./contraction/statements.ts";
import { replaceIn } from "./replace.ts";

/** Partial results side by side where their number can not be seen (maximum, whole numbers, truth). */
const FREE_LANES = 16;
/** Fewer elements than this are folded one by one. */
const SHORTEST = 8;

/**
 * A fold along memory, with its partial results in lanes:
 *
 *     let sum = reduce add interleaved over r < 1000: x[r]
 *     →  for lane < 32 in lanes
 *          var fold = 0
 *          for step < 31: fold = fold + x[step*32 + lane]
 *          if 992 + lane < 1000: fold = fold + x[992 + lane]
 *          partial[lane] = fold
 *        for lane < 16 in lanes: partial[lane] = partial[lane] + partial[lane + 16]      and so on
 *
 * The order is that of kernel/reduce.ts to the bit. Null where the elements do not lie side by side, or are few.
 */
export function reduceInLanes(reduce: ReduceStmt, names: Names, scratch: Buffer[]): Stmt[] | null {
  const { op, variable: result } = reduce;
  const type = result.type;
  const loops = reduce.loops.filter((loop) => loop.extent !== 1);
  const order = reductionOrder(
    op,
    type,
    reduce.order,
    reduce.loops.map((loop) => loop.extent),
  );
  const seen = isFloat(type) && (op === "add" || op === "mul");
  if (loops.length !== 1 || order.total < SHORTEST || (seen && order.kind !== "interleaved")) return null;
  const index = loops[0]!.index;
  if (!liesAlong(reduce, index)) return null;
  const free = isFloat(type) ? FREE_LANES : 2 * FREE_LANES;
  const width = seen ? order.width : Math.min(free, powerOfTwo(order.total));
  const all = rangeOf(type);
  const narrow = result.min > all.min || result.max < all.max;
  const sum = narrow ? variable(names.fresh(`${result.name}_fold`), type) : result;
  const identity = constant(identityOf(op, type), type);
  const partial: Buffer = { name: names.fresh("partial"), dtype: type, size: width, role: "scratch" };
  scratch.push(partial);

  const extreme = isFloat(type) && (op === "max" || op === "min");
  /**
   * Folds `count` elements from `start` on; the value is an expression. With `quick`, a maximum may come out as a zero
   * of either sign: IEEE's maximum takes eight instructions on x86, a plain comparison one, and two more find NaN.
   */
  const fold = (start: Expr, count: number, quick = false): { readonly body: Stmt[]; readonly value: Expr } => {
    const lane = indexVariable(names.fresh("lane"), width);
    const running = variable(names.fresh("fold"), type);
    const missing = variable(names.fresh("isNaN"), "bool");
    const element = (at: Expr): Stmt[] => {
      const place = new Map<Expr, Expr>(reduce.loops.map((loop) => [loop.index, loop.index === index ? at : int(0)]));
      const body = replaceIn(reduce.body, place);
      const value = replaceIn([{ kind: "let", variable: running, value: reduce.value, mutable: true }], place)[0]!;
      const term = (value as LetStmt).value;
      if (!quick) return [...body, { kind: "set", variable: running, value: binary(op, running, term) }];
      const further = op === "max" ? lt(running, term) : lt(term, running);
      return [
        ...body,
        { kind: "set", variable: missing, value: binary("or", missing, binary("ne", term, term)) },
        { kind: "set", variable: running, value: select(further, term, running) },
      ];
    };
    const steps = Math.floor(count / width);
    const rest = count - steps * width;
    const step = indexVariable(names.fresh("step"), steps);
    const inside: Stmt[] = [{ kind: "let", variable: running, value: identity, mutable: true }];
    if (quick) inside.push({ kind: "let", variable: missing, value: truth(false), mutable: true });
    if (steps === 1) inside.push(block(element(add(start, lane))));
    else if (steps > 1) {
      const at = add(add(start, mul(step, int(width))), lane);
      inside.push({ kind: "for", index: step, extent: int(steps), body: element(at) });
    }
    if (rest > 0) {
      const at = add(add(start, int(steps * width)), lane);
      inside.push({ kind: "if", test: lt(lane, int(rest)), body: element(at) });
    }
    const result = quick ? select(missing, constant(Number.NaN, type), running) : running;
    inside.push({ kind: "store", buffer: partial, at: lane, value: result });
    const body: Stmt[] = [{ kind: "for", index: lane, extent: int(width), lanes: width, body: inside }];
    let left = width / 2;
    for (; left >= 4; left /= 2) {
      const to = indexVariable(names.fresh("lane"), left);
      const value = binary(op, load(partial, to), load(partial, add(to, int(left))));
      const store: Stmt = { kind: "store", buffer: partial, at: to, value };
      body.push({ kind: "for", index: to, extent: int(left), lanes: left, body: [store] });
    }
    let last = Array.from({ length: 2 * left }, (_, i): Expr => load(partial, int(i)));
    for (; left >= 1; left /= 2) last = last.slice(0, left).map((value, i) => binary(op, value, last[i + left]!));
    return { body, value: last[0]! };
  };

  const out: Stmt[] = [];
  if (extreme && order.total > width) {
    const quick = fold(int(0), order.total, true);
    const exact = fold(int(0), order.total);
    const either = variable(names.fresh(`${sum.name}_quick`), type);
    const again: Stmt = { kind: "set", variable: either, value: exact.value };
    out.push(
      ...quick.body,
      { kind: "let", variable: either, value: quick.value, mutable: true },
      { kind: "if", test: binary("eq", either, constant(0, type)), body: [...exact.body, again] },
      { kind: "let", variable: sum, value: either, mutable: false },
    );
  } else if (order.chunk === null || !seen) {
    const { body, value } = fold(int(0), order.total);
    out.push(...body, { kind: "let", variable: sum, value, mutable: false });
  } else {
    const whole = Math.floor(order.total / order.chunk);
    const chunk = indexVariable(names.fresh("chunk"), whole);
    const addTo = ({ body, value }: { readonly body: Stmt[]; readonly value: Expr }): Stmt[] => [
      ...body,
      { kind: "set", variable: sum, value: binary(op, sum, value) },
    ];
    out.push({ kind: "let", variable: sum, value: identity, mutable: true });
    if (whole > 0) {
      const start = mul(chunk, int(order.chunk));
      out.push({ kind: "for", index: chunk, extent: int(whole), body: addTo(fold(start, order.chunk)) });
    }
    const rest = order.total - whole * order.chunk;
    if (rest > 0) out.push(...addTo(fold(int(whole * order.chunk), rest)));
  }
  if (narrow) {
    const [low, high] = [constant(result.min, type), constant(result.max, type)];
    out.push({ kind: "let", variable: result, value: binary("min", binary("max", sum, low), high), mutable: false });
  }
  return out;
}

/** The largest power of two that is at most `n`, and a multiple of 4. */
const powerOfTwo = (n: number): number => Math.max(4, 2 ** (31 - Math.clz32(n)));

/** Statements of one turn as a block of their own. */
const block = (body: Stmt[]): Stmt => ({
  kind: "for",
  index: indexVariable("once", 1),
  extent: int(1),
  body,
});

/** True if the fold reads nothing across memory, and something along it. */
function liesAlong(reduce: ReduceStmt, index: VarExpr): boolean {
  let along = 0;
  let across = 0;
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "load") {
      const form = affineOf(expr.at);
      const stride = form ? coefficientOf(form, index) : null;
      if (stride === 1) along++;
      else if (stride !== 0) across++;
    }
    for (const child of childrenOf(expr)) visit(child);
  };
  const inside = (body: readonly Stmt[]): boolean =>
    body.every((statement) => {
      if (statement.kind !== "let" || statement.mutable) return false;
      visit(statement.value);
      return true;
    });
  if (!inside(reduce.body)) return false;
  visit(reduce.value);
  return across === 0 && along > 0;
}
