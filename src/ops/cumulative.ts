import { normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import { defineOp, type LoopContext, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, and, type Expr, int, le, lt, mul, sub } from "../kernel/expr.ts";
import { countOfAll, extentValue } from "../kernel/extent.ts";
import { mul as multiply } from "./arithmetic.ts";
import { anyDType, apply, f32, f64, floatDType, i32, numericDType, type OpOptions } from "./support.ts";

type AxisAttrs = { readonly axis: number };

/** The output has the shape of the first operand, which must have the axis. */
const alongAxis = {
  shapes: ([x]: readonly Sizes[], { axis }: AxisAttrs, context: ShapeContext): readonly Sizes[] => {
    normalizeAxis(axis, x!.length, context);
    return [x!];
  },
  shapesOfUnknown: ([x]: readonly (Sizes | null)[]): readonly (Sizes | null)[] => [x ?? null],
};

/**
 * Goes along an axis, forwards or in reverse, and writes each element of the output from the one before it: `first`
 * gives the one at the end where it starts, `next` each other one.
 */
function scan(
  { attrs, output, loops, k }: LoopContext<AxisAttrs & { readonly reverse: boolean }>,
  first: (element: Expr) => Expr,
  next: (element: Expr, before: Expr, previous: Expr) => Expr,
): void {
  const { extents } = output;
  const axis = attrs.axis < 0 ? attrs.axis + extents.length : attrs.axis;
  const size = extentValue(extents[axis]!);
  const after = countOfAll(extents.slice(axis + 1));
  if (countOfAll(extents) === 0) return;
  const last = sub(size, int(1));
  loops.loop(countOfAll(extents.slice(0, axis)), (a) => {
    loops.loop(after, (b) => {
      const at = (i: Expr): Expr => add(mul(add(mul(a, size), i), extentValue(after)), b);
      const start = at(attrs.reverse ? last : int(0));
      loops.store(start, first(start));
      loops.loop(last.kind === "const" ? last.value : last, (i) => {
        const element = at(attrs.reverse ? sub(sub(last, int(1)), i) : add(i, int(1)));
        const before = at(attrs.reverse ? sub(last, i) : i);
        loops.store(element, k.let("next", next(element, before, loops.load(before))));
      });
    });
  });
}

// ── sums ─────────────────────────────────────────────────────────────────────────────────────────────────────────

type CumulativeAttrs = AxisAttrs & { readonly exclusive: boolean; readonly reverse: boolean };

export const cumsumOp: OpDef<CumulativeAttrs> = defineOp<CumulativeAttrs>({
  name: "cumsum",
  category: "reduction",
  doc: [
    "Running sums along an axis: of all elements up to each one, itself included unless `exclusive`.",
    "$y_i = \\sum_{j \\le i} x_j$",
    "In reverse, sums run from the end. Elements are added one after another, in that order.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: numericDType,
  ...alongAxis,
  gradient: ({ op, g }) => {
    const { axis, exclusive, reverse } = op.attrs;
    return [cumsum(g, axis, { exclusive, reverse: !reverse })];
  },
  kernel: (context) => {
    const { in: operands, attrs, k, output } = context;
    const x = operands[0]!;
    scan(
      context,
      (element) => (attrs.exclusive ? k.constant(0, output.dtype) : x.flat(element)),
      (element, before, previous) => k.binary("add", previous, x.flat(attrs.exclusive ? before : element)),
    );
  },
  cost: "expensive",
  examples: [
    { inputs: [f32([2, 4])], attrs: { axis: 1, exclusive: false, reverse: false } },
    { inputs: [f64([3, 2])], attrs: { axis: 0, exclusive: true, reverse: false } },
    { inputs: [f64([2, 3, 2])], attrs: { axis: -2, exclusive: false, reverse: true } },
    { inputs: [f64([4])], attrs: { axis: 0, exclusive: true, reverse: true } },
    { inputs: [f32([0, 3])], attrs: { axis: 0, exclusive: false, reverse: false } },
    { inputs: [i32([2, 3])], attrs: { axis: 1, exclusive: false, reverse: false } },
  ],
});

// ── products ─────────────────────────────────────────────────────────────────────────────────────────────────────

type ShiftAttrs = AxisAttrs & { readonly by: number; readonly fill: number };

export const shiftOp: OpDef<ShiftAttrs> = defineOp<ShiftAttrs>({
  name: "shift",
  category: "movement",
  doc: "Moves all elements along an axis; what leaves is lost, and `fill` comes in at the other end.\n$y_i = x_{i - b}$ inside, $v$ outside",
  inputs: ["x"],
  dtypes: anyDType,
  ...alongAxis,
  gradient: ({ op, g }) => [shift(g, op.attrs.axis, -op.attrs.by, 0)],
  compute: ({ in: [x], attrs, output, k }, index) => {
    const axis = attrs.axis < 0 ? attrs.axis + index.length : attrs.axis;
    const from = add(index[axis]!, int(-attrs.by));
    const inside = and(le(int(0), from), lt(from, extentValue(x!.extents[axis]!)));
    const load = (): Expr => x!(...index.map((i, at) => (at === axis ? from : i)));
    return k.when(inside, load, k.constant(attrs.fill, output.dtype));
  },
  cost: "cheap",
  examples: [
    { inputs: [f32([2, 3])], attrs: { axis: 1, by: 1, fill: 0 } },
    { inputs: [f64([4, 2])], attrs: { axis: 0, by: -1, fill: 1 } },
    { inputs: [f64([3])], attrs: { axis: -1, by: 5, fill: 2 }, note: "nothing stays" },
    { inputs: [i32([3])], attrs: { axis: 0, by: 1, fill: 7 } },
  ],
});

const shift = (x: Tensor, axis: number, by: number, fill: number): Tensor => apply(shiftOp, [x], { axis, by, fill });

type DirectedAttrs = AxisAttrs & { readonly reverse: boolean };

export const linearRecurrenceOp: OpDef<DirectedAttrs> = defineOp<DirectedAttrs>({
  name: "linearRecurrence",
  category: "reduction",
  doc: "Each element from the one before it along an axis: what cumulative products have for a gradient.\n$y_i = a_i y_{i - 1} + b_i, \\quad y_0 = b_0$",
  inputs: ["a", "b"],
  dtypes: floatDType,
  shapes: ([a, b], { axis }, context) => {
    normalizeAxis(axis, a!.length, context);
    if (a!.length !== b!.length) context.fail(`ranks differ, ${a!.length} against ${b!.length}`);
    a!.forEach((size, at) => {
      context.require(size, b![at]!, `axis ${at} differs: ${size} against ${b![at]}`, { marks: [[at], [at]] });
    });
    return [a!];
  },
  shapesOfUnknown: ([a, b]) => [a ?? b ?? null],
  // The adjoint runs the other way: l_i = g_i + a_(i+1) l_(i+1).
  gradient: ({ op, x: [a], y: [y], g }) => {
    const { axis, reverse } = op.attrs;
    const step = reverse ? -1 : 1;
    const adjoint = linearRecurrence(shift(a!, axis, -step, 0), g, axis, !reverse);
    return [multiply(adjoint, shift(y!, axis, step, 0)), adjoint];
  },
  kernel: (context) => {
    const { in: operands, k } = context;
    const [a, b] = operands;
    scan(
      context,
      (element) => b!.flat(element),
      (element, _before, previous) => k.binary("add", k.binary("mul", a!.flat(element), previous), b!.flat(element)),
    );
  },
  cost: "expensive",
  examples: [
    { inputs: [f32([2, 4]), f32([2, 4])], attrs: { axis: 1, reverse: false } },
    { inputs: [f64([3, 2]), f64([3, 2])], attrs: { axis: 0, reverse: true } },
    { inputs: [f64([1]), f64([1])], attrs: { axis: 0, reverse: false } },
  ],
});

const linearRecurrence = (a: Tensor, b: Tensor, axis: number, reverse: boolean): Tensor =>
  apply(linearRecurrenceOp, [a, b], { axis, reverse });

export const cumprodOp: OpDef<DirectedAttrs> = defineOp<DirectedAttrs>({
  name: "cumprod",
  category: "reduction",
  doc: [
    "Running products along an axis: of all elements up to each one, itself included.",
    "$y_i = \\prod_{j \\le i} x_j$",
    "In reverse, products run from the end. The gradient is right at zeros too.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: numericDType,
  ...alongAxis,
  // y_i = x_i · y_(i-1), so the adjoint is a recurrence with the next factors, and 1 stands before the first product.
  gradient: ({ op, x: [x], y: [y], g }) => {
    const { axis, reverse } = op.attrs;
    const step = reverse ? -1 : 1;
    const adjoint = linearRecurrence(shift(x!, axis, -step, 0), g, axis, !reverse);
    return [multiply(adjoint, shift(y!, axis, step, 1))];
  },
  kernel: (context) => {
    const { in: operands, k } = context;
    const x = operands[0]!;
    scan(
      context,
      (element) => x.flat(element),
      (element, _before, previous) => k.binary("mul", previous, x.flat(element)),
    );
  },
  cost: "expensive",
  examples: [
    { inputs: [f32([2, 4])], attrs: { axis: 1, reverse: false } },
    { inputs: [f64([3, 2])], attrs: { axis: 0, reverse: true } },
    { inputs: [f64([5], { values: [2, 0, 3, 0, -1] })], attrs: { axis: -1, reverse: false }, note: "two zeros" },
    { inputs: [f32([2, 0])], attrs: { axis: 1, reverse: false } },
    { inputs: [i32([4], { domain: [-3, 3] })], attrs: { axis: 0, reverse: false } },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface CumulativeOptions extends OpOptions {
  /** Leave each element itself out: the first result is 0 (or 1). Default false. */
  readonly exclusive?: boolean;
  /** Run from the end. Default false. */
  readonly reverse?: boolean;
}

/**
 * Running sums along `axis`: `[a, a + b, a + b + c]`.
 * @throws ShapeError if the axis does not exist
 */
export function cumsum(x: Tensor, axis = 0, options: CumulativeOptions = {}): Tensor {
  const { exclusive = false, reverse = false } = options;
  return apply(cumsumOp, [x], { axis, exclusive, reverse }, options);
}

/**
 * Running products along `axis`: `[a, a · b, a · b · c]`.
 * @throws ShapeError if the axis does not exist
 */
export function cumprod(x: Tensor, axis = 0, options: CumulativeOptions = {}): Tensor {
  const { exclusive = false, reverse = false } = options;
  const products = apply(cumprodOp, [x], { axis, reverse }, exclusive ? {} : options);
  return exclusive ? apply(shiftOp, [products], { axis, by: reverse ? -1 : 1, fill: 1 }, options) : products;
}

export const CUMULATIVE_OPS = [cumsumOp, shiftOp, linearRecurrenceOp, cumprodOp] as const;
