import { normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import type { Shape } from "../core/shape-types.ts";
import { sizeText } from "../core/size.ts";
import { defineOp } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, mul, square, sub } from "./arithmetic.ts";
import { rsqrt } from "./elementary.ts";
import { reshape } from "./movement.ts";
import { mean, sumTo } from "./reduction.ts";
import { apply, f32, f64, floatDType, type Operand, type OpOptions } from "./support.ts";

export type LayerNormAttrs = { readonly axis: number; readonly epsilon: number };

function layerNormShape(inputs: readonly Sizes[], { axis }: LayerNormAttrs, context: ShapeContext): Sizes {
  const x = inputs[0]!;
  const at = normalizeAxis(axis, x.length, context);
  ["gamma", "beta"].forEach((name, i) => {
    const vector = inputs[i + 1]!;
    if (vector.length !== 1)
      context.fail(`${name} needs rank 1, not ${vector.length}`, { fix: "one number per feature" });
    const marks: number[][] = [[at], [], []];
    marks[i + 1] = [0];
    const problem = `${name} has ${sizeText(vector[0]!)} numbers, axis ${at} of x has ${sizeText(x[at]!)} features`;
    context.require(vector[0]!, x[at]!, problem, { marks, fix: "gamma and beta hold one number per feature" });
  });
  return x;
}

/** A vector along one axis of `x`, so that it broadcasts against it. */
function along(vector: Tensor, x: Tensor, axis: number): Tensor {
  const after = axis < 0 ? -axis - 1 : x.rank! - 1 - axis;
  return after === 0 ? vector : reshape(vector, [...vector.shape!, ...new Array<number>(after).fill(1)]);
}

/** Mean 0 and variance 1 along the axis, and the factor that made it so. */
function standardized(
  x: Tensor,
  { axis, epsilon }: LayerNormAttrs,
): { readonly normal: Tensor; readonly factor: Tensor } {
  const centered = sub(x, mean(x, { axis, keepDims: true }));
  const factor = rsqrt(add(mean(square(centered), { axis, keepDims: true }), epsilon));
  return { normal: mul(centered, factor), factor };
}

export const layerNormOp = defineOp<LayerNormAttrs>({
  name: "layerNorm",
  category: "neural",
  doc: [
    "Gives every example mean 0 and variance 1 along an axis, then scales and shifts each feature.",
    "$y = \\gamma \\hat x + \\beta, \\quad \\hat x = (x - \\mu) / \\sqrt{\\sigma^2 + \\varepsilon}$",
    "with the mean and the (biased) variance along the axis.",
  ].join("\n"),
  inputs: ["x", "gamma", "beta"],
  dtypes: floatDType,
  shapes: (inputs, attrs, context) => [layerNormShape(inputs, attrs, context)],
  // The gradient puts gamma and beta along the axis: it must know their rank, and where the axis is.
  shapesOfUnknown: ([x, gamma, beta], { axis }, context) => {
    if (!gamma || !beta) return context.fail("the ranks of gamma and beta must be known");
    if (!x && axis >= 0) {
      return context.fail(`the rank of x is not known, so axis ${axis} can not be found from the end`, {
        fix: "count the axis from the end: -1 is the last one",
      });
    }
    return [x ?? null];
  },
  // The mean and the variance move with x too: what they share among all features is taken off again.
  gradient: ({ op, x: [x, gamma, beta], g }) => {
    const { axis } = op.attrs;
    const { normal, factor } = standardized(x!, op.attrs);
    const scaled = mul(g, along(gamma!, x!, axis));
    const ofMean = mean(scaled, { axis, keepDims: true });
    const ofVariance = mul(normal, mean(mul(scaled, normal), { axis, keepDims: true }));
    const perFeature = (incoming: Tensor, vector: Tensor): Tensor => {
      const total = sumTo(incoming, along(vector, x!, axis));
      return total.rank === 1 ? total : reshape(total, vector.shape!);
    };
    return [
      mul(factor, sub(sub(scaled, ofMean), ofVariance)),
      perFeature(mul(g, normal), gamma!),
      perFeature(g, beta!),
    ];
  },
  decompose: ({ inputs: [x, gamma, beta], attrs }) => {
    const { normal } = standardized(x!, attrs);
    return [add(mul(normal, along(gamma!, x!, attrs.axis)), along(beta!, x!, attrs.axis))];
  },
  examples: [
    { inputs: [f32([4, 6]), f32([6]), f32([6])], attrs: { axis: -1, epsilon: 1e-3 } },
    { inputs: [f64([2, 3, 5]), f64([5]), f64([5])], attrs: { axis: -1, epsilon: 1e-3 } },
    { inputs: [f64([2, 3, 4]), f64([3]), f64([3])], attrs: { axis: 1, epsilon: 1e-2 } },
  ],
});

export interface LayerNormOptions extends OpOptions {
  /** Axis of the features; may count from the end. Default: the last one. */
  readonly axis?: number;
  /** Added to the variance; default 1e-3 as in Keras (PyTorch takes 1e-5). */
  readonly epsilon?: number;
}

/**
 * Layer normalisation along one axis, with a scale and a shift per feature.
 * @throws ShapeError when gamma or beta does not have one number per feature
 */
export const layerNorm = <S extends Shape>(
  x: Tensor<S>,
  gamma: Operand,
  beta: Operand,
  { axis = -1, epsilon = 1e-3, ...options }: LayerNormOptions = {},
): Tensor<S> => apply<S>(layerNormOp, [x, gamma, beta], { axis, epsilon }, options);

export const NORMALIZATION_OPS = [layerNormOp] as const;
