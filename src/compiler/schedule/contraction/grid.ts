import { childrenOf, type Expr, type VarExpr } from "../../../kernel/expr.ts";
import { variablesIn } from "../../expressions.ts";
import { type Affine, affineOf, coefficientOf } from "../affine.ts";
import type { Loop } from "../statements.ts";

/** A linear form of loop indices, `i1 + r`, that an operand depends on. */
export type Coordinate = ReadonlyMap<VarExpr, number>;

/**
 * The coordinates of an operand: linear forms without common indices, of which alone it is a function. A padded image
 * under a window, `inside(i1 + r - 2) ? x[n*784 + (i1 + r - 2)*28 + i2 + c] : 0`, is a function of `n`, `i1 + r` and
 * `i2 + c`. Laid out on the grid of its coordinates it holds every value once, and reading it is a plain load.
 *
 * Where no such forms are found each index is a coordinate by itself.
 */
export function coordinatesOf(formula: Expr, axes: readonly Loop[], loops: readonly Loop[]): readonly Coordinate[] {
  const among = new Set([...axes, ...loops].map((loop) => loop.index));
  const used = [...variablesIn([formula])].filter((variable) => among.has(variable));
  const found = windows(formula, among);
  const owners = new Map<VarExpr, number>();
  for (const coordinate of found) {
    for (const variable of coordinate.keys()) owners.set(variable, (owners.get(variable) ?? 0) + 1);
  }
  const fits = used.every((variable) => owners.get(variable) === 1) && found.every(isWalkable);
  const coordinates = fits
    ? found.map((coordinate) => forward(coordinate, loops))
    : used.map((variable): Coordinate => new Map([[variable, 1]]));
  const rates = new Map(coordinates.map((coordinate) => [coordinate, rateOf(formula, coordinate)]));
  return [...coordinates].sort((x, y) => rates.get(y)! - rates.get(x)!);
}

/** True if one index alone can take a form to each of its values. */
const isWalkable = (coordinate: Coordinate): boolean =>
  [...coordinate.values()].some((coefficient) => Math.abs(coefficient) === 1);

/**
 * A coordinate that grows with the reduction's indices: `r - i` for `i - r`. The grid then lies in the order in which
 * the sum reads it, and loops that run along it can be one loop.
 */
function forward(coordinate: Coordinate, loops: readonly Loop[]): Coordinate {
  if (!loops.some(({ index }) => (coordinate.get(index) ?? 0) < 0)) return coordinate;
  return new Map([...coordinate].map(([variable, coefficient]) => [variable, -coefficient]));
}

/** The forms found in tests and divisions, and what the indices of loads add to them. */
function windows(formula: Expr, among: ReadonlySet<VarExpr>): readonly Coordinate[] {
  const { tested, indices } = formsIn(formula, among);
  const found: Coordinate[] = [];
  for (const form of tested) addForm(found, form);
  for (const form of indices) {
    let rest: Coordinate = form;
    for (const known of found) rest = without(rest, known);
    for (const group of overlapping(rest)) addForm(found, group);
  }
  return found;
}

function addForm(found: Coordinate[], form: Coordinate): void {
  const by = [...form.values()].map(Math.abs).reduce(greatestCommonDivisor);
  const scaled = new Map([...form].map(([variable, coefficient]) => [variable, coefficient / by]));
  if (!found.some((known) => sameForm(known, scaled))) found.push(scaled);
}

export const greatestCommonDivisor = (x: number, y: number): number => (y === 0 ? x : greatestCommonDivisor(y, x % y));

const sameForm = (x: Coordinate, y: Coordinate): boolean =>
  x.size === y.size && [...x].every(([variable, coefficient]) => y.get(variable) === coefficient);

/** Takes a multiple of a known form out of another, if it is wholly in it. */
function without(form: Coordinate, known: Coordinate): Coordinate {
  const [[lead, unit]] = [...known] as [[VarExpr, number]];
  const factor = (form.get(lead) ?? 0) / unit;
  if (factor === 0 || ![...known].every(([variable, coefficient]) => form.get(variable) === factor * coefficient)) {
    return form;
  }
  return new Map([...form].filter(([variable]) => !known.has(variable)));
}

/**
 * Cuts a form into sums that do not reach into each other: of `56 i + 28 r + 2 j + c` with small r and c the parts
 * are `56 i + 28 r` and `2 j + c`.
 */
function overlapping(form: Coordinate): readonly Coordinate[] {
  const groups: Map<VarExpr, number>[] = [];
  let reach = 0;
  for (const [variable, coefficient] of [...form].sort(([, x], [, y]) => Math.abs(x) - Math.abs(y))) {
    if (groups.length === 0 || Math.abs(coefficient) > reach) groups.push(new Map());
    groups.at(-1)!.set(variable, coefficient);
    reach += Math.abs(coefficient) * (variable.max - variable.min);
  }
  return groups;
}

/** The largest affine expressions of loop indices: those that are indices of loads, and all others. */
function formsIn(formula: Expr, among: ReadonlySet<VarExpr>) {
  const tested: Coordinate[] = [];
  const indices: Coordinate[] = [];
  const visit = (expr: Expr, into: Coordinate[]): void => {
    const form = affineOf(expr);
    if (form) {
      const terms = new Map([...form.terms].filter(([variable]) => among.has(variable)));
      if (terms.size > 0) into.push(terms);
      return;
    }
    // Sums of something that is not affine: each part is looked at by itself, and still counts as an index.
    const sum = expr.kind === "binary" && (expr.op === "add" || expr.op === "mul");
    for (const child of childrenOf(expr)) visit(child, expr.kind === "load" ? indices : sum ? into : tested);
  };
  visit(formula, tested);
  return { tested, indices };
}

/** About how far an index moves in memory with a coordinate: orders the axes of a grid. */
function rateOf(formula: Expr, coordinate: Coordinate): number {
  const [[lead, unit]] = [...coordinate] as [[VarExpr, number]];
  const rate = (expr: Expr): number => {
    const form: Affine | null = affineOf(expr);
    if (form) return Math.abs(coefficientOf(form, lead) / unit);
    const inner = childrenOf(expr).map(rate);
    if (expr.kind === "binary" && expr.y.kind === "const" && expr.op === "mul") return inner[0]! * expr.y.value;
    if (expr.kind === "binary" && expr.y.kind === "const" && expr.op === "div") return inner[0]! / expr.y.value;
    return Math.max(0, ...inner);
  };
  const loadRates = (expr: Expr): number =>
    expr.kind === "load" ? rate(expr.at) : Math.max(0, ...childrenOf(expr).map(loadRates));
  return loadRates(formula);
}
