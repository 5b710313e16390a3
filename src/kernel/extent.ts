import { OpenSizeError } from "../core/errors.ts";
import { isFullyKnown, type Sizes } from "../core/shape.ts";
import { evaluateSize, isKnown, namesIn, type Size, type SymbolicSize, sizeText } from "../core/size.ts";
import { add, binary, div, type Expr, int, mul, type VarExpr, variable } from "./expr.ts";

/**
 * How many elements an axis has, or turns a loop: a number, or in a plan for many sizes an int32 expression, whose
 * interval says between what it lies. Such an axis never has less than 2 elements, so that what holds for axes of size
 * 1 and for empty ones is decided when the plan is made.
 */
export type Extent = number | Expr;

/** A size that is a run-time integer: between what it lies, and where kernels read it. */
export interface RunTimeSize {
  readonly name: string;
  /** Position in the array of sizes that kernels read. */
  readonly slot: number;
  readonly least: number;
  /** The most it can be: arrays get memory for so much. */
  readonly capacity: number;
}

let current: ReadonlyMap<string, RunTimeSize> = new Map();

/** Runs `build`, in which the named sizes given are run-time integers. Without, every size must be a number. */
export function withRunTimeSizes<T>(sizes: readonly RunTimeSize[], build: () => T): T {
  const outer = current;
  current = new Map(sizes.map((size) => [size.name, size]));
  try {
    return build();
  } finally {
    current = outer;
  }
}

/** The variable of a run-time size; no other variable of a kernel begins with a dollar. */
const sizeVariable = ({ name, least, capacity }: RunTimeSize): VarExpr =>
  variable(`$${name.replace("?", "")}`, "int32", { min: least, max: capacity });

/** The run-time sizes behind variables of a kernel. */
export const runTimeSizesAmong = (used: ReadonlySet<Expr>): readonly (RunTimeSize & { readonly variable: VarExpr })[] =>
  [...current.values()]
    .map((size) => ({ ...size, variable: sizeVariable(size) }))
    .filter(({ variable: named }) => used.has(named));

type Atom = SymbolicSize["terms"][number]["atoms"][number];

function atomValue(atom: Atom, size: Size): Expr {
  if (atom.kind === "name") {
    const found = current.get(atom.name);
    return found ? sizeVariable(found) : tooOpen(size, "is not known here");
  }
  const [left, right] = [sizeExpr(atom.left), sizeExpr(atom.right)];
  if (atom.kind === "max") return binary("max", left, right);
  // LoopIR truncates, which is the same for what is not negative.
  return left.min >= 0 && right.min > 0 ? div(left, right) : tooOpen(size, "may divide what is negative");
}

/** A size as an int32 expression. @throws OpenSizeError if it is neither a number nor made of run-time sizes */
export function sizeExpr(size: Size): Expr {
  if (isKnown(size)) return int(size);
  const value = size.terms
    .map(({ atoms, factor }) => atoms.reduce((product, atom) => mul(product, atomValue(atom, size)), int(factor)))
    .reduce(add);
  if (value.max >= 2 ** 31 - 1) tooOpen(size, "could be above 2³¹");
  const range = rangeOfProducts(size);
  return range ? binary("max", binary("min", value, int(range.max)), int(range.min)) : value;
}

/** Names of which all values together are looked at. */
const MOST_NAMES = 4;

/**
 * The least and the most a size can be, where that is narrower than what its terms can be one by one: `n*m - n` is at
 * most that of the largest n and m. A sum of products of different names is extreme where each name is.
 */
function rangeOfProducts(size: SymbolicSize): { readonly min: number; readonly max: number } | null {
  const names = [...namesIn(size)];
  const isProduct = (atoms: readonly Atom[]): boolean =>
    atoms.every(({ kind }) => kind === "name") && new Set(atoms.map(({ key }) => key)).size === atoms.length;
  const isPlain = size.terms.every(({ atoms, factor }) => factor > 0 || atoms.length === 0);
  if (isPlain || names.length > MOST_NAMES || !size.terms.every(({ atoms }) => isProduct(atoms))) return null;
  const corners = Array.from({ length: 2 ** names.length }, (_, corner) => {
    const at = names.map((name, i): [string, number] => {
      const { least, capacity } = current.get(name)!;
      return [name, (corner >> i) % 2 === 0 ? least : capacity];
    });
    return evaluateSize(size, new Map(at));
  });
  return { min: Math.min(...corners), max: Math.max(...corners) };
}

function tooOpen(size: Size, why: string): never {
  throw new OpenSizeError({ what: `size ${sizeText(size)} ${why}` }, [...namesIn(size)]);
}

/** The extent of an axis. @throws OpenSizeError, also if a run-time one could be less than 2 */
export function extentOf(size: Size): Extent {
  if (isKnown(size)) return size;
  const value = sizeExpr(size);
  return value.min >= 2 ? value : tooOpen(size, "could be less than 2");
}
export const extentsOf = (shape: Sizes | null): readonly Extent[] => {
  if (shape === null) throw new OpenSizeError({ what: "a tensor of unknown rank has no extents" }, []);
  return isFullyKnown(shape) ? shape : shape.map(extentOf);
};

export const extentValue = (extent: Extent): Expr => (typeof extent === "number" ? int(extent) : extent);
export const mostOf = (extent: Extent): number => (typeof extent === "number" ? extent : extent.max);
export const leastOf = (extent: Extent): number => (typeof extent === "number" ? extent : extent.min);

/** Number of elements of an array with these extents. */
export const countOfAll = (extents: readonly Extent[]): Extent =>
  extents.reduce<Extent>((product, extent) => {
    if (typeof product === "number" && typeof extent === "number") return product * extent;
    const value = mul(extentValue(product), extentValue(extent));
    return value.kind === "const" ? value.value : value;
  }, 1);

/** Elements there must be memory for. */
export const capacityOf = (shape: Sizes | null): number =>
  extentsOf(shape).reduce<number>((product, extent) => product * mostOf(extent), 1);

/** Row-major strides. */
export function stridesOfExtents(extents: readonly Extent[]): readonly Extent[] {
  return extents.map((_, axis) => countOfAll(extents.slice(axis + 1)));
}
