import { normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import type { Shape } from "../core/shape-types.ts";
import { divideExactly, productOf, sizeText } from "../core/size.ts";
import { builderOf } from "../graph/builder.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, div, mul, square, sub } from "./arithmetic.ts";
import { conv1d } from "./convolution.ts";
import { elementCount } from "./counting.ts";
import { pow, rsqrt } from "./elementary.ts";
import { broadcastTo, fill, reshape } from "./movement.ts";
import { along, checkFeatures, perFeature, standardized, throughStandardized } from "./normalization.ts";
import { apply, callError, f32, f64, floatDType, type Operand, type OpOptions, operands } from "./support.ts";
import { needsRank } from "./window.ts";

/*
 * Normalisations that need to know which axes there are: over a batch, over the pixels of an image, over groups of
 * channels. All have one axis of features (or channels), with a scale and a shift for each of them.
 */
export type FeatureAttrs = { readonly axis: number; readonly epsilon: number };

/** The rank of x must be known. */
const withRank = {
  category: "neural" as const,
  dtypes: floatDType,
  shapesOfUnknown: (inputs: readonly (Sizes | null)[], _attrs: unknown, context: ShapeContext): never =>
    needsRank(inputs, context),
};
const SCALE_AND_SHIFT = ["gamma", "beta"];

/** All axes of `x` but some. */
const axesBut = (x: Tensor, ...kept: readonly number[]): readonly number[] => {
  const rank = x.rank!;
  const places = kept.map((axis) => (axis < 0 ? axis + rank : axis));
  return x.shape!.flatMap((_, axis) => (places.includes(axis) ? [] : [axis]));
};

// ── over the batch ───────────────────────────────────────────────────────────────────────────────────────────────

export const batchNormOp: OpDef<FeatureAttrs> = defineOp<FeatureAttrs>({
  ...withRank,
  name: "batchNorm",
  doc: [
    "Gives every feature mean 0 and variance 1 over the batch (and all other axes), then scales and shifts it.",
    "$y = \\gamma \\hat x + \\beta, \\quad \\hat x = (x - \\mu) / \\sqrt{\\sigma^2 + \\varepsilon}$",
    "Further outputs are the mean μ and the biased variance σ² of each feature, from which moving averages are made.",
  ].join("\n"),
  inputs: ["x", ...SCALE_AND_SHIFT],
  dtypes: (inputs, attrs, context) => {
    const [dtype] = floatDType(inputs, attrs, context);
    return [dtype!, dtype!, dtype!];
  },
  shapes: (inputs, { axis }, context) => {
    const x = checkFeatures(inputs, SCALE_AND_SHIFT, axis, context);
    const features = x.at(axis)!;
    return [x, [features], [features]];
  },
  gradient: ({ op, x: [x, gamma, beta], dy: [dNormalized, dMean, dVariance] }) => {
    const { axis, epsilon } = op.attrs;
    const axes = axesBut(x!, axis);
    const parts = standardized(x!, axes, epsilon);
    const count = elementCount(x!, axes);
    const each = (g: Tensor): Tensor => div(along(g, x!, axis), count);
    const shares = [
      dNormalized ? throughStandardized(mul(dNormalized, along(gamma!, x!, axis)), parts, axes) : null,
      dMean ? broadcastTo(each(dMean), x!.shape!) : null,
      dVariance ? mul(each(dVariance), mul(sub(x!, parts.mean), 2)) : null,
    ].filter((share) => share !== null);
    return [
      shares.reduce((a, b) => add(a, b)),
      dNormalized ? perFeature(mul(dNormalized, parts.normal), gamma!, x!, axis) : null,
      dNormalized ? perFeature(dNormalized, beta!, x!, axis) : null,
    ];
  },
  decompose: ({ inputs: [x, gamma, beta], attrs: { axis, epsilon } }) => {
    const { normal, mean, variance } = standardized(x!, axesBut(x!, axis), epsilon);
    return [
      add(mul(normal, along(gamma!, x!, axis)), along(beta!, x!, axis)),
      reshape(mean, gamma!.shape!),
      reshape(variance, gamma!.shape!),
    ];
  },
  examples: [
    { inputs: [f32([6, 3]), f32([3]), f32([3])], attrs: { axis: -1, epsilon: 1e-3 } },
    { inputs: [f64([2, 3, 2, 2]), f64([2]), f64([2])], attrs: { axis: -1, epsilon: 1e-3 } },
    { inputs: [f64([3, 2, 4]), f64([2]), f64([2])], attrs: { axis: 1, epsilon: 1e-2 }, note: "channels first" },
  ],
});

const STATISTICS = [...SCALE_AND_SHIFT, "mean", "variance"];

export const batchNormInferenceOp: OpDef<FeatureAttrs> = defineOp<FeatureAttrs>({
  ...withRank,
  name: "batchNormInference",
  doc: [
    "batchNorm with a given mean and variance of each feature, such as the averages kept while training.",
    "$y = \\gamma (x - \\mu) / \\sqrt{\\sigma^2 + \\varepsilon} + \\beta$",
  ].join("\n"),
  inputs: ["x", ...STATISTICS],
  shapes: (inputs, { axis }, context) => [checkFeatures(inputs, STATISTICS, axis, context)],
  gradient: "via-decompose",
  // Factor and offset of a feature first, so that one product and one sum per element are left.
  decompose: ({ inputs: [x, gamma, beta, mean, variance], attrs: { axis, epsilon } }) => {
    const factor = mul(gamma!, rsqrt(add(variance!, epsilon)));
    const offset = sub(beta!, mul(mean!, factor));
    return [add(mul(x!, along(factor, x!, axis)), along(offset, x!, axis))];
  },
  examples: [
    {
      inputs: [f32([6, 3]), f32([3]), f32([3]), f32([3]), f32([3], { domain: [0.5, 2] })],
      attrs: { axis: -1, epsilon: 1e-3 },
    },
    {
      inputs: [f64([2, 3, 4]), f64([3]), f64([3]), f64([3]), f64([3], { domain: [0.5, 2] })],
      attrs: { axis: 1, epsilon: 1e-3 },
    },
  ],
});

// ── over pixels and groups of channels ───────────────────────────────────────────────────────────────────────────

export const instanceNormOp: OpDef<FeatureAttrs> = defineOp<FeatureAttrs>({
  ...withRank,
  name: "instanceNorm",
  doc: [
    "Gives every channel of every example mean 0 and variance 1 over its pixels, then scales and shifts each channel.",
    "$y = \\gamma \\hat x + \\beta, \\quad \\hat x_{n,p,c} = (x_{n,p,c} - \\mu_{n,c}) / \\sqrt{\\sigma^2_{n,c} + \\varepsilon}$",
  ].join("\n"),
  inputs: ["x", ...SCALE_AND_SHIFT],
  shapes: (inputs, { axis }, context) => {
    const x = checkFeatures(inputs, SCALE_AND_SHIFT, axis, context);
    if (x.length < 3) context.fail(`there are no pixels besides batch and channels in rank ${x.length}`);
    return [x];
  },
  gradient: ({ op, x: [x, gamma, beta], g }) => {
    const { axis, epsilon } = op.attrs;
    const axes = axesBut(x!, 0, axis);
    const parts = standardized(x!, axes, epsilon);
    return [
      throughStandardized(mul(g, along(gamma!, x!, axis)), parts, axes),
      perFeature(mul(g, parts.normal), gamma!, x!, axis),
      perFeature(g, beta!, x!, axis),
    ];
  },
  decompose: ({ inputs: [x, gamma, beta], attrs: { axis, epsilon } }) => {
    const { normal } = standardized(x!, axesBut(x!, 0, axis), epsilon);
    return [add(mul(normal, along(gamma!, x!, axis)), along(beta!, x!, axis))];
  },
  examples: [
    { inputs: [f32([2, 3, 3, 2]), f32([2]), f32([2])], attrs: { axis: -1, epsilon: 1e-3 } },
    { inputs: [f64([2, 3, 4]), f64([3]), f64([3])], attrs: { axis: 1, epsilon: 1e-2 } },
  ],
});

export type GroupNormAttrs = FeatureAttrs & { readonly groups: number };

/** Channels as `[groups, channels of a group]`, and the axes over which one group is normalised. */
function grouped(
  x: Tensor,
  { axis, groups }: GroupNormAttrs,
): { readonly parts: Tensor; readonly axes: readonly number[] } {
  const shape = x.shape!;
  const at = axis < 0 ? axis + shape.length : axis;
  const perGroup = divideExactly(shape[at]!, groups)!;
  const parts: Tensor = reshape(x, [...shape.slice(0, at), groups, perGroup, ...shape.slice(at + 1)]);
  return { parts, axes: axesBut(parts, 0, at) };
}

export const groupNormOp: OpDef<GroupNormAttrs> = defineOp<GroupNormAttrs>({
  ...withRank,
  name: "groupNorm",
  doc: [
    "Gives every group of channels of every example mean 0 and variance 1 over its pixels and channels, then scales and",
    "shifts each channel.",
    "$y = \\gamma \\hat x + \\beta, \\quad \\hat x_{n,p,c} = (x_{n,p,c} - \\mu_{n,G(c)}) / \\sqrt{\\sigma^2_{n,G(c)} + \\varepsilon}$",
    "with G(c) the group of channel c, the channels being cut into groups of equal size.",
  ].join("\n"),
  inputs: ["x", ...SCALE_AND_SHIFT],
  shapes: (inputs, { axis, groups }, context) => {
    const x = checkFeatures(inputs, SCALE_AND_SHIFT, axis, context);
    const at = normalizeAxis(axis, x.length, context);
    if (at === 0) context.fail("axis 0 holds the examples, not the channels");
    if (divideExactly(x[at]!, groups) === null) {
      context.fail(`${sizeText(x[at]!)} channels do not divide into ${groups} groups`, { marks: [[at]] });
    }
    return [x];
  },
  gradient: ({ op, x: [x, gamma, beta], g }) => {
    const { axis, epsilon } = op.attrs;
    const { parts, axes } = grouped(x!, op.attrs);
    const normalized = standardized(parts, axes, epsilon);
    const normal: Tensor = reshape(normalized.normal, x!.shape!);
    const scaled = reshape(mul(g, along(gamma!, x!, axis)), parts.shape!);
    return [
      reshape(throughStandardized(scaled, normalized, axes), x!.shape!),
      perFeature(mul(g, normal), gamma!, x!, axis),
      perFeature(g, beta!, x!, axis),
    ];
  },
  decompose: ({ inputs: [x, gamma, beta], attrs }) => {
    const { parts, axes } = grouped(x!, attrs);
    const normal: Tensor = reshape(standardized(parts, axes, attrs.epsilon).normal, x!.shape!);
    return [add(mul(normal, along(gamma!, x!, attrs.axis)), along(beta!, x!, attrs.axis))];
  },
  examples: [
    { inputs: [f32([2, 3, 3, 4]), f32([4]), f32([4])], attrs: { axis: -1, epsilon: 1e-3, groups: 2 } },
    { inputs: [f64([2, 6, 2]), f64([6]), f64([6])], attrs: { axis: 1, epsilon: 1e-2, groups: 3 } },
    { inputs: [f64([3, 4]), f64([4]), f64([4])], attrs: { axis: -1, epsilon: 1e-2, groups: 1 }, note: "layerNorm" },
  ],
});

// ── over neighbouring channels ───────────────────────────────────────────────────────────────────────────────────

type LocalResponseAttrs = {
  readonly depthRadius: number;
  readonly bias: number;
  readonly alpha: number;
  readonly beta: number;
};

export const localResponseNormalizationOp: OpDef<LocalResponseAttrs> = defineOp<LocalResponseAttrs>({
  ...withRank,
  name: "localResponseNormalization",
  doc: [
    "Divides every element by a power of the squares around it along the last axis (Krizhevsky et al. 2012).",
    "$y_c = x_c \\Big/ \\Big(b + \\alpha \\sum_{j = c - r}^{c + r} x_j^2\\Big)^\\beta$",
    "The sum takes the channels there are; it is not a mean (PyTorch divides α by 2r + 1).",
  ].join("\n"),
  inputs: ["x"],
  shapes: ([x], _attrs, context) => {
    if (x!.length === 0) context.fail("a scalar has no channels");
    return [x!];
  },
  gradient: "via-decompose",
  decompose: ({ inputs: [x], attrs: { depthRadius, bias, alpha, beta } }) => {
    // A convolution with ones along the channels: they are the width of sequences of one channel.
    const shape = x!.shape!;
    const sequences: Tensor = reshape(square(x!), [productOf(shape.slice(0, -1)), shape.at(-1)!, 1]);
    const ones: Tensor = fill(x!, [2 * depthRadius + 1, 1, 1], 1, x!.dtype);
    const sums = conv1d(sequences, ones, { padding: [[depthRadius, depthRadius]] });
    const base = add(mul(reshape(sums, shape), alpha), bias);
    return [mul(x!, pow(base, -beta))];
  },
  examples: [
    { inputs: [f32([2, 2, 2, 7])], attrs: { depthRadius: 2, bias: 1, alpha: 1, beta: 0.5 } },
    { inputs: [f64([3, 4])], attrs: { depthRadius: 1, bias: 2, alpha: 0.5, beta: 0.75 } },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface NormalizationOptions extends OpOptions {
  /** Axis of the features or channels; may count from the end. Default: the last one. */
  readonly axis?: number;
  /** Added to the variance; default 1e-3 as in Keras (PyTorch takes 1e-5). */
  readonly epsilon?: number;
}

export interface BatchNormalized<S extends Shape> {
  readonly normalized: Tensor<S>;
  /** Of each feature over the batch. */
  readonly mean: Tensor;
  /** Of each feature over the batch; biased: divided by the number of elements. */
  readonly variance: Tensor;
}

/**
 * Batch normalisation while training: with the mean and the variance of the batch, which are handed back so that
 * moving averages can be kept.
 * @throws ShapeError when gamma or beta does not have one number per feature
 */
export function batchNorm<S extends Shape>(
  x: Tensor<S>,
  gamma: Operand,
  beta: Operand,
  { axis = -1, epsilon = 1e-3, ...options }: NormalizationOptions = {},
): BatchNormalized<S> {
  const inputs = operands("batchNorm", [x, gamma, beta]);
  const { outputs } = builderOf(x).apply(batchNormOp, inputs, { axis, epsilon }, options);
  return { normalized: outputs[0] as Tensor<S>, mean: outputs[1]!, variance: outputs[2]! };
}

/**
 * Batch normalisation after training: with a given mean and variance of each feature.
 * @throws ShapeError when one of the vectors does not have one number per feature
 */
export const batchNormInference = <S extends Shape>(
  x: Tensor<S>,
  gamma: Operand,
  beta: Operand,
  mean: Operand,
  variance: Operand,
  { axis = -1, epsilon = 1e-3, ...options }: NormalizationOptions = {},
): Tensor<S> =>
  apply<S, FeatureAttrs>(batchNormInferenceOp, [x, gamma, beta, mean, variance], { axis, epsilon }, options);

/**
 * Normalises every channel of every example over its pixels.
 * @throws ShapeError when gamma or beta does not have one number per channel, or there are no pixels
 */
export const instanceNorm = <S extends Shape>(
  x: Tensor<S>,
  gamma: Operand,
  beta: Operand,
  { axis = -1, epsilon = 1e-3, ...options }: NormalizationOptions = {},
): Tensor<S> => apply<S, FeatureAttrs>(instanceNormOp, [x, gamma, beta], { axis, epsilon }, options);

/**
 * Normalises every group of channels of every example over its pixels and channels.
 * @throws ShapeError when the channels do not divide into the groups, or gamma or beta does not have one each
 */
export const groupNorm = <S extends Shape>(
  x: Tensor<S>,
  gamma: Operand,
  beta: Operand,
  { groups, axis = -1, epsilon = 1e-3, ...options }: NormalizationOptions & { readonly groups: number },
): Tensor<S> => apply<S, GroupNormAttrs>(groupNormOp, [x, gamma, beta], { axis, epsilon, groups }, options);

export interface LocalResponseOptions extends OpOptions {
  /** Channels on either side that count; default 5 as in TensorFlow. */
  readonly depthRadius?: number;
  /** Default 1. */
  readonly bias?: number;
  /** Default 1. */
  readonly alpha?: number;
  /** Default 0.5. */
  readonly beta?: number;
}

/**
 * Divides every element by a power of the squares around it along the last axis.
 * @throws GraphError when the radius is not a whole number
 */
export function localResponseNormalization<S extends Shape>(
  x: Tensor<S>,
  { depthRadius = 5, bias = 1, alpha = 1, beta = 0.5, ...options }: LocalResponseOptions = {},
): Tensor<S> {
  if (!Number.isInteger(depthRadius) || depthRadius < 0) {
    throw callError("localResponseNormalization", `${depthRadius} is not a radius`, "use a whole number from 0 on");
  }
  return apply<S, LocalResponseAttrs>(localResponseNormalizationOp, [x], { depthRadius, bias, alpha, beta }, options);
}

export const BATCH_NORMALIZATION_OPS: readonly OpDef[] = [
  batchNormOp,
  batchNormInferenceOp,
  instanceNormOp,
  groupNormOp,
  localResponseNormalizationOp,
];
