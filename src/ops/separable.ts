import type { ShapeContext, Sizes } from "../core/shape.ts";
import { isKnown, multiplySizes, type Size, sizeText } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { type ConvolutionOptions, conv2dOp, convolutionAttrs } from "./convolution.ts";
import { reshape } from "./movement.ts";
import { apply, f32, f64, floatDType } from "./support.ts";
import { checkImage, nameOf, needsRank, slideShape, type WindowAttrs } from "./window.ts";

/*
 * Convolutions in which a filter sees one channel: `conv2d` with as many groups as channels. Filters are HWCM, the
 * last axis holding the M outputs of each of the C channels; output channel c·M + m is output m of channel c.
 */

/** Checks filters against the image; height and width of what they give, and its channels. */
function depthwiseShape(x: Sizes, filters: Sizes, attrs: WindowAttrs, context: ShapeContext): Size[] {
  checkImage(x, 2, context);
  if (filters.length !== 4) {
    context.fail(`filters need rank 4 [height, width, channels, multiplier], not rank ${filters.length}`);
  }
  const [channels, multiplier] = [filters[2]!, filters[3]!];
  if (!isKnown(channels)) context.fail("the number of channels of the filters must be a number", { marks: [[], [2]] });
  const problem = `the image has ${sizeText(x[3]!)} channels, the filters are for ${sizeText(channels)}`;
  context.require(x[3]!, channels, problem, { marks: [[3], [2]], fix: "axis 2 of the filters runs over the channels" });
  return [x[0]!, ...slideShape(x, filters, attrs, 2, context), multiplySizes(channels, multiplier)];
}

const shared = {
  category: "contraction" as const,
  dtypes: floatDType,
  shapesOfUnknown: (inputs: readonly (Sizes | null)[], _attrs: WindowAttrs, context: ShapeContext) =>
    needsRank(inputs, context),
  gradient: "via-decompose" as const,
};
const PLAIN: WindowAttrs = { strides: [1, 1], padding: "valid", dilations: [1, 1] };

export const depthwiseConv2dOp: OpDef<WindowAttrs> = defineOp<WindowAttrs>({
  ...shared,
  name: "depthwiseConv2d",
  doc: [
    "Convolves each channel of NHWC images with filters of its own (HWCM).",
    "$y_{n,i,j,\\; c M + m} = \\sum_{k,l} x_{n,\\; s i + d k - p,\\; s j + d l - p,\\; c}\\; f_{k,l,c,m}$",
  ].join("\n"),
  inputs: ["x", "filters"],
  shapes: ([x, filters], attrs, context) => [depthwiseShape(x!, filters!, attrs, context)],
  decompose: ({ inputs: [x, filters], attrs }) => {
    const [height, width, channels, multiplier] = filters!.shape as readonly [Size, Size, number, Size];
    const grouped = reshape(filters!, [height, width, 1, multiplySizes(channels, multiplier)]);
    return [apply(conv2dOp, [x!, grouped], { ...attrs, groups: channels })];
  },
  examples: [
    { inputs: [f32([1, 4, 4, 2]), f32([3, 3, 2, 1])], attrs: PLAIN },
    { inputs: [f64([2, 6, 5, 2]), f64([3, 2, 2, 3])], attrs: { ...PLAIN, strides: [2, 2], padding: "same" } },
    { inputs: [f64([1, 5, 5, 3]), f64([2, 2, 3, 2])], attrs: { ...PLAIN, dilations: [3, 2] } },
  ],
});

export const separableConv2dOp: OpDef<WindowAttrs> = defineOp<WindowAttrs>({
  ...shared,
  name: "separableConv2d",
  doc: [
    "A depthwise convolution, then one with filters of one pixel that mixes the channels.",
    "$y = \\mathrm{conv2d}(\\mathrm{depthwiseConv2d}(x, d), p)$",
  ].join("\n"),
  inputs: ["x", "depthwise", "pointwise"],
  shapes: ([x, depthwise, pointwise], attrs, context) => {
    const between = depthwiseShape(x!, depthwise!, attrs, context);
    if (pointwise!.length !== 4 || pointwise![0] !== 1 || pointwise![1] !== 1) {
      context.fail("pointwise filters have shape [1, 1, channels · multiplier, outputs]", { marks: [[], [], [0, 1]] });
    }
    const [found, wanted] = [pointwise![2]!, between[3]!];
    const problem = `the pointwise filters take ${sizeText(found)} channels, the depthwise ones give ${sizeText(wanted)}`;
    context.require(found, wanted, problem, { marks: [[], [2, 3], [2]] });
    return [[...between.slice(0, 3), pointwise![3]!]];
  },
  decompose: ({ inputs: [x, depthwise, pointwise], attrs }) => [
    apply(conv2dOp, [apply(depthwiseConv2dOp, [x!, depthwise!], attrs), pointwise!], { ...PLAIN, groups: 1 }),
  ],
  examples: [
    { inputs: [f32([1, 4, 4, 2]), f32([3, 3, 2, 1]), f32([1, 1, 2, 3])], attrs: PLAIN },
    {
      inputs: [f64([2, 5, 4, 2]), f64([3, 2, 2, 2]), f64([1, 1, 4, 3])],
      attrs: { ...PLAIN, strides: [2, 2], padding: "same" },
    },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/** The channels are the groups. */
export type DepthwiseOptions = Omit<ConvolutionOptions, "groups">;

function attributes(op: string, options: DepthwiseOptions): WindowAttrs {
  const { strides, padding, dilations } = convolutionAttrs(op, options, 2);
  return { strides, padding, dilations };
}

/**
 * Convolves each channel with filters of its own.
 *
 * @param x images `[batch, height, width, channels]`
 * @param filters `[height, width, channels, multiplier]`
 * @returns `[batch, …, …, channels · multiplier]`, the outputs of one channel side by side
 * @throws ShapeError when the channels do not go together or a window does not fit
 */
export const depthwiseConv2d = (x: Tensor, filters: Tensor, options: DepthwiseOptions = {}): Tensor =>
  apply(depthwiseConv2dOp, [x, filters], attributes("depthwiseConv2d", options), nameOf(options));

/**
 * A depthwise convolution, then one with filters of one pixel that mixes the channels.
 *
 * @param x images `[batch, height, width, channels]`
 * @param depthwise `[height, width, channels, multiplier]`
 * @param pointwise `[1, 1, channels · multiplier, outputs]`
 * @throws ShapeError when the channels do not go together or a window does not fit
 */
export const separableConv2d = (
  x: Tensor,
  depthwise: Tensor,
  pointwise: Tensor,
  options: DepthwiseOptions = {},
): Tensor =>
  apply(separableConv2dOp, [x, depthwise, pointwise], attributes("separableConv2d", options), nameOf(options));

export const SEPARABLE_OPS: readonly OpDef[] = [depthwiseConv2dOp, separableConv2dOp];
