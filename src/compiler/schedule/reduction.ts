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
import { mostOf } from "../../kernel/extent.ts";
import { fixedLoops, identityOf, reductionOrder } from "../../kernel/reduce.ts";
import type { Buffer, ReduceStmt, Stmt } from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";
import { foldOpenInLanes } from "./open.ts";
import { replaceIn } from "./replace.ts";
import type { Names } from "./statements.ts";
import { Strides } from "./stride.ts";

/** Partial results side by side where their number can not be seen (maximum, whole numbers, truth). */
const FREE_LANES = 16;
/** Lanes of one vector of partial results. */
const LANES = 4;
/** Fewer elements than this are folded one by one. */
const SHORTEST = 8;

/**
 * A fold along memory, with its partial results in lanes:
 *
 *     let sum = reduce add interleaved over r < 1000: x[r]
 *     →  for lane < 4 in lanes
 *          var fold_0 = 0 … var fold_7 = 0
 *          for step < 31: fold_0 = fold_0 + x[step*32 + lane]; … fold_7 = fold_7 + x[step*32 + 28 + lane]
 *          fold_0 = fold_0 + x[992 + lane]; fold_1 = fold_1 + x[996 + lane]
 *          fold_0 = fold_0 + fold_4; … fold_0 = fold_0 + fold_1
 *          partial[lane] = fold_0
 *        let sum = partial[0] + partial[2] + (partial[1] + partial[3])
 *
 * The order is that of kernel/reduce.ts to the bit. Null where the elements do not lie side by side, or are few.
 */
export function reduceInLanes(reduce: ReduceStmt, names: Names, scratch: Buffer[]): Stmt[] | null {
  const { op, variable: result } = reduce;
  const type = result.type;
  if (!foldsAlong(reduce)) return null;
  const fixed = fixedLoops(reduce);
  if (!fixed) return foldOpenInLanes(reduce, names, scratch);
  const loops = fixed.filter((loop) => loop.extent !== 1);
  const order = reductionOrder(
    op,
    type,
    reduce.order,
    fixed.map((loop) => loop.extent),
  );
  const index = loops[0]!.index;
  const seen = orderIsSeen(reduce);
  const free = isFloat(type) ? FREE_LANES : 2 * FREE_LANES;
  const width = seen ? order.width : Math.min(free, powerOfTwo(order.total));
  const all = rangeOf(type);
  const narrow = result.min > all.min || result.max < all.max;
  const sum = narrow ? variable(names.fresh(`${result.name}_fold`), type) : result;
  const identity = constant(identityOf(op, type), type);
  const partial: Buffer = { name: names.fresh("partial"), dtype: type, size: LANES, role: "scratch" };
  scratch.push(partial);

  const extreme = isFloat(type) && (op === "max" || op === "min");
  /**
   * Folds `count` elements from `start` on; the value is an expression. With `quick`, a maximum may come out as a zero
   * of either sign: IEEE's maximum takes eight instructions on x86, a plain comparison one, and two more find NaN.
   */
  const fold = (start: Expr, count: number, quick = false): { readonly body: Stmt[]; readonly value: Expr } => {
    const lane = indexVariable(names.fresh("lane"), LANES);
    // Partial result number 4k + lane is `folds[k]` of that lane.
    const folds = Array.from({ length: width / LANES }, () => variable(names.fresh("fold"), type));
    const missing = quick ? folds.map(() => variable(names.fresh("seenNaN"), "bool")) : [];
    const set = (target: VarExpr, value: Expr): Stmt => ({ kind: "set", variable: target, value });
    const element = (k: number, first: Expr): Stmt[] => {
      const at = add(add(first, int(k * LANES)), lane);
      const place = new Map<Expr, Expr>(reduce.loops.map((loop) => [loop.index, loop.index === index ? at : int(0)]));
      const before = replaceIn(reduce.body, place);
      const term = substitute(reduce.value, place);
      const running = folds[k]!;
      const seenNaN = missing[k];
      if (!seenNaN) return apart([...before, set(running, binary(op, running, term))]);
      const further = op === "max" ? lt(running, term) : lt(term, running);
      return apart([
        ...before,
        set(seenNaN, binary("or", seenNaN, binary("ne", term, term))),
        set(running, select(further, term, running)),
      ]);
    };
    const steps = Math.floor(count / width);
    const rest = count - steps * width;
    const step = indexVariable(names.fresh("step"), steps);
    const inside: Stmt[] = [
      ...folds.map((running): Stmt => ({ kind: "let", variable: running, value: identity, mutable: true })),
      ...missing.map((seenNaN): Stmt => ({ kind: "let", variable: seenNaN, value: truth(false), mutable: true })),
    ];
    if (steps > 0) {
      const first = steps === 1 ? start : add(start, mul(step, int(width)));
      const turn = folds.flatMap((_, k) => element(k, first));
      inside.push(...(steps === 1 ? turn : [loopOf(step, steps, turn)]));
    }
    const end = add(start, int(steps * width));
    const whole = Math.floor(rest / LANES);
    for (let k = 0; k < whole; k++) inside.push(...element(k, end));
    if (rest % LANES > 0) inside.push({ kind: "if", test: lt(lane, int(rest % LANES)), body: element(whole, end) });
    missing.forEach((seenNaN, k) => {
      inside.push(set(folds[k]!, select(seenNaN, constant(Number.NaN, type), folds[k]!)));
    });
    for (let left = folds.length / 2; left >= 1; left /= 2) {
      for (let k = 0; k < left; k++) inside.push(set(folds[k]!, binary(op, folds[k]!, folds[k + left]!)));
    }
    inside.push({ kind: "store", buffer: partial, at: lane, value: folds[0]! });
    const body: Stmt[] = [{ kind: "for", index: lane, extent: int(LANES), lanes: LANES, body: inside }];
    const [a, b, c, d] = [0, 1, 2, 3].map((i): Expr => load(partial, int(i)));
    return { body, value: binary(op, binary(op, a!, c!), binary(op, b!, d!)) };
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

const loopOf = (index: VarExpr, extent: number, body: Stmt[]): Stmt => ({
  kind: "for",
  index,
  extent: int(extent),
  body,
});

/** Statements of one element; in a block of their own if they name anything, since the next element names it too. */
const apart = (body: Stmt[]): Stmt[] =>
  body.some((statement) => statement.kind === "let") ? [loopOf(indexVariable("once", 1), 1, body)] : body;

/** True if the order of the operations shows in the result. */
export const orderIsSeen = ({ op, variable: { type } }: ReduceStmt): boolean =>
  isFloat(type) && (op === "add" || op === "mul");

/** True if a fold goes along memory far enough for lanes, in an order that lets it. */
export function foldsAlong(reduce: ReduceStmt): boolean {
  const [loop, ...others] = reduce.loops.filter(({ extent }) => extent !== 1);
  if (!loop || others.length > 0 || mostOf(loop.extent) < SHORTEST) return false;
  return (reduce.order === "interleaved" || !orderIsSeen(reduce)) && readsAlong(reduce, loop.index);
}

/** True if the fold reads nothing across memory, and something along it. */
function readsAlong(reduce: ReduceStmt, index: VarExpr): boolean {
  let along = 0;
  let across = 0;
  const strides = new Strides(index);
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    if (expr.kind === "load") {
      const stride = strides.of(expr.at);
      if (stride === 1) along++;
      else if (stride !== 0) across++;
    }
    for (const child of childrenOf(expr)) visit(child);
  };
  const inside = (body: readonly Stmt[]): boolean =>
    body.every((statement) => {
      if (statement.kind !== "let" || statement.mutable) return false;
      visit(statement.value);
      strides.define(statement);
      return true;
    });
  if (!inside(reduce.body)) return false;
  visit(reduce.value);
  return across === 0 && along > 0;
}
