import { type Expr, load, type VarExpr } from "../../../kernel/expr.ts";
import type { Buffer } from "../../../kernel/statement.ts";
import { type Affine, affineConstant, affineExpr, affineOf, plus, substituteAffine } from "../affine.ts";
import type { LanePart } from "./cover.ts";

/** Where a lane of a tile is along the vector axis: `part.start + panel·lanes + lane`. */
export interface LanePlace {
  readonly part: LanePart;
  readonly panel: Affine;
  readonly lane: Affine;
}

/** An operand that is read by a plain load. */
export interface Operand {
  readonly buffer: Buffer;
  /** Its index in terms of axes and loops; the vector axis too, unless it lies in panels. */
  readonly index: Affine;
  /** Packed panel by panel: `panel[k][lane]`, with `index` as k. Where the panels of each part begin. */
  readonly panels: { readonly length: number; readonly starts: ReadonlyMap<LanePart, number> } | null;
}

/** The operand itself, if it is a plain load. */
export function plainOperand(formula: Expr): Operand | null {
  const index = formula.kind === "load" ? affineOf(formula.at) : null;
  return formula.kind === "load" && index ? { buffer: formula.buffer, index, panels: null } : null;
}

export const positionAlong = ({ part, panel, lane }: LanePlace): Affine =>
  plus({ terms: lane.terms, constant: lane.constant + part.start }, panel, part.lanes);

/** Index of an operand's element for a lane, as a form of what is left. `vector`: the vector axis. */
export function elementIndex(operand: Operand, vector: VarExpr, place: LanePlace): Affine {
  const { index, panels } = operand;
  if (!panels) return substituteAffine(index, new Map([[vector, positionAlong(place)]]));
  const { part, panel, lane } = place;
  const start = affineConstant(panels.starts.get(part)!);
  return plus(plus(plus(start, index, part.lanes), panel, panels.length * part.lanes), lane);
}

export const loadOf = (buffer: Buffer, index: Affine): Expr => load(buffer, affineExpr(index));
