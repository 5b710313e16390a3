import { rangeOf } from "../../core/dtype.ts";
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
  variable,
} from "../../kernel/expr.ts";
import { countOfAll } from "../../kernel/extent.ts";
import { INTERLEAVED_LIMIT, identityOf, LANES } from "../../kernel/reduce.ts";
import type { Buffer, ReduceStmt, Stmt } from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";
import { replaceIn } from "./replace.ts";
import type { Names } from "./statements.ts";

/** Lanes of the last blocks of a loop: what is left after them runs alone. */
const FEW = 4;

/**
 * A loop whose number of turns is known only at run time, in blocks of lanes:
 *
 *     for i < $n: y[i] = exp(x[i])
 *     →  for i < $n / 16: for lane < 16 in lanes: y[i*16 + lane] = exp(x[i*16 + lane])
 *        for i < $n % 16 / 4: for lane < 4 in lanes: …
 *        for i < $n % 4: …
 *
 * @param put the body for an index, as it runs in so many lanes
 */
export function openLanes(
  name: string,
  extent: Expr,
  lanes: number,
  names: Names,
  put: (at: Expr, lanes: number) => Stmt[],
): Stmt[] {
  const out: Stmt[] = [];
  let start: Expr = int(0);
  let left = extent;
  for (const width of lanes > FEW ? [lanes, FEW] : [FEW]) {
    const blocks = div(left, int(width));
    const turn = indexVariable(out.length === 0 ? name : names.fresh(name), blocks);
    const lane = indexVariable(names.fresh("lane"), width);
    const inner: Stmt = {
      kind: "for",
      index: lane,
      extent: int(width),
      lanes: width,
      body: put(add(add(start, mul(turn, int(width))), lane), width),
    };
    if (blocks.max > 0) out.push({ kind: "for", index: turn, extent: blocks, body: [inner] });
    start = add(start, mul(blocks, int(width)));
    left = rem(left, int(width));
  }
  const last = indexVariable(names.fresh(name), left);
  out.push({ kind: "for", index: last, extent: left, body: put(add(start, last), 1) });
  return out;
}

/** Most lanes that pay for loops of at most so many turns, of which the last ones run in blocks of four and alone. */
export const lanesUpTo = (lanes: number, turns: number): number =>
  turns <= 32 ? FEW : turns <= 128 ? Math.min(lanes, 2 * FEW) : lanes;

/**
 * A fold along memory over a number of elements that is known only at run time, in lanes: partial results lie in an
 * array. The order is that of kernel/reduce.ts. Null for one that may be so long that it has chunks.
 */
export function foldOpenInLanes(reduce: ReduceStmt, names: Names, scratch: Buffer[]): Stmt[] | null {
  const { op, variable: result, loops } = reduce;
  const { type } = result;
  const total = countOfAll(loops.map(({ extent }) => extent));
  const index = loops.find(({ extent }) => extent !== 1)!.index;
  if (typeof total === "number" || total.max > INTERLEAVED_LIMIT) return null;
  const all = rangeOf(type);
  if (result.min > all.min || result.max < all.max) return null; // it could not hold the identity
  const partial: Buffer = { name: names.fresh("partial"), dtype: type, size: LANES, role: "scratch" };
  scratch.push(partial);

  /** Adds element number `element` to partial result number `at`. */
  const turn = (at: Expr, element: Expr): Stmt[] => {
    const place = new Map<Expr, Expr>(loops.map((loop) => [loop.index, loop.index === index ? element : int(0)]));
    const before = replaceIn(reduce.body, place);
    const value = binary(op, load(partial, at), substitute(reduce.value, place));
    return [...before, { kind: "store", buffer: partial, at, value }];
  };
  const inLanes = (width: number, body: (lane: Expr) => Stmt[]): Stmt => {
    const lane = indexVariable(names.fresh("lane"), width);
    const how = width % FEW === 0 ? { lanes: width } : {};
    return { kind: "for", index: lane, extent: int(width), body: body(lane), ...how };
  };
  const out: Stmt[] = [
    inLanes(LANES, (lane) => [
      { kind: "store", buffer: partial, at: lane, value: constant(identityOf(op, type), type) },
    ]),
  ];
  const blocks = div(total, int(LANES));
  const step = indexVariable(names.fresh("step"), blocks);
  if (blocks.max > 0) {
    const body = inLanes(LANES, (lane) => turn(lane, add(mul(step, int(LANES)), lane)));
    out.push({ kind: "for", index: step, extent: blocks, body: [body] });
  }
  const start = mul(blocks, int(LANES));
  out.push(...openLanes(step.name, rem(total, int(LANES)), FEW, names, (at) => turn(at, add(start, at))));
  for (let half = LANES / 2; half >= 1; half /= 2) {
    const pair = (at: Expr): Expr => binary(op, load(partial, at), load(partial, add(at, int(half))));
    out.push(inLanes(half, (at) => [{ kind: "store", buffer: partial, at, value: pair(at) }]));
  }
  out.push({
    kind: "let",
    variable: variable(result.name, type, result),
    value: load(partial, int(0)),
    mutable: false,
  });
  return out;
}
