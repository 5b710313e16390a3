import { concatenatedShape, normalizeAxes, normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import type {
  Concat,
  ConcatConflict,
  Pad,
  Reduce,
  Slice,
  Split,
  Stack,
  StackConflict,
  Unstack,
} from "../core/shape-rules.ts";
import type { CheckAxis, Result, Shape, Unless, Valid } from "../core/shape-types.ts";
import { addSizes, isKnown, type Size, sizeText, subtractSizes } from "../core/size.ts";
import { defineOp, type KernelBuilder, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, and, type Expr, int, le, lt, sub, truth } from "../kernel/expr.ts";
import { type Extent, extentValue, sizeExpr } from "../kernel/extent.ts";
import { expandDims, fillLike, squeeze } from "./movement.ts";
import {
  anyDType,
  apply,
  bool,
  callError,
  type Dims,
  f32,
  f64,
  i32,
  type OpOptions,
  type ShapeOf,
  type ShapesOf,
  sizesFrom,
} from "./support.ts";

/** `from ≤ index < to`. */
const within = (index: Expr, from: Expr, to: Expr): Expr => and(le(from, index), lt(index, to));

// ── slice ────────────────────────────────────────────────────────────────────────────────────────────────────────

type SliceAttrs = { readonly begin: Sizes; readonly size: Sizes };

function sliceShape(x: Sizes, { begin, size }: SliceAttrs, context: ShapeContext): Sizes {
  if (begin.length !== x.length || size.length !== x.length) {
    context.fail(`${begin.length} begins and ${size.length} sizes for rank ${x.length}`, {
      fix: "give one for each axis",
    });
  }
  return x.map((total, axis) => {
    const from = begin[axis]!;
    const wanted = size[axis]!;
    const rest = subtractSizes(total, from);
    const taken = wanted === -1 ? rest : wanted;
    // What can not be decided yet is looked at again once sizes are bound.
    const outside = (isKnown(from) && from < 0) || (isKnown(rest) && (rest < 0 || (isKnown(taken) && taken > rest)));
    if (outside || (isKnown(taken) && taken < 0)) {
      const piece = wanted === -1 ? "everything" : sizeText(wanted);
      context.fail(`axis ${axis}: ${piece} from ${sizeText(from)} on is not inside size ${sizeText(total)}`, {
        marks: [[axis]],
        fix: "begin and begin + size must lie between 0 and the size of the axis; -1 means to the end",
      });
    }
    return taken;
  });
}

export const sliceOp: OpDef<SliceAttrs> = defineOp<SliceAttrs>({
  name: "slice",
  category: "movement",
  doc: "A box out of a tensor: `size` elements from `begin` on along each axis; size -1 goes to the end.\n$y_i = x_{b + i}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], attrs, context) => [sliceShape(x!, attrs, context)],
  shapesOfUnknown: (_inputs, { size }) => [size.includes(-1) ? null : size],
  gradient: ({ op, x: [x], y: [y], g }) => {
    const { begin } = op.attrs;
    if (x!.shape === null || y!.shape === null) return [apply(padLikeOp, [g, x!], { begin })];
    const taken = y!.shape;
    const after = x!.shape.map((total, axis) => subtractSizes(subtractSizes(total, begin[axis]!), taken[axis]!));
    return [
      pad(
        g,
        begin.map((before, axis) => [before, after[axis]!] as const),
      ),
    ];
  },
  compute: ({ in: [x], attrs }, index) => {
    return x!(...index.map((i, axis) => add(i, sizeExpr(attrs.begin[axis]!))));
  },
  cost: "free",
  examples: [
    { inputs: [f32([4, 5])], attrs: { begin: [1, 2], size: [2, 3] } },
    { inputs: [f64([4, 3])], attrs: { begin: [1, 0], size: [-1, 2] } },
    { inputs: [f32([3])], attrs: { begin: [3], size: [0] } },
    { inputs: [f64([])], attrs: { begin: [], size: [] } },
    { inputs: [i32([5])], attrs: { begin: [2], size: [-1] } },
    { inputs: [bool([2, 3])], attrs: { begin: [0, 1], size: [2, 1] } },
  ],
});

/**
 * The box of `size` elements from `begin` on along each axis; size -1 goes to the end.
 * @throws ShapeError if the box reaches outside
 */
export const slice = <S extends Shape, const From extends Dims, const Size extends Dims>(
  x: Tensor<S>,
  begin: From,
  size: Size & Valid<Slice<S, From, Size>>,
  options?: OpOptions,
): Tensor<Result<Slice<S, From, Size>>> =>
  apply(sliceOp, [x], { begin: sizesFrom("slice", begin), size: sizesFrom("slice", size) }, options);

export const sliceLikeOp: OpDef<{ readonly begin: Sizes }> = defineOp<{ readonly begin: Sizes }>({
  name: "sliceLike",
  category: "movement",
  doc: "A box of the shape of the second operand, from `begin` on. Used where ranks are not known yet.\n$y_i = x_{b + i}$",
  inputs: ["x", "like"],
  dtypes: ([x]) => [x!],
  shapes: ([x, like], { begin }, context) => [sliceShape(x!, { begin, size: like! }, context)],
  shapesOfUnknown: ([, like]) => [like ?? null],
  gradient: ({ op, x: [x], g }) => [apply(padLikeOp, [g, x!], op.attrs), null],
  decompose: ({ inputs: [x, like], attrs: { begin } }) => [slice(x!, begin, like!.shape!)],
  examples: [{ inputs: [f32([4, 5]), f32([2, 3])], attrs: { begin: [1, 2] } }],
});

// ── pad ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Elements before and after, for each axis. */
type Paddings = readonly (readonly [before: Size, after: Size])[];
type PadAttrs = { readonly paddings: Paddings; readonly value: number };

export const padOp: OpDef<PadAttrs> = defineOp<PadAttrs>({
  name: "pad",
  category: "movement",
  doc: "Surrounds a tensor with `before` and `after` elements of one value along each axis.\n$y_i = x_{i - b}$ inside, $v$ outside",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { paddings }, context) => {
    if (paddings.length !== x!.length) {
      context.fail(`${paddings.length} paddings for rank ${x!.length}`, { fix: "give [before, after] for each axis" });
    }
    return [
      x!.map((size, axis) => {
        const [before, after] = paddings[axis]!;
        const negative = [before, after].find((amount) => isKnown(amount) && amount < 0);
        if (negative !== undefined) {
          context.fail(`axis ${axis} is padded by ${sizeText(negative)}`, {
            marks: [[axis]],
            fix: "paddings are 0 or more; use slice to take elements away",
          });
        }
        return addSizes(addSizes(before, size), after);
      }),
    ];
  },
  gradient: ({ op, x: [x], g }) => {
    const begin = op.attrs.paddings.map(([before]) => before);
    return [x!.shape === null ? apply(sliceLikeOp, [g, x!], { begin }) : slice(g, begin, x!.shape)];
  },
  compute: ({ in: [x], attrs: { paddings, value }, output, k }, index) => {
    const before = paddings.map(([amount]) => sizeExpr(amount));
    const inside = index.reduce((all, i, axis) => {
      const from = before[axis]!;
      if (x!.sizes[axis] === output.sizes[axis]) return all;
      return and(all, within(i, from, add(from, extentValue(x!.extents[axis]!))));
    }, truth(true));
    const load = () => x!(...index.map((i, axis) => sub(i, before[axis]!)));
    return k.when(inside, load, k.constant(value, output.dtype));
  },
  cost: "cheap",
  examples: [
    {
      inputs: [f32([2, 3])],
      attrs: {
        paddings: [
          [1, 2],
          [0, 1],
        ],
        value: 0,
      },
    },
    { inputs: [f64([3])], attrs: { paddings: [[2, 0]], value: -1.5 } },
    {
      inputs: [f32([0, 2])],
      attrs: {
        paddings: [
          [1, 1],
          [0, 0],
        ],
        value: 0,
      },
      note: "only padding",
    },
    { inputs: [f64([])], attrs: { paddings: [], value: 0 } },
    { inputs: [i32([2])], attrs: { paddings: [[1, 1]], value: 7 } },
    { inputs: [bool([2])], attrs: { paddings: [[0, 1]], value: 1 } },
  ],
});

/**
 * Surrounds `x` with `[before, after]` elements of `value` along each axis.
 * @throws ShapeError unless there is one pair per axis, both 0 or more
 */
export const pad = <S extends Shape, const P extends Paddings>(
  x: Tensor<S>,
  paddings: P & Valid<Pad<S, P>>,
  value = 0,
  options?: OpOptions,
): Tensor<Result<Pad<S, P>>> => apply(padOp, [x], { paddings, value }, options);

export const padLikeOp: OpDef<{ readonly begin: Sizes }> = defineOp<{ readonly begin: Sizes }>({
  name: "padLike",
  category: "movement",
  doc: "Puts the first operand into zeros of the shape of the second, at `begin`. Used where ranks are not known yet.\n$y_i = x_{i - b}$ inside, $0$ outside",
  inputs: ["x", "like"],
  dtypes: ([x]) => [x!],
  shapes: ([x, like], { begin }, context) => {
    sliceShape(like!, { begin, size: x! }, context);
    return [like!];
  },
  shapesOfUnknown: ([, like]) => [like ?? null],
  gradient: ({ op, x: [x], g }) => [apply(sliceLikeOp, [g, x!], op.attrs), null],
  decompose: ({ inputs: [x, like], attrs: { begin } }) => {
    const after = like!.shape!.map((total, axis) =>
      subtractSizes(subtractSizes(total, begin[axis]!), x!.shape![axis]!),
    );
    return [
      pad(
        x!,
        begin.map((before, axis) => [before, after[axis]!] as const),
      ),
    ];
  },
  examples: [{ inputs: [f32([2, 3]), f32([4, 5])], attrs: { begin: [1, 2] } }],
});

// ── concat, stack, split ─────────────────────────────────────────────────────────────────────────────────────────

type AxisAttrs = { readonly axis: number };

/** Where each operand begins along the axis. */
function offsetsOf(sizes: readonly Size[]): readonly Size[] {
  const offsets: Size[] = [0];
  for (const size of sizes) offsets.push(addSizes(offsets.at(-1)!, size));
  return offsets;
}

export const concatOp: OpDef<AxisAttrs> = defineOp<AxisAttrs>({
  name: "concat",
  category: "movement",
  doc: "Joins tensors one after another along an axis; all other sizes must be equal.\n$y = [x_1; x_2; \\dots]$",
  inputs: "many",
  dtypes: anyDType,
  shapes: (inputs, { axis }, context) => {
    const at = normalizeAxis(axis, inputs[0]!.length, context);
    return [concatenatedShape(inputs, at, context)];
  },
  gradient: ({ op, x, g }) => {
    const { axis } = op.attrs;
    if (x.some((part) => part.shape === null)) {
      return x.map((_, which) => apply(concatPartOp, [g, ...x], { axis, which }));
    }
    return x.map((_, which) => partOf(g, x, axis, which));
  },
  compute: ({ in: parts, attrs, output, k }, index) => {
    const axis = attrs.axis < 0 ? attrs.axis + index.length : attrs.axis;
    return chooseAlong(
      k,
      index[axis]!,
      parts.map((part) => part.extents[axis]!),
      k.constant(0, output.dtype),
      (which, i) => parts[which]!(...index.map((own, at) => (at === axis ? i : own))),
    );
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([2, 3]), f32([1, 3])], attrs: { axis: 0 } },
    { inputs: [f64([2, 1]), f64([2, 0]), f64([2, 3])], attrs: { axis: -1 } },
    { inputs: [f32([3])], attrs: { axis: 0 } },
    { inputs: [i32([1, 2]), i32([2, 2])], attrs: { axis: 0 } },
    { inputs: [bool([1]), bool([2])], attrs: { axis: 0 } },
  ],
});

/** The part in whose range `index` lies. Every load is guarded from both sides, since guards are not nested. */
function chooseAlong(
  k: KernelBuilder,
  index: Expr,
  sizes: readonly Extent[],
  nothing: Expr,
  part: (which: number, index: Expr) => Expr,
): Expr {
  let offset: Expr = int(0);
  return sizes.reduce<Expr>((chosen, size, which) => {
    const from = offset;
    offset = add(from, extentValue(size));
    if (size === 0) return chosen;
    return k.when(within(index, from, offset), () => part(which, sub(index, from)), chosen);
  }, nothing);
}

/** The piece of `whole`, a concatenation of `parts`, that is part `which`. Ranks are known. */
function partOf(whole: Tensor, parts: readonly Tensor[], axis: number, which: number): Tensor {
  const shape = parts[which]!.shape!;
  const at = axis < 0 ? axis + shape.length : axis;
  const offset = offsetsOf(parts.map((part) => part.shape![at]!))[which]!;
  return slice(
    whole,
    shape.map((_, i) => (i === at ? offset : 0)),
    shape,
  );
}

export const concatPartOp: OpDef<AxisAttrs & { readonly which: number }> = defineOp<
  AxisAttrs & { readonly which: number }
>({
  name: "concatPart",
  category: "movement",
  doc: "The piece of its first operand that belongs to one of the others, were they concatenated. Used where ranks are not known yet.\n$y = [x_1; x_2; \\dots]_k$",
  inputs: "many",
  dtypes: ([whole]) => [whole!],
  shapes: ([, ...parts], { which }) => [parts[which]!],
  shapesOfUnknown: ([, ...parts], { which }) => [parts[which] ?? null],
  gradient: ({ op, x: [, ...parts], g }) => {
    const { axis, which } = op.attrs;
    return [
      concat(
        parts.map((part, i) => (i === which ? g : fillLike(part, 0))),
        axis,
      ),
      ...parts.map(() => null),
    ];
  },
  decompose: ({ inputs: [whole, ...parts], attrs: { axis, which } }) => [partOf(whole!, parts, axis, which)],
  examples: [{ inputs: [f32([5, 2]), f32([2, 2]), f32([3, 2])], attrs: { axis: 0, which: 1 } }],
});

/** The list itself, with a complaint at the tensor that does not go with the first. */
type ConcatList<L extends readonly Tensor[], A extends number> = {
  readonly [I in keyof L]: Unless<ConcatConflict<ShapeOf<L[0]>, ShapeOf<L[I]>, A>>;
};
type StackList<L extends readonly Tensor[]> = {
  readonly [I in keyof L]: Unless<StackConflict<ShapeOf<L[0]>, ShapeOf<L[I]>>>;
};
/** Tensors of these shapes. */
type TensorsOf<Shapes> = Shapes extends readonly unknown[]
  ? { readonly [I in keyof Shapes]: Tensor<Result<Shapes[I]>> }
  : readonly Tensor[];

/**
 * Joins tensors along `axis`, which may count from the end.
 * @throws ShapeError if another size differs, DTypeError if dtypes do, GraphError for an empty list
 */
export function concat<const L extends readonly Tensor[], const A extends number = 0>(
  list: L & ConcatList<L, A>,
  axis?: A & CheckAxis<"concat", ShapeOf<L[0]>, A>,
  options?: OpOptions,
): Tensor<Result<Concat<ShapesOf<L>, A>>> {
  if (list.length === 0) throw callError("concat", "the list is empty", "give at least one tensor");
  return apply(concatOp, list, { axis: axis ?? 0 }, options);
}

/**
 * Joins tensors of one shape along a new axis.
 * @throws ShapeError if shapes differ, GraphError for an empty list
 */
export function stack<const L extends readonly Tensor[], const A extends number = 0>(
  list: L & StackList<L>,
  axis?: A & Valid<Stack<ShapesOf<L>, A>>,
  options?: OpOptions,
): Tensor<Result<Stack<ShapesOf<L>, A>>> {
  if (list.length === 0) throw callError("stack", "the list is empty", "give at least one tensor");
  const parts = list.map((part) => expandDims<Shape, number>(part, axis ?? 0));
  return apply(concatOp, parts, { axis: axis ?? 0 }, { name: "stack", ...options });
}

/**
 * Pieces of `x` along `axis`: `parts` equal ones, or ones of the sizes given.
 * @throws GraphError if rank or size of the axis is not known, ShapeError if the sizes do not add up
 */
export function split<S extends Shape, const P extends number | readonly Size[], const A extends number = 0>(
  x: Tensor<S>,
  parts: P & Valid<Split<S, P, A>>,
  axis?: A & CheckAxis<"split", S, A>,
  options?: OpOptions,
): TensorsOf<Split<S, P, A>>;
export function split(x: Tensor, parts: number | readonly Size[], axis = 0, options?: OpOptions): readonly Tensor[] {
  const { at, shape } = placeOf("split", x, axis);
  const total = shape[at]!;
  let sizes: readonly Size[];
  if (typeof parts === "number") {
    if (!isKnown(total) || total % parts !== 0) {
      throw callError(
        "split",
        `size ${sizeText(total)} of axis ${axis} does not divide into ${parts}`,
        "give a list of sizes",
      );
    }
    sizes = new Array<number>(parts).fill(total / parts);
  } else {
    sizes = parts;
  }
  const offsets = offsetsOf(sizes);
  if (typeof parts !== "number" && offsets.at(-1) !== total) {
    throw callError(
      "split",
      `sizes add up to ${sizeText(offsets.at(-1)!)}, axis ${axis} has ${sizeText(total)}`,
      "make them add up",
    );
  }
  return sizes.map((size, which) =>
    slice(
      x,
      shape.map((_, i) => (i === at ? offsets[which]! : 0)),
      shape.map((own, i) => (i === at ? size : own)),
      { name: "split", ...options },
    ),
  );
}

/**
 * The slices of `x` along `axis`, which they lack.
 * @throws GraphError if rank or size of the axis is not known
 */
export function unstack<S extends Shape, const A extends number = 0>(
  x: Tensor<S>,
  axis?: A & CheckAxis<"unstack", S, A>,
  options?: OpOptions,
): TensorsOf<Unstack<S, A>>;
export function unstack(x: Tensor, axis = 0, options?: OpOptions): readonly Tensor[] {
  const { at, shape } = placeOf("unstack", x, axis);
  const count = shape[at]!;
  if (!isKnown(count)) {
    throw callError("unstack", `size ${sizeText(count)} of axis ${axis} is not a number`, "gather one slice at a time");
  }
  if (count === 0) return [];
  return split(x, count, axis).map((piece) => squeeze(piece, at, { name: "unstack", ...options }));
}

function placeOf(op: string, x: Tensor, axis: number): { readonly at: number; readonly shape: Sizes } {
  if (x.shape === null) throw callError(op, `the rank of "${x.name}" is not known`, "give the placeholder a shape");
  const at = axis < 0 ? axis + x.shape.length : axis;
  if (x.shape[at] === undefined)
    throw callError(op, `axis ${axis} does not exist in rank ${x.shape.length}`, "count from 0, or from -1 backwards");
  return { at, shape: x.shape };
}

// ── reverse ──────────────────────────────────────────────────────────────────────────────────────────────────────

export const reverseOp: OpDef<{ readonly axes: readonly number[] }> = defineOp<{ readonly axes: readonly number[] }>({
  name: "reverse",
  category: "movement",
  doc: "Turns the order of elements round along some axes.\n$y_i = x_{n - 1 - i}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { axes }, context) => {
    normalizeAxes(axes, x!.length, context);
    return [x!];
  },
  shapesOfUnknown: ([x]) => [x ?? null],
  gradient: ({ op, g }) => [reverse(g, op.attrs.axes)],
  compute: ({ in: [x], attrs: { axes } }, index) => {
    const rank = index.length;
    const turned = axes.map((axis) => (axis < 0 ? axis + rank : axis));
    return x!(
      ...index.map((i, axis) => (turned.includes(axis) ? sub(sub(extentValue(x!.extents[axis]!), int(1)), i) : i)),
    );
  },
  cost: "free",
  examples: [
    { inputs: [f32([2, 3])], attrs: { axes: [1] } },
    { inputs: [f64([2, 1, 3])], attrs: { axes: [0, -1] } },
    { inputs: [f32([2])], attrs: { axes: [] } },
    { inputs: [i32([4])], attrs: { axes: [0] } },
  ],
});

/**
 * Turns the order of elements round along `axis` (one or several).
 * @throws ShapeError for an axis that does not exist or is named twice
 */
export const reverse = <S extends Shape, const A extends number | readonly number[]>(
  x: Tensor<S>,
  axis: A & Valid<Reduce<"reverse", S, A, true>>,
  options?: OpOptions,
): Tensor<S> => {
  const axes: number | readonly number[] = axis;
  return apply(reverseOp, [x], { axes: typeof axes === "number" ? [axes] : axes }, options);
};

export const SLICING_OPS = [sliceOp, sliceLikeOp, padOp, padLikeOp, concatOp, concatPartOp, reverseOp];
