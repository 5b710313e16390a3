import { type DType, isFloat } from "../core/dtype.ts";
import { normalizeAxes, normalizeAxis, reducedShape, type ShapeContext, type Sizes, sameShape } from "../core/shape.ts";
import type { AxisArgument, Reduce } from "../core/shape-rules.ts";
import type { Result, Shape, Valid } from "../core/shape-types.ts";
import { isKnown, productOf } from "../core/size.ts";
import { type ComputeContext, defineOp, type IndexFunction, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { constant, type Expr, int, cast as toType } from "../kernel/expr.ts";
import { countOfAll, extentValue } from "../kernel/extent.ts";
import type { ReduceOp } from "../kernel/statement.ts";
import { add, div, mul, square, sub } from "./arithmetic.ts";
import { cast, equal, isFinite as isFiniteTensor, where } from "./comparison.ts";
import { elementCount, sizeValue } from "./counting.ts";
import { exp, log, sqrt } from "./elementary.ts";
import { asShapeOf, broadcastTo, broadcastToLike, reshape } from "./movement.ts";
import {
  apply,
  bool,
  boolDType,
  f32,
  f64,
  floatDType,
  i32,
  type NoAttrs,
  numericDType,
  type OpOptions,
} from "./support.ts";

/** Axes to reduce; null means all of them, an empty list none (the value stays as it is). */
export type ReductionAttrs = { readonly axes: readonly number[] | null; readonly keepDims: boolean };

/** What the user functions take, as in TensorFlow: `axis` one, several, or none given for all. */
export interface ReductionOptions extends OpOptions {
  readonly axis?: number | readonly number[] | null;
  readonly keepDims?: boolean;
}

/** The options of a reduction over `A`, which the editor checks. */
export interface Reducing<A extends AxisArgument, KeepDims extends boolean, Check> extends OpOptions {
  readonly axis?: A & Check;
  readonly keepDims?: KeepDims;
}
/** A reduction: the result lacks the axes, or has size 1 there with `keepDims`. */
export type Reduction<Op extends string> = <
  S extends Shape,
  const A extends AxisArgument = null,
  KeepDims extends boolean = false,
>(
  x: Tensor<S>,
  options?: Reducing<A, KeepDims, Valid<Reduce<Op, S, A, KeepDims>>>,
) => Tensor<Result<Reduce<Op, S, A, KeepDims>>>;

export const reductionAttrs = ({ axis = null, keepDims = false }: ReductionOptions): ReductionAttrs => ({
  axes: typeof axis === "number" ? [axis] : axis,
  keepDims,
});

/** Shape rule of every reduction. */
export const reductionShapes = {
  shapes: ([x]: readonly Sizes[], { axes, keepDims }: ReductionAttrs, context: ShapeContext) => [
    reducedShape(x!, normalizeAxes(axes, x!.length, context), keepDims),
  ],
  // Reducing everything gives a scalar whatever the rank.
  shapesOfUnknown: (_inputs: readonly (Sizes | null)[], { axes, keepDims }: ReductionAttrs) => [
    axes === null && !keepDims ? [] : null,
  ],
};

/** Axes in [0, rank) once shapes are known and have been checked. */
export const axesOf = (axes: readonly number[] | null, rank: number): readonly number[] =>
  axes === null ? Array.from({ length: rank }, (_, axis) => axis) : axes.map((axis) => (axis < 0 ? axis + rank : axis));

/** How many elements an operand has along some or all axes, as a number of `dtype`. */
export function countAlong(x: IndexFunction, axes: readonly number[] | null, dtype: DType): Expr {
  const count = countOfAll(axesOf(axes, x.extents.length).map((axis) => x.extents[axis]!));
  return typeof count === "number" ? constant(count, dtype) : toType(count, dtype);
}

/**
 * Folds the reduced axes of the operand at one index of the output.
 *
 * Axes of size 1 are left aside first, so that the order depends on what is really summed. The innermost run of
 * reduced axes is folded interleaved (for `add`), what remains outside of it serially: see `ReduceStmt`.
 */
export function foldAxes(context: ComputeContext<ReductionAttrs>, index: readonly Expr[], op: ReduceOp): Expr {
  const [x] = context.in;
  const { extents } = x!;
  const reduced = new Set(axesOf(context.attrs.axes, extents.length));
  const at = new Array<Expr>(extents.length).fill(int(0));
  let next = 0;
  extents.forEach((_, axis) => {
    if (!reduced.has(axis)) at[axis] = index[next++]!;
    else if (context.attrs.keepDims) next++;
  });
  const significant = extents.flatMap((size, axis) => (size === 1 ? [] : [axis]));
  const inner: number[] = [];
  while (significant.length > 0 && reduced.has(significant.at(-1)!)) inner.unshift(significant.pop()!);
  const outer = significant.filter((axis) => reduced.has(axis));

  const value = (axes: readonly number[], indices: readonly Expr[]): void => {
    axes.forEach((axis, i) => {
      at[axis] = indices[i]!;
    });
  };
  const sizes = (axes: readonly number[]) => axes.map((axis) => extents[axis]!);
  const foldInner = (): Expr => {
    if (inner.length === 0) return x!(...at);
    return context.k.reduce(
      op,
      sizes(inner),
      (...indices) => {
        value(inner, indices);
        return x!(...at);
      },
      "interleaved",
    );
  };
  if (outer.length === 0) return foldInner();
  return context.k.reduce(op, sizes(outer), (...indices) => {
    value(outer, indices);
    return foldInner();
  });
}

const AXES_DOC = "Without axes all are reduced; over no axes ([]) the value stays as it is.";
const reductionDoc = (summary: string, formula: string): string => `${summary}\n$y = ${formula}$\n${AXES_DOC}`;

/** Axes every reduction of floating-point numbers is tried with. */
const reductionExamples = (extra: { readonly domain?: readonly [number, number] } = {}) => [
  { inputs: [f32([2, 3, 4], extra)], attrs: { axes: [1], keepDims: false } },
  { inputs: [f32([2, 3, 4], extra)], attrs: { axes: [0, 2], keepDims: true } },
  { inputs: [f64([3, 2], extra)], attrs: { axes: null, keepDims: false } },
  { inputs: [f64([3, 1], extra)], attrs: { axes: [-1], keepDims: false } },
  { inputs: [f64([2, 3], extra)], attrs: { axes: [], keepDims: false } },
  { inputs: [f64([], extra)], attrs: { axes: null, keepDims: true } },
  { inputs: [f32([0, 3], extra)], attrs: { axes: [1], keepDims: false } },
];

export const sumOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "sum",
  category: "reduction",
  doc: reductionDoc("Sum over some or all axes; 0 where there is nothing to sum.", "\\sum_i x_i"),
  inputs: ["x"],
  dtypes: numericDType,
  ...reductionShapes,
  gradient: ({ op, x: [x], g }) => [spreadTo(g, x!, op.attrs)],
  compute: (context, index) => foldAxes(context, index, "add"),
  examples: [
    ...reductionExamples(),
    { inputs: [f32([0, 3])], attrs: { axes: [0], keepDims: false } },
    { inputs: [i32([3, 4])], attrs: { axes: [-1], keepDims: false } },
    { inputs: [f32([2, 40])], attrs: { axes: [-1], keepDims: false } },
  ],
});

// ── shapes of gradients ──────────────────────────────────────────────────────────────────────────────────────────

export const spreadLikeOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "spreadLike",
  category: "movement",
  doc: "Repeats a reduced value along the axes of the second operand that were reduced. Used where ranks are not known yet.\n$y_{i, j} = x_i$",
  inputs: ["x", "like"],
  dtypes: ([x]) => [x!],
  shapes: ([, like]) => [like!],
  shapesOfUnknown: ([, like]) => [like ?? null],
  // The sum may have a shape that is known better than that of the operand, hence the detour.
  gradient: ({ op, x: [x], g }) => [asShapeOf(apply(sumOp, [g], op.attrs), x!), null],
  decompose: ({ inputs: [x, like], attrs }) => [spreadTo(x!, like!, attrs)],
  examples: [
    { inputs: [f32([2]), f32([2, 3])], attrs: { axes: [1], keepDims: false } },
    { inputs: [f64([]), f64([2, 3])], attrs: { axes: null, keepDims: false } },
  ],
});

/** Gives a reduced value the shape of the operand again: keeps the reduced axes as 1, then repeats along them. */
export function spreadTo(g: Tensor, x: Tensor, attrs: ReductionAttrs): Tensor {
  if (x.shape === null) return apply(spreadLikeOp, [g, x], attrs);
  const reduced = new Set(axesOf(attrs.axes, x.shape.length));
  const kept = x.shape.map((size, axis) => (reduced.has(axis) ? 1 : size));
  return broadcastTo(attrs.keepDims ? g : reshape(g, kept), x.shape);
}

/** Sums a gradient over the axes along which `x` was broadcast, so that it has the shape of `x`. */
export function sumTo(g: Tensor, x: Tensor): Tensor {
  if (g.shape === null || x.shape === null) return apply(sumToLikeOp, [g, x], {});
  if (sameShape(g.shape, x.shape)) return g;
  const own = x.shape;
  const lead = g.shape.length - own.length;
  const axes = g.shape.flatMap((size, axis) => (axis < lead || (own[axis - lead] === 1 && size !== 1) ? [axis] : []));
  if (axes.length === 0) return g; // sizes that are equal only once bound
  const summed = sum(g, { axis: axes, keepDims: true });
  return lead === 0 ? summed : reshape(summed, own);
}

export const sumToLikeOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "sumToLike",
  category: "reduction",
  doc: "Sums over the axes along which the second operand would be broadcast. Used where ranks are not known yet.\n$y_j = \\sum_i x_{i, j}$",
  inputs: ["x", "like"],
  dtypes: ([x]) => [x!],
  shapes: ([, like]) => [like!],
  shapesOfUnknown: ([, like]) => [like ?? null],
  gradient: ({ x: [x], g }) => [broadcastToLike(g, x!), null],
  decompose: ({ inputs: [x, like] }) => [sumTo(x!, like!)],
  examples: [
    { inputs: [f32([2, 3]), f32([3])], attrs: {} },
    { inputs: [f64([2, 3]), f64([2, 1])], attrs: {} },
  ],
});

/** How many elements of `x` are reduced, as a number or a scalar. */
function countOf(x: Tensor, axes: readonly number[] | null): number | Tensor {
  if (x.shape === null) return elementCount(x, axes);
  const count = productOf(axesOf(axes, x.shape.length).map((axis) => x.shape![axis]!));
  return isKnown(count) ? count : sizeValue(x, count, x.dtype);
}

// ── means ────────────────────────────────────────────────────────────────────────────────────────────────────────

export const meanOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "mean",
  category: "reduction",
  doc: reductionDoc("Mean over some or all axes, floating point only; NaN of nothing.", "\\frac{1}{n} \\sum_i x_i"),
  inputs: ["x"],
  dtypes: floatDType,
  ...reductionShapes,
  gradient: ({ op, x: [x], g }) => [spreadTo(div(g, countOf(x!, op.attrs.axes)), x!, op.attrs)],
  compute: (context, index) => {
    const count = countAlong(context.in[0]!, context.attrs.axes, context.output.dtype);
    return context.k.binary("div", foldAxes(context, index, "add"), count);
  },
  examples: reductionExamples(),
});

export const varianceOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "variance",
  category: "reduction",
  doc: reductionDoc(
    "Mean squared distance from the mean, over some or all axes. Divides by n, not n - 1.",
    "\\frac{1}{n} \\sum_i (x_i - \\bar{x})^2",
  ),
  inputs: ["x"],
  dtypes: floatDType,
  ...reductionShapes,
  gradient: ({ op, x: [x], g }) => {
    const { axes } = op.attrs;
    return [mul(spreadTo(div(mul(g, 2), countOf(x!, axes)), x!, op.attrs), centred(x!, axes))];
  },
  decompose: ({ inputs: [x], attrs: { axes, keepDims } }) => [
    mean(square(centred(x!, axes)), { axis: axes, keepDims }),
  ],
  examples: reductionExamples(),
});

const centred = (x: Tensor, axes: readonly number[] | null): Tensor => sub(x, mean(x, { axis: axes, keepDims: true }));

export const stdOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "std",
  category: "reduction",
  doc: [
    reductionDoc(
      "Standard deviation: the square root of the variance.",
      "\\sqrt{\\frac{1}{n} \\sum_i (x_i - \\bar{x})^2}",
    ),
    "Where all values are equal the gradient is taken as 0.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...reductionShapes,
  gradient: ({ op, x: [x], y: [y], g }) => {
    const { axes } = op.attrs;
    const share = div(perLength(g, y!), countOf(x!, axes));
    return [mul(spreadTo(share, x!, op.attrs), centred(x!, axes))];
  },
  decompose: ({ inputs: [x], attrs: { axes, keepDims } }) => [sqrt(variance(x!, { axis: axes, keepDims }))],
  examples: reductionExamples().filter(({ attrs: { axes }, inputs: [x] }) => {
    // A deviation of 0, as of a single value, has no derivative to compare with.
    return axesOf(axes, x!.shape.length).some((axis) => x!.shape[axis]! > 1);
  }),
});

/** `g / y` for a length `y ≥ 0`, and 0 where the length is 0. */
function perLength(g: Tensor, y: Tensor): Tensor {
  const none = equal(y, 0);
  return where(none, 0, div(g, where(none, 1, y)));
}

export const normOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "norm",
  category: "reduction",
  doc: [
    reductionDoc("Euclidean length over some or all axes.", "\\sqrt{\\sum_i x_i^2}"),
    "Over no axes it is the absolute value. The gradient of length 0 is taken as 0.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...reductionShapes,
  gradient: ({ op, x: [x], y: [y], g }) => [mul(spreadTo(perLength(g, y!), x!, op.attrs), x!)],
  decompose: ({ inputs: [x], attrs: { axes, keepDims } }) => [sqrt(sum(square(x!), { axis: axes, keepDims }))],
  examples: reductionExamples({ domain: [0.3, 1] }),
});

export const logSumExpOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "logSumExp",
  category: "reduction",
  doc: [
    reductionDoc(
      "Logarithm of the sum of exponentials, over some or all axes.",
      "m + \\ln \\sum_i e^{x_i - m}, \\; m = \\max_i x_i",
    ),
    "Neither overflows nor underflows, since the largest exponent is 0.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...reductionShapes,
  gradient: ({ op, x: [x], y: [y], g }) => [mul(spreadTo(g, x!, op.attrs), exp(sub(x!, spreadTo(y!, x!, op.attrs))))],
  decompose: ({ inputs: [x], attrs: { axes, keepDims } }) => {
    const largest = max(x!, { axis: axes, keepDims: true });
    // An infinite shift would give Infinity - Infinity.
    const shift = where(isFiniteTensor(largest), largest, 0);
    const logarithm = log(sum(exp(sub(x!, shift)), { axis: axes, keepDims }));
    return [add(logarithm, reshape(shift, logarithm.shape!))];
  },
  examples: [
    ...reductionExamples(),
    { inputs: [f32([3], { values: [1000, 1001, 1002] })], attrs: { axes: null, keepDims: false } },
  ],
});

// ── extremes ─────────────────────────────────────────────────────────────────────────────────────────────────────

const TIES_DOC = "Elements that share the extreme share its gradient equally, as in TensorFlow.";

/** The gradient goes to the elements that are the extreme. */
const toExtremes: OpDef<ReductionAttrs>["gradient"] = ({ op, x: [x], y: [y], g }) => {
  const { axes, keepDims } = op.attrs;
  const chosen = equal(x!, spreadTo(y!, x!, op.attrs));
  const share = div(g, sum(cast(chosen, g.dtype), { axis: axes, keepDims }));
  return [where(chosen, spreadTo(share, x!, op.attrs), 0)];
};
/** Values apart from one another, in no order. */
const APART = { values: [0.9, -0.7, 0.1, -0.2, 0.5, 1.2, -1.4, 0.3, -0.5, 0.7, -1.1, 1.6] };
const EXTREME_EXAMPLES = [
  { inputs: [f32([2, 3, 2], APART)], attrs: { axes: [1], keepDims: false } },
  { inputs: [f64([2, 3, 2], APART)], attrs: { axes: [0, -1], keepDims: true } },
  { inputs: [f32([3, 4], APART)], attrs: { axes: null, keepDims: false } },
  { inputs: [f64([4, 3], APART)], attrs: { axes: [], keepDims: false } },
  { inputs: [f64([])], attrs: { axes: null, keepDims: false } },
  { inputs: [f32([0, 2])], attrs: { axes: [1], keepDims: false } },
  { inputs: [f32([2, 0])], attrs: { axes: [1], keepDims: false }, note: "nothing to choose from" },
  { inputs: [i32([3, 4])], attrs: { axes: [-1], keepDims: false } },
];

export const maxOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "max",
  category: "reduction",
  doc: `${reductionDoc("Largest element over some or all axes; NaN if one is; of nothing the lowest there is.", "\\max_i x_i")}\n${TIES_DOC}`,
  inputs: ["x"],
  dtypes: numericDType,
  ...reductionShapes,
  gradient: toExtremes,
  compute: (context, index) => foldAxes(context, index, "max"),
  examples: EXTREME_EXAMPLES,
});

export const minOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "min",
  category: "reduction",
  doc: `${reductionDoc("Smallest element over some or all axes; NaN if one is; of nothing the highest there is.", "\\min_i x_i")}\n${TIES_DOC}`,
  inputs: ["x"],
  dtypes: numericDType,
  ...reductionShapes,
  gradient: toExtremes,
  compute: (context, index) => foldAxes(context, index, "min"),
  examples: EXTREME_EXAMPLES,
});

// ── truth ────────────────────────────────────────────────────────────────────────────────────────────────────────

const BOOL_EXAMPLES = [
  { inputs: [bool([2, 3], { values: [0, 0, 1, 1, 1, 1] })], attrs: { axes: [1], keepDims: false } },
  { inputs: [bool([2, 3], { values: [0, 0, 1, 0, 1, 1] })], attrs: { axes: [0], keepDims: true } },
  { inputs: [bool([2, 2])], attrs: { axes: null, keepDims: false } },
  { inputs: [bool([0])], attrs: { axes: null, keepDims: false } },
];

export const anyOp = defineOp<ReductionAttrs>({
  name: "any",
  category: "reduction",
  doc: reductionDoc("Whether one element or more is true, over some or all axes; false of nothing.", "\\exists i: x_i"),
  inputs: ["x"],
  dtypes: boolDType,
  ...reductionShapes,
  gradient: "none",
  compute: (context, index) => foldAxes(context, index, "or"),
  examples: BOOL_EXAMPLES,
});

export const allOp = defineOp<ReductionAttrs>({
  name: "all",
  category: "reduction",
  doc: reductionDoc("Whether every element is true, over some or all axes; true of nothing.", "\\forall i: x_i"),
  inputs: ["x"],
  dtypes: boolDType,
  ...reductionShapes,
  gradient: "none",
  compute: (context, index) => foldAxes(context, index, "and"),
  examples: BOOL_EXAMPLES,
});

// ── argmax, argmin ───────────────────────────────────────────────────────────────────────────────────────────────

type ArgAttrs = { readonly axis: number; readonly keepDims: boolean };

const argRule = {
  dtypes: ((inputs, attrs, context) => {
    numericDType(inputs, attrs, context);
    return ["int32"];
  }) satisfies OpDef["dtypes"],
  shapes: ([x]: readonly Sizes[], { axis, keepDims }: ArgAttrs, context: ShapeContext): readonly Sizes[] => {
    const at = normalizeAxis(axis, x!.length, context);
    if (x![at] === 0)
      context.fail(`axis ${axis} is empty`, { marks: [[at]], fix: "give the axis at least one element" });
    return [reducedShape(x!, [at], keepDims)];
  },
};

/** Two passes: what the extreme is, then the first place it stands at. If it is NaN, that is where the first NaN stands. */
function firstPlaceOf(context: ComputeContext<ArgAttrs>, index: readonly Expr[], extreme: "max" | "min"): Expr {
  const { in: operands, attrs, k } = context;
  const x = operands[0]!;
  const axis = attrs.axis < 0 ? attrs.axis + x.extents.length : attrs.axis;
  const size = x.extents[axis]!;
  const at = (i: Expr): Expr => x(...index.slice(0, axis), i, ...index.slice(attrs.keepDims ? axis + 1 : axis));
  const found = k.reduce(extreme, [size], (i) => at(i!));
  return k.reduce("min", [size], (i) => {
    const value = at(i!);
    const same = k.binary("eq", value, found);
    const hit = isFloat(x.dtype) ? k.binary("or", same, k.binary("ne", value, value)) : same;
    return k.select(hit, i!, extentValue(size));
  });
}

const ARG_EXAMPLES = [
  { inputs: [f32([3, 4])], attrs: { axis: 1, keepDims: false } },
  { inputs: [f64([2, 3, 2])], attrs: { axis: -2, keepDims: true } },
  { inputs: [f32([5], { values: [2, 7, 7, 1, 1] })], attrs: { axis: 0, keepDims: false }, note: "the first of equals" },
  { inputs: [f32([4], { values: [1, NaN, 3, NaN] })], attrs: { axis: 0, keepDims: false }, note: "the first NaN wins" },
  { inputs: [i32([2, 5])], attrs: { axis: -1, keepDims: false } },
  { inputs: [f32([0, 2])], attrs: { axis: 1, keepDims: false } },
];

export const argmaxOp = defineOp<ArgAttrs>({
  name: "argmax",
  category: "reduction",
  doc: "Place of the largest element along an axis, as int32. The first of equals; the first NaN if there is one.\n$y = \\arg\\max_i x_i$",
  inputs: ["x"],
  ...argRule,
  gradient: "none",
  compute: (context, index) => firstPlaceOf(context, index, "max"),
  examples: ARG_EXAMPLES,
});

export const argminOp = defineOp<ArgAttrs>({
  name: "argmin",
  category: "reduction",
  doc: "Place of the smallest element along an axis, as int32. The first of equals; the first NaN if there is one.\n$y = \\arg\\min_i x_i$",
  inputs: ["x"],
  ...argRule,
  gradient: "none",
  compute: (context, index) => firstPlaceOf(context, index, "min"),
  examples: ARG_EXAMPLES,
});

export interface ArgOptions<KeepDims extends boolean = boolean> extends OpOptions {
  readonly keepDims?: KeepDims;
}
type ArgReduction<Op extends string> = <S extends Shape, const A extends number, KeepDims extends boolean = false>(
  x: Tensor<S>,
  axis: A & Valid<Reduce<Op, S, A, KeepDims>>,
  options?: ArgOptions<KeepDims>,
) => Tensor<Result<Reduce<Op, S, A, KeepDims>>>;

/**
 * Place of the largest element along `axis`, as int32: the first of equals, the first NaN if there is one.
 * @throws ShapeError if the axis does not exist or is empty
 */
export const argmax: ArgReduction<"argmax"> = (x, axis, options = {}) =>
  apply(argmaxOp, [x], { axis, keepDims: options.keepDims ?? false }, options);

/**
 * Place of the smallest element along `axis`, as int32: the first of equals, the first NaN if there is one.
 * @throws ShapeError if the axis does not exist or is empty
 */
export const argmin: ArgReduction<"argmin"> = (x, axis, options = {}) =>
  apply(argminOp, [x], { axis, keepDims: options.keepDims ?? false }, options);

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Sum over axes. `axis` names one or several and may count from the end; without it all axes are summed, with `[]`
 * none. `keepDims` keeps reduced axes with size 1. So it is for all reductions here.
 * @throws ShapeError for an axis that does not exist or is named twice
 */
export const sum: Reduction<"sum"> = (x, options = {}) => apply(sumOp, [x], reductionAttrs(options), options);

/** Mean over axes, as `sum`; floating point only. */
export const mean: Reduction<"mean"> = (x, options = {}) => apply(meanOp, [x], reductionAttrs(options), options);

/** Mean squared distance from the mean, over axes, as `sum`. Divides by n, not n - 1. */
export const variance: Reduction<"variance"> = (x, options = {}) =>
  apply(varianceOp, [x], reductionAttrs(options), options);

/** Standard deviation over axes, as `sum`: the root of the variance. */
export const std: Reduction<"std"> = (x, options = {}) => apply(stdOp, [x], reductionAttrs(options), options);

/** Euclidean length over axes, as `sum`. */
export const norm: Reduction<"norm"> = (x, options = {}) => apply(normOp, [x], reductionAttrs(options), options);

/** Logarithm of the sum of exponentials over axes, as `sum`; never overflows. */
export const logSumExp: Reduction<"logSumExp"> = (x, options = {}) =>
  apply(logSumExpOp, [x], reductionAttrs(options), options);

/** Largest element over axes, as `sum`. Elements that share it share its gradient equally. */
export const max: Reduction<"max"> = (x, options = {}) => apply(maxOp, [x], reductionAttrs(options), options);

/** Smallest element over axes, as `sum`. Elements that share it share its gradient equally. */
export const min: Reduction<"min"> = (x, options = {}) => apply(minOp, [x], reductionAttrs(options), options);

/** Whether one element or more is true, over axes, as `sum`; bool only. */
export const any: Reduction<"any"> = (x, options = {}) => apply(anyOp, [x], reductionAttrs(options), options);

/** Whether every element is true, over axes, as `sum`; bool only. */
export const all: Reduction<"all"> = (x, options = {}) => apply(allOp, [x], reductionAttrs(options), options);

export const REDUCTION_OPS = [
  sumOp,
  spreadLikeOp,
  sumToLikeOp,
  meanOp,
  varianceOp,
  stdOp,
  normOp,
  logSumExpOp,
  maxOp,
  minOp,
  anyOp,
  allOp,
  argmaxOp,
  argminOp,
];
