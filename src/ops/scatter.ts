import { elementCount, knownShape, normalizeAxis, type ShapeContext, type Sizes, shapeText } from "../core/shape.ts";
import { isKnown, productOf, type Size, sizeFrom, sizeText } from "../core/size.ts";
import { type NestedList, readValue } from "../core/values.ts";
import { defineOp, type LoopContext, type OpDef } from "../graph/define.ts";
import { constantValue, Tensor } from "../graph/operation.ts";
import { add, type Expr, int, mul, sub } from "../kernel/expr.ts";
import { countOfAll, type Extent, extentValue } from "../kernel/extent.ts";
import { add as addTensors } from "./arithmetic.ts";
import { equal, greaterEqual, less, logicalOr, where } from "./comparison.ts";
import { range } from "./counting.ts";
import { gather, scatterAdd } from "./indexing.ts";
import { fill, reshape, zerosLike } from "./movement.ts";
import { slice } from "./slicing.ts";
import {
  apply,
  bool,
  builderAt,
  callError,
  constantIn,
  type Dims,
  f32,
  f64,
  i32,
  type NoAttrs,
  type OpOptions,
  sizesFrom,
} from "./support.ts";

const CLAMP_DOC = "Indices out of range, negative ones included, are clamped into it.";

const clamp = (k: LoopContext["k"], index: Expr, size: Extent): Expr =>
  k.binary("max", int(0), k.binary("min", index, sub(extentValue(size), int(1))));

/** Dtype rule: operand `at` holds int32 indices, those of `values` have one dtype, which the output has too. */
const indexedBy =
  (at: number, values: readonly number[], accepts: "any" | "numbers" = "any"): OpDef["dtypes"] =>
  (inputs, _attrs, context) => {
    if (inputs[at] !== "int32") {
      context.fail(`indices are ${inputs[at]}, not int32`, 'convert them: cast(indices, "int32")');
    }
    const [dtype, ...others] = values.map((which) => inputs[which]!);
    const other = others.find((own) => own !== dtype);
    if (other)
      context.fail(`operands have different dtypes, ${dtype} and ${other}`, `convert one: cast(x, "${dtype}")`);
    if (accepts === "numbers" && dtype === "bool") context.fail("takes numbers, not bool");
    return [dtype!];
  };

/** There must be something to index, unless there is no index. */
function checkNotEmpty(size: Size, indices: Sizes, what: string, context: ShapeContext): void {
  if (size === 0 && productOf(indices) !== 0) {
    context.fail(`${what} is empty, so no index is inside it`, { fix: "check the operand's shape" });
  }
}

/** Two shapes must agree axis by axis; `which` are the operands to mark. */
function requireEqual(found: Sizes, wanted: Sizes, what: string, which: number, context: ShapeContext): void {
  if (found.length !== wanted.length) {
    context.fail(`${what} has rank ${found.length}, not ${wanted.length}`, { fix: `shape ${shapeText(wanted)} fits` });
  }
  found.forEach((size, axis) => {
    const marks = Array.from({ length: which + 1 }, (_, i) => (i === which ? [axis] : []));
    context.require(size, wanted[axis]!, `axis ${axis} of ${what}: ${sizeText(size)}, not ${sizeText(wanted[axis]!)}`, {
      marks,
      fix: `shape ${shapeText(wanted)} fits`,
    });
  });
}

// ── along an axis, an index for each element ─────────────────────────────────────────────────────────────────────

type AxisAttrs = { readonly axis: number };

/** Indices have the shape of the operand but along the axis. */
function checkAlong(x: Sizes, indices: Sizes, axis: number, context: ShapeContext): void {
  const at = normalizeAxis(axis, x.length, context);
  if (indices.length !== x.length) {
    context.fail(`indices have rank ${indices.length}, the operand has ${x.length}`, {
      fix: `only axis ${axis} may differ in size`,
    });
  }
  checkNotEmpty(x[at]!, indices, `axis ${axis}`, context);
  const wanted = x.map((size, i) => (i === at ? indices[i]! : size));
  requireEqual(indices, wanted, "the indices", 1, context);
}

export const takeAlongAxisOp: OpDef<AxisAttrs> = defineOp<AxisAttrs>({
  name: "takeAlongAxis",
  category: "indexing",
  doc: `Elements along an axis by indices of their own at every place of the other axes: what applies an argsort.\n$y_{a, i, b} = x_{a, \\mathrm{indices}_{a, i, b}, b}$\n${CLAMP_DOC}`,
  inputs: ["x", "indices"],
  dtypes: indexedBy(1, [0]),
  shapes: ([x, indices], { axis }, context) => {
    checkAlong(x!, indices!, axis, context);
    return [indices!];
  },
  shapesOfUnknown: ([, indices]) => [indices ?? null],
  gradient: ({ op, x: [x, indices], g }) => [apply(scatterAlongAxisOp, [x!, indices!, g], op.attrs), null],
  compute: ({ in: [x, indices], attrs, k }, index) => {
    const axis = attrs.axis < 0 ? attrs.axis + index.length : attrs.axis;
    const place = clamp(k, indices!(...index), x!.extents[axis]!);
    return x!(...index.map((i, at) => (at === axis ? place : i)));
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([2, 3]), i32([2, 2], { values: [2, 0, 1, 1] })], attrs: { axis: 1 } },
    { inputs: [f64([3, 2]), i32([4, 2], { values: [0, 2, 1, 2, 2, 0, 0, 0] })], attrs: { axis: 0 } },
    { inputs: [f64([3]), i32([2], { values: [-1, 7] })], attrs: { axis: -1 }, note: "clamped to 0 and 2" },
    { inputs: [i32([2, 2]), i32([2, 1], { values: [1, 0] })], attrs: { axis: 1 } },
    { inputs: [bool([3]), i32([3], { values: [2, 1, 0] })], attrs: { axis: 0 } },
  ],
});

export const scatterAlongAxisOp: OpDef<AxisAttrs> = defineOp<AxisAttrs>({
  name: "scatterAlongAxis",
  category: "indexing",
  doc: [
    "Adds elements to zeros of the shape of the first operand, at indices along an axis: what `takeAlongAxis` has for a gradient.",
    "$y_{a, j, b} = \\sum_{i: \\mathrm{indices}_{a, i, b} = j} u_{a, i, b}$",
    "Elements with the same index are added in increasing order of their place.",
    CLAMP_DOC,
  ].join("\n"),
  inputs: ["like", "indices", "updates"],
  dtypes: indexedBy(1, [2], "numbers"),
  shapes: ([like, indices, updates], { axis }, context) => {
    checkAlong(like!, indices!, axis, context);
    requireEqual(updates!, indices!, "the updates", 2, context);
    return [like!];
  },
  shapesOfUnknown: ([like]) => [like ?? null],
  gradient: ({ op, x: [, indices], g }) => [null, null, takeAlongAxis(g, indices!, op.attrs.axis)],
  kernel: (context) => {
    const { in: operands, attrs, output, k, loops } = context;
    const [, indices, updates] = operands;
    const { extents } = output;
    const axis = attrs.axis < 0 ? attrs.axis + extents.length : attrs.axis;
    const size = extents[axis]!;
    const count = indices!.extents[axis]!;
    const after = countOfAll(extents.slice(axis + 1));
    loops.loop(countOfAll(extents), (element) => loops.store(element, k.constant(0, output.dtype)));
    loops.loop(countOfAll(extents.slice(0, axis)), (a) => {
      loops.loop(count, (i) => {
        loops.loop(after, (b) => {
          const source = k.let("source", add(mul(add(mul(a, extentValue(count)), i), extentValue(after)), b));
          const place = clamp(k, indices!.flat(source), size);
          const element = k.let("element", add(mul(add(mul(a, extentValue(size)), place), extentValue(after)), b));
          loops.store(element, k.binary("add", loops.load(element), updates!.flat(source)));
        });
      });
    });
  },
  cost: "expensive",
  examples: [
    { inputs: [f32([2, 3]), i32([2, 2], { values: [2, 0, 1, 1] }), f32([2, 2])], attrs: { axis: 1 } },
    { inputs: [f64([2, 2]), i32([3, 2], { values: [0, 1, 0, 0, 1, 1] }), f64([3, 2])], attrs: { axis: 0 } },
    { inputs: [i32([3]), i32([2], { values: [-1, 7] }), i32([2])], attrs: { axis: -1 } },
  ],
});

// ── by index tuples ──────────────────────────────────────────────────────────────────────────────────────────────

/** How many axes the tuples in the last axis of `indices` name. */
function tupleLength(indices: Sizes, rank: number, context: ShapeContext): number {
  const length = indices.at(-1);
  if (length === undefined) context.fail("indices are a scalar", { fix: "their last axis holds index tuples" });
  if (!isKnown(length)) context.fail(`index tuples have ${sizeText(length)} numbers`, { fix: "that must be a number" });
  if (length > rank) context.fail(`index tuples have ${length} numbers for rank ${rank}`, { fix: "use fewer" });
  return length;
}

/** The shape of what indices pick out of a tensor of shape `x`. */
function pickedShape(x: Sizes, indices: Sizes, context: ShapeContext): Sizes {
  const length = tupleLength(indices, x.length, context);
  checkNotEmpty(productOf(x.slice(0, length)), indices.slice(0, -1), "what is indexed", context);
  return [...indices.slice(0, -1), ...x.slice(length)];
}

const needsRank = (_inputs: readonly (Sizes | null)[], _attrs: NoAttrs, context: ShapeContext): never =>
  context.fail("the ranks of operand and indices must be known", { fix: "give the placeholders shapes" });

export const gatherNdOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "gatherNd",
  category: "indexing",
  doc: `Elements or slices by index tuples, which stand in the last axis of the indices.\n$y_{i, b} = x_{\\mathrm{indices}_{i, 0}, \\mathrm{indices}_{i, 1}, \\dots, b}$\n${CLAMP_DOC}`,
  inputs: ["x", "indices"],
  dtypes: indexedBy(1, [0]),
  shapes: ([x, indices], _attrs, context) => [pickedShape(x!, indices!, context)],
  shapesOfUnknown: needsRank,
  gradient: ({ x: [x, indices], g }) => [scatterNd(indices!, g, x!.shape!), null],
  compute: ({ in: [x, indices], k }, index) => {
    const lead = indices!.shape.length - 1;
    const tuple = Array.from({ length: indices!.shape[lead]! }, (_, axis) =>
      clamp(k, indices!(...index.slice(0, lead), int(axis)), x!.shape[axis]!),
    );
    return x!(...tuple, ...index.slice(lead));
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([3, 4]), i32([2, 2], { values: [2, 3, 0, 1] })], attrs: {}, note: "elements" },
    { inputs: [f64([3, 2]), i32([3, 1], { values: [2, 0, 2] })], attrs: {}, note: "rows" },
    { inputs: [f64([2, 2, 3]), i32([2, 2, 2], { values: [0, 1, 1, 1, 0, 0, 0, 1] })], attrs: {} },
    { inputs: [i32([4]), i32([1], { values: [9] })], attrs: {}, note: "clamped to 3" },
  ],
});

/** Walks the index tuples; `at` gives the element a tuple's slice begins with. */
function eachTuple(
  { output, k, loops }: LoopContext,
  indices: LoopContext["in"][number],
  visit: (target: Expr, source: Expr, size: Extent) => void,
): void {
  // How many numbers a tuple has decides the code.
  const [length] = knownShape(indices.sizes.slice(-1)) as [number];
  const size = countOfAll(output.extents.slice(length));
  loops.loop(countOfAll(indices.extents.slice(0, -1)), (i) => {
    let row: Expr = int(0);
    for (let axis = 0; axis < length; axis++) {
      const place = clamp(k, indices.flat(add(mul(i, int(length)), int(axis))), output.extents[axis]!);
      row = add(mul(row, extentValue(output.extents[axis]!)), place);
    }
    visit(k.let("target", mul(row, extentValue(size))), k.let("source", mul(i, extentValue(size))), size);
  });
}

export const scatterNdOp: OpDef<{ readonly shape: Sizes }> = defineOp<{ readonly shape: Sizes }>({
  name: "scatterNd",
  category: "indexing",
  doc: [
    "Adds elements or slices to zeros of a given shape, where index tuples say.",
    "$y_{j, b} = \\sum_{i: \\mathrm{indices}_i = j} u_{i, b}$",
    "Slices with the same tuple are added in increasing order of their place.",
    CLAMP_DOC,
  ].join("\n"),
  inputs: ["indices", "updates"],
  dtypes: indexedBy(0, [1], "numbers"),
  shapes: ([indices, updates], { shape }, context) => {
    requireEqual(updates!, pickedShape(shape, indices!, context), "the updates", 1, context);
    return [shape];
  },
  shapesOfUnknown: (_inputs, { shape }) => [shape],
  gradient: ({ x: [indices], g }) => [null, gatherNd(g, indices!)],
  kernel: (context) => {
    const { in: operands, output, k, loops } = context;
    const [indices, updates] = operands;
    loops.loop(countOfAll(output.extents), (element) => loops.store(element, k.constant(0, output.dtype)));
    eachTuple(context, indices!, (target, source, size) => {
      loops.loop(size, (b) => {
        const element = add(target, b);
        loops.store(element, k.binary("add", loops.load(element), updates!.flat(add(source, b))));
      });
    });
  },
  cost: "expensive",
  examples: [
    { inputs: [i32([4, 1], { values: [2, 0, 2, 4] }), f32([4, 2])], attrs: { shape: [5, 2] } },
    { inputs: [i32([3, 2], { values: [0, 1, 2, 0, 0, 1] }), f64([3])], attrs: { shape: [3, 2] } },
    { inputs: [i32([0, 1]), f32([0, 2])], attrs: { shape: [2, 2] } },
    { inputs: [i32([2, 1], { values: [-4, 9] }), i32([2])], attrs: { shape: [3] } },
  ],
});

export const tensorScatterUpdateOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  name: "tensorScatterUpdate",
  category: "indexing",
  doc: [
    "A copy of a tensor in which the elements or slices at index tuples are replaced.",
    "$y_j = u_i$ for the last i with $\\mathrm{indices}_i = j$, else $x_j$",
    "Of several updates with the same tuple the last one counts, and only it receives a gradient.",
    CLAMP_DOC,
  ].join("\n"),
  inputs: ["x", "indices", "updates"],
  dtypes: indexedBy(1, [0, 2]),
  shapes: ([x, indices, updates], _attrs, context) => {
    requireEqual(updates!, pickedShape(x!, indices!, context), "the updates", 2, context);
    return [x!];
  },
  shapesOfUnknown: needsRank,
  gradient: ({ x: [x, indices, updates], g }) => {
    const counts = lastOfEach(x!.shape!, indices!, updates!);
    return [tensorScatterUpdate(g, indices!, zerosLike(updates!)), null, where(counts, gatherNd(g, indices!), 0)];
  },
  kernel: (context) => {
    const { in: operands, output, loops } = context;
    const [x, indices, updates] = operands;
    loops.loop(countOfAll(output.extents), (element) => loops.store(element, x!.flat(element)));
    eachTuple(context, indices!, (target, source, size) => {
      loops.loop(size, (b) => loops.store(add(target, b), updates!.flat(add(source, b))));
    });
  },
  cost: "expensive",
  examples: [
    { inputs: [f32([4, 2]), i32([2, 1], { values: [3, 1] }), f32([2, 2])], attrs: {} },
    { inputs: [f64([2, 3]), i32([3, 2], { values: [0, 1, 1, 2, 0, 1] }), f64([3])], attrs: {}, note: "a tuple twice" },
    { inputs: [i32([3]), i32([1, 1], { values: [7] }), i32([1])], attrs: {} },
    { inputs: [bool([3]), i32([1, 1], { values: [0] }), bool([1])], attrs: {} },
  ],
});

/** Which updates count: writes their numbers to an empty board and looks which ones stayed. */
function lastOfEach(shape: Sizes, indices: Tensor, updates: Tensor): Tensor {
  const lead = indices.shape!.slice(0, -1);
  const board = fill(indices, shape.slice(0, indices.shape!.at(-1) as number), -1, "int32");
  const numbers = reshape(range(indices, productOf(lead)), lead);
  const own = equal(gatherNd(tensorScatterUpdate(board, indices, numbers), indices), numbers);
  return reshape(own, [...lead, ...updates.shape!.slice(lead.length).map(() => 1)]);
}

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Elements of `x` along `axis`, by indices (int32) that have its shape but along the axis: `takeAlongAxis(x,
 * argsort(x))` is sorted. Indices out of range are clamped into it.
 * @throws ShapeError if shapes differ elsewhere, DTypeError if indices are not int32
 */
export const takeAlongAxis = (x: Tensor, indices: Tensor, axis = -1, options?: OpOptions): Tensor =>
  apply(takeAlongAxisOp, [x, indices], { axis }, options);

/**
 * Elements or slices of `x` by index tuples, which stand in the last axis of `indices` (int32). Clamps them into range.
 * @throws ShapeError if tuples are longer than the rank, DTypeError if indices are not int32
 */
export const gatherNd = (x: Tensor, indices: Tensor, options?: OpOptions): Tensor =>
  apply(gatherNdOp, [x, indices], {}, options);

/**
 * Adds `updates` to zeros of `shape`, where index tuples say. Clamps them into range.
 * @throws ShapeError if the updates do not have the shape `gatherNd` would give, DTypeError if indices are not int32
 */
export const scatterNd = (indices: Tensor, updates: Tensor, shape: Dims, options?: OpOptions): Tensor =>
  apply(scatterNdOp, [indices, updates], { shape: sizesFrom("scatterNd", shape) }, options);

/**
 * `x` with `updates` in the places that index tuples name; of several updates of one place the last one counts.
 * @throws ShapeError if the updates do not have the shape `gatherNd` would give, DTypeError if indices are not int32
 */
export const tensorScatterUpdate = (x: Tensor, indices: Tensor, updates: Tensor, options?: OpOptions): Tensor =>
  apply(tensorScatterUpdateOp, [x, indices, updates], {}, options);

/**
 * `x` with `updates` added in the places that index tuples name.
 * @throws ShapeError if the updates do not have the shape `gatherNd` would give, DTypeError if indices are not int32
 */
export function tensorScatterAdd(x: Tensor, indices: Tensor, updates: Tensor, options?: OpOptions): Tensor {
  if (x.shape === null) throw callError("tensorScatterAdd", `the rank of "${x.name}" is not known`);
  return addTensors(x, scatterNd(indices, updates, x.shape), { name: "tensorScatterAdd", ...options });
}

/**
 * Sums of slices along the leading axes of `x` that have the same segment number (int32, in the shape of those axes).
 * Slices whose number is negative or `count` and more are dropped; empty segments are 0. Within a segment slices are
 * added in increasing order of their place.
 * @throws ShapeError if the numbers do not have the leading shape of `x`, DTypeError if they are not int32
 */
export function unsortedSegmentSum(x: Tensor, segments: Tensor, count: Size | string, options: OpOptions = {}): Tensor {
  const op = "unsortedSegmentSum";
  if (x.shape === null || segments.rank === null) throw callError(op, "the ranks of both operands must be known");
  const size = typeof count === "object" ? count : sizeFrom(count, op);
  if (!isKnown(size)) throw callError(op, `${sizeText(size)} segments`, "the number of segments must be a number");
  const rest = x.shape.slice(segments.rank);
  // One more segment takes what is dropped.
  const kept = where(logicalOr(less(segments, 0), greaterEqual(segments, size)), size, segments);
  const sums = scatterAdd(kept, x, [size + 1, ...rest]);
  const zeros = sums.shape!.map(() => 0);
  return slice(sums, zeros, [size, ...rest], { name: op, ...options });
}

/**
 * As `unsortedSegmentSum`, under the name for segment numbers in increasing order. The number of segments can not be
 * read off the data, as TensorFlow does it, since a graph's shapes are known before it runs.
 */
export const segmentSum = (x: Tensor, segments: Tensor, count: Size | string, options: OpOptions = {}): Tensor =>
  unsortedSegmentSum(x, segments, count, { name: "segmentSum", ...options });

/** Rows of `table` by number (int32), in the shape of the numbers: `gather` along axis 0. */
export const embeddingLookup = (table: Tensor, ids: Tensor, options: OpOptions = {}): Tensor =>
  gather(table, ids, 0, { name: "embeddingLookup", ...options });

/**
 * Slices of `x` where `mask` is true; the mask covers as many axes as it has, from `axis` on, and they become one.
 * It must be known when the graph is built, since the number of true values decides the shape.
 * @throws GraphError if the mask is computed or fed, ShapeError if it does not have the shape of those axes
 */
export function booleanMask(x: Tensor, mask: NestedList | Tensor, axis = 0, options: OpOptions = {}): Tensor {
  const op = "booleanMask";
  if (x.shape === null) throw callError(op, `the rank of "${x.name}" is not known`, "give the placeholder a shape");
  const { data, shape } = maskValue(op, mask);
  const at = axis < 0 ? axis + x.shape.length : axis;
  const covered = x.shape.slice(at, at + shape.length);
  if (shape.length === 0 || shape.some((size, i) => isKnown(covered[i] ?? -1) && covered[i] !== size)) {
    throw callError(
      op,
      `a mask of shape ${shapeText(shape)} does not fit ${shapeText(x.shape)} from axis ${axis} on`,
      "the mask has the sizes of the axes it covers",
    );
  }
  const places = Array.from(data).flatMap((value, i) => (value ? [i] : []));
  const indices = reshape(constantIn(builderAt(x), places, "int32"), [places.length]);
  const flat = reshape(x, [...x.shape.slice(0, at), elementCount(shape), ...x.shape.slice(at + shape.length)]);
  return gather(flat, indices, at, { name: op, ...options });
}

function maskValue(op: string, mask: NestedList | Tensor): { data: ArrayLike<number>; shape: readonly number[] } {
  if (!(mask instanceof Tensor)) return readValue(mask, "bool");
  const value = constantValue(mask);
  if (value instanceof Uint8Array) {
    return { data: value, shape: knownShape(mask.shape) };
  }
  throw callError(
    op,
    `the mask "${mask.name}" is not a bool constant, so the size of the result would not be known before the run`,
    "use where(mask, x, 0) to keep the shape, or a mask that is known when the graph is built",
  );
}

export const SCATTER_OPS = [
  takeAlongAxisOp,
  scatterAlongAxisOp,
  gatherNdOp,
  scatterNdOp,
  tensorScatterUpdateOp,
] as const;
