import { normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import {
  addSizes,
  floorDivideSizes,
  isKnown,
  multiplySizes,
  type Size,
  sizeText,
  subtractSizes,
} from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, and, div, type Expr, eq, int, le, lt, mul, rem, sub, truth } from "../kernel/expr.ts";
import { extentValue, sizeExpr } from "../kernel/extent.ts";
import { add as addTensors } from "./arithmetic.ts";
import { gather } from "./indexing.ts";
import { broadcastTo, expandDims, reshape, transpose } from "./movement.ts";
import { pad, reverse, slice } from "./slicing.ts";
import { anyDType, apply, bool, builderAt, callError, constantIn, f32, f64, i32, type OpOptions } from "./support.ts";

const needsRank = (_inputs: readonly (Sizes | null)[], _attrs: unknown, context: ShapeContext): never =>
  context.fail("the rank of the operand must be known", { fix: "give the placeholder a shape" });

// ── strided slices ───────────────────────────────────────────────────────────────────────────────────────────────

type StridedAttrs = { readonly begin: Sizes; readonly strides: readonly number[]; readonly size: Sizes };

export const stridedSliceOp: OpDef<StridedAttrs> = defineOp<StridedAttrs>({
  name: "stridedSlice",
  category: "movement",
  doc: "Every so many elements from `begin` on along each axis, `size` of them; a negative stride goes backwards.\n$y_i = x_{b + s i}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { begin, strides, size }, context) => {
    if ([begin, strides, size].some((list) => list.length !== x!.length)) {
      context.fail(`${begin.length} begins, ${strides.length} strides and ${size.length} sizes for rank ${x!.length}`, {
        fix: "give one of each for each axis",
      });
    }
    x!.forEach((total, axis) => {
      const [first, stride, count] = [begin[axis]!, strides[axis]!, size[axis]!];
      if (!Number.isInteger(stride) || stride === 0) context.fail(`axis ${axis} has stride ${stride}`);
      if (!isKnown(first) || !isKnown(count) || !isKnown(total) || count === 0) return;
      const last = first + stride * (count - 1);
      if (count > 0 && Math.min(first, last) >= 0 && Math.max(first, last) < total) return;
      context.fail(`axis ${axis}: elements ${first} to ${last} are not inside size ${total}`, { marks: [[axis]] });
    });
    return [size];
  },
  shapesOfUnknown: needsRank,
  gradient: ({ op, x: [x], g }) => {
    const { begin, strides } = op.attrs;
    return [apply(stridedPadOp, [g], { begin, strides, shape: x!.shape! })];
  },
  compute: ({ in: [x], attrs: { begin, strides } }, index) => {
    return x!(...index.map((i, axis) => add(mul(i, int(strides[axis]!)), sizeExpr(begin[axis]!))));
  },
  cost: "free",
  examples: [
    { inputs: [f32([5, 4])], attrs: { begin: [0, 3], strides: [2, -1], size: [3, 4] } },
    { inputs: [f64([6])], attrs: { begin: [4], strides: [-2], size: [3] } },
    { inputs: [f64([2, 7])], attrs: { begin: [1, 1], strides: [1, 3], size: [1, 2] } },
    { inputs: [i32([3])], attrs: { begin: [0], strides: [2], size: [0] } },
    { inputs: [bool([4])], attrs: { begin: [3], strides: [-1], size: [4] } },
  ],
});

type StridedPadAttrs = { readonly begin: Sizes; readonly strides: readonly number[]; readonly shape: Sizes };

export const stridedPadOp: OpDef<StridedPadAttrs> = defineOp<StridedPadAttrs>({
  name: "stridedPad",
  category: "movement",
  doc: "Spreads elements into zeros of a given shape, every so many places: what `stridedSlice` has for a gradient.\n$y_{b + s i} = x_i$, 0 elsewhere",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { shape }, context) => {
    if (x!.length !== shape.length) context.fail(`rank ${x!.length} does not spread into rank ${shape.length}`);
    return [shape];
  },
  shapesOfUnknown: (_inputs, { shape }) => [shape],
  gradient: ({ op, x: [x], g }) => {
    const { begin, strides } = op.attrs;
    if (x!.shape === null) throw callError("stridedPad", "its derivative needs an operand of known rank");
    return [apply(stridedSliceOp, [g], { begin, strides, size: x!.shape })];
  },
  compute: ({ in: [x], attrs: { begin, strides }, output, k }, index) => {
    let inside = truth(true);
    const at = index.map((i, axis): Expr => {
      const stride = strides[axis]!;
      // Counted from the end for negative strides, so that the division is of positive numbers.
      const distance = stride < 0 ? sub(sizeExpr(begin[axis]!), i) : sub(i, sizeExpr(begin[axis]!));
      const place = div(distance, int(Math.abs(stride)));
      const whole = eq(rem(distance, int(Math.abs(stride))), int(0));
      inside = and(inside, and(whole, and(le(int(0), distance), lt(place, extentValue(x!.extents[axis]!)))));
      return place;
    });
    return k.when(inside, () => x!(...at), k.constant(0, output.dtype));
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([3, 4])], attrs: { begin: [0, 3], strides: [2, -1], shape: [5, 4] } },
    { inputs: [f64([2])], attrs: { begin: [1], strides: [3], shape: [7] } },
    { inputs: [i32([0])], attrs: { begin: [0], strides: [2], shape: [3] } },
  ],
});

export interface StridedSliceOptions extends OpOptions {
  /** Bit i set: entry i of `begin` counts for nothing, and the slice begins at the end it comes from. */
  readonly beginMask?: number;
  /** Bit i set: entry i of `end` counts for nothing, and the slice goes all the way. */
  readonly endMask?: number;
  /** Bit i set (one at most): entry i stands for as many whole axes as are needed, as `...` in Python. */
  readonly ellipsisMask?: number;
  /** Bit i set: entry i stands for a new axis of size 1. */
  readonly newAxisMask?: number;
  /** Bit i set: entry i picks the element at `begin`, and the axis goes away. */
  readonly shrinkAxisMask?: number;
}

/**
 * `x[begin:end:strides]` as Python writes it, one entry for each axis; axes without an entry are taken whole. Negative
 * begins and ends count from the end of the axis; those outside are moved inside. The masks are those of TensorFlow:
 * `x[1, None, ..., -2]` is `stridedSlice(x, [1, 0, 0, -2], [2, 0, 0, -1], [1, 1, 1, 1], { newAxisMask: 2,
 * ellipsisMask: 4, shrinkAxisMask: 9 })`.
 * @throws ShapeError for more entries than axes or a stride of 0, GraphError if the rank is not known
 */
export function stridedSlice(
  x: Tensor,
  begin: readonly number[],
  end: readonly number[],
  strides: readonly number[] = begin.map(() => 1),
  options: StridedSliceOptions = {},
): Tensor {
  const op = "stridedSlice";
  const { beginMask = 0, endMask = 0, ellipsisMask = 0, newAxisMask = 0, shrinkAxisMask = 0, ...named } = options;
  if (x.shape === null) throw callError(op, `the rank of "${x.name}" is not known`, "give the placeholder a shape");
  if (end.length !== begin.length || strides.length !== begin.length) {
    throw callError(op, `${begin.length} begins, ${end.length} ends and ${strides.length} strides`, "give as many");
  }
  const has = (mask: number, i: number): boolean => ((mask >> i) & 1) === 1;
  const entries = begin.map((_, i) => (has(ellipsisMask, i) ? "rest" : has(newAxisMask, i) ? "new" : "axis"));
  const used = entries.filter((entry) => entry === "axis").length;
  const free = x.shape.length - used;
  if (free < 0) throw callError(op, `${used} entries for rank ${x.shape.length}`, "give at most one for each axis");
  const hasRest = entries.includes("rest");
  const first: Size[] = [];
  const steps: number[] = [];
  const sizes: Size[] = [];
  const result: Size[] = [];
  const whole = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const size = x.shape![sizes.length]!;
      first.push(0);
      steps.push(1);
      sizes.push(size);
      result.push(size);
    }
  };
  entries.forEach((entry, i) => {
    if (entry !== "axis") {
      if (entry === "new") result.push(1);
      else whole(free);
      return;
    }
    const total = x.shape![sizes.length]!;
    const shrinks = has(shrinkAxisMask, i);
    const piece = shrinks
      ? { first: fromEnd(begin[i]!, total), step: 1, size: 1 }
      : stridedPiece(op, total, {
          begin: has(beginMask, i) ? null : begin[i]!,
          end: has(endMask, i) ? null : end[i]!,
          stride: strides[i]!,
        });
    first.push(piece.first);
    steps.push(piece.step);
    sizes.push(piece.size);
    if (!shrinks) result.push(piece.size);
  });
  if (!hasRest) whole(free);
  const taken = apply(stridedSliceOp, [x], { begin: first, strides: steps, size: sizes }, named);
  return result.length === sizes.length && !entries.includes("new") ? taken : reshape(taken, result);
}

const fromEnd = (index: number, total: Size): Size => (index < 0 ? addSizes(total, index) : index);

/** First element, step and count of `begin:end:stride` on an axis; null stands for an end left out. */
function stridedPiece(
  op: string,
  total: Size,
  { begin, end, stride }: { readonly begin: number | null; readonly end: number | null; readonly stride: number },
): { readonly first: Size; readonly step: number; readonly size: Size } {
  if (!Number.isInteger(stride) || stride === 0)
    throw callError(op, `a stride is ${stride}`, "use a whole number, not 0");
  // Forwards the bounds are 0 and total; backwards -1 and total - 1.
  const [lowest, highest]: [Size, Size] = stride > 0 ? [0, total] : [-1, addSizes(total, -1)];
  const inside = (index: number): Size => {
    const place = fromEnd(index, total);
    // Without knowing the size, an index from the front is taken to be inside, one from the end too.
    if (!isKnown(place) || !isKnown(highest)) return place;
    return Math.min(Math.max(place, lowest as number), highest);
  };
  const first = begin === null ? (stride > 0 ? 0 : highest) : inside(begin);
  const last = end === null ? (stride > 0 ? total : -1) : inside(end);
  const span = stride > 0 ? subtractSizes(last, first) : subtractSizes(first, last);
  const step = Math.abs(stride);
  const count = step === 1 ? span : floorDivideSizes(addSizes(span, step - 1), step);
  return { first, step: stride, size: isKnown(count) ? Math.max(0, count) : count };
}

// ── mirrored borders ─────────────────────────────────────────────────────────────────────────────────────────────

type MirrorAttrs = { readonly paddings: readonly (readonly [number, number])[]; readonly symmetric: boolean };

export const mirrorPadOp: OpDef<MirrorAttrs> = defineOp<MirrorAttrs>({
  name: "mirrorPad",
  category: "movement",
  doc: [
    "Surrounds a tensor with its own mirror image along each axis, without repeating the border, or with it (`symmetric`).",
    "$y_i = x_{|i - b|}$ before, $x_{2(n - 1) - (i - b)}$ after",
  ].join("\n"),
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { paddings, symmetric }, context) => {
    if (paddings.length !== x!.length) {
      context.fail(`${paddings.length} paddings for rank ${x!.length}`, { fix: "give [before, after] for each axis" });
    }
    return [
      x!.map((size, axis) => {
        const [before, after] = paddings[axis]!;
        const most = isKnown(size) ? (symmetric ? size : size - 1) : Infinity;
        const wrong = [before, after].find(
          (count) => !Number.isInteger(count) || count < 0 || count > Math.max(0, most),
        );
        if (wrong !== undefined) {
          context.fail(`axis ${axis} of size ${sizeText(size)} is padded by ${wrong}`, {
            marks: [[axis]],
            fix: symmetric ? "at most its size" : "at most its size less 1",
          });
        }
        return addSizes(size, before + after);
      }),
    ];
  },
  shapesOfUnknown: needsRank,
  gradient: ({ op, x: [x], g }) => {
    const { paddings, symmetric } = op.attrs;
    const gradient = x!.shape!.reduce((sum, size, axis) => foldMirror(sum, size, axis, paddings[axis]!, symmetric), g);
    return [gradient];
  },
  compute: ({ in: [x], attrs: { paddings, symmetric }, k }, index) => {
    const edge = symmetric ? 1 : 0;
    return x!(
      ...index.map((i, axis) => {
        const [before, after] = paddings[axis]!;
        if (before + after === 0) return i;
        const size = x!.shape[axis]!;
        const place = add(i, int(-before));
        // Folded at both ends; the clamp changes nothing but shows that it stays inside.
        const low = k.binary("max", place, sub(int(-edge), place));
        const both = k.binary("min", low, sub(int(2 * (size - 1) + edge), low));
        return k.binary("max", int(0), k.binary("min", both, int(size - 1)));
      }),
    );
  },
  cost: "free",
  examples: [
    {
      inputs: [f32([2, 4])],
      attrs: {
        paddings: [
          [0, 0],
          [2, 1],
        ],
        symmetric: false,
      },
    },
    {
      inputs: [f64([3, 2])],
      attrs: {
        paddings: [
          [3, 2],
          [1, 0],
        ],
        symmetric: true,
      },
    },
    { inputs: [f64([3])], attrs: { paddings: [[2, 2]], symmetric: false } },
    { inputs: [i32([2])], attrs: { paddings: [[1, 1]], symmetric: true } },
    { inputs: [bool([2])], attrs: { paddings: [[0, 1]], symmetric: false } },
  ],
});

/** Adds to the middle of `g` along an axis what its mirrored borders hold. */
function foldMirror(
  g: Tensor,
  size: Size,
  axis: number,
  [before, after]: readonly [number, number],
  symmetric: boolean,
): Tensor {
  const shape = g.shape!;
  const piece = (from: Size, count: Size): Tensor =>
    slice(
      g,
      shape.map((_, i) => (i === axis ? from : 0)),
      shape.map((own, i) => (i === axis ? count : own)),
    );
  const border = (part: Tensor, count: number, offset: Size): Tensor => {
    const rest = subtractSizes(subtractSizes(size, count), offset);
    return pad(
      reverse(part, axis),
      shape.map((_, i) => (i === axis ? ([offset, rest] as const) : ([0, 0] as const))),
    );
  };
  const edge = symmetric ? 0 : 1;
  let sum = before + after === 0 ? g : piece(before, size);
  if (before > 0) sum = addTensors(sum, border(piece(0, before), before, edge));
  if (after > 0) {
    const offset = subtractSizes(size, after + edge);
    sum = addTensors(sum, border(piece(addSizes(size, before), after), after, offset));
  }
  return sum;
}

/**
 * Surrounds `x` with its mirror image, `[before, after]` elements along each axis: `[1, 2, 3]` padded by `[2, 0]` is
 * `[3, 2, 1, 2, 3]` (REFLECT) or `[2, 1, 1, 2, 3]` (SYMMETRIC).
 * @throws ShapeError if there is not so much to mirror
 */
export const mirrorPad = (
  x: Tensor,
  paddings: readonly (readonly [number, number])[],
  mode: "REFLECT" | "SYMMETRIC" = "REFLECT",
  options?: OpOptions,
): Tensor => apply(mirrorPadOp, [x], { paddings, symmetric: mode === "SYMMETRIC" }, options);

// ── roll ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type RollAttrs = { readonly shifts: readonly number[]; readonly axes: readonly number[] };

export const rollOp: OpDef<RollAttrs> = defineOp<RollAttrs>({
  name: "roll",
  category: "movement",
  doc: "Moves elements along axes; what leaves at one end comes in at the other.\n$y_i = x_{(i - s) \\bmod n}$",
  inputs: ["x"],
  dtypes: anyDType,
  shapes: ([x], { shifts, axes }, context) => {
    if (shifts.length !== axes.length) context.fail(`${shifts.length} shifts for ${axes.length} axes`);
    for (const axis of axes) normalizeAxis(axis, x!.length, context);
    return [x!];
  },
  shapesOfUnknown: ([x]) => [x ?? null],
  gradient: ({ op, g }) => [
    roll(
      g,
      op.attrs.shifts.map((shift) => -shift),
      op.attrs.axes,
    ),
  ],
  compute: ({ in: [x], attrs: { shifts, axes } }, index) => {
    const total = index.map(() => 0);
    axes.forEach((axis, i) => {
      total[axis < 0 ? axis + index.length : axis]! += shifts[i]!;
    });
    return x!(
      ...index.map((i, axis) => {
        const size = Math.max(1, x!.shape[axis]!);
        const back = (((-total[axis]! % size) + size) % size) + 0;
        return back === 0 ? i : rem(add(i, int(back)), int(size));
      }),
    );
  },
  cost: "free",
  examples: [
    { inputs: [f32([3, 4])], attrs: { shifts: [1, -2], axes: [0, 1] } },
    { inputs: [f64([5])], attrs: { shifts: [7], axes: [-1] } },
    { inputs: [f64([2, 3])], attrs: { shifts: [1, 1], axes: [1, 1] }, note: "shifts of one axis add up" },
    { inputs: [f32([0])], attrs: { shifts: [1], axes: [0] } },
    { inputs: [i32([4])], attrs: { shifts: [-1], axes: [0] } },
  ],
});

/**
 * Moves elements `shift` places along `axis` (one of each, or several); what leaves at one end comes in at the other.
 * @throws ShapeError for an axis that does not exist, or not as many shifts as axes
 */
export const roll = (
  x: Tensor,
  shift: number | readonly number[],
  axis: number | readonly number[],
  options?: OpOptions,
): Tensor => {
  const listed = (value: number | readonly number[]): readonly number[] =>
    typeof value === "number" ? [value] : value;
  return apply(rollOp, [x], { shifts: listed(shift), axes: listed(axis) }, options);
};

// ── compositions ─────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Each slice along `axis` several times in a row: `[a, b]` repeated twice is `[a, a, b, b]`. A list gives each slice a
 * number of its own.
 * @throws GraphError if the rank is not known, or there is not one number for each slice
 */
export function repeat(x: Tensor, repeats: number | readonly number[], axis = 0, options: OpOptions = {}): Tensor {
  const op = "repeat";
  if (x.shape === null) throw callError(op, `the rank of "${x.name}" is not known`, "give the placeholder a shape");
  const { shape } = x;
  const at = axis < 0 ? axis + shape.length : axis;
  const size = shape[at];
  if (size === undefined) throw callError(op, `axis ${axis} does not exist in rank ${shape.length}`);
  const wrong = [repeats].flat().find((count) => !Number.isInteger(count) || count < 0);
  if (wrong !== undefined) throw callError(op, `${wrong} repeats`, "repeats are whole numbers from 0 on");
  if (typeof repeats === "number") {
    const [before, after] = [shape.slice(0, at + 1), shape.slice(at + 1)];
    const copies = broadcastTo(expandDims(x, at + 1), [...before, repeats, ...after]);
    return reshape(copies, [...shape.slice(0, at), multiplySizes(size, repeats), ...after], { name: op, ...options });
  }
  if (repeats.length !== size)
    throw callError(op, `${repeats.length} numbers for ${sizeText(size)} slices`, "give one each");
  const places = repeats.flatMap((count, i) => new Array<number>(count).fill(i));
  const indices = reshape(constantIn(builderAt(x), places, "int32"), [places.length]);
  return gather(x, indices, at, { name: op, ...options });
}

/** Sizes of a batch of images, [count, height, width, channels]. */
function imageSizes(op: string, x: Tensor, block: number): readonly [Size, Size, Size, Size] {
  if (x.shape === null || x.shape.length !== 4) {
    throw callError(op, "takes images of shape [count, height, width, channels]", "expandDims(x, 0) makes one of one");
  }
  if (!Number.isInteger(block) || block < 1)
    throw callError(op, `a block of ${block}`, "blocks have a whole size from 1 on");
  return x.shape as readonly Size[] as readonly [Size, Size, Size, Size];
}
function divided(op: string, size: Size, by: number, what: string): Size {
  const quotient = floorDivideSizes(size, by);
  const exact = subtractSizes(size, multiplySizes(quotient, by));
  if (isKnown(exact) && exact !== 0)
    throw callError(op, `${what} ${sizeText(size)} does not divide into blocks of ${by}`);
  return quotient;
}

/**
 * Spreads channels over blocks of `block` x `block` pixels: `[n, h, w, c · block²]` becomes `[n, h · block, w · block, c]`.
 * @throws GraphError if the channels do not divide
 */
export function depthToSpace(x: Tensor, block: number, options: OpOptions = {}): Tensor {
  const [n, h, w, c] = imageSizes("depthToSpace", x, block);
  const depth = divided("depthToSpace", c, block * block, "the number of channels");
  const parts = transpose(reshape(x, [n, h, w, block, block, depth]), [0, 1, 3, 2, 4, 5]);
  const shape = [n, multiplySizes(h, block), multiplySizes(w, block), depth];
  return reshape(parts, shape, { name: "depthToSpace", ...options });
}

/**
 * Gathers blocks of `block` x `block` pixels in channels: `[n, h, w, c]` becomes `[n, h / block, w / block, c · block²]`.
 * @throws GraphError if height or width does not divide
 */
export function spaceToDepth(x: Tensor, block: number, options: OpOptions = {}): Tensor {
  const [n, h, w, c] = imageSizes("spaceToDepth", x, block);
  const [rows, columns] = [divided("spaceToDepth", h, block, "height"), divided("spaceToDepth", w, block, "width")];
  const parts = transpose(reshape(x, [n, rows, block, columns, block, c]), [0, 1, 3, 2, 4, 5]);
  return reshape(parts, [n, rows, columns, multiplySizes(c, block * block)], { name: "spaceToDepth", ...options });
}

export const STRIDED_OPS = [stridedSliceOp, stridedPadOp, mirrorPadOp, rollOp] as const;
