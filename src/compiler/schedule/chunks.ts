import { rangeOf } from "../../core/dtype.ts";
import { add, binary, constant, type Expr, int, mul, type VarExpr, variable } from "../../kernel/expr.ts";
import { fixedLoops, identityOf, reductionOrder } from "../../kernel/reduce.ts";
import { bodyOf, type ReduceStmt, type Stmt } from "../../kernel/statement.ts";
import { substitute } from "../expressions.ts";
import { orderIsSeen } from "./reduction.ts";
import { extentOf, type Loop, loopOver, makeLoop, type Names, nest } from "./statements.ts";

/** Running sums, in vectors, that are in registers at once. */
const MOST_SUMS = 8;
/** Folds whose order can not be seen (maximum, whole numbers) are cut into chunks from so many terms on. */
const LONG = 64;

/**
 * Folds the chunks of long sums side by side: an addition waits for the one before, so one chunk alone leaves the
 * units idle.
 *
 *     let sum = reduce add serial over r < 64: x[r]…     (chunks of 8)
 *     →  var sum = 0
 *        for chunks < 2
 *          var part = 0 … var part_3 = 0
 *          for offset < 8: part = part + x[chunks*32 + offset]; … part_3 = part_3 + x[chunks*32 + 24 + offset]
 *          sum = sum + part; … sum = sum + part_3
 *
 * The order is that of kernel/reduce.ts. A fold whose order can not be seen has as many chunks as there is room for.
 * `lanes` are those of the loop around.
 */
export function foldChunksTogether(body: readonly Stmt[], lanes: number, names: Names): Stmt[] {
  return body.flatMap((statement): Stmt[] => {
    const written = statement.kind === "reduce" ? together(statement, lanes, names) : null;
    if (written) return written;
    if (statement.kind === "reduce" || bodyOf(statement).length === 0) return [statement];
    return [{ ...statement, body: foldChunksTogether(bodyOf(statement), lanes, names) } as Stmt];
  });
}

/** The index of a loop as `loopOver` writes it. */
const indexOf = ({ index, extent }: Loop): Expr => (extent === 1 ? int(0) : index);

/** Null for a fold that has no chunks, or statements of its own, or where there is no room for a second sum. */
function together(reduce: ReduceStmt, lanes: number, names: Names): Stmt[] | null {
  const { op, variable: sum } = reduce;
  const { type } = sum;
  const loops = fixedLoops(reduce);
  if (!loops) return null;
  const extents = loops.map(({ extent }) => extent);
  const [outer, ...inner] = loops;
  const most = Math.floor(MOST_SUMS / Math.ceil(lanes / (type === "float64" ? 2 : 4)));
  const free = !orderIsSeen(reduce) && extentOf(loops) >= LONG ? Math.floor(outer!.extent / most) : null;
  const order = reductionOrder(op, type, reduce.order, extents);
  const chunk = order.chunk ?? free;
  if (order.kind !== "serial" || !chunk || reduce.body.length > 0) return null;
  const whole = Math.floor(outer!.extent / chunk);
  const count = Math.min(whole, most);
  if (count < 2) return null;
  const all = rangeOf(type);
  if (sum.min > all.min || sum.max < all.max) return null; // it could not hold the identity
  const identity = constant(identityOf(op, type), type);

  /** `many` chunks of `length` indices of the outermost loop, from `first` on. */
  const fold = (first: Expr, many: number, length: number): Stmt[] => {
    const parts = Array.from({ length: many }, () => variable(names.fresh(`${sum.name}_part`), type));
    const set = (target: VarExpr, value: Expr): Stmt => ({ kind: "set", variable: target, value });
    const offset = makeLoop(names.fresh("offset"), length);
    const turn = parts.map((part, k) => {
      const at = add(add(first, int(k * chunk)), indexOf(offset));
      const place = new Map(inner.map((loop) => [loop.index as Expr, indexOf(loop)]));
      return set(part, binary(op, part, substitute(reduce.value, place.set(outer!.index, at))));
    });
    return [
      ...parts.map((part): Stmt => ({ kind: "let", variable: part, value: identity, mutable: true })),
      ...nest([offset, ...inner], turn),
      ...parts.map((part) => set(sum, binary(op, sum, part))),
    ];
  };
  const groups = makeLoop(names.fresh("chunks"), Math.floor(whole / count));
  const left = whole - groups.extent * count;
  const rest = outer!.extent - whole * chunk;
  return [
    { kind: "let", variable: sum, value: identity, mutable: true },
    ...loopOver(groups, fold(mul(indexOf(groups), int(count * chunk)), count, chunk)),
    ...(left > 0 ? fold(int(groups.extent * count * chunk), left, chunk) : []),
    ...(rest > 0 ? fold(int(whole * chunk), 1, rest) : []),
  ];
}
