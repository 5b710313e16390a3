import { normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import type { CheckFeatures } from "../core/shape-rules.ts";
import type { CheckAxis, Shape } from "../core/shape-types.ts";
import { sizeText } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, mul, square, sub } from "./arithmetic.ts";
import { rsqrt } from "./elementary.ts";
import { reshape } from "./movement.ts";
import { mean, sumTo } from "./reduction.ts";
import { apply, f32, f64, floatDType, type Operand, type OpOptions, type ShapeOf } from "./support.ts";

export type LayerNormAttrs = { readonly axis: number; readonly epsilon: number };

/** Every operand after x is a vector with one number per feature. */
export function checkFeatures(
  inputs: readonly Sizes[],
  names: readonly string[],
  axis: number,
  context: ShapeContext,
): Sizes {
  const x = inputs[0]!;
  const at = normalizeAxis(axis, x.length, context);
  names.forEach((name, i) => {
    const vector = inputs[i + 1]!;
    if (vector.length !== 1)
      context.fail(`${name} needs rank 1, not ${vector.length}`, { fix: "one number per feature" });
    const marks: number[][] = [[at], ...names.map(() => [])];
    marks[i + 1] = [0];
    const problem = `${name} has ${sizeText(vector[0]!)} numbers, axis ${at} of x has ${sizeText(x[at]!)} features`;
    context.require(vector[0]!, x[at]!, problem, {
      marks,
      fix: `${names.join(" and ")} ${names.length > 1 ? "hold" : "holds"} one number per feature`,
    });
  });
  return x;
}

/** The gradient puts vectors along the axis: it must know their rank, and where the axis is. */
export function unlessAxisIsKnown(
  [x, ...vectors]: readonly (Sizes | null)[],
  names: readonly string[],
  axis: number,
  context: ShapeContext,
): readonly (Sizes | null)[] {
  if (vectors.includes(null)) {
    return context.fail(`the rank${names.length > 1 ? "s" : ""} of ${names.join(" and ")} must be known`);
  }
  if (!x && axis >= 0) {
    return context.fail(`the rank of x is not known, so axis ${axis} can not be found from the end`, {
      fix: "count the axis from the end: -1 is the last one",
    });
  }
  return [x ?? null];
}

/** A vector along one axis of `x`, so that it broadcasts against it. */
export function along(vector: Tensor, x: Tensor, axis: number): Tensor {
  const after = axis < 0 ? -axis - 1 : x.rank! - 1 - axis;
  return after === 0 ? vector : reshape(vector, [...vector.shape!, ...new Array<number>(after).fill(1)]);
}

/** What a vector along an axis gets of a gradient that comes in at `x`. */
export function perFeature(incoming: Tensor, vector: Tensor, x: Tensor, axis: number): Tensor {
  const total = sumTo(incoming, along(vector, x, axis));
  return total.rank === 1 ? total : reshape(total, vector.shape!);
}

/** Mean 0 and variance 1 over some axes, with what was taken off and the factor that made it so. */
export interface Standardized {
  readonly normal: Tensor;
  readonly factor: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}
export function standardized(x: Tensor, axes: number | readonly number[], epsilon: number): Standardized {
  const over = { axis: axes, keepDims: true };
  const center = mean(x, over);
  const centered = sub(x, center);
  const variance = mean(square(centered), over);
  const factor = rsqrt(add(variance, epsilon));
  return { normal: mul(centered, factor), factor, mean: center, variance };
}

/** Gradient of x from that of `normal`. Mean and variance move with x too: what they share is taken off again. */
export function throughStandardized(
  g: Tensor,
  { normal, factor }: Pick<Standardized, "normal" | "factor">,
  axes: number | readonly number[],
): Tensor {
  const over = { axis: axes, keepDims: true };
  return mul(factor, sub(sub(g, mean(g, over)), mul(normal, mean(mul(g, normal), over))));
}

const SCALE_AND_SHIFT = ["gamma", "beta"];

export const layerNormOp: OpDef<LayerNormAttrs> = defineOp<LayerNormAttrs>({
  name: "layerNorm",
  category: "neural",
  doc: [
    "Gives every example mean 0 and variance 1 along an axis, then scales and shifts each feature.",
    "$y = \\gamma \\hat x + \\beta, \\quad \\hat x = (x - \\mu) / \\sqrt{\\sigma^2 + \\varepsilon}$",
    "with the mean and the (biased) variance along the axis.",
  ].join("\n"),
  inputs: ["x", ...SCALE_AND_SHIFT],
  dtypes: floatDType,
  shapes: (inputs, { axis }, context) => [checkFeatures(inputs, SCALE_AND_SHIFT, axis, context)],
  shapesOfUnknown: (inputs, { axis }, context) => unlessAxisIsKnown(inputs, SCALE_AND_SHIFT, axis, context),
  gradient: ({ op, x: [x, gamma, beta], g }) => {
    const { axis, epsilon } = op.attrs;
    const parts = standardized(x!, axis, epsilon);
    return [
      throughStandardized(mul(g, along(gamma!, x!, axis)), parts, axis),
      perFeature(mul(g, parts.normal), gamma!, x!, axis),
      perFeature(g, beta!, x!, axis),
    ];
  },
  decompose: ({ inputs: [x, gamma, beta], attrs: { axis, epsilon } }) => {
    const { normal } = standardized(x!, axis, epsilon);
    return [add(mul(normal, along(gamma!, x!, axis)), along(beta!, x!, axis))];
  },
  examples: [
    { inputs: [f32([4, 6]), f32([6]), f32([6])], attrs: { axis: -1, epsilon: 1e-3 } },
    { inputs: [f64([2, 3, 5]), f64([5]), f64([5])], attrs: { axis: -1, epsilon: 1e-3 } },
    { inputs: [f64([2, 3, 4]), f64([3]), f64([3])], attrs: { axis: 1, epsilon: 1e-2 } },
  ],
});

export const rmsNormOp: OpDef<LayerNormAttrs> = defineOp<LayerNormAttrs>({
  name: "rmsNorm",
  category: "neural",
  doc: [
    "Divides every example by the root of its mean square along an axis, then scales each feature.",
    "$y = \\gamma\\, x / \\sqrt{\\overline{x^2} + \\varepsilon}$",
  ].join("\n"),
  inputs: ["x", "gamma"],
  dtypes: floatDType,
  shapes: (inputs, { axis }, context) => [checkFeatures(inputs, ["gamma"], axis, context)],
  shapesOfUnknown: (inputs, { axis }, context) => unlessAxisIsKnown(inputs, ["gamma"], axis, context),
  gradient: ({ op, x: [x, gamma], g }) => {
    const { axis } = op.attrs;
    const factor = inverseRootMeanSquare(x!, op.attrs);
    const normal = mul(x!, factor);
    const scaled = mul(g, along(gamma!, x!, axis));
    const shared = mul(normal, mean(mul(scaled, normal), { axis, keepDims: true }));
    return [mul(factor, sub(scaled, shared)), perFeature(mul(g, normal), gamma!, x!, axis)];
  },
  decompose: ({ inputs: [x, gamma], attrs }) => [
    mul(mul(x!, inverseRootMeanSquare(x!, attrs)), along(gamma!, x!, attrs.axis)),
  ],
  examples: [
    { inputs: [f32([4, 6]), f32([6])], attrs: { axis: -1, epsilon: 1e-6 } },
    { inputs: [f64([2, 3, 4]), f64([3])], attrs: { axis: 1, epsilon: 1e-2 } },
  ],
});
const inverseRootMeanSquare = (x: Tensor, { axis, epsilon }: LayerNormAttrs): Tensor =>
  rsqrt(add(mean(square(x), { axis, keepDims: true }), epsilon));

export interface LayerNormOptions<Axis extends number = number> extends OpOptions {
  /** Axis of the features; may count from the end. Default: the last one. */
  readonly axis?: Axis;
  /** Added to the variance; default 1e-3 as in Keras (PyTorch takes 1e-5). */
  readonly epsilon?: number;
}

/**
 * Layer normalisation along one axis, with a scale and a shift per feature.
 * @throws ShapeError when gamma or beta does not have one number per feature
 */
export const layerNorm = <
  S extends Shape,
  const G extends Operand,
  const B extends Operand,
  const A extends number = -1,
>(
  x: Tensor<S>,
  gamma: G & CheckFeatures<"layerNorm", "gamma", S, ShapeOf<G>, A>,
  beta: B & CheckFeatures<"layerNorm", "beta", S, ShapeOf<B>, A>,
  { axis, epsilon = 1e-3, ...options }: LayerNormOptions<A & CheckAxis<"layerNorm", S, A>> = {},
): Tensor<S> => apply<S, LayerNormAttrs>(layerNormOp, [x, gamma, beta], { axis: axis ?? -1, epsilon }, options);

export interface RmsNormOptions<Axis extends number = number> extends OpOptions {
  /** Axis of the features; may count from the end. Default: the last one. */
  readonly axis?: Axis;
  /** Added to the mean square; default 1e-6 as in Keras. */
  readonly epsilon?: number;
}

/**
 * Root mean square normalisation along one axis, with a scale per feature.
 * @throws ShapeError when gamma does not have one number per feature
 */
export const rmsNorm = <S extends Shape, const G extends Operand, const A extends number = -1>(
  x: Tensor<S>,
  gamma: G & CheckFeatures<"rmsNorm", "gamma", S, ShapeOf<G>, A>,
  { axis, epsilon = 1e-6, ...options }: RmsNormOptions<A & CheckAxis<"rmsNorm", S, A>> = {},
): Tensor<S> => apply<S, LayerNormAttrs>(rmsNormOp, [x, gamma], { axis: axis ?? -1, epsilon }, options);

export const NORMALIZATION_OPS = [layerNormOp, rmsNormOp] as const;
