import { type DType, isFloat } from "../core/dtype.ts";
import { elementCount, normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import { isKnown, type Size, sizeFrom, sizeText } from "../core/size.ts";
import { type DTypeContext, defineOp, type KernelBuilder, type LoopContext, type OpDef } from "../graph/define.ts";
import type { Attrs, Tensor } from "../graph/operation.ts";
import { add, and, div, type Expr, int, lt, mul, sub } from "../kernel/expr.ts";
import { squeeze, transpose } from "./movement.ts";
import { takeAlongAxis } from "./scatter.ts";
import { slice } from "./slicing.ts";
import { apply, f32, f64, i32, numericDType, type OpOptions } from "./support.ts";

/** Numbers of any dtype; the output holds places. */
const orderDType = (inputs: readonly DType[], attrs: Attrs, context: DTypeContext): readonly DType[] => {
  numericDType(inputs, attrs, context);
  return ["int32"];
};

type DirectionAttrs = { readonly descending: boolean };
type SortAttrs = DirectionAttrs & { readonly axis: number };

/** Whether `a` comes before `b`; NaN comes after everything, whatever the direction. */
function comesBefore(k: KernelBuilder, a: Expr, b: Expr, descending: boolean): Expr {
  const ordered = descending ? k.binary("lt", b, a) : k.binary("lt", a, b);
  if (!isFloat(a.type)) return ordered;
  return k.binary("or", ordered, k.binary("and", k.binary("ne", b, b), k.binary("eq", a, a)));
}

const clamp = (k: KernelBuilder, index: Expr, size: number): Expr =>
  k.binary("max", int(0), k.binary("min", index, int(size - 1)));

/**
 * The first place in `[low, high)` whose element does not go before, by halving; `steps` must suffice for the longest
 * range. `goesBefore` is given places inside of `0 … size - 1` only.
 */
function search(
  k: KernelBuilder,
  range: { readonly low: Expr; readonly high: Expr; readonly size: number; readonly steps: number },
  goesBefore: (place: Expr) => Expr,
): Expr {
  let { low, high } = range;
  for (let step = 0; step < range.steps; step++) {
    const middle = k.let("middle", div(add(low, high), int(2)));
    const open = k.let("open", lt(low, high));
    const before = k.let("before", goesBefore(k.let("place", clamp(k, middle, range.size))));
    const [from, to] = [low, high];
    low = k.let("low", k.select(and(open, before), add(middle, int(1)), from));
    high = k.let("high", k.select(and(open, k.unary("not", before)), middle, to));
  }
  return low;
}
/** Binary digits of a whole number: steps of halving that find a place among as many elements. */
const digits = (count: number): number => 32 - Math.clz32(count);

export const sortOrderOp: OpDef<DirectionAttrs> = defineOp<DirectionAttrs>({
  name: "sortOrder",
  category: "indexing",
  doc: [
    "Merge sort along the last axis. Of the two halves along axis 0, the first holds the order, the second is work space.",
    "$x_{y_{0, i}} \\le x_{y_{0, i + 1}}$",
    "Runs of 1, 2, 4 … elements are merged: an element's place is its own in its run plus the number of elements of the " +
      "other run that go before it, found by halving.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: orderDType,
  shapes: ([x], _attrs, context) => {
    normalizeAxis(-1, x!.length, context);
    return [[2, ...x!]];
  },
  gradient: "none",
  kernel: (context) => mergeSort(context),
  cost: "expensive",
  examples: [
    { inputs: [f32([2, 5])], attrs: { descending: false } },
    { inputs: [i32([9], { domain: [0, 3] })], attrs: { descending: true } },
    { inputs: [f64([4], { values: [2, NaN, -1, 2] })], attrs: { descending: false } },
  ],
});

function mergeSort({ in: [x], attrs, k, loops }: LoopContext<DirectionAttrs>): void {
  const { shape } = x!;
  const total = elementCount(shape);
  const n = shape.at(-1)!;
  if (total === 0) return;
  const levels = digits(n - 1);
  // Every level moves to the other half; the last one ends in the first.
  let from = (levels % 2) * total;
  loops.loop(total / n, (line) => {
    loops.loop(n, (i) => loops.store(add(add(mul(line, int(n)), i), int(from)), i));
  });
  for (let level = 0; level < levels; level++) {
    const width = 2 ** level;
    const source = from;
    from = total - from;
    const target = from;
    loops.loop(total / n, (line) => {
      const start = k.let("start", mul(line, int(n)));
      const orderAt = (place: Expr): Expr => clamp(k, loops.load(add(add(start, place), int(source))), n);
      const keyOf = (which: Expr): Expr => x!.flat(add(start, which));
      loops.loop(n, (i) => {
        const which = k.let("which", orderAt(i));
        const key = k.let("key", keyOf(which));
        const block = k.let("block", mul(div(i, int(2 * width)), int(2 * width)));
        const isLeft = k.let("isLeft", lt(sub(i, block), int(width)));
        const middle = k.binary("min", add(block, int(width)), int(n));
        const low = k.let("low", k.select(isLeft, middle, block));
        const end = k.binary("min", add(block, int(2 * width)), int(n));
        const high = k.let("high", k.select(isLeft, end, middle));
        const first = search(k, { low, high, size: n, steps: level + 1 }, (place) => {
          const other = k.let("other", keyOf(orderAt(place)));
          // Equal elements keep their order: those of the left run go first.
          const stays = k.unary("not", comesBefore(k, key, other, attrs.descending));
          return k.select(isLeft, comesBefore(k, other, key, attrs.descending), stays);
        });
        const own = k.select(isLeft, sub(i, low), sub(i, middle));
        const left = k.select(isLeft, add(i, sub(first, low)), add(add(own, block), sub(first, block)));
        loops.store(add(add(start, clamp(k, left, n)), int(target)), which);
      });
    });
  }
}

/** Shape rule of what is done along one axis. */
const alongAxis = {
  shapes: ([x]: readonly Sizes[], { axis }: { readonly axis: number }, context: ShapeContext): readonly Sizes[] => {
    normalizeAxis(axis, x!.length, context);
    return [x!];
  },
  shapesOfUnknown: ([x]: readonly (Sizes | null)[]): readonly (Sizes | null)[] => [x ?? null],
};

const NAN_DOC = "Equal elements keep their order, and NaN comes last in either direction.";

export const argsortOp: OpDef<SortAttrs> = defineOp<SortAttrs>({
  name: "argsort",
  category: "indexing",
  doc: `The order along an axis: where the smallest element stands, the next one, and so on.\n$x_{y_0} \\le x_{y_1} \\le \\dots$\n${NAN_DOC}`,
  inputs: ["x"],
  dtypes: orderDType,
  ...alongAxis,
  gradient: "none",
  decompose: ({ inputs: [x], attrs }) => {
    const rank = x!.shape!.length;
    const axis = attrs.axis < 0 ? attrs.axis + rank : attrs.axis;
    // The axis and the last one change places.
    const order = x!.shape!.map((_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
    const moved = axis === rank - 1 ? x! : transpose(x!, order);
    const both = apply(sortOrderOp, [moved], { descending: attrs.descending });
    const zeros = both.shape!.map(() => 0);
    const half = squeeze(slice(both, zeros, [1, ...both.shape!.slice(1)]), 0);
    return [axis === rank - 1 ? half : transpose(half, order)];
  },
  examples: [
    { inputs: [f32([3, 5])], attrs: { axis: -1, descending: false } },
    { inputs: [f64([4, 3])], attrs: { axis: 0, descending: true } },
    { inputs: [f64([5], { values: [2, NaN, -1, 2, 0] })], attrs: { axis: 0, descending: true }, note: "NaN last" },
    { inputs: [i32([2, 6], { domain: [0, 2] })], attrs: { axis: 1, descending: false }, note: "stable" },
    { inputs: [f32([0, 3])], attrs: { axis: 0, descending: false } },
    { inputs: [f32([1, 1])], attrs: { axis: 1, descending: false } },
  ],
});

/** Values apart from one another, in no order. */
const APART = { values: [0.9, -0.7, 0.1, -0.2, 0.5, 1.2, -1.4, 0.3, -0.5, 0.7, -1.1, 1.6] };

export const sortOp: OpDef<SortAttrs> = defineOp<SortAttrs>({
  name: "sort",
  category: "indexing",
  doc: `The elements along an axis in increasing or decreasing order.\n$y_0 \\le y_1 \\le \\dots$\n${NAN_DOC}`,
  inputs: ["x"],
  dtypes: numericDType,
  ...alongAxis,
  gradient: "via-decompose",
  decompose: ({ inputs: [x], attrs }) => [takeAlongAxis(x!, apply(argsortOp, [x!], attrs), attrs.axis)],
  examples: [
    { inputs: [f32([3, 4], APART)], attrs: { axis: -1, descending: false } },
    { inputs: [f64([4, 3], APART)], attrs: { axis: 0, descending: true } },
    { inputs: [i32([7], { domain: [-9, 9] })], attrs: { axis: 0, descending: false } },
  ],
});

type TopAttrs = { readonly k: Size };

export const topKIndicesOp: OpDef<TopAttrs> = defineOp<TopAttrs>({
  name: "topKIndices",
  category: "indexing",
  doc: "Where the k largest elements along the last axis stand, the largest first; of equal ones the first.\n$x_{y_0} \\ge x_{y_1} \\ge \\dots$",
  inputs: ["x"],
  dtypes: orderDType,
  shapes: ([x], { k }, context) => {
    const axis = normalizeAxis(-1, x!.length, context);
    const size = x![axis]!;
    if (isKnown(k) && isKnown(size) && k > size) {
      context.fail(`${k} elements out of ${size}`, { marks: [[axis]], fix: "k is at most the size of the last axis" });
    }
    if (isKnown(k) && k < 0) context.fail(`${sizeText(k)} elements`, { fix: "k is 0 or more" });
    return [[...x!.slice(0, -1), k]];
  },
  gradient: "none",
  decompose: ({ inputs: [x], attrs: { k } }) => {
    const order = apply(argsortOp, [x!], { axis: -1, descending: true });
    const zeros = x!.shape!.map(() => 0);
    return [slice(order, zeros, [...x!.shape!.slice(0, -1), k])];
  },
  examples: [
    { inputs: [f32([3, 5])], attrs: { k: 2 } },
    { inputs: [i32([6], { domain: [0, 2] })], attrs: { k: 4 } },
    { inputs: [f64([4])], attrs: { k: 4 } },
  ],
});

type SideAttrs = { readonly right: boolean };

export const searchSortedOp: OpDef<SideAttrs> = defineOp<SideAttrs>({
  name: "searchSorted",
  category: "indexing",
  doc: [
    "Where values would have to be put into a sorted sequence along the last axis: before equal ones, or behind them.",
    "$y_i = \\#\\{j : s_j < v_i\\}$",
  ].join("\n"),
  inputs: ["sequence", "values"],
  dtypes: orderDType,
  shapes: ([sequence, values], _attrs, context) => {
    normalizeAxis(-1, sequence!.length, context);
    if (sequence!.length !== values!.length) {
      context.fail(`the sequence has rank ${sequence!.length}, the values ${values!.length}`, {
        fix: "all axes but the last must be equal",
      });
    }
    sequence!.slice(0, -1).forEach((size, axis) => {
      context.require(
        size,
        values![axis]!,
        `axis ${axis} differs: ${sizeText(size)} against ${sizeText(values![axis]!)}`,
        {
          marks: [[axis], [axis]],
          fix: "all axes but the last must be equal",
        },
      );
    });
    return [values!];
  },
  shapesOfUnknown: ([, values]) => [values ?? null],
  gradient: "none",
  compute: ({ in: [sequence, values], attrs, k }, index) => {
    const size = sequence!.shape.at(-1)!;
    if (size === 0) return int(0);
    const value = k.let("value", values!(...index));
    return search(k, { low: int(0), high: int(size), size, steps: digits(size) }, (place) => {
      const other = sequence!(...index.slice(0, -1), place);
      return attrs.right ? k.unary("not", comesBefore(k, value, other, false)) : comesBefore(k, other, value, false);
    });
  },
  cost: "expensive",
  examples: [
    {
      inputs: [f32([5], { values: [0, 1, 1, 2, 4] }), f32([6], { values: [-1, 0, 1, 1.5, 4, 9] })],
      attrs: { right: false },
    },
    {
      inputs: [f64([2, 3], { values: [0, 1, 2, 5, 5, 6] }), f64([2, 2], { values: [1, 3, 5, 7] })],
      attrs: { right: true },
    },
    { inputs: [i32([4], { values: [1, 3, 3, 8] }), i32([3])], attrs: { right: true } },
    { inputs: [f32([0]), f32([2])], attrs: { right: false } },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface SortOptions extends OpOptions {
  /** Default -1, the last. */
  readonly axis?: number;
  /** Default `"ASCENDING"`. */
  readonly direction?: "ASCENDING" | "DESCENDING";
}
const sortAttrs = ({ axis = -1, direction = "ASCENDING" }: SortOptions): SortAttrs => ({
  axis,
  descending: direction === "DESCENDING",
});

/**
 * The elements along an axis in order. Equal elements keep theirs; NaN comes last.
 * @throws ShapeError if the axis does not exist
 */
export const sort = (x: Tensor, options: SortOptions = {}): Tensor => apply(sortOp, [x], sortAttrs(options), options);

/**
 * Where the elements along an axis stand in order, as int32: `gather(x, argsort(x))` is sorted. Equal elements keep
 * their order; NaN comes last.
 * @throws ShapeError if the axis does not exist
 */
export const argsort = (x: Tensor, options: SortOptions = {}): Tensor =>
  apply(argsortOp, [x], sortAttrs(options), options);

/**
 * The `k` largest elements along the last axis, the largest first, and where they stand (int32). Of equal ones the
 * first comes first.
 * @throws ShapeError if there are fewer than k
 */
export function topK(
  x: Tensor,
  k: Size | string = 1,
  options: OpOptions = {},
): { readonly values: Tensor; readonly indices: Tensor } {
  const count = typeof k === "object" ? k : sizeFrom(k, "topK");
  const indices = apply(topKIndicesOp, [x], { k: count });
  return { values: takeAlongAxis(x, indices, -1, { name: "topK", ...options }), indices };
}

export interface SearchSortedOptions extends OpOptions {
  /** Before equal elements (`"left"`, the default) or behind them. */
  readonly side?: "left" | "right";
}
/**
 * Where `values` would have to be put into `sequence`, sorted along its last axis, to keep it sorted (int32). All axes
 * but the last must be equal; a vector of values takes a vector.
 */
export const searchSorted = (
  sequence: Tensor,
  values: Tensor,
  { side = "left", ...options }: SearchSortedOptions = {},
): Tensor => apply(searchSortedOp, [sequence, values], { right: side === "right" }, options);

export const SORTING_OPS = [sortOrderOp, argsortOp, sortOp, topKIndicesOp, searchSortedOp] as const;
