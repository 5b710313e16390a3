import type { DType } from "./dtype.ts";
import { OpenSizeError } from "./errors.ts";
import { addSizes, bindSize, divideExactly, isKnown, namesIn, productOf, type Size, sizeText } from "./size.ts";

/** Sizes of a tensor of known rank, outermost first. */
export type Sizes = readonly Size[];
/** What is known of a tensor before it has a value. `shape: null` means unknown rank. */
export interface TensorSpec {
  readonly dtype: DType;
  readonly shape: Sizes | null;
}

/** An equality of sizes that can only be checked once names are bound to numbers. */
export interface SizeCheck {
  readonly left: Size;
  readonly right: Size;
  readonly why: string;
  /** Axes at fault, per operand. */
  readonly marks: readonly (readonly number[])[];
  readonly fix?: string | undefined;
}

/** What a shape rule sees besides its inputs: where to complain, and where to leave checks for later. */
export interface ShapeContext {
  /** Ends the rule with a ShapeError. `marks` gives, per input, the axes at fault. */
  fail(problem: string, options?: { readonly marks?: readonly (readonly number[])[]; readonly fix?: string }): never;
  /** Requires `left = right`: fails now if that can be refuted, later if it can not be decided yet. */
  require(left: Size, right: Size, problem: string, options?: Parameters<ShapeContext["fail"]>[1]): void;
}

/** `[batch, 784]`, or `<unknown>` for unknown rank. Marked axes are set in `»…«`. */
export function shapeText(shape: Sizes | null, marks: readonly number[] = []): string {
  if (shape === null) return "<unknown>";
  return `[${shape.map((size, axis) => (marks.includes(axis) ? `»${sizeText(size)}«` : sizeText(size))).join(", ")}]`;
}

/** `float32[batch, 784]`. */
export const specText = (spec: TensorSpec): string =>
  spec.dtype + (spec.shape === null ? "<unknown>" : shapeText(spec.shape));

/** As TensorFlow 1 prints a shape: `(?, 784)`, `(3,)`, `()`, `<unknown>`. */
export function tupleText(shape: Sizes | null): string {
  if (shape === null) return "<unknown>";
  const sizes = shape.map((size) => (isKnown(size) ? String(size) : "?"));
  return sizes.length === 1 ? `(${sizes[0]},)` : `(${sizes.join(", ")})`;
}

export const isFullyKnown = (shape: Sizes | null): shape is readonly number[] => shape !== null && shape.every(isKnown);

export const sameShape = (a: Sizes | null, b: Sizes | null): boolean =>
  a === b || (a !== null && b !== null && a.length === b.length && a.every((size, axis) => size === b[axis]));

export const bindShape = (shape: Sizes, binding: ReadonlyMap<string, Size>): Sizes =>
  shape.map((size) => bindSize(size, binding));

/** Number of elements of a fully known shape. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/** Row-major strides, in elements. */
export function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** Numbers out of a shape that must be fully known (after sizes are bound). */
export function knownShape(shape: Sizes | null): readonly number[] {
  if (isFullyKnown(shape)) return shape;
  const names = (shape ?? []).flatMap((size) => [...namesIn(size)]);
  throw new OpenSizeError({ what: `shape ${shapeText(shape)} is not fully known here` }, names);
}

/**
 * NumPy broadcasting of two shapes, aligned at the last axis: sizes must be equal or 1.
 * A named size broadcasts only with a literal 1; against another size it leaves a check.
 */
export function broadcastShapes(a: Sizes, b: Sizes, context: ShapeContext): Sizes {
  const rank = Math.max(a.length, b.length);
  const result: Size[] = [];
  for (let back = rank; back >= 1; back--) {
    const left = a[a.length - back] ?? 1;
    const right = b[b.length - back] ?? 1;
    if (left === 1) result.push(right);
    else if (right === 1) result.push(left);
    else {
      context.require(left, right, `cannot broadcast ${sizeText(left)} with ${sizeText(right)}`, {
        marks: [[a.length - back], [b.length - back]],
        fix: columnFix(a, b) ?? "sizes must be equal, or one of them 1; shapes are aligned at their last axis",
      });
      result.push(isKnown(left) ? left : right);
    }
  }
  return result;
}

/** One number per row was meant: a vector that would fit as a column. */
function columnFix(a: Sizes, b: Sizes): string | null {
  const [vector, other] = a.length < b.length ? [a, b] : [b, a];
  const [size] = vector;
  if (vector.length !== 1 || size === undefined || other.at(-2) !== size) return null;
  return `shapes are aligned at their last axis; for one value per row use expandDims(x, -1), ${shapeText([size, 1])}`;
}

/** Axis in [0, rank), from one that may count from the end. */
export function normalizeAxis(axis: number, rank: number, context: ShapeContext): number {
  const normal = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(normal) && normal >= 0 && normal < rank) return normal;
  const range =
    rank === 0 ? "a scalar has no axes; reshape(x, [1]) gives it one" : `axes run from ${-rank} to ${rank - 1}`;
  return context.fail(`axis ${axis} does not exist in rank ${rank}`, { fix: range });
}

/** Sorted distinct axes; `null` means all of them. */
export function normalizeAxes(axes: readonly number[] | null, rank: number, context: ShapeContext): readonly number[] {
  if (axes === null) return Array.from({ length: rank }, (_, axis) => axis);
  const normal = axes.map((axis) => normalizeAxis(axis, rank, context)).sort((x, y) => x - y);
  const twice = normal.find((axis, i) => axis === normal[i - 1]);
  if (twice !== undefined) {
    context.fail(`axis ${twice} is named twice in [${axes.join(", ")}]`, {
      marks: [[twice]],
      fix: "name each axis once; negative ones count from the end",
    });
  }
  return normal;
}

/** Shape after reducing `axes` (normalised). */
export const reducedShape = (shape: Sizes, axes: readonly number[], keepDims: boolean): Sizes =>
  keepDims
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));

/** Resolves a requested shape with at most one -1 against the elements there are. */
export function reshapedShape(from: Sizes, to: Sizes, context: ShapeContext): Sizes {
  const total = productOf(from);
  const marks = [from.map((_, axis) => axis)];
  const open = to.flatMap((size, axis) => (size === -1 ? [axis] : []));
  if (open.length > 1) {
    context.fail(`only one size of ${shapeText(to)} may be -1`, { fix: "one size can be worked out; give the others" });
  }
  const known = productOf(to.filter((size) => size !== -1));
  if (open.length === 0) {
    context.require(
      total,
      known,
      `${shapeText(from)} has ${sizeText(total)} elements, ${shapeText(to)} has ${sizeText(known)}`,
      { marks, fix: "the number of elements must stay the same; one size may be -1 to be worked out" },
    );
    return to;
  }
  const rest = known === 0 ? null : divideExactly(total, known);
  if (rest === null) {
    context.fail(`${sizeText(total)} elements of ${shapeText(from)} do not divide into ${shapeText(to)}`, {
      marks,
      fix: "the sizes given must divide the number of elements",
    });
  }
  return to.map((size) => (size === -1 ? rest : size));
}

/** Shape of a concatenation along `axis`. */
export function concatenatedShape(shapes: readonly Sizes[], axis: number, context: ShapeContext): Sizes {
  const first = shapes[0]!;
  let total: Size = 0;
  shapes.forEach((shape, which) => {
    if (shape.length !== first.length) {
      context.fail(`input ${which} has rank ${shape.length}, input 0 has rank ${first.length}`, {
        fix: "all inputs need one rank; expandDims adds an axis, stack joins along a new one",
      });
    }
    shape.forEach((size, at) => {
      if (at === axis) total = addSizes(total, size);
      else {
        context.require(first[at]!, size, `axis ${at} differs: ${sizeText(first[at]!)} against ${sizeText(size)}`, {
          marks: shapes.map((_, i) => (i === 0 || i === which ? [at] : [])),
          fix: `all sizes but the one along axis ${axis} must be equal`,
        });
      }
    });
  });
  return first.map((size, at) => (at === axis ? total : size));
}
