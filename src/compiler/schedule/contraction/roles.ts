import { childrenOf, type Expr, load, type VarExpr } from "../../../kernel/expr.ts";
import { expressionsOf, type Stmt } from "../../../kernel/statement.ts";
import { variablesIn } from "../../expressions.ts";
import { affineOf, coefficientOf } from "../affine.ts";
import { extentOf, type Loop } from "../statements.ts";
import { coordinatesOf } from "./grid.ts";
import type { Contraction } from "./nest.ts";
import { gridSize } from "./packing.ts";

/**
 * Which axis of a contraction plays which part. In `y[m, n] = Σ a[m, k]·b[k, n]` the lanes run along n, and a register
 * tile has several m: every value of `a` is spread over the lanes, every vector of `b` serves all rows.
 */
export interface Roles {
  readonly a: Expr;
  readonly b: Expr;
  /** True if `b` is the left operand of the product. */
  readonly swapped: boolean;
  /** The axis along which vectors lie. */
  readonly lane: Loop;
  /** Axes that only `a` depends on, those that only `b` depends on, and those that both do. */
  readonly rows: readonly Loop[];
  readonly columns: readonly Loop[];
  readonly shared: readonly Loop[];
}

/** Fewer elements along the vector axis than this are left to others. */
const NARROW = 3;

/** The cheapest assignment; null if none fits. */
export function chooseRoles(contraction: Contraction): Roles | null {
  const { axes, product, loops } = contraction;
  let best: { readonly roles: Roles; readonly cost: number } | null = null;
  for (const swapped of [false, true]) {
    const [a, b] = swapped ? [product.y, product.x] : [product.x, product.y];
    const [ofA, ofB] = [variablesIn([a]), variablesIn([b])];
    if (!hasLoad(a) || !hasLoad(b)) continue;
    if (!axes.every(({ index }) => ofA.has(index) || ofB.has(index))) continue;
    // A factor that is the same in every term is no operand of a contraction.
    if (![ofA, ofB].every((of) => loops.some((loop) => loop.extent === 1 || of.has(loop.index)))) continue;
    for (const lane of axes) {
      if (!ofB.has(lane.index) || lane.extent < NARROW) continue;
      const others = axes.filter((axis) => axis !== lane);
      const rows = others.filter(({ index }) => ofA.has(index) && !ofB.has(index));
      const columns = others.filter(({ index }) => !ofA.has(index) && ofB.has(index));
      const shared = others.filter(({ index }) => ofA.has(index) && ofB.has(index));
      const rowCount = extentOf(rows);
      // Where both depend on the lane (a depthwise convolution), both are read in vectors; rows must gain by it.
      if (ofA.has(lane.index) && rowCount === 1) continue;
      const cost = costOf(contraction, lane, rowCount, ofA.has(lane.index) ? [a, b] : [b]);
      if (!best || cost < best.cost) best = { roles: { a, b, swapped, lane, rows, columns, shared }, cost };
    }
  }
  return best && best.cost < WORTH ? best.roles : null;
}

/** Cost above which plain loops are as good. */
const WORTH = 8;

/**
 * Time per multiply-add against that of a full tile, which makes 32 in 8 cycles. Fewer than 8 lanes, or fewer than 8
 * vectors of sums, take nearly as long as 8. What is not contiguous along the vector axis is read and written element
 * by element at about 1.5 cycles, a store two: stores and operands of the epilogue once per sum, an operand that must
 * be packed once for each element of its grid.
 */
function costOf(contraction: Contraction, lane: Loop, rowCount: number, vectors: readonly Expr[]): number {
  const { finish, axes, loops } = contraction;
  const lanesUsed = (Math.ceil(lane.extent / 8) * 8) / lane.extent;
  const sums = Math.min(rowCount, 4) * Math.ceil(Math.min(lane.extent, rowCount === 1 ? 32 : 8) / 4);
  const terms = extentOf(loops);
  const packed = vectors.filter((operand) => !isContiguous(operand, lane.index));
  const elements = packed.map((operand) => gridSize(coordinatesOf(operand, axes, loops), new Set()));
  const packing = elements.reduce((sum, size) => sum + size, 0) / (extentOf(axes) * terms);
  return Math.max(lanesUsed, 8 / sums) + scattered(finish, lane.index) / terms + 6 * packing;
}

/** Cost of the accesses of an epilogue that are not contiguous along the vector axis. */
function scattered(body: readonly Stmt[], lane: VarExpr): number {
  return body.reduce((cost, statement) => {
    const inside = statement.kind === "if" ? scattered(statement.body, lane) : 0;
    const stores = statement.kind === "store" && !isContiguous(load(statement.buffer, statement.at), lane) ? 8 : 0;
    const loads = expressionsOf(statement).filter((expr) => !isContiguous(expr, lane)).length * 6;
    return cost + inside + stores + loads;
  }, 0);
}

/** True if every load of a formula that depends on `lane` moves by one element with it. */
export function isContiguous(formula: Expr, lane: VarExpr): boolean {
  if (formula.kind === "load") {
    const at = affineOf(formula.at);
    return at ? [0, 1].includes(coefficientOf(at, lane)) : !variablesIn([formula.at]).has(lane);
  }
  return childrenOf(formula).every((child) => isContiguous(child, lane));
}

const hasLoad = (expr: Expr): boolean => expr.kind === "load" || childrenOf(expr).some(hasLoad);
