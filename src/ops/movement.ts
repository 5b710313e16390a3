import type { DType } from "../core/dtype.ts";
import { normalizeAxes, normalizeAxis, reshapedShape, type Sizes } from "../core/shape.ts";
import type {
  AxisArgument,
  BroadcastTo,
  ExpandDims,
  Flatten,
  Reshape,
  ShapeFrom,
  Squeeze,
  Tile,
  Transpose,
} from "../core/shape-rules.ts";
import type { Result, Shape, Valid } from "../core/shape-types.ts";
import { isKnown, multiplySizes, productOf, type Size, sizeText } from "../core/size.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, type Expr, int, mul, rem } from "../kernel/expr.ts";
import { type Extent, extentValue, stridesOfExtents } from "../kernel/extent.ts";
import { sum, sumTo } from "./reduction.ts";
import {
  anyDType,
  apply,
  bool,
  broadcastAt,
  builderAt,
  constantIn,
  type Dims,
  f32,
  f64,
  i32,
  type NoAttrs,
  type OpOptions,
  sizesFrom,
} from "./support.ts";

/** Row-major number of an element. */
export const flatIndex = (extents: readonly Extent[], index: readonly Expr[]): Expr =>
  stridesOfExtents(extents).reduce<Expr>(
    (sum, stride, axis) => add(sum, mul(index[axis]!, extentValue(stride))),
    int(0),
  );

// ── reshape ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const reshapeOp: OpDef<{ readonly shape: Sizes }> = defineOp<{ readonly shape: Sizes }>({
  name: "reshape",
  category: "movement",
  doc: "The same elements, in row-major order, in another shape. One size may be -1, to be worked out.\n$y_{\\mathrm{flat}(i)} = x_{\\mathrm{flat}(i)}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { shape }, context) => {
    const wrong = shape.find((size) => isKnown(size) && (!Number.isInteger(size) || size < -1));
    if (wrong !== undefined)
      context.fail(`${sizeText(wrong)} is not a size`, { fix: "sizes are whole numbers, or -1" });
    return [reshapedShape(x!, shape, context)];
  },
  shapesOfUnknown: (_inputs, { shape }) => [shape.includes(-1) ? null : shape],
  gradient: ({ x: [x], g }) => [asShapeOf(g, x!)],
  compute: ({ in: [x], output }, index) =>
    output.sizes.every(isKnown) && x!.sizes.every(isKnown)
      ? x!.flat(flatIndex(output.extents, index))
      : x!.regrouped(output.sizes, index),
  cost: "free",
  examples: [
    { inputs: [f32([2, 6])], attrs: { shape: [3, 4] } },
    { inputs: [f32([2, 3, 2])], attrs: { shape: [2, -1] } },
    { inputs: [f64([1])], attrs: { shape: [] }, note: "one element becomes a scalar" },
    { inputs: [f64([])], attrs: { shape: [1, -1] } },
    { inputs: [f32([0, 3])], attrs: { shape: [3, 0] } },
    { inputs: [i32([4])], attrs: { shape: [2, 2] } },
    { inputs: [bool([4])], attrs: { shape: [2, 2] } },
  ],
});

/**
 * The same elements in another shape; one size may be -1, to be worked out.
 * @throws ShapeError if the number of elements would change
 */
export function reshape<S extends Shape, const To extends Dims>(
  x: Tensor<S>,
  shape: To & Valid<Reshape<S, To>>,
  options?: OpOptions,
): Tensor<Result<Reshape<S, To>>> {
  return apply(reshapeOp, [x], { shape: sizesFrom("reshape", shape) }, options);
}

export const reshapeLikeOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "reshapeLike",
  category: "movement",
  doc: "The elements of the first operand in the shape of the second. Used where ranks are not known yet.\n$y_{\\mathrm{flat}(i)} = x_{\\mathrm{flat}(i)}$",
  inputs: ["x", "like"],
  dtypes: ([x]) => [x!],
  shapes: ([x, like], _attrs, context) => [reshapedShape(x!, like!, context)],
  shapesOfUnknown: ([, like]) => [like ?? null],
  gradient: ({ x: [x], g }) => [asShapeOf(g, x!), null],
  decompose: ({ inputs: [x, like] }) => [reshape(x!, like!.shape!)],
  examples: [
    { inputs: [f32([2, 6]), f32([3, 4])], attrs: {} },
    { inputs: [f64([]), f32([1, 1])], attrs: {} },
  ],
});

/** The elements of `x` in the shape of `like`, whatever is known of either. */
export const asShapeOf = <S extends Shape>(x: Tensor, like: Tensor<S>): Tensor<S> =>
  like.shape === null ? apply(reshapeLikeOp, [x, like], {}) : apply(reshapeOp, [x], { shape: like.shape });

export const flattenOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "flatten",
  category: "movement",
  doc: "Keeps axis 0 (the examples of a batch) and lays all other axes out in one.\n$y_{n, \\mathrm{flat}(i)} = x_{n, i}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], _attrs, context) => {
    if (x!.length === 0)
      context.fail("a scalar has no axis 0 to keep", { fix: "reshape(x, [1, 1]) gives one feature" });
    return [[x![0]!, productOf(x!.slice(1))]];
  },
  gradient: ({ x: [x], g }) => [asShapeOf(g, x!)],
  decompose: ({ inputs: [x] }) => [reshape(x!, [x!.shape![0]!, productOf(x!.shape!.slice(1))])],
  examples: [
    { inputs: [f32([2, 3, 4])], attrs: {} },
    { inputs: [f64([3])], attrs: {}, note: "one feature each" },
    { inputs: [f32([0, 2, 2])], attrs: {} },
    { inputs: [i32([2, 1, 2])], attrs: {} },
  ],
});

/**
 * Keeps axis 0 and joins the others: `[N, 28, 28]` becomes `[N, 784]`.
 * @throws ShapeError for a scalar
 */
export const flatten = <S extends Shape>(
  x: Tensor<S> & Valid<Flatten<S>>,
  options?: OpOptions,
): Tensor<Result<Flatten<S>>> => apply(flattenOp, [x], {}, options);

// ── axes of size 1 ───────────────────────────────────────────────────────────────────────────────────────────────

export const expandDimsOp: OpDef<{ readonly axis: number }> = defineOp<{ readonly axis: number }>({
  name: "expandDims",
  category: "movement",
  doc: "Inserts an axis of size 1 before axis `axis`; -1 adds it at the end.\n$y_{\\dots, 0, \\dots} = x_{\\dots}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { axis }, context) => {
    const at = normalizeAxis(axis, x!.length + 1, context);
    return [[...x!.slice(0, at), 1, ...x!.slice(at)]];
  },
  gradient: ({ x: [x], g }) => [asShapeOf(g, x!)],
  compute: ({ in: [x], attrs: { axis }, output }, index) => {
    const at = axis < 0 ? axis + output.sizes.length : axis;
    return x!(...index.filter((_, i) => i !== at));
  },
  cost: "free",
  examples: [
    { inputs: [f32([2, 3])], attrs: { axis: 0 } },
    { inputs: [f64([2, 3])], attrs: { axis: -1 } },
    { inputs: [i32([])], attrs: { axis: 0 } },
    { inputs: [bool([2])], attrs: { axis: 1 } },
  ],
});

/**
 * Inserts an axis of size 1 before axis `axis`; -1 adds it at the end.
 * @throws ShapeError if there is no such place
 */
export const expandDims = <S extends Shape, const A extends number>(
  x: Tensor<S>,
  axis: A & Valid<ExpandDims<S, A>>,
  options?: OpOptions,
): Tensor<Result<ExpandDims<S, A>>> => apply(expandDimsOp, [x], { axis }, options);

const unitAxes = (shape: Sizes): readonly number[] => shape.flatMap((size, axis) => (size === 1 ? [axis] : []));

export const squeezeOp: OpDef<{ readonly axes: readonly number[] | null }> = defineOp<{
  readonly axes: readonly number[] | null;
}>({
  name: "squeeze",
  category: "movement",
  doc: "Removes axes of size 1: the ones named, or all whose size is the number 1.\n$y_{\\dots} = x_{\\dots, 0, \\dots}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { axes }, context) => {
    const gone = axes === null ? unitAxes(x!) : normalizeAxes(axes, x!.length, context);
    for (const axis of gone) {
      context.require(x![axis]!, 1, `axis ${axis} has size ${sizeText(x![axis]!)}, not 1`, {
        marks: [[axis]],
        fix: "only axes of size 1 can be removed; reduce the others, or reshape",
      });
    }
    return [x!.filter((_, axis) => !gone.includes(axis))];
  },
  gradient: ({ x: [x], g }) => [asShapeOf(g, x!)],
  compute: ({ in: [x], attrs: { axes } }, index) => {
    const rank = x!.sizes.length;
    const gone = axes === null ? unitAxes(x!.sizes) : axes.map((axis) => (axis < 0 ? axis + rank : axis));
    let next = 0;
    return x!(...x!.sizes.map((_, axis) => (gone.includes(axis) ? int(0) : index[next++]!)));
  },
  cost: "free",
  examples: [
    { inputs: [f32([2, 1, 3])], attrs: { axes: [1] } },
    { inputs: [f64([1, 2, 1])], attrs: { axes: null } },
    { inputs: [f64([1, 2, 1])], attrs: { axes: [-1] } },
    { inputs: [i32([1])], attrs: { axes: null } },
  ],
});

/**
 * Removes axes of size 1: `axis` (one or several), or without it all whose size is the number 1. A named size stays,
 * even if it turns out to be 1, so that the rank never depends on what is fed.
 * @throws ShapeError if a named axis has another size
 */
export function squeeze<S extends Shape, const A extends AxisArgument = null>(
  x: Tensor<S>,
  axis?: A & Valid<Squeeze<S, A>>,
  options?: OpOptions,
): Tensor<Result<Squeeze<S, A>>> {
  const wanted: AxisArgument = axis ?? null;
  const named = typeof wanted === "number" ? [wanted] : wanted;
  // Settled now: with sizes bound, more of them might be 1.
  return apply(squeezeOp, [x], { axes: named ?? (x.shape === null ? null : unitAxes(x.shape)) }, options);
}

// ── transpose ────────────────────────────────────────────────────────────────────────────────────────────────────

type Permutation = { readonly permutation: readonly number[] | null };
const reversedAxes = (rank: number): readonly number[] => Array.from({ length: rank }, (_, axis) => rank - 1 - axis);

export const transposeOp: OpDef<Permutation> = defineOp<Permutation>({
  name: "transpose",
  category: "movement",
  doc: "Reorders axes: axis i of the result is axis `permutation[i]` of the operand. Without one, axes are reversed.\n$y_{i_{p_0}, i_{p_1}, \\dots} = x_{i_0, i_1, \\dots}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { permutation }, context) => {
    const order = permutation ?? reversedAxes(x!.length);
    const complete = x!.every((_, axis) => order.includes(axis));
    if (!complete || order.length !== x!.length) {
      context.fail(`[${order.join(", ")}] is not a permutation of the axes of rank ${x!.length}`, {
        fix: `name each axis from 0 to ${x!.length - 1} once`,
      });
    }
    return [order.map((axis) => x![axis]!)];
  },
  gradient: ({ op, g }) => {
    const order = op.attrs.permutation;
    return [transpose(g, order === null ? null : order.map((_, axis) => order.indexOf(axis)))];
  },
  compute: ({ in: [x], attrs: { permutation } }, index) => {
    const order = permutation ?? reversedAxes(index.length);
    const at = new Array<Expr>(index.length);
    order.forEach((axis, i) => {
      at[axis] = index[i]!;
    });
    return x!(...at);
  },
  cost: "free",
  examples: [
    { inputs: [f32([2, 3])], attrs: { permutation: null } },
    { inputs: [f32([2, 3, 4])], attrs: { permutation: [2, 0, 1] } },
    { inputs: [f64([2, 1, 3])], attrs: { permutation: [0, 2, 1] } },
    { inputs: [f64([])], attrs: { permutation: null } },
    { inputs: [i32([3, 0])], attrs: { permutation: [1, 0] } },
    { inputs: [bool([2, 3])], attrs: { permutation: null } },
  ],
});

/**
 * Reorders axes: axis i of the result is axis `permutation[i]` of `x`. Without a permutation, axes are reversed.
 * @throws ShapeError if it does not name every axis once
 */
export const transpose = <S extends Shape, const P extends readonly number[] | null = null>(
  x: Tensor<S>,
  permutation?: P & Valid<Transpose<S, P>>,
  options?: OpOptions,
): Tensor<Result<Transpose<S, P>>> => apply(transposeOp, [x], { permutation: permutation ?? null }, options);

// ── repeating ────────────────────────────────────────────────────────────────────────────────────────────────────

export const broadcastToOp: OpDef<{ readonly shape: Sizes }> = defineOp<{ readonly shape: Sizes }>({
  name: "broadcastTo",
  category: "movement",
  doc: "Repeats the operand along axes of size 1 and along new leading axes.\n$y_{i, j} = x_{0, j}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { shape }, context) => {
    const lead = shape.length - x!.length;
    if (lead < 0)
      context.fail(`rank ${x!.length} does not broadcast to the lower rank ${shape.length}`, {
        fix: "broadcasting adds axes in front; squeeze or reduce those that are too many",
      });
    x!.forEach((size, axis) => {
      const wanted = shape[lead + axis]!;
      if (size === 1) return;
      context.require(size, wanted, `cannot broadcast ${sizeText(size)} to ${sizeText(wanted)}`, {
        marks: [[axis]],
        fix: "sizes must be equal, or the operand's 1; shapes are aligned at their last axis",
      });
    });
    return [shape];
  },
  shapesOfUnknown: (_inputs, { shape }) => [shape],
  gradient: ({ x: [x], g }) => [sumTo(g, x!)],
  compute: ({ in: [x] }, index) => broadcastAt(x!, index),
  cost: "free",
  examples: [
    { inputs: [f32([3])], attrs: { shape: [2, 3] } },
    { inputs: [f32([2, 1, 3])], attrs: { shape: [2, 4, 3] } },
    { inputs: [f64([])], attrs: { shape: [2, 2] } },
    { inputs: [f64([1])], attrs: { shape: [0] } },
    { inputs: [i32([2, 1])], attrs: { shape: [2, 3] } },
    { inputs: [bool([])], attrs: { shape: [3] } },
  ],
});

/**
 * Repeats `x` along axes of size 1 and along new leading axes until it has `shape`.
 * @throws ShapeError if a size is neither equal nor 1
 */
export function broadcastTo<S extends Shape, const To extends Dims>(
  x: Tensor<S>,
  shape: To & Valid<BroadcastTo<S, To>>,
  options?: OpOptions,
): Tensor<Result<BroadcastTo<S, To>>> {
  return apply(broadcastToOp, [x], { shape: sizesFrom("broadcastTo", shape) }, options);
}

export const broadcastToLikeOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "broadcastToLike",
  category: "movement",
  doc: "Repeats the first operand until it has the shape of the second. Used where ranks are not known yet.\n$y_{i, j} = x_{0, j}$",
  inputs: ["x", "like"],
  dtypes: ([x]) => [x!],
  shapes: ([x, like], _attrs, context) => broadcastToOp.shapes([x!], { shape: like! }, context),
  shapesOfUnknown: ([, like]) => [like ?? null],
  gradient: ({ x: [x], g }) => [sumTo(g, x!), null],
  decompose: ({ inputs: [x, like] }) => [broadcastTo(x!, like!.shape!)],
  examples: [
    { inputs: [f32([3]), f32([2, 3])], attrs: {} },
    { inputs: [f64([]), f32([2])], attrs: {} },
  ],
});

/** Repeats `x` until it has the shape of `like`, whatever is known of either. */
export const broadcastToLike = <S extends Shape>(x: Tensor, like: Tensor<S>, options?: OpOptions): Tensor<S> =>
  like.shape === null
    ? apply(broadcastToLikeOp, [x, like], {}, options)
    : apply(broadcastToOp, [x], { shape: like.shape }, options);

export const tileOp: OpDef<{ readonly multiples: Sizes }> = defineOp<{ readonly multiples: Sizes }>({
  name: "tile",
  category: "movement",
  doc: "Repeats the operand `multiples[axis]` times along each axis, the copies one after another.\n$y_i = x_{i \\bmod n}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { multiples }, context) => {
    if (multiples.length !== x!.length) {
      context.fail(`${multiples.length} multiples for rank ${x!.length}`, { fix: "give one for each axis" });
    }
    return [x!.map((size, axis) => multiplySizes(size, multiples[axis]!))];
  },
  shapesOfUnknown: (_inputs, _attrs, context) => context.fail("the rank of the operand must be known"),
  gradient: ({ op, x: [x], g }) => {
    // Copies become axes of their own, to be summed: [m0, n0, m1, n1, …].
    const apart = x!.shape!.flatMap((size, axis): Size[] => [op.attrs.multiples[axis]!, size]);
    return [sum(reshape(g, apart), { axis: x!.shape!.map((_, axis) => 2 * axis) })];
  },
  compute: ({ in: [x] }, index) => x!(...index.map((i, axis) => rem(i, extentValue(x!.extents[axis]!)))),
  cost: "free",
  examples: [
    { inputs: [f32([2, 3])], attrs: { multiples: [2, 1] } },
    { inputs: [f64([2])], attrs: { multiples: [3] } },
    { inputs: [i32([1, 2])], attrs: { multiples: [2, 2] } },
    { inputs: [f64([2])], attrs: { multiples: [0] } },
  ],
});

/**
 * Repeats `x` `multiples[axis]` times along each axis.
 * @throws ShapeError unless there is one multiple per axis
 */
export const tile = <S extends Shape, const M extends Dims>(
  x: Tensor<S>,
  multiples: M & Valid<Tile<S, M>>,
  options?: OpOptions,
): Tensor<Result<Tile<S, M>>> => apply(tileOp, [x], { multiples: sizesFrom("tile", multiples) }, options);

// ── one value everywhere ─────────────────────────────────────────────────────────────────────────────────────────

/**
 * A tensor of `shape` that holds `value` everywhere. `where` is a graph, or a tensor of it.
 * @throws ShapeError for something that is not a size
 */
export function fill<const S extends Dims>(
  where: GraphBuilder | Tensor,
  shape: S,
  value: number | boolean,
  dtype: DType = "float32",
  options?: OpOptions,
): Tensor<ShapeFrom<S>> {
  return apply(
    broadcastToOp,
    [constantIn(builderAt(where), value, dtype)],
    { shape: sizesFrom("fill", shape) },
    options,
  );
}

/** `value` everywhere, in shape and dtype of `like`, whatever is known of its rank. */
export const fillLike = <S extends Shape>(like: Tensor<S>, value: number | boolean, options?: OpOptions): Tensor<S> =>
  broadcastToLike(constantIn(builderAt(like), value, like.dtype), like, options);

export const zerosLike = <S extends Shape>(like: Tensor<S>, options?: OpOptions): Tensor<S> =>
  fillLike(like, 0, options);
export const onesLike = <S extends Shape>(like: Tensor<S>, options?: OpOptions): Tensor<S> =>
  fillLike(like, 1, options);

export const MOVEMENT_OPS = [
  reshapeOp,
  reshapeLikeOp,
  flattenOp,
  expandDimsOp,
  squeezeOp,
  transposeOp,
  broadcastToOp,
  broadcastToLikeOp,
  tileOp,
];
