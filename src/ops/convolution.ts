import type { ShapeContext, Sizes } from "../core/shape.ts";
import type { Dim, Shape } from "../core/shape-types.ts";
import { isKnown, multiplySizes, type Size, sizeText } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, div, type Expr, int, mul, rem } from "../kernel/expr.ts";
import { apply, f32, f64, floatDType, type OpOptions } from "./support.ts";
import {
  checkPadding,
  inputAt,
  needsRank,
  outputAt,
  type Pair,
  pairOf,
  type Slide,
  slideOf,
  slideShape,
  type WindowAttrs,
  type WindowOptions,
  whenInside,
  zeroOf,
} from "./window.ts";

/*
 * Convolution and its two gradients. Each is linear in both operands, and the gradients of each are again two of the
 * three, so that derivatives of any order need nothing else:
 *
 *     y  = conv2d(x, f)        y[n,oh,ow,co] = Σ_{kh,kw,ci} x[n, oh·s + kh·d - p, …, ci] · f[kh,kw,ci,co]
 *     dx = inputGradient(g, f)                 Σ_{kh,kw,co} over the windows that read the pixel
 *     df = filterGradient(x, g)                Σ_{n,oh,ow}
 *
 * Images are NHWC, filters HWIO. With groups, channels are cut into as many parts; output part i sees input part i.
 */

export type ConvolutionAttrs = WindowAttrs & { readonly groups: number };

/** Checks image and filter against each other. `image` and `filters` are the operands' numbers, for marks. */
function checkOperands(x: Sizes, filters: Sizes, { groups }: ConvolutionAttrs, context: ShapeContext): void {
  if (x.length !== 4) {
    context.fail(`images need rank 4 [batch, height, width, channels], not rank ${x.length}`, {
      fix: "one image: expandDims(x, 0); one channel: expandDims(x, -1)",
    });
  }
  if (filters.length !== 4) {
    context.fail(`filters need rank 4 [height, width, inputs, outputs], not rank ${filters.length}`);
  }
  const [channels, inputs, outputs] = [x[3]!, filters[2]!, filters[3]!];
  const expected = multiplySizes(inputs, groups);
  const what = groups === 1 ? sizeText(inputs) : `${groups} groups of ${sizeText(inputs)}`;
  context.require(channels, expected, `the image has ${sizeText(channels)} channels, the filters take ${what}`, {
    marks: [[3], [2]],
    fix: "axis 2 of the filters times the groups must be the number of channels, the last axis of the image",
  });
  if (isKnown(outputs) && outputs % groups !== 0) {
    context.fail(`${outputs} output channels do not divide into ${groups} groups`, { marks: [[], [3]] });
  }
}

function outputShape(x: Sizes, filters: Sizes, attrs: ConvolutionAttrs, context: ShapeContext): Sizes {
  checkOperands(x, filters, attrs, context);
  return [x[0]!, ...slideShape(x, filters, attrs, context), filters[3]!];
}

/** The gradient that comes in must have the shape of what the convolution gave. */
function checkIncoming(g: Sizes, expected: Sizes, context: ShapeContext): void {
  if (g.length !== 4) context.fail(`the incoming gradient needs rank 4, not ${g.length}`);
  expected.forEach((size, axis) => {
    const [found, wanted] = [sizeText(g[axis]!), sizeText(size)];
    context.require(g[axis]!, size, `the incoming gradient has size ${found} along axis ${axis}, not ${wanted}`);
  });
}

interface Geometry {
  readonly vertical: Slide;
  readonly horizontal: Slide;
  /** Input and output channels of one group. */
  readonly inputs: number;
  readonly outputs: number;
}
function geometry(
  attrs: ConvolutionAttrs,
  image: readonly number[],
  filters: readonly number[],
  result: readonly number[],
): Geometry {
  return {
    vertical: slideOf(attrs, 0, image[1]!, filters[0]!, result[1]!),
    horizontal: slideOf(attrs, 1, image[2]!, filters[1]!, result[2]!),
    inputs: filters[2]!,
    outputs: filters[3]! / attrs.groups,
  };
}

/** Channel number from the group of one channel and a number within that group. */
const inGroupOf = (channel: Expr, perGroup: number, within: Expr, size: number): Expr =>
  add(mul(div(channel, int(perGroup)), int(size)), within);

const PLAIN: ConvolutionAttrs = { strides: [1, 1], padding: "valid", dilations: [1, 1], groups: 1 };

type ImageAttrs = ConvolutionAttrs & { readonly inputShape: Sizes };
type FilterAttrs = ConvolutionAttrs & { readonly filterShape: Sizes };

export const conv2dOp: OpDef<ConvolutionAttrs> = defineOp<ConvolutionAttrs>({
  name: "conv2d",
  category: "contraction",
  doc: [
    "Two-dimensional convolution (as in every such library, really a correlation) of NHWC images with HWIO filters.",
    "$y_{n,i,j,o} = \\sum_{k,l,c} x_{n,\\; s i + d k - p,\\; s j + d l - p,\\; c}\\; f_{k,l,c,o}$",
    'Pixels outside of the image count as 0. `"same"` pads the odd pixel at the end, as TensorFlow does.',
  ].join("\n"),
  inputs: ["x", "filters"],
  dtypes: floatDType,
  shapes: ([x, filters], attrs, context) => [outputShape(x!, filters!, attrs, context)],
  shapesOfUnknown: (inputs, _attrs, context) => needsRank(inputs, context),
  gradient: ({ op, x: [x, filters], g }) => [
    inputGradient(g, filters!, windowOf(op.attrs), x!.shape!),
    filterGradient(x!, g, windowOf(op.attrs), filters!.shape!),
  ],
  compute: ({ in: [x, filters], attrs, output, k }, [n, oh, ow, co]) => {
    const { vertical, horizontal, inputs, outputs } = geometry(attrs, x!.shape, filters!.shape, output.shape);
    return k.reduce(
      "add",
      [vertical.taps, horizontal.taps, inputs],
      (kh, kw, c) => {
        const [row, column] = [inputAt(vertical, oh!, kh!), inputAt(horizontal, ow!, kw!)];
        const channel = inGroupOf(co!, outputs, c!, inputs);
        const pixel = whenInside(k, [row, column], () => x!(n!, row.at, column.at, channel), zeroOf(x!, k));
        return k.binary("mul", pixel, filters!(kh!, kw!, c!, co!));
      },
      "serial",
    );
  },
  cost: "expensive",
  examples: [
    { inputs: [f32([1, 5, 5, 1]), f32([3, 3, 1, 1])], attrs: PLAIN },
    { inputs: [f64([2, 4, 5, 2]), f64([3, 2, 2, 3])], attrs: { ...PLAIN, padding: "same" } },
    { inputs: [f64([1, 6, 7, 2]), f64([3, 3, 2, 2])], attrs: { ...PLAIN, padding: "same", strides: [2, 3] } },
    { inputs: [f64([1, 6, 7, 1]), f64([2, 2, 1, 2])], attrs: { ...PLAIN, dilations: [2, 3] } },
    { inputs: [f64([1, 4, 4, 4]), f64([3, 3, 2, 6])], attrs: { ...PLAIN, padding: "same", groups: 2 } },
    { inputs: [f64([1, 4, 4, 3]), f64([2, 2, 1, 3])], attrs: { ...PLAIN, groups: 3 }, note: "one filter per channel" },
    {
      inputs: [f64([1, 3, 4, 1]), f64([2, 3, 1, 1])],
      attrs: {
        ...PLAIN,
        padding: [
          [2, 1],
          [0, 3],
        ],
      },
    },
    {
      inputs: [f32([1, 7, 7, 1]), f32([2, 2, 1, 1])],
      attrs: { ...PLAIN, strides: [3, 3] },
      note: "gaps between windows",
    },
    { inputs: [f32([2, 6, 6, 8]), f32([3, 3, 8, 4])], attrs: { ...PLAIN, padding: "same" } },
  ],
});

export const conv2dInputGradientOp: OpDef<ImageAttrs> = defineOp<ImageAttrs>({
  name: "conv2dInputGradient",
  category: "contraction",
  doc: [
    "Gradient of conv2d in its images: spreads every output position over the pixels its window read.",
    "As an op of its own it is the transposed convolution.",
    "$y_{n,h,w,c} = \\sum_{k,l,o} g_{n,\\; (h + p - d k)/s,\\; (w + p - d l)/s,\\; o}\\; f_{k,l,c,o}$,",
    "over those k, l for which the indices of g are whole numbers inside of it.",
  ].join("\n"),
  inputs: ["gradient", "filters"],
  dtypes: floatDType,
  shapes: ([g, filters], attrs, context) => {
    checkIncoming(g!, outputShape(attrs.inputShape, filters!, attrs, context), context);
    return [attrs.inputShape];
  },
  shapesOfUnknown: (inputs, _attrs, context) => needsRank(inputs, context),
  gradient: ({ op, x: [outer, filters], g }) => {
    const attrs = windowOf(op.attrs);
    return [apply(conv2dOp, [g, filters!], attrs), filterGradient(g, outer!, attrs, filters!.shape!)];
  },
  compute: ({ in: [g, filters], attrs, output, k }, [n, h, w, ci]) => {
    const { vertical, horizontal, inputs, outputs } = geometry(attrs, output.shape, filters!.shape, g!.shape);
    const within = rem(ci!, int(inputs));
    return k.reduce(
      "add",
      [vertical.taps, horizontal.taps, outputs],
      (kh, kw, o) => {
        const [row, column] = [outputAt(vertical, h!, kh!), outputAt(horizontal, w!, kw!)];
        const channel = inGroupOf(ci!, inputs, o!, outputs);
        const incoming = whenInside(k, [row, column], () => g!(n!, row.at, column.at, channel), zeroOf(g!, k));
        return k.binary("mul", incoming, filters!(kh!, kw!, within, channel));
      },
      "serial",
    );
  },
  cost: "expensive",
  examples: [
    { inputs: [f64([1, 3, 3, 2]), f64([3, 3, 1, 2])], attrs: { ...PLAIN, inputShape: [1, 5, 5, 1] } },
    {
      inputs: [f64([2, 3, 2, 2]), f64([3, 3, 2, 2])],
      attrs: { ...PLAIN, padding: "same", strides: [2, 2], inputShape: [2, 5, 4, 2] },
      note: "upsamples",
    },
    {
      inputs: [f32([1, 3, 3, 4]), f32([2, 2, 1, 4])],
      attrs: { ...PLAIN, groups: 2, dilations: [2, 1], inputShape: [1, 5, 4, 2] },
    },
  ],
});

export const conv2dFilterGradientOp: OpDef<FilterAttrs> = defineOp<FilterAttrs>({
  name: "conv2dFilterGradient",
  category: "contraction",
  doc: [
    "Gradient of conv2d in its filters: correlates the images with the incoming gradient.",
    "$y_{k,l,c,o} = \\sum_{n,i,j} x_{n,\\; s i + d k - p,\\; s j + d l - p,\\; c}\\; g_{n,i,j,o}$",
  ].join("\n"),
  inputs: ["x", "gradient"],
  dtypes: floatDType,
  shapes: ([x, g], attrs, context) => {
    checkIncoming(g!, outputShape(x!, attrs.filterShape, attrs, context), context);
    return [attrs.filterShape];
  },
  shapesOfUnknown: (inputs, _attrs, context) => needsRank(inputs, context),
  gradient: ({ op, x: [x, outer], g }) => {
    const attrs = windowOf(op.attrs);
    return [inputGradient(outer!, g, attrs, x!.shape!), apply(conv2dOp, [x!, g], attrs)];
  },
  compute: ({ in: [x, g], attrs, output, k }, [kh, kw, ci, co]) => {
    const { vertical, horizontal, inputs, outputs } = geometry(attrs, x!.shape, output.shape, g!.shape);
    const channel = inGroupOf(co!, outputs, ci!, inputs);
    return k.reduce(
      "add",
      [x!.shape[0]!, vertical.outputs, horizontal.outputs],
      (n, oh, ow) => {
        const [row, column] = [inputAt(vertical, oh!, kh!), inputAt(horizontal, ow!, kw!)];
        const pixel = whenInside(k, [row, column], () => x!(n!, row.at, column.at, channel), zeroOf(x!, k));
        return k.binary("mul", pixel, g!(n!, oh!, ow!, co!));
      },
      "serial",
    );
  },
  cost: "expensive",
  examples: [
    { inputs: [f64([2, 5, 5, 1]), f64([2, 3, 3, 2])], attrs: { ...PLAIN, filterShape: [3, 3, 1, 2] } },
    {
      inputs: [f64([2, 5, 4, 2]), f64([2, 3, 2, 2])],
      attrs: { ...PLAIN, padding: "same", strides: [2, 2], filterShape: [3, 3, 2, 2] },
    },
    {
      inputs: [f32([1, 5, 4, 2]), f32([1, 3, 3, 4])],
      attrs: { ...PLAIN, groups: 2, dilations: [2, 1], filterShape: [2, 2, 1, 4] },
    },
  ],
});

/** Attributes of the convolution itself: those of a gradient op hold a shape besides. */
const windowOf = ({ strides, padding, dilations, groups }: ConvolutionAttrs): ConvolutionAttrs => ({
  strides,
  padding,
  dilations,
  groups,
});
const inputGradient = (g: Tensor, filters: Tensor, attrs: ConvolutionAttrs, inputShape: Sizes): Tensor =>
  apply(conv2dInputGradientOp, [g, filters], { ...attrs, inputShape });
const filterGradient = (x: Tensor, g: Tensor, attrs: ConvolutionAttrs, filterShape: Sizes): Tensor =>
  apply(conv2dFilterGradientOp, [x, g], { ...attrs, filterShape });

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface ConvolutionOptions extends OpOptions, WindowOptions {
  /** Distance between neighbouring taps of a filter; default 1. */
  readonly dilations?: number | Pair;
  /** Parts into which the channels are cut; default 1. */
  readonly groups?: number;
}

/** Batch and output channels are known to the editor; height and width need arithmetic and are not. */
type ConvolutionOf<X extends Shape, F extends Shape> = X extends readonly [infer N extends Dim, Dim, Dim, Dim]
  ? F extends readonly [Dim, Dim, Dim, infer O extends Dim]
    ? readonly [N, number, number, O]
    : Shape
  : Shape;

function attributes(op: string, options: ConvolutionOptions): ConvolutionAttrs {
  const { strides = 1, padding = "valid", dilations = 1, groups = 1 } = options;
  return {
    strides: pairOf(op, "strides", strides),
    padding: checkPadding(op, padding),
    dilations: pairOf(op, "dilations", dilations),
    groups: pairOf(op, "groups", groups)[0],
  };
}
const named = ({ name }: OpOptions): OpOptions => (name === undefined ? {} : { name });

/**
 * Two-dimensional convolution.
 *
 * @param x images `[batch, height, width, channels]`
 * @param filters `[height, width, inputs, outputs]`, where inputs · groups = channels
 * @throws ShapeError when the channels do not go together or a window does not fit
 */
export function conv2d<X extends Shape, F extends Shape>(
  x: Tensor<X>,
  filters: Tensor<F>,
  options: ConvolutionOptions = {},
): Tensor<ConvolutionOf<X, F>> {
  return apply<ConvolutionOf<X, F>, ConvolutionAttrs>(
    conv2dOp,
    [x, filters],
    attributes("conv2d", options),
    named(options),
  );
}

/**
 * Transposed convolution: the map from outputs back to images that `conv2d` with these filters and options has as its
 * gradient. Upsamples by the strides.
 *
 * @param x `[batch, height, width, outputs]`
 * @param filters those of the convolution, `[height, width, inputs, outputs]`
 * @param shape of the result, `[batch, height, width, inputs]`: several sizes would convolve to that of `x`
 */
export const conv2dTranspose = (
  x: Tensor,
  filters: Tensor,
  shape: readonly Size[],
  options: ConvolutionOptions = {},
): Tensor =>
  apply(
    conv2dInputGradientOp,
    [x, filters],
    { ...attributes("conv2dTranspose", options), inputShape: shape },
    named(options),
  );

export const CONVOLUTION_OPS = [conv2dOp, conv2dInputGradientOp, conv2dFilterGradientOp] as const;
