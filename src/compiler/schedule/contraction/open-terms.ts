import { getOrMake } from "../../../core/collections.ts";
import { isFloat } from "../../../core/dtype.ts";
import {
  add,
  type BinaryExpr,
  binary,
  childrenOf,
  constant,
  div,
  type Expr,
  indexVariable,
  int,
  mul,
  rem,
  type VarExpr,
  variable,
} from "../../../kernel/expr.ts";
import { extentValue, mostOf } from "../../../kernel/extent.ts";
import { fixedLoops, identityOf, reductionOrder } from "../../../kernel/reduce.ts";
import type { ForStmt, Kernel, ReduceStmt, Stmt } from "../../../kernel/statement.ts";
import { substitute } from "../../expressions.ts";
import { independentTurns } from "../independence.ts";
import { replaceIn } from "../replace.ts";
import { makeLoop, Names, nest, renewBody } from "../statements.ts";
import { strideOf } from "../stride.ts";
import { TILE_ROWS } from "./cover.ts";

/** Lanes of a tile: with four rows, eight sums in vectors side by side. */
const LANES = 8;

/**
 * The schedule of a sum of products over a number of terms that is known only at run time, as the gradient of a matrix
 * of weights is over the examples of a batch: register tiles, of operands as they lie.
 *
 *     for m < 784: for n < 128: y[m*128 + n] = Σ_(k < $k) a[k*784 + m]·b[k*128 + n]
 *     →  for n < 16: for m < 196: for lane < 8 in lanes: 4 sums side by side over k
 *
 * Returns the kernel itself where it is nothing of the kind.
 */
export function contractOpenTerms(kernel: Kernel): Kernel {
  if (!kernel.body.some(({ kind }) => kind === "for")) return kernel;
  const body = inside(renewBody(kernel.body), new Names(kernel));
  return body ? { ...kernel, body } : kernel;
}

/** A body with the two innermost loops in tiles; null if they are not around such a sum. */
function inside(body: readonly Stmt[], names: Names): Stmt[] | null {
  const rows = body.at(-1);
  const above = body.slice(0, -1);
  if (rows?.kind !== "for" || rows.lanes || !above.every(({ kind }) => kind === "let")) return null;
  const [columns] = rows.body;
  if (rows.body.length !== 1 || columns?.kind !== "for") return null;
  const sum = sumOf(columns);
  if (!sum) {
    const deeper = inside(rows.body, names);
    return deeper && [...above, { ...rows, body: deeper }];
  }
  const tiles = inTiles(rows, columns, sum, names);
  return tiles && [...above, ...tiles];
}

interface Sum {
  readonly reduce: ReduceStmt;
  readonly after: readonly Stmt[];
}

/** What a loop over columns does, if that is one long sum of products and some stores. */
function sumOf({ body }: ForStmt): Sum | null {
  const [reduce, ...after] = body;
  if (reduce?.kind !== "reduce" || reduce.body.length > 0 || fixedLoops(reduce)) return null;
  const { op, order, variable: sum, value, loops } = reduce;
  if (op !== "add" || !isFloat(sum.type) || value.kind !== "binary" || value.op !== "mul") return null;
  const most = loops.map(({ extent }) => mostOf(extent));
  const { kind, chunk } = reductionOrder(op, sum.type, order, most);
  const plain = after.every((statement) => statement.kind === "let" || statement.kind === "store");
  return kind === "serial" && chunk === null && plain ? { reduce, after } : null;
}

function inTiles(rows: ForStmt, columns: ForStmt, { reduce, after }: Sum, names: Names): Stmt[] | null {
  if (rows.extent.kind !== "const" || columns.extent.kind !== "const") return null;
  const [height, width] = [rows.extent.value, columns.extent.value];
  const along = (statement: Stmt): boolean => statement.kind !== "store" || strideOf(statement.at, columns.index) === 1;
  if (width % LANES !== 0 || height % TILE_ROWS !== 0 || !readsAlong(reduce.value, columns.index)) return null;
  if (!after.every(along) || !independentTurns(columns.index, columns.body)) return null;

  const panel = makeLoop(names.fresh(columns.index.name), width / LANES);
  const block = makeLoop(names.fresh(rows.index.name), height / TILE_ROWS);
  const lane = indexVariable(names.fresh("lane"), LANES);
  const at = (row: number): Map<Expr, Expr> =>
    new Map<Expr, Expr>([
      [rows.index, add(mul(indexOf(block), int(TILE_ROWS)), int(row))],
      [columns.index, add(mul(indexOf(panel), int(LANES)), lane)],
    ]);
  const { type } = reduce.variable;
  const numbers = Array.from({ length: TILE_ROWS }, (_, row) => row);
  const sums = numbers.map((row) => variable(names.copy(reduce.variable.name, row), type));
  const start = constant(identityOf("add", type), type);
  const product = reduce.value as BinaryExpr; // see `sumOf`
  /** One term of each sum. What does not hang on the row is named once, for all of them. */
  const turn = (terms: Map<Expr, Expr>): Stmt[] => {
    const named = new Map<Expr, Expr>();
    const body: Stmt[] = [];
    const operand = (expr: Expr, name: string, row: number): Expr => {
      const value = substitute(expr, new Map([...at(row), ...terms]));
      return getOrMake(named, value, () => {
        const made = variable(names.copy(name, row), type);
        body.push({ kind: "let", variable: made, value, mutable: false });
        return made;
      });
    };
    sums.forEach((sum, row) => {
      const term = binary("mul", operand(product.x, "left", row), operand(product.y, "right", row));
      body.push({ kind: "set", variable: sum, value: binary("add", sum, term) });
    });
    return body;
  };
  const body: Stmt[] = [
    ...sums.map((sum): Stmt => ({ kind: "let", variable: sum, value: start, mutable: true })),
    ...overTerms(reduce, names, turn),
    ...numbers.flatMap((row) =>
      replaceIn(after, at(row).set(reduce.variable, sums[row]!), (name) => names.copy(name, row)),
    ),
  ];
  return nest([panel, block], [{ kind: "for", index: lane, extent: int(LANES), lanes: LANES, body }]);
}

/** Terms written out one after another. */
const UNROLLED = 8;

/** The loops of a sum; of a single one most turns are written out. */
function overTerms({ loops }: ReduceStmt, names: Names, turn: (place: Map<Expr, Expr>) => Stmt[]): Stmt[] {
  const [only, ...others] = loops;
  if (!only || others.length > 0) {
    return loops.reduceRight<Stmt[]>(
      (inner, { index, extent }) => [{ kind: "for", index, extent: extentValue(extent), body: inner }],
      turn(new Map()),
    );
  }
  const extent = extentValue(only.extent);
  const blocks = div(extent, int(UNROLLED));
  const rest = rem(extent, int(UNROLLED));
  const [block, one] = [
    indexVariable(names.fresh(only.index.name), blocks),
    indexVariable(names.fresh(only.index.name), UNROLLED),
  ];
  const last = indexVariable(names.fresh(only.index.name), rest);
  const place = (element: Expr): Stmt[] => turn(new Map([[only.index, element]]));
  const inner: Stmt = {
    kind: "for",
    index: one,
    extent: int(UNROLLED),
    unroll: UNROLLED,
    body: place(add(mul(block, int(UNROLLED)), one)),
  };
  return [
    { kind: "for", index: block, extent: blocks, body: [inner] },
    { kind: "for", index: last, extent: rest, body: place(add(mul(blocks, int(UNROLLED)), last)) },
  ];
}

/** The index of a loop as `nest` writes it. */
const indexOf = ({ index, extent }: { readonly index: VarExpr; readonly extent: number }): Expr =>
  extent === 1 ? int(0) : index;

/** True if nothing is read across memory from column to column. */
function readsAlong(value: Expr, column: VarExpr): boolean {
  if (value.kind !== "load") return childrenOf(value).every((child) => readsAlong(child, column));
  const stride = strideOf(value.at, column);
  return stride === 0 || stride === 1;
}
