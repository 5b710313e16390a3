import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { clipByValue, div, maximum, mul, neg, square, sub } from "./arithmetic.ts";
import { exp, log, pow, rsqrt } from "./elementary.ts";
import { type ClassAttrs, type ClassLossOptions, clip, distributionDType, reduced, rowShapes } from "./loss.ts";
import type { FocalOptions } from "./loss-elementwise.ts";
import { sum } from "./reduction.ts";
import { logSoftmax } from "./softmax.ts";
import { apply, f32, f64, floatDType, type Operand } from "./support.ts";

/* Losses of rows, beside those of `loss.ts`: one value for all elements along an axis. Labels come first. */

type RowAttrs = ClassAttrs & { readonly epsilon: number };

export const klDivergenceOp: OpDef<RowAttrs> = defineOp<RowAttrs>({
  name: "klDivergence",
  category: "loss",
  doc: [
    "Kullback-Leibler divergence of two distributions, one value per row.",
    "$y = \\sum_k t_k \\ln (t_k / p_k)$, with t and p clipped to $[\\varepsilon, 1]$",
  ].join("\n"),
  inputs: ["labels", "probabilities"],
  dtypes: distributionDType,
  shapes: (inputs, { axis }, context) => rowShapes(inputs, axis, ["labels", "probabilities"], context),
  gradient: "via-decompose",
  decompose: ({ inputs, attrs: { axis, epsilon } }) => {
    const [t, p] = inputs.map((distribution) => clipByValue(distribution, epsilon, 1)) as [Tensor, Tensor];
    return [sum(mul(t, sub(log(t), log(p))), { axis })];
  },
  examples: [
    {
      inputs: [f32([3], { values: [0.1, 0.25, 0.65] }), f32([3], { domain: [0.2, 0.8] })],
      attrs: { axis: -1, epsilon: 1e-7 },
    },
    {
      inputs: [f64([2, 3], { domain: [0.1, 0.9] }), f64([2, 3], { domain: [0.1, 0.9] })],
      attrs: { axis: 0, epsilon: 1e-7 },
    },
  ],
});

export const cosineSimilarityOp: OpDef<RowAttrs> = defineOp<RowAttrs>({
  name: "cosineSimilarity",
  category: "loss",
  doc: [
    "Minus the cosine of the angle between labels and predictions, one value per row: -1 where they point the same way.",
    "$y = -\\sum_k t_k f_k / \\sqrt{\\max(\\sum_k t_k^2, \\varepsilon) \\max(\\sum_k f_k^2, \\varepsilon)}$",
  ].join("\n"),
  inputs: ["labels", "predictions"],
  dtypes: floatDType,
  shapes: (inputs, { axis }, context) => rowShapes(inputs, axis, ["labels", "predictions"], context),
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, predictions], attrs: { axis, epsilon } }) => {
    const inverseLength = (x: Tensor): Tensor => rsqrt(maximum(sum(square(x), { axis }), epsilon));
    const product = sum(mul(labels!, predictions!), { axis });
    return [neg(mul(product, mul(inverseLength(labels!), inverseLength(predictions!))))];
  },
  examples: [
    { inputs: [f32([2], { values: [3, 4] }), f32([2], { values: [4, 3] })], attrs: { axis: -1, epsilon: 1e-12 } },
    { inputs: [f64([3, 2], { domain: [0.2, 1] }), f64([3, 2])], attrs: { axis: 0, epsilon: 1e-12 } },
    { inputs: [f64([2, 3]), f64([2, 3], { domain: [0.2, 1] })], attrs: { axis: -1, epsilon: 1e-12 } },
  ],
});

type FocalAttrs = RowAttrs & { readonly gamma: number; readonly alpha: number; readonly fromLogits: boolean };
export const categoricalFocalCrossEntropyOp: OpDef<FocalAttrs> = defineOp<FocalAttrs>({
  name: "categoricalFocalCrossEntropy",
  category: "loss",
  doc: [
    "Cross entropy that pays less attention to what is already right (Lin et al. 2017), one value per row.",
    "$y = -\\alpha \\sum_k t_k (1 - p_k)^\\gamma \\ln p_k$",
    "Probabilities are scaled to sum to 1 and clipped, as Keras does; from logits, ln p is the logSoftmax.",
  ].join("\n"),
  inputs: ["labels", "predictions"],
  dtypes: distributionDType,
  shapes: (inputs, { axis }, context) => rowShapes(inputs, axis, ["labels", "predictions"], context),
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, predictions], attrs: { axis, epsilon, gamma, alpha, fromLogits } }) => {
    const scaled = (p: Tensor): Tensor => clip(div(p, sum(p, { axis, keepDims: true })), epsilon);
    const logarithm = fromLogits ? logSoftmax(predictions!, { axis }) : log(scaled(predictions!));
    const wrong = sub(1, exp(logarithm));
    return [mul(sum(mul(labels!, mul(pow(wrong, gamma), logarithm)), { axis }), -alpha)];
  },
  examples: [
    {
      inputs: [f32([3], { values: [0, 0, 1] }), f32([3], { domain: [0.2, 0.8] })],
      attrs: { axis: -1, epsilon: 1e-7, gamma: 2, alpha: 0.25, fromLogits: false },
    },
    {
      inputs: [f64([2, 3], { domain: [0, 1] }), f64([2, 3], { domain: [-2, 2] })],
      attrs: { axis: 0, epsilon: 1e-7, gamma: 1.5, alpha: 1, fromLogits: true },
    },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export interface RowLossOptions extends ClassLossOptions {
  /** Keeps logarithms finite and lengths off 0. Default 1e-7 (1e-12 for a cosine), as in Keras. */
  readonly epsilon?: number;
}

/** Mean over the rows of the divergence of `labels` from `probabilities`, both distributions along `axis`. */
export const klDivergence = (
  labels: Operand,
  probabilities: Operand,
  { axis = -1, epsilon = 1e-7, ...options }: RowLossOptions = {},
): Tensor => reduced(options, (named) => apply(klDivergenceOp, [labels, probabilities], { axis, epsilon }, named));

/**
 * Mean over the rows of minus the cosine between labels and predictions, as the Keras loss of this name: the smaller,
 * the more alike they are.
 */
export const cosineSimilarity = (
  labels: Operand,
  predictions: Operand,
  { axis = -1, epsilon = 1e-12, ...options }: RowLossOptions = {},
): Tensor => reduced(options, (named) => apply(cosineSimilarityOp, [labels, predictions], { axis, epsilon }, named));

/** Mean over the rows of the focal cross entropy; `alpha` (default 0.25) scales all of it, as in Keras. */
export const categoricalFocalCrossEntropy = (
  labels: Operand,
  predictions: Operand,
  options: FocalOptions & RowLossOptions & { readonly alpha?: number } = {},
): Tensor => {
  const { axis = -1, gamma = 2, alpha = 0.25, fromLogits = false, epsilon = 1e-7, ...rest } = options;
  const attrs = { axis, gamma, alpha, fromLogits, epsilon };
  return reduced(rest, (named) => apply(categoricalFocalCrossEntropyOp, [labels, predictions], attrs, named));
};

export const ROW_LOSS_OPS: readonly OpDef[] = [klDivergenceOp, cosineSimilarityOp, categoricalFocalCrossEntropyOp];
