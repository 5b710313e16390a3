import { childrenOf, type Expr, int, lt, type VarExpr } from "../../../kernel/expr.ts";
import type { Buffer, Stmt } from "../../../kernel/statement.ts";
import { substitute, variablesIn } from "../../expressions.ts";
import { type Affine, affineConstant, affineExpr, coefficientOf, plus, rangeOfAffine, times } from "../affine.ts";
import { countOf, type Loop, loopOver, makeLoop, type Names, nest } from "../statements.ts";
import type { LanePart } from "./cover.ts";
import { type Coordinate, greatestCommonDivisor } from "./grid.ts";
import { elementIndex, type LanePlace, type Operand, positionAlong } from "./operand.ts";

/** An operand's formula, evaluated once for every point of its grid and kept in an array of its own. */
export interface Packing {
  readonly operand: Operand;
  /** Fills what is the same every time: zeros around an image. Runs once. */
  readonly once: readonly Stmt[];
  /** Fills the rest; runs wherever the indices that are fixed outside change. */
  readonly fill: readonly Stmt[];
  /** Where one panel is packed at a time: fills it. */
  readonly fillPanel?: (part: LanePart, panel: Affine) => Stmt[];
}

export interface PackRequest {
  readonly name: string;
  readonly formula: Expr;
  readonly coordinates: readonly Coordinate[];
  /** Indices of loops around the packing. */
  readonly fixed: ReadonlySet<VarExpr>;
  /** The vector axis and its parts, if the operand is to lie along it. */
  readonly lane: { readonly index: VarExpr; readonly parts: readonly LanePart[] } | null;
  /** Pack each panel just before it is used, in place of the one before, if the operand lies in panels. */
  readonly oneByOne: boolean;
}

/** One axis of the grid: `form` runs over `min, min + step, …`. */
interface GridAxis {
  readonly form: Affine;
  readonly step: number;
  readonly min: number;
  readonly extent: number;
}

/** The grid inside loops over `fixed`. Coordinates wholly fixed have no axis. */
function gridOf(coordinates: readonly Coordinate[], fixed: ReadonlySet<VarExpr>): readonly GridAxis[] {
  return coordinates.flatMap((coordinate) => {
    const terms = new Map([...coordinate].filter(([variable]) => !fixed.has(variable)));
    if (terms.size === 0) return [];
    const form: Affine = { terms, constant: 0 };
    const step = [...terms.values()].map(Math.abs).reduce(greatestCommonDivisor);
    const { min, max } = rangeOfAffine(form);
    return [{ form, step, min, extent: (max - min) / step + 1 }];
  });
}

/** Elements of the packed array. */
export const gridSize = (coordinates: readonly Coordinate[], fixed: ReadonlySet<VarExpr>): number =>
  gridOf(coordinates, fixed).reduce((size, axis) => size * axis.extent, 1);

/** Packs an operand; null if its grid can not be walked (a form such as `2 i + 3 j`). */
export function pack(request: PackRequest, names: Names): Packing | null {
  const { formula, coordinates, fixed, lane } = request;
  const grid = gridOf(coordinates, fixed);
  const along = lane ? grid.find((axis) => axis.form.terms.has(lane.index)) : undefined;
  if (grid.some((axis) => !leadOf(axis))) return null;
  if (lane && along?.form.terms.size === 1) return packPanels(request, grid, along, lane, names);
  if (along && Math.abs(coefficientOf(along.form, lane!.index)) !== along.step) return null;
  // Along a window the vector axis is one of several: the coordinate comes last, and vectors of it overlap.
  const axes = along ? [...grid.filter((axis) => axis !== along), along] : grid;
  const { index, size } = layout(axes);
  const buffer: Buffer = { name: names.fresh(request.name), dtype: formula.type, size, role: "scratch" };
  const loops = axes.map((axis) => makeLoop(names.fresh("p"), axis.extent));
  const whole = loops.map((loop): Turns => ({ start: 0, step: 1, count: loop.extent }));
  const solved = solve(formula, axes, loops);
  const turns = solved?.turns ?? whole;
  const fill = nest(countedLoops(loops, turns), [
    {
      kind: "store",
      buffer,
      at: affineExpr(rowMajor(axes, counted(loops, turns))),
      value: substitute(solved?.value ?? formula, placeOf(axes, counted(loops, turns))),
    },
  ]);
  const once =
    solved && turns.some(({ count }, i) => count < axes[i]!.extent) ? clear(buffer, solved.otherwise, names) : [];
  return { operand: { buffer, index, panels: null }, once, fill };
}

function clear(buffer: Buffer, value: Expr, names: Names): Stmt[] {
  const loop = makeLoop(names.fresh("z"), buffer.size);
  return loopOver(loop, [{ kind: "store", buffer, at: affineExpr(countOf(loop)), value }]);
}

/**
 * `panel[k][lane]` for each part of the vector axis, so that a tile reads one panel from front to back. All panels, or
 * one at a time.
 */
function packPanels(
  { name, formula, oneByOne }: PackRequest,
  grid: readonly GridAxis[],
  along: GridAxis,
  lane: NonNullable<PackRequest["lane"]>,
  names: Names,
): Packing {
  const axes = grid.filter((axis) => axis !== along);
  const { index, size: length } = layout(axes);
  const starts = new Map<LanePart, number>();
  let size = 0;
  for (const part of lane.parts) {
    starts.set(part, oneByOne ? 0 : size);
    size = oneByOne ? Math.max(size, length * part.lanes) : size + length * part.panels * part.lanes;
  }
  const buffer: Buffer = { name: names.fresh(name), dtype: formula.type, size, role: "scratch" };
  const operand: Operand = { buffer, index, panels: { length: oneByOne ? 0 : length, starts } };
  const loops = axes.map((axis) => makeLoop(names.fresh("p"), axis.extent));
  const counts = loops.map(countOf);
  const fillPanel = (part: LanePart, panel: Affine): Stmt[] => {
    const within = makeLoop(names.copy("lane", 1), part.lanes);
    const where: LanePlace = { part, panel, lane: countOf(within) };
    const place = placeOf(axes, counts).set(lane.index, affineExpr(positionAlong(where)));
    const at = elementIndex({ ...operand, index: rowMajor(axes, counts) }, lane.index, where);
    const store: Stmt = { kind: "store", buffer, at: affineExpr(at), value: substitute(formula, place) };
    return nest(loops, loopOver(within, masked(part, within, [store]), { lanes: part.lanes }));
  };
  if (oneByOne) return { operand, once: [], fill: [], fillPanel };
  const fill = lane.parts.flatMap((part) => {
    const panel = makeLoop(names.copy("panel", 1), part.panels);
    return loopOver(panel, fillPanel(part, countOf(panel)));
  });
  return { operand, once: [], fill };
}

/** A body that runs only in the lanes in use. */
export const masked = (part: LanePart, lane: Loop, body: readonly Stmt[]): Stmt[] =>
  part.active === part.lanes ? [...body] : [{ kind: "if", test: lt(lane.index, int(part.active)), body }];

/** Row-major: the index of a point in terms of the loops' own indices, and the number of points. */
function layout(axes: readonly GridAxis[]): { readonly index: Affine; readonly size: number } {
  const counts = axes.map(({ form, step, min }): Affine => {
    const terms = new Map([...form.terms].map(([variable, coefficient]) => [variable, coefficient / step]));
    return { terms, constant: -min / step };
  });
  return { index: rowMajor(axes, counts), size: axes.reduce((size, axis) => size * axis.extent, 1) };
}

/** Index of the point whose place on each axis is given. */
const rowMajor = (axes: readonly GridAxis[], counts: readonly Affine[]): Affine =>
  counts.reduce((index, count, i) => plus(times(index, axes[i]!.extent), count), affineConstant(0));

/** An index that alone can take the form to every one of its values. */
const leadOf = ({ form, step }: GridAxis): readonly [VarExpr, number] | undefined =>
  [...form.terms].find(([, coefficient]) => Math.abs(coefficient) === step);

/**
 * Values of the indices at a point of the grid. A formula depends on a coordinate only as a whole, so that one index
 * may stand for all of it and the others be 0.
 */
function placeOf(axes: readonly GridAxis[], counts: readonly Affine[]): Map<Expr, Expr> {
  const place = new Map<Expr, Expr>();
  axes.forEach((axis, i) => {
    for (const variable of axis.form.terms.keys()) place.set(variable, int(0));
    const [lead, coefficient] = leadOf(axis)!;
    // coefficient · lead = step · count + min
    place.set(lead, affineExpr(plus(affineConstant(axis.min / coefficient), counts[i]!, axis.step / coefficient)));
  });
  return place;
}

// ── guards ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** Turns of a loop: `start + step·i`, i below `count`. */
interface Turns {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** Loops over some turns of others, and what those others count. */
const countedLoops = (loops: readonly Loop[], turns: readonly Turns[]): readonly Loop[] =>
  loops.map((loop, i) => makeLoop(loop.index.name, turns[i]!.count));
const counted = (loops: readonly Loop[], turns: readonly Turns[]): readonly Affine[] =>
  countedLoops(loops, turns).map((loop, i) => plus(affineConstant(turns[i]!.start), countOf(loop), turns[i]!.step));

interface Solved {
  /** For each loop the turns in which the guard holds. */
  readonly turns: readonly Turns[];
  readonly value: Expr;
  readonly otherwise: Expr;
}

/** Turns of a loop that a guard is tried out on at most. */
const TRIED = 4096;

/**
 * Where `test ? value : constant` takes its value, if that is a box (perhaps with strides): then no test is needed.
 * Each condition must be about one loop; it is tried out on every turn of it.
 */
function solve(formula: Expr, axes: readonly GridAxis[], loops: readonly Loop[]): Solved | null {
  if (formula.kind !== "select" || formula.no.kind !== "const") return null;
  const test = substitute(formula.test, placeOf(axes, loops.map(countOf)));
  const conditions = new Map<Loop, Expr[]>(loops.map((loop) => [loop, []]));
  for (const condition of conjunctsOf(test)) {
    if (condition.kind === "const" && condition.value !== 0) continue;
    const variables = [...variablesIn([condition])];
    const loop = loops.find(({ index }) => index === variables[0]);
    if (variables.length !== 1 || !loop || loop.extent > TRIED || hasLoad(condition)) return null;
    conditions.get(loop)!.push(condition);
  }
  const turns: Turns[] = [];
  for (const loop of loops) {
    const range = progression(loop, conditions.get(loop)!);
    if (!range) return null;
    turns.push(range);
  }
  // Without its guard a load must be inside by what is known of the loops.
  const value = substitute(formula.yes, placeOf(axes, counted(loops, turns)));
  return isInside(value) ? { turns, value: formula.yes, otherwise: formula.no } : null;
}

function conjunctsOf(test: Expr): readonly Expr[] {
  return test.kind === "binary" && test.op === "and" ? [...conjunctsOf(test.x), ...conjunctsOf(test.y)] : [test];
}

/** The turns in which all conditions hold; null if they are none, or not evenly spaced. */
function progression(loop: Loop, conditions: readonly Expr[]): Turns | null {
  if (conditions.length === 0) return { start: 0, step: 1, count: loop.extent };
  const holds: number[] = [];
  for (let turn = 0; turn < loop.extent; turn++) {
    const place = new Map<Expr, Expr>([[loop.index, int(turn)]]);
    const values = conditions.map((condition) => substitute(condition, place));
    if (values.some((value) => value.kind !== "const")) return null;
    if (values.every((value) => value.kind === "const" && value.value !== 0)) holds.push(turn);
  }
  const [start] = holds;
  if (start === undefined) return null;
  const step = holds.length > 1 ? holds[1]! - start : 1;
  return holds.every((turn, i) => turn === start + i * step) ? { start, step, count: holds.length } : null;
}

function isInside(expr: Expr): boolean {
  const inside = expr.kind !== "load" || (expr.at.min >= 0 && expr.at.max < expr.buffer.size);
  return inside && childrenOf(expr).every(isInside);
}

const hasLoad = (expr: Expr): boolean => expr.kind === "load" || childrenOf(expr).some(hasLoad);
