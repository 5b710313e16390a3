import type { DType } from "../core/dtype.ts";
import { normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import type { DimOf, ExpandDims, Gather, ShapeFrom } from "../core/shape-rules.ts";
import type { Result, Shape, Valid } from "../core/shape-types.ts";
import { productOf, type Size, sizeFrom } from "../core/size.ts";
import { defineOp, type LoopContext, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, type Expr, eq, int, mul, sub } from "../kernel/expr.ts";
import { countOfAll, type Extent, extentValue } from "../kernel/extent.ts";
import { apply, bool, type Dims, f32, f64, i32, type NoAttrs, type OpOptions, sizesFrom } from "./support.ts";

/**
 * About indices that are out of range: reading or writing elsewhere is never allowed, and a kernel can not throw. So
 * `gather` and its like clamp indices into the axis, while `oneHot` gives a row without a hot element.
 */
const CLAMP_DOC = "Indices out of range, negative ones included, are clamped into it.";

const clamp = (k: LoopContext["k"], index: Expr, size: Extent): Expr =>
  k.binary("max", int(0), k.binary("min", index, sub(extentValue(size), int(1))));

/** Dtype rule: operand `at` holds int32 indices, the output has the dtype of operand `value`. */
const indexedBy =
  (at: number, value: number): OpDef["dtypes"] =>
  (inputs, _attrs, context) =>
    inputs[at] === "int32"
      ? [inputs[value]!]
      : context.fail(`indices are ${inputs[at]}, not int32`, 'convert them: cast(indices, "int32")');

/** There must be something to index, unless there is no index. */
function checkNotEmpty(size: Size, indices: Sizes, what: string, context: ShapeContext): void {
  if (size === 0 && productOf(indices) !== 0) {
    context.fail(`${what} is empty, so no index is inside it`, { fix: "check the operand's shape" });
  }
}

// ── along an axis ────────────────────────────────────────────────────────────────────────────────────────────────

type AxisAttrs = { readonly axis: number };

export const gatherOp: OpDef<AxisAttrs> = defineOp<AxisAttrs>({
  name: "gather",
  category: "indexing",
  doc: `Slices of \`x\` along an axis, in the order of the indices; the axes of the indices take its place.\n$y_{a, i, b} = x_{a, \\mathrm{indices}_i, b}$\n${CLAMP_DOC}`,
  inputs: ["x", "indices"],
  dtypes: indexedBy(1, 0),
  shapes: ([x, indices], { axis }, context) => {
    const at = normalizeAxis(axis, x!.length, context);
    checkNotEmpty(x![at]!, indices!, `axis ${axis}`, context);
    return [[...x!.slice(0, at), ...indices!, ...x!.slice(at + 1)]];
  },
  gradient: ({ op, x: [x, indices], g }) => [scatterLike(x!, indices!, g, op.attrs.axis), null],
  compute: ({ in: [x, indices], attrs, k }, index) => {
    const axis = attrs.axis < 0 ? attrs.axis + x!.extents.length : attrs.axis;
    const after = axis + indices!.extents.length;
    const place = clamp(k, indices!(...index.slice(axis, after)), x!.extents[axis]!);
    return x!(...index.slice(0, axis), place, ...index.slice(after));
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([3, 2]), i32([4], { values: [2, 0, 2, 1] })], attrs: { axis: 0 } },
    { inputs: [f64([2, 3, 2]), i32([2, 2], { values: [0, 2, 1, 1] })], attrs: { axis: 1 } },
    { inputs: [f64([2, 3]), i32([], { values: [1] })], attrs: { axis: -1 }, note: "a scalar index removes the axis" },
    { inputs: [f32([3, 2]), i32([0])], attrs: { axis: 0 } },
    { inputs: [i32([3]), i32([3], { values: [-5, 1, 9] })], attrs: { axis: 0 }, note: "clamped to 0 and 2" },
    { inputs: [bool([3]), i32([2], { values: [2, 0] })], attrs: { axis: 0 } },
  ],
});

/**
 * Slices of `x` along `axis`, in the order of `indices` (int32, of any rank), whose axes take the place of `axis`.
 * Indices out of range are clamped into it.
 * @throws ShapeError if the axis does not exist, DTypeError if indices are not int32
 */
export const gather = <S extends Shape, I extends Shape, const A extends number = 0>(
  x: Tensor<S>,
  indices: Tensor<I>,
  axis?: A & Valid<Gather<S, I, A>>,
  options?: OpOptions,
): Tensor<Result<Gather<S, I, A>>> => apply(gatherOp, [x, indices], { axis: axis ?? 0 }, options);

type ScatterAttrs = { readonly shape: Sizes; readonly axis: number };

export const scatterAddOp: OpDef<ScatterAttrs> = defineOp<ScatterAttrs>({
  name: "scatterAdd",
  category: "indexing",
  doc: [
    "Adds slices to zeros of a given shape, where the indices along an axis say: what `gather` has for a gradient.",
    "$y_{a, j, b} = \\sum_{i: \\mathrm{indices}_i = j} u_{a, i, b}$",
    "Slices with the same index are added in increasing order of their place.",
    CLAMP_DOC,
  ].join("\n"),
  inputs: ["indices", "updates"],
  dtypes: (inputs, attrs, context) =>
    inputs[1] === "bool" ? context.fail("takes numbers, not bool") : indexedBy(0, 1)(inputs, attrs, context),
  shapes: ([indices, updates], { shape, axis }, context) => {
    const at = normalizeAxis(axis, shape.length, context);
    checkNotEmpty(shape[at]!, indices!, `axis ${axis}`, context);
    requireShape(updates!, [...shape.slice(0, at), ...indices!, ...shape.slice(at + 1)], context);
    return [shape];
  },
  shapesOfUnknown: (_inputs, { shape }) => [shape],
  gradient: ({ op, x: [indices], g }) => [null, gather(g, indices!, op.attrs.axis)],
  kernel: (context) => {
    const { in: operands, attrs, output, k, loops } = context;
    const [indices, updates] = operands;
    const { extents } = output;
    const axis = attrs.axis < 0 ? attrs.axis + extents.length : attrs.axis;
    const before = countOfAll(extents.slice(0, axis));
    const size = extents[axis]!;
    const after = countOfAll(extents.slice(axis + 1));
    const count = countOfAll(indices!.extents);
    clear(context);
    loops.loop(before, (a) => {
      loops.loop(count, (i) => {
        const place = k.let("place", clamp(k, indices!.flat(i), size));
        const target = mul(add(mul(a, extentValue(size)), place), extentValue(after));
        const source = mul(add(mul(a, extentValue(count)), i), extentValue(after));
        loops.loop(after, (b) => {
          const element = add(target, b);
          loops.store(element, k.binary("add", loops.load(element), updates!.flat(add(source, b))));
        });
      });
    });
  },
  cost: "expensive",
  examples: [
    { inputs: [i32([4], { values: [2, 0, 2, 1] }), f32([4, 2])], attrs: { shape: [3, 2], axis: 0 } },
    { inputs: [i32([2, 2], { values: [0, 2, 1, 1] }), f64([2, 2, 2, 2])], attrs: { shape: [2, 3, 2], axis: 1 } },
    { inputs: [i32([], { values: [1] }), f64([2])], attrs: { shape: [2, 3], axis: -1 } },
    { inputs: [i32([0]), f32([0, 2])], attrs: { shape: [3, 2], axis: 0 } },
    { inputs: [i32([3], { values: [-5, 1, 9] }), i32([3])], attrs: { shape: [3], axis: 0 } },
  ],
});

/** Sets every element of the output to 0. */
function clear({ output, k, loops }: LoopContext): void {
  loops.loop(countOfAll(output.extents), (element) => loops.store(element, k.constant(0, output.dtype)));
}

/** Updates have the shape the indices and the result call for. */
function requireShape(updates: Sizes, wanted: Sizes, context: ShapeContext): void {
  if (updates.length !== wanted.length) {
    context.fail(`updates have rank ${updates.length}, indices and shape call for rank ${wanted.length}`);
  }
  updates.forEach((size, axis) => {
    context.require(size, wanted[axis]!, `axis ${axis} of the updates has size ${size}, not ${wanted[axis]}`, {
      marks: [[], [axis]],
      fix: "updates have the shape of what gather would give",
    });
  });
}

/**
 * Adds `updates` to zeros of `shape`, at `indices` along `axis`. Slices with the same index are added in increasing
 * order of their place; indices out of range are clamped into it.
 * @throws ShapeError if the updates do not have the shape `gather` would give, DTypeError if indices are not int32
 */
export const scatterAdd = <const To extends Dims>(
  indices: Tensor,
  updates: Tensor,
  shape: To,
  axis = 0,
  options?: OpOptions,
): Tensor<ShapeFrom<To>> =>
  apply(scatterAddOp, [indices, updates], { shape: sizesFrom("scatterAdd", shape), axis }, options);

// ── by flat element number ───────────────────────────────────────────────────────────────────────────────────────

export const takeFlatOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "takeFlat",
  category: "indexing",
  doc: `Elements of a tensor by their row-major numbers, in the shape of the indices.\n$y_i = x_{\\mathrm{indices}_i}$\n${CLAMP_DOC}`,
  inputs: ["x", "indices"],
  dtypes: indexedBy(1, 0),
  shapes: ([x, indices], _attrs, context) => {
    checkNotEmpty(productOf(x!), indices!, "the operand", context);
    return [indices!];
  },
  shapesOfUnknown: ([, indices]) => [indices ?? null],
  gradient: ({ x: [x, indices], g }) => [scatterLike(x!, indices!, g, null), null],
  compute: ({ in: [x, indices], k }, index) => x!.flat(clamp(k, indices!(...index), countOfAll(x!.extents))),
  cost: "cheap",
  examples: [
    { inputs: [f32([2, 3]), i32([4], { values: [5, 0, 5, 2] })], attrs: {} },
    { inputs: [f64([2, 2]), i32([2, 2], { values: [3, 1, 0, 0] })], attrs: {} },
    { inputs: [f64([]), i32([], { values: [0] })], attrs: {} },
    { inputs: [i32([3]), i32([2], { values: [-1, 7] })], attrs: {} },
  ],
});

/** Elements of `x` by their row-major numbers (int32), in the shape of `indices`. Clamps them into range. */
export const takeFlat = <S extends Shape>(x: Tensor, indices: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply(takeFlatOp, [x, indices], {}, options);

export const scatterAddFlatOp: OpDef<{ readonly shape: Sizes }> = defineOp<{ readonly shape: Sizes }>({
  name: "scatterAddFlat",
  category: "indexing",
  doc: [
    "Adds elements to zeros of a given shape, at row-major element numbers: what `takeFlat` has for a gradient.",
    "$y_j = \\sum_{i: \\mathrm{indices}_i = j} u_i$",
    "Elements with the same number are added in increasing order of their place.",
    CLAMP_DOC,
  ].join("\n"),
  inputs: ["indices", "updates"],
  dtypes: scatterAddOp.dtypes,
  shapes: ([indices, updates], { shape }, context) => {
    checkNotEmpty(productOf(shape), indices!, "the result", context);
    requireShape(updates!, indices!, context);
    return [shape];
  },
  shapesOfUnknown: (_inputs, { shape }) => [shape],
  gradient: ({ x: [indices], g }) => [null, takeFlat(g, indices!)],
  kernel: (context) => {
    const { in: operands, output, k, loops } = context;
    const [indices, updates] = operands;
    const size = countOfAll(output.extents);
    clear(context);
    loops.loop(countOfAll(indices!.extents), (i) => {
      const element = k.let("element", clamp(k, indices!.flat(i), size));
      loops.store(element, k.binary("add", loops.load(element), updates!.flat(i)));
    });
  },
  cost: "expensive",
  examples: [
    { inputs: [i32([4], { values: [5, 0, 5, 2] }), f32([4])], attrs: { shape: [2, 3] } },
    { inputs: [i32([2, 2], { values: [3, 1, 0, 0] }), f64([2, 2])], attrs: { shape: [2, 2] } },
    { inputs: [i32([], { values: [0] }), f64([])], attrs: { shape: [] } },
    { inputs: [i32([0]), f32([0])], attrs: { shape: [2] } },
  ],
});

/**
 * Adds `updates` to zeros of `shape`, at row-major element numbers `indices` (int32, in the shape of the updates).
 * Elements with the same number are added in increasing order of their place; numbers out of range are clamped.
 * @throws ShapeError if updates and indices differ in shape
 */
export const scatterAddFlat = <const To extends Dims>(
  indices: Tensor,
  updates: Tensor,
  shape: To,
  options?: OpOptions,
): Tensor<ShapeFrom<To>> =>
  apply(scatterAddFlatOp, [indices, updates], { shape: sizesFrom("scatterAddFlat", shape) }, options);

export const scatterAddLikeOp: OpDef<{ readonly axis: number | null }> = defineOp<{ readonly axis: number | null }>({
  name: "scatterAddLike",
  category: "indexing",
  doc: "As `scatterAdd`, or with axis null as `scatterAddFlat`, in the shape of its first operand. Used where ranks are not known yet.\n$y_{a, j, b} = \\sum_{i: \\mathrm{indices}_i = j} u_{a, i, b}$",
  inputs: ["like", "indices", "updates"],
  dtypes: indexedBy(1, 2),
  shapes: ([like]) => [like!],
  shapesOfUnknown: ([like]) => [like ?? null],
  gradient: ({ op, x: [, indices], g }) => {
    const { axis } = op.attrs;
    return [null, null, axis === null ? takeFlat(g, indices!) : gather(g, indices!, axis)];
  },
  decompose: ({ inputs: [like, indices, updates], attrs: { axis } }) => [scatterLike(like!, indices!, updates!, axis)],
  examples: [
    { inputs: [f32([3, 2]), i32([2], { values: [2, 0] }), f32([2, 2])], attrs: { axis: 0 } },
    { inputs: [f64([2, 2]), i32([2], { values: [3, 3] }), f64([2])], attrs: { axis: null } },
  ],
});

/** Adds updates to zeros of the shape of `like`, along an axis, or by element number if that is null. */
function scatterLike(like: Tensor, indices: Tensor, updates: Tensor, axis: number | null): Tensor {
  if (like.shape === null) return apply(scatterAddLikeOp, [like, indices, updates], { axis });
  return axis === null ? scatterAddFlat(indices, updates, like.shape) : scatterAdd(indices, updates, like.shape, axis);
}

// ── one-hot ──────────────────────────────────────────────────────────────────────────────────────────────────────

type OneHotAttrs = {
  readonly depth: Size;
  readonly axis: number;
  readonly dtype: DType;
  readonly onValue: number;
  readonly offValue: number;
};

export const oneHotOp = defineOp<OneHotAttrs>({
  name: "oneHot",
  category: "indexing",
  doc: [
    "A new axis, the last unless said otherwise, that is `onValue` at the index and `offValue` elsewhere.",
    "$y_{i, j} = [j = \\mathrm{indices}_i]$",
    "An index outside of 0 … depth - 1 gives a row without `onValue`.",
  ].join("\n"),
  inputs: ["indices"],
  dtypes: ([indices], { dtype }, context) =>
    indices === "int32"
      ? [dtype]
      : context.fail(`indices are ${indices}, not int32`, 'convert them: cast(indices, "int32")'),
  shapes: ([indices], { depth, axis }, context) => {
    const at = normalizeAxis(axis, indices!.length + 1, context);
    return [[...indices!.slice(0, at), depth, ...indices!.slice(at)]];
  },
  gradient: "none",
  compute: ({ in: [indices], attrs: { axis, onValue, offValue, dtype }, k }, index) => {
    const at = axis < 0 ? axis + index.length : axis;
    const hit = eq(indices!(...index.filter((_, i) => i !== at)), index[at]!);
    return k.select(hit, k.constant(onValue, dtype), k.constant(offValue, dtype));
  },
  cost: "cheap",
  examples: [
    {
      inputs: [i32([2], { values: [0, 2] })],
      attrs: { depth: 3, axis: -1, dtype: "float32", onValue: 1, offValue: 0 },
      note: "[[1, 0, 0], [0, 0, 1]]",
    },
    {
      inputs: [i32([2, 2], { values: [0, 1, -1, 9] })],
      attrs: { depth: 2, axis: 1, dtype: "float64", onValue: 0.9, offValue: 0.1 },
      note: "-1 and 9 are outside",
    },
    { inputs: [i32([], { values: [1] })], attrs: { depth: 2, axis: 0, dtype: "int32", onValue: 1, offValue: 0 } },
    { inputs: [i32([3], { values: [0, 1, 2] })], attrs: { depth: 3, axis: 0, dtype: "bool", onValue: 1, offValue: 0 } },
  ],
});

export interface OneHotOptions<Axis extends number = number> extends OpOptions {
  /** Where the new axis goes; default -1, at the end. */
  readonly axis?: Axis;
  /** Default float32. */
  readonly dtype?: DType;
  /** Value at the index; default 1. */
  readonly onValue?: number;
  /** Value elsewhere; default 0. */
  readonly offValue?: number;
}

/**
 * Adds an axis of size `depth` that is 1 at the index (int32) and 0 elsewhere: `oneHot([0, 2], 3)` gives
 * `[[1, 0, 0], [0, 0, 1]]`. An index outside of 0 … depth - 1 gives a row of zeros.
 * @throws DTypeError if indices are not int32
 */
export function oneHot<S extends Shape, const D extends Size | string, const A extends number = -1>(
  indices: Tensor<S>,
  depth: D,
  options?: OneHotOptions<A & Valid<ExpandDims<S, A, "oneHot">>>,
): Tensor<Result<ExpandDims<S, A, "oneHot", DimOf<D>>>> {
  const { axis = -1, dtype = "float32", onValue = 1, offValue = 0 }: OneHotOptions = options ?? {};
  const wanted: Size | string = depth;
  const size = typeof wanted === "object" ? wanted : sizeFrom(wanted, "oneHot");
  return apply(oneHotOp, [indices], { depth: size, axis, dtype, onValue, offValue }, options);
}

export const INDEXING_OPS = [gatherOp, scatterAddOp, takeFlatOp, scatterAddFlatOp, scatterAddLikeOp, oneHotOp];
