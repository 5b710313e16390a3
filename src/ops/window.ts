import { GraphError } from "../core/errors.ts";
import type { ShapeContext, Sizes } from "../core/shape.ts";
import { addSizes, floorDivideSizes, isKnown, type Size, sizeText } from "../core/size.ts";
import type { IndexFunction, KernelBuilder } from "../graph/define.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { add, and, div, type Expr, eq, int, le, lt, mul, rem, sub } from "../kernel/expr.ts";
import type { OpOptions } from "./support.ts";

/*
 * Windows that slide over the middle axes (one, two or three) of `[batch, …, channels]`, for convolution and pooling
 * alike. Tap k of the window at output position o reads input position o·stride + k·dilation - before, where `before`
 * is the padding in front.
 */

export type Single = readonly [number];
export type Pair = readonly [number, number];
export type Triple = readonly [number, number, number];
/** One number per axis over which windows slide. */
export type PerAxis = Single | Pair | Triple;
/**
 * - `"valid"`: windows lie inside the image;
 * - `"same"`: the output has ceil(size / stride) positions; an odd pixel of padding goes to the end, as in TensorFlow;
 * - before and after each axis, `[[top, bottom], [left, right]]`.
 */
export type Padding<N extends PerAxis = Pair> = "valid" | "same" | { readonly [Axis in keyof N]: Pair };

/** As records keep it: lists with one entry per axis. */
export type WindowAttrs = {
  readonly strides: readonly number[];
  readonly padding: "valid" | "same" | readonly Pair[];
  readonly dilations: readonly number[];
};

export interface WindowOptions<N extends PerAxis = Pair> {
  /** Steps between windows; one number for all axes, or one each. */
  readonly strides?: number | N;
  /** Default `"valid"`. */
  readonly padding?: Padding<N>;
}

/** Numbers of axes over which windows can slide. */
export type Dimensions = 1 | 2 | 3;

/** How the three ranks are spoken of. */
export const WORDS = {
  1: {
    axes: ["width"],
    one: "sequence",
    many: "sequences",
    layout: "NWC",
    positions: ["i"],
    taps: ["k"],
    pixels: ["w"],
    perAxis: "[stride]",
    pads: "[[left, right]]",
  },
  2: {
    axes: ["height", "width"],
    one: "image",
    many: "images",
    layout: "NHWC",
    positions: ["i", "j"],
    taps: ["k", "l"],
    pixels: ["h", "w"],
    perAxis: "[vertical, horizontal]",
    pads: "[[top, bottom], [left, right]]",
  },
  3: {
    axes: ["depth", "height", "width"],
    one: "volume",
    many: "volumes",
    layout: "NDHWC",
    positions: ["i", "j", "m"],
    taps: ["k", "l", "q"],
    pixels: ["t", "h", "w"],
    perAxis: "[depth, vertical, horizontal]",
    pads: "[[front, back], [top, bottom], [left, right]]",
  },
} as const;

/** One number for all axes, or one each. All must be whole and at least 1. */
export function perAxis(op: string, what: string, value: number | readonly number[], dims: Dimensions): number[] {
  const list = typeof value === "number" ? new Array<number>(dims).fill(value) : [...value];
  if (list.length === dims && list.every((n) => Number.isInteger(n) && n >= 1)) return list;
  throw new GraphError({
    what: `${op}: ${what} ${JSON.stringify(value)} are not whole numbers from 1 on`,
    at: lineOf(captureStack()),
    fix: `give one number, or ${WORDS[dims].perAxis}`,
  });
}

type AnyPadding = "valid" | "same" | readonly Pair[];
export function checkPadding(op: string, padding: AnyPadding, dims: Dimensions): AnyPadding {
  if (padding === "valid" || padding === "same") return padding;
  const isPair = (pair: unknown): boolean =>
    Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0);
  if (Array.isArray(padding) && padding.length === dims && padding.every(isPair)) return padding;
  throw new GraphError({
    what: `${op}: padding ${JSON.stringify(padding)} is not a padding`,
    at: lineOf(captureStack()),
    fix: `"valid", "same" or ${WORDS[dims].pads}`,
  });
}

/** The name a user wished for, without the other options. */
export const nameOf = ({ name }: OpOptions): OpOptions => (name === undefined ? {} : { name });

/** Any sizes of the axes over which windows slide. */
/** The operand must be `[batch, …, channels]`. */
export function checkImage(x: Sizes, dims: Dimensions, context: ShapeContext): void {
  if (x.length === dims + 2) return;
  const { axes, one, many } = WORDS[dims];
  context.fail(`${many} need rank ${dims + 2} [batch, ${axes.join(", ")}, channels], not rank ${x.length}`, {
    fix: `one ${one}: expandDims(x, 0); one channel: expandDims(x, -1)`,
  });
}

/** The gradient that comes in must have the shape of what the op gave. */
export function checkIncoming(g: Sizes, expected: Sizes, context: ShapeContext): void {
  const { length } = expected;
  if (g.length !== length) context.fail(`the incoming gradient needs rank ${length}, not ${g.length}`);
  expected.forEach((size, axis) => {
    const [found, wanted] = [sizeText(g[axis]!), sizeText(size)];
    context.require(g[axis]!, size, `the incoming gradient has size ${found} along axis ${axis}, not ${wanted}`);
  });
}

/** Pixels a window spans along one axis. */
const spanOf = (taps: number, dilation: number): number => (taps - 1) * dilation + 1;

/** Sizes of the axes windows slide over. `taps` are the sizes of the window. */
export function slideShape(
  image: Sizes,
  taps: Sizes,
  attrs: WindowAttrs,
  dims: Dimensions,
  context: ShapeContext,
): Size[] {
  return WORDS[dims].axes.map((axis, which) => {
    const size = image[which + 1]!;
    const stride = attrs.strides[which]!;
    if (attrs.padding === "same") return floorDivideSizes(addSizes(size, stride - 1), stride);
    const [before, after] = attrs.padding === "valid" ? [0, 0] : attrs.padding[which]!;
    const window = taps[which]!;
    if (!isKnown(window)) {
      return context.fail(`the ${axis} of the window, ${sizeText(window)}, is not known`, {
        fix: "give the window a size that is a number",
      });
    }
    const span = spanOf(window, attrs.dilations[which]!);
    const padded = addSizes(size, before + after);
    if (isKnown(padded) && padded < span) {
      context.fail(`a window of ${span} does not fit into ${axis} ${padded}`, {
        marks: [[which + 1]],
        fix: 'make the window smaller, the image larger, or use padding: "same"',
      });
    }
    return addSizes(floorDivideSizes(addSizes(padded, -span), stride), 1);
  });
}

/** How one axis is walked, once sizes are known. */
export interface Slide {
  readonly size: number;
  readonly taps: number;
  readonly outputs: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding in front of the first pixel. */
  readonly before: number;
}

/** The axes between batch and channels, of an image and of what windows over it give. */
export function slidesOf(
  attrs: WindowAttrs,
  image: readonly number[],
  taps: readonly number[],
  result: readonly number[],
): readonly Slide[] {
  return image.slice(1, -1).map((size, which) => slideOf(attrs, which, size, taps[which]!, result[which + 1]!));
}

function slideOf(attrs: WindowAttrs, which: number, size: number, taps: number, outputs: number): Slide {
  const stride = attrs.strides[which]!;
  const dilation = attrs.dilations[which]!;
  let before = 0;
  if (attrs.padding === "same") {
    before = Math.floor(Math.max(0, (outputs - 1) * stride + spanOf(taps, dilation) - size) / 2);
  } else if (attrs.padding !== "valid") {
    before = attrs.padding[which]![0];
  }
  return { size, taps, outputs, stride, dilation, before };
}

/** How many taps a window has along each axis. */
export const tapsOf = (slides: readonly Slide[]): readonly number[] => slides.map(({ taps }) => taps);

/** An index that may lie outside, and the test that it does not. */
export interface Guarded {
  readonly at: Expr;
  /** The constant true where the bounds alone prove it: without padding no test is left. */
  readonly inside: Expr;
}

/** The input position that tap `tap` reads at output position `output`. */
function inputAt(slide: Slide, output: Expr, tap: Expr): Guarded {
  const at = sub(add(mul(output, int(slide.stride)), mul(tap, int(slide.dilation))), int(slide.before));
  return { at, inside: and(le(int(0), at), lt(at, int(slide.size))) };
}

/**
 * The output position whose tap `fromLast`, counted from the last one back, reads input position `input`, if there is
 * one: `inputAt` solved for it. Counted that way outputs come in increasing order, so that without strides what is read
 * along the taps lies side by side, as it does in the forward direction.
 */
function outputAt(slide: Slide, input: Expr, fromLast: Expr): Guarded {
  const lead = (slide.taps - 1) * slide.dilation - slide.before; // how far the first of them lies in front of the pixel
  const steps = sub(add(input, mul(fromLast, int(slide.dilation))), int(lead));
  const at = div(steps, int(slide.stride));
  const whole = and(le(int(0), steps), eq(rem(steps, int(slide.stride)), int(0)));
  return { at, inside: and(whole, lt(at, int(slide.outputs))) };
}

/** `inputAt` along every axis. */
export const inputsAt = (slides: readonly Slide[], outputs: readonly Expr[], taps: readonly Expr[]): Guarded[] =>
  slides.map((slide, axis) => inputAt(slide, outputs[axis]!, taps[axis]!));
/** `outputAt` along every axis. */
export const outputsAt = (slides: readonly Slide[], inputs: readonly Expr[], fromLast: readonly Expr[]): Guarded[] =>
  slides.map((slide, axis) => outputAt(slide, inputs[axis]!, fromLast[axis]!));
/** Taps counted from the last one back, as numbers of taps. */
export const tapsFromLast = (slides: readonly Slide[], fromLast: readonly Expr[]): Expr[] =>
  slides.map((slide, axis) => sub(int(slide.taps - 1), fromLast[axis]!));

/** `value` at these positions where all are inside, `otherwise` elsewhere. */
export function whenInside(
  k: KernelBuilder,
  positions: readonly Guarded[],
  value: (at: readonly Expr[]) => Expr,
  otherwise: Expr,
): Expr {
  const inside = positions.map((position) => position.inside).reduce(and);
  const there = (): Expr => value(positions.map(({ at }) => at));
  return inside.kind === "const" && inside.value === 1 ? there() : k.when(inside, there, otherwise);
}

/** Zero of an operand's dtype. */
export const zeroOf = (x: IndexFunction, k: KernelBuilder): Expr => k.constant(0, x.dtype);

/** Without the rank nothing can be said of the result, and the gradients could not be built either. */
export function needsRank(inputs: readonly (Sizes | null)[], context: ShapeContext): never {
  const which = inputs.indexOf(null);
  return context.fail(`the rank of operand ${which + 1} is not known`, {
    fix: 'give its placeholder a shape such as ["batch", 28, 28, 1], or reshape it',
  });
}
