import { defineOp, type OpDef, type OpExample } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { relu, sigmoid, softplus, tanh } from "./activation.ts";
import { abs, add, clipByValue, minimum, mul, neg, square, sub } from "./arithmetic.ts";
import { log, pow } from "./elementary.ts";
import { binaryCrossEntropyOp, clip, elementwise, type LossOptions, reduced, sigmoidCrossEntropyOp } from "./loss.ts";
import { apply, callError, f32, f64, floatDType, type NoAttrs, type Operand } from "./support.ts";

/*
 * Losses of single elements, beside those of `loss.ts`: ones that forgive outliers, ones with a margin, and likelihoods
 * of counts and of rare events. Labels come first; nothing broadcasts.
 */
const ofPredictions = { ...elementwise(["labels", "predictions"]), category: "loss" as const, dtypes: floatDType };

// ── outliers ─────────────────────────────────────────────────────────────────────────────────────────────────────

type HuberAttrs = { readonly delta: number };
export const huberOp: OpDef<HuberAttrs> = defineOp<HuberAttrs>({
  ...ofPredictions,
  name: "huber",
  doc: [
    "Squared error near 0, absolute error further out, so that outliers pull no harder than δ.",
    "$y = \\tfrac12 e^2$ for $|e| \\le \\delta$, $\\delta (|e| - \\tfrac12 \\delta)$ otherwise, with $e = f - t$",
  ].join("\n"),
  gradient: ({ op, x: [labels, predictions], g }) => {
    const { delta } = op.attrs;
    const slope = mul(g, clipByValue(sub(predictions!, labels!), -delta, delta));
    return [neg(slope), slope];
  },
  decompose: ({ inputs: [labels, predictions], attrs: { delta } }) => {
    const size = abs(sub(predictions!, labels!));
    const inside = minimum(size, delta);
    return [mul(inside, sub(size, mul(inside, 0.5)))];
  },
  examples: [
    { inputs: [f32([4], { values: [0, 0, 0, 0] }), f32([4], { values: [-3, -0.5, 0.25, 2] })], attrs: { delta: 1 } },
    { inputs: [f64([2, 3], { domain: [-0.2, 0.2] }), f64([2, 3], { domain: [-0.2, 0.2] })], attrs: { delta: 0.5 } },
    { inputs: [f64([2, 3], { domain: [1, 2] }), f64([2, 3], { domain: [-1, 0] })], attrs: { delta: 0.5 } },
  ],
});

const LOG_TWO = Math.LN2;
export const logCoshOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  ...ofPredictions,
  name: "logCosh",
  doc: [
    "Logarithm of the hyperbolic cosine of the error: near squared error /2 close to 0, near absolute error far out.",
    "$y = \\ln \\cosh e = |e| + \\ln(1 + e^{-2|e|}) - \\ln 2, \\quad \\partial y / \\partial f = \\tanh e$ with $e = f - t$",
  ].join("\n"),
  gradient: ({ x: [labels, predictions], g }) => {
    const slope = mul(g, tanh(sub(predictions!, labels!)));
    return [neg(slope), slope];
  },
  decompose: ({ inputs: [labels, predictions] }) => {
    const size = abs(sub(predictions!, labels!));
    return [sub(add(size, softplus(mul(size, -2))), LOG_TWO)];
  },
  examples: [
    { inputs: [f32([3], { values: [0, 0, 0] }), f32([3], { values: [-1000, 0.5, 20] })], attrs: {} },
    { inputs: [f64([2, 3]), f64([2, 3], { domain: [-3, 3] })], attrs: {} },
  ],
});

// ── margins ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** Labels are signs; predictions on both sides of the margin, but not near it. */
const MARGINS: readonly OpExample<NoAttrs>[] = [
  { inputs: [f32([4], { values: [1, -1, 1, -1] }), f32([4], { values: [2, 0.5, -0.5, -3] })], attrs: {} },
  { inputs: [f64([2, 2], { values: [1, -1, -1, 1] }), f64([2, 2], { domain: [-0.9, 0.9] })], attrs: {} },
];

export const hingeOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  ...ofPredictions,
  name: "hinge",
  doc: "How far a prediction is from being right by a margin of 1. Labels are -1 or 1.\n$y = \\max(1 - t f, 0)$",
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, predictions] }) => [relu(sub(1, mul(labels!, predictions!)))],
  examples: MARGINS,
});

export const squaredHingeOp: OpDef<NoAttrs> = defineOp<NoAttrs>({
  ...ofPredictions,
  name: "squaredHinge",
  doc: "The square of `hinge`. Labels are -1 or 1.\n$y = \\max(1 - t f, 0)^2$",
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, predictions] }) => [square(relu(sub(1, mul(labels!, predictions!))))],
  examples: MARGINS,
});

// ── likelihoods ──────────────────────────────────────────────────────────────────────────────────────────────────

type EpsilonAttrs = { readonly epsilon: number };
export const poissonOp: OpDef<EpsilonAttrs> = defineOp<EpsilonAttrs>({
  ...ofPredictions,
  name: "poisson",
  doc: [
    "Minus the log-likelihood of counts t under Poisson distributions with mean f, without its constant ln t!.",
    "$y = f - t \\ln(f + \\varepsilon)$",
  ].join("\n"),
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, predictions], attrs: { epsilon } }) => [
    sub(predictions!, mul(labels!, log(add(predictions!, epsilon)))),
  ],
  examples: [
    {
      inputs: [f32([3], { values: [0, 1, 4] }), f32([3], { domain: [0.5, 3] })],
      attrs: { epsilon: 1e-7 },
    },
    { inputs: [f64([2, 3], { domain: [0, 3] }), f64([2, 3], { domain: [0.5, 3] })], attrs: { epsilon: 0 } },
  ],
});

type FocalAttrs = {
  readonly gamma: number;
  readonly alpha: number | null;
  readonly fromLogits: boolean;
  readonly epsilon: number;
};
export const binaryFocalCrossEntropyOp: OpDef<FocalAttrs> = defineOp<FocalAttrs>({
  ...ofPredictions,
  name: "binaryFocalCrossEntropy",
  doc: [
    "Binary cross entropy that pays less attention to what is already right (Lin et al. 2017).",
    "$y = (1 - p_t)^\\gamma\\, \\mathrm{BCE}(t, p)$ with $p_t = t p + (1 - t)(1 - p)$",
    "With α, labels 1 count α times and labels 0 count 1 - α times. From logits, p = σ(z) and BCE is in its stable form.",
  ].join("\n"),
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, predictions], attrs: { gamma, alpha, fromLogits, epsilon } }) => {
    const t = labels!;
    const p = fromLogits ? sigmoid(predictions!) : clip(predictions!, epsilon);
    const entropy = fromLogits
      ? apply(sigmoidCrossEntropyOp, [t, predictions!], {})
      : apply(binaryCrossEntropyOp, [t, predictions!], { epsilon });
    const wrong = sub(add(p, t), mul(mul(p, t), 2));
    const focal: Tensor = mul(pow(wrong, gamma), entropy);
    return [alpha === null ? focal : mul(add(mul(t, 2 * alpha - 1), 1 - alpha), focal)];
  },
  examples: [
    {
      inputs: [f32([3], { values: [1, 0, 1] }), f32([3], { domain: [0.2, 0.8] })],
      attrs: { gamma: 2, alpha: null, fromLogits: false, epsilon: 1e-7 },
    },
    {
      inputs: [f64([2, 3], { domain: [0.1, 0.9] }), f64([2, 3], { domain: [-2, 2] })],
      attrs: { gamma: 1.5, alpha: 0.25, fromLogits: true, epsilon: 1e-7 },
    },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Mean of the Huber loss over all elements: squared error / 2 up to `delta` (default 1), absolute error beyond it.
 * @throws GraphError unless delta is positive
 */
export function huber(
  labels: Operand,
  predictions: Operand,
  { delta = 1, ...options }: LossOptions & { readonly delta?: number } = {},
): Tensor {
  if (!(delta > 0)) throw callError("huber", `delta is ${delta}`, "give a positive number");
  return reduced(options, (named) => apply(huberOp, [labels, predictions], { delta }, named));
}

/** Mean of `ln cosh(predictions - labels)` over all elements. */
export const logCosh = (labels: Operand, predictions: Operand, options: LossOptions = {}): Tensor =>
  reduced(options, (named) => apply(logCoshOp, [labels, predictions], {}, named));

/** Mean of `max(1 - labels · predictions, 0)`; labels are -1 or 1 (Keras also takes 0 and 1: use `2 t - 1`). */
export const hinge = (labels: Operand, predictions: Operand, options: LossOptions = {}): Tensor =>
  reduced(options, (named) => apply(hingeOp, [labels, predictions], {}, named));

/** Mean of `max(1 - labels · predictions, 0)²`; labels are -1 or 1. */
export const squaredHinge = (labels: Operand, predictions: Operand, options: LossOptions = {}): Tensor =>
  reduced(options, (named) => apply(squaredHingeOp, [labels, predictions], {}, named));

/** Mean of `predictions - labels · ln(predictions + epsilon)`; epsilon 1e-7 as in Keras. */
export const poisson = (
  labels: Operand,
  predictions: Operand,
  { epsilon = 1e-7, ...options }: LossOptions & { readonly epsilon?: number } = {},
): Tensor => reduced(options, (named) => apply(poissonOp, [labels, predictions], { epsilon }, named));

export interface FocalOptions extends LossOptions {
  /** How much less right predictions count; 0 is plain cross entropy. Default 2. */
  readonly gamma?: number;
  /** True if the predictions are scores before softmax or sigmoid. Default false. */
  readonly fromLogits?: boolean;
  /** Probabilities are clipped to [epsilon, 1 - epsilon]; default 1e-7 as in Keras. */
  readonly epsilon?: number;
}

/** Mean of the focal cross entropy of 0/1 `labels`; with `alpha` the two classes are weighted, as Keras can. */
export const binaryFocalCrossEntropy = (
  labels: Operand,
  predictions: Operand,
  options: FocalOptions & { readonly alpha?: number } = {},
): Tensor => {
  const { gamma = 2, alpha = null, fromLogits = false, epsilon = 1e-7, ...rest } = options;
  const attrs = { gamma, alpha, fromLogits, epsilon };
  return reduced(rest, (named) => apply(binaryFocalCrossEntropyOp, [labels, predictions], attrs, named));
};

export const ELEMENTWISE_LOSS_OPS: readonly OpDef[] = [
  huberOp,
  logCoshOp,
  hingeOp,
  squaredHingeOp,
  poissonOp,
  binaryFocalCrossEntropyOp,
];
