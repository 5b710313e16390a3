import { add, div, type Expr, indexVariable, int, mul, rem } from "../../../kernel/expr.ts";
import type { Buffer, ForStmt, Kernel, Stmt } from "../../../kernel/statement.ts";
import { replaceIn } from "../replace.ts";
import { Names, renewBody } from "../statements.ts";
import { TILE_ROWS } from "./cover.ts";
import { contractKernel } from "./schedule.ts";

/** Rows of a block where there may be many: enough that packing what they share is little of the work. */
const MOST_ROWS = 16;

/**
 * The schedule of a contraction over a number of rows that is known only at run time: blocks of rows, each a contraction
 * of its own, and the last rows one by one.
 *
 *     for m < $n: for n < 128: y[m*128 + n] = Σ_k a[m*784 + k]·b[k*128 + n]
 *     →  for m < $n / 16: register tiles of 16 rows
 *        for m < $n % 16 / 4: register tiles of 4 rows
 *        for m < $n % 4: for n < 128: …
 *
 * Returns the kernel itself where it is nothing of the kind.
 */
export function contractOpenRows(kernel: Kernel): Kernel {
  if (!kernel.body.some(({ kind }) => kind === "for")) return kernel;
  const blocks = new RowBlocks(kernel);
  const body = blocks.inside(renewBody(kernel.body));
  return body ? { ...kernel, buffers: blocks.buffers, body } : kernel;
}

class RowBlocks {
  readonly #kernel: Kernel;
  readonly #names: Names;
  buffers: readonly Buffer[];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#names = new Names(kernel);
    this.buffers = kernel.buffers;
  }

  /** A body with the innermost loop of open extent in blocks; null if that is not around a contraction. */
  inside(body: readonly Stmt[]): Stmt[] | null {
    const loop = body.at(-1);
    const above = body.slice(0, -1);
    if (loop?.kind !== "for" || loop.lanes || !above.every(({ kind }) => kind === "let")) return null;
    const deeper = this.inside(loop.body);
    if (deeper) return [...above, { ...loop, body: deeper }];
    const blocks = loop.extent.kind === "const" ? null : this.#inBlocks(loop);
    return blocks && [...above, ...blocks];
  }

  #inBlocks({ index, extent, body }: ForStmt): Stmt[] | null {
    const out: Stmt[] = [];
    let start: Expr = int(0);
    let left = extent;
    const at = (place: Expr): Stmt[] => replaceIn(body, new Map([[index, place]]));
    for (const rows of extent.max >= 4 * MOST_ROWS ? [MOST_ROWS, TILE_ROWS] : [TILE_ROWS]) {
      const count = div(left, int(rows));
      const turn = indexVariable(this.#names.fresh(`${index.name}_block`), count);
      const row = indexVariable(this.#names.fresh(`${index.name}_row`), rows);
      const inner = at(add(add(start, mul(turn, int(rows))), row));
      const plain: Stmt = { kind: "for", index: row, extent: int(rows), body: inner };
      const scheduled = this.#contract(plain);
      if (!scheduled) return null;
      out.push({ kind: "for", index: turn, extent: count, body: scheduled });
      start = add(start, mul(count, int(rows)));
      left = rem(left, int(rows));
    }
    const last = indexVariable(index.name, left);
    return [...out, { kind: "for", index: last, extent: left, body: at(add(start, last)) }];
  }

  /** A block as register tiles; null if it is no contraction, or too small for them. */
  #contract(block: Stmt): readonly Stmt[] | null {
    const before: Kernel = { ...this.#kernel, buffers: this.buffers, body: [block] };
    const after = contractKernel(before);
    if (after === before) return null;
    this.buffers = after.buffers;
    return after.body;
  }
}
