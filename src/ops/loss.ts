import { type DType, isFloat, isInteger } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import type { ClassConflict, LossConflict, LossResult, Rows } from "../core/shape-rules.ts";
import type { AnyShape, CheckAxis, Result, Shape, Unless } from "../core/shape-types.ts";
import { sizeText } from "../core/size.ts";
import { warn } from "../core/warnings.ts";
import { type DTypeContext, defineOp } from "../graph/define.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { relu, sigmoid } from "./activation.ts";
import { abs, add, clipByValue, div, mul, neg, sign, square, sub } from "./arithmetic.ts";
import { exp, log, log1p } from "./elementary.ts";
import { oneHot } from "./indexing.ts";
import { expandDims } from "./movement.ts";
import { mean, sum } from "./reduction.ts";
import { logSoftmax, softmax } from "./softmax.ts";
import {
  apply,
  f32,
  f64,
  floatDType,
  i32,
  type NoAttrs,
  type Operand,
  type OpOptions,
  type ShapeOf,
} from "./support.ts";

/*
 * Every record gives a loss per element, or per row where classes belong together; the user functions fold that into
 * one number. Labels come first, as in TensorFlow: loss(labels, predictions).
 */

// ── rules shared by the records ──────────────────────────────────────────────────────────────────────────────────

/**
 * All operands have the first one's shape. No broadcasting: labels [n] against predictions [n, 1] would give n² losses
 * without a word.
 */
function equalShapes(shapes: readonly Sizes[], names: readonly string[], context: ShapeContext): Sizes {
  const [first] = shapes;
  shapes.slice(1).forEach((shape, i) => {
    const pair = `${names[0]} and ${names[i + 1]}`;
    if (shape.length !== first!.length) {
      context.fail(`${pair} have different ranks, ${first!.length} and ${shape.length}`, {
        fix: "a loss does not broadcast; reshape one of them so that both have the same shape",
      });
    }
    shape.forEach((size, axis) => {
      const marks: number[][] = shapes.map(() => []);
      marks[0] = marks[i + 1] = [axis];
      const [left, right] = [sizeText(first![axis]!), sizeText(size)];
      context.require(first![axis]!, size, `${pair} differ along axis ${axis}, ${left} against ${right}`, {
        marks,
        fix: "a loss does not broadcast; both must have the same shape",
      });
    });
  });
  return first!;
}

/** Records that give one loss per element: operands of equal shapes. */
export const elementwise = (names: readonly string[]) => ({
  inputs: names,
  shapes: (shapes: readonly Sizes[], _attrs: unknown, context: ShapeContext): readonly Sizes[] => [
    equalShapes(shapes, names, context),
  ],
  shapesOfUnknown: (shapes: readonly (Sizes | null)[]): readonly (Sizes | null)[] => [
    shapes.find((shape) => shape !== null) ?? null,
  ],
});

export type ClassAttrs = { readonly axis: number };

const withoutAxis = (shape: Sizes, axis: number): Sizes => shape.filter((_, at) => at !== axis);

const SPARSE_FIX = "labels that are class numbers belong to the sparse variant: sparseSoftmaxCrossEntropy";

/** Labels are a distribution over the classes, so both have the same shape; the class axis goes away. */
export function rowShapes(
  [labels, scores]: readonly Sizes[],
  axis: number,
  names: readonly string[],
  context: ShapeContext,
) {
  const at = normalizeAxis(axis, scores!.length, context);
  if (labels!.length === scores!.length - 1) {
    context.fail(`labels have rank ${labels!.length}, ${names[1]} rank ${scores!.length}`, { fix: SPARSE_FIX });
  }
  return [withoutAxis(equalShapes([labels!, scores!], names, context), at)];
}

export function distributionDType(
  inputs: readonly DType[],
  attrs: ClassAttrs,
  context: DTypeContext,
): readonly DType[] {
  const [labels, scores] = inputs;
  if (isInteger(labels!) && isFloat(scores!)) {
    context.fail(`labels are ${labels}, scores ${scores}`, `${SPARSE_FIX}; one-hot labels: cast(labels, "${scores}")`);
  }
  return floatDType(inputs, attrs, context);
}

// ── regression ───────────────────────────────────────────────────────────────────────────────────────────────────

export const squaredErrorOp = defineOp<NoAttrs>({
  name: "squaredError",
  category: "loss",
  doc: "Squared difference, element by element.\n$y = (t - f)^2, \\quad \\partial y / \\partial f = 2 (f - t)$",
  ...elementwise(["labels", "predictions"]),
  dtypes: floatDType,
  gradient: ({ x: [labels, predictions], g }) => {
    const slope = mul(mul(g, 2), sub(predictions!, labels!));
    return [neg(slope), slope];
  },
  decompose: ({ inputs: [labels, predictions] }) => [square(sub(predictions!, labels!))],
  examples: [
    { inputs: [f32([2], { values: [1, 2] }), f32([2], { values: [0, 4] })], attrs: {} },
    { inputs: [f64([2, 3]), f64([2, 3])], attrs: {} },
    { inputs: [f64([]), f64([])], attrs: {} },
  ],
});

export const absoluteErrorOp = defineOp<NoAttrs>({
  name: "absoluteError",
  category: "loss",
  doc: "Absolute difference, element by element. At equality the derivative is taken to be 0.\n$y = |t - f|$",
  ...elementwise(["labels", "predictions"]),
  dtypes: floatDType,
  gradient: ({ x: [labels, predictions], g }) => {
    const slope = mul(g, sign(sub(predictions!, labels!)));
    return [neg(slope), slope];
  },
  decompose: ({ inputs: [labels, predictions] }) => [abs(sub(predictions!, labels!))],
  examples: [
    { inputs: [f32([2], { values: [1, 2] }), f32([2], { values: [0, 4] })], attrs: {} },
    { inputs: [f64([2, 3], { domain: [1, 2] }), f64([2, 3], { domain: [-1, 0.5] })], attrs: {} },
    { inputs: [f64([3], { domain: [-2, -1] }), f64([3])], attrs: {} },
  ],
});

const LOG_TWO_PI = 1.8378770664093453;
export const gaussianNegativeLogLikelihoodOp = defineOp<NoAttrs>({
  name: "gaussianNegativeLogLikelihood",
  category: "loss",
  doc: [
    "Minus the logarithm of a normal density, element by element: the loss behind squared error.",
    "$y = \\tfrac12 (\\ln 2 \\pi \\sigma^2 + (t - \\mu)^2 / \\sigma^2)$",
  ].join("\n"),
  ...elementwise(["labels", "mean", "variance"]),
  dtypes: floatDType,
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, center, variance] }) => {
    const distance = div(square(sub(labels!, center!)), variance!);
    return [mul(add(add(log(variance!), LOG_TWO_PI), distance), 0.5)];
  },
  examples: [
    { inputs: [f32([2, 3]), f32([2, 3]), f32([2, 3], { domain: [0.5, 2] })], attrs: {} },
    { inputs: [f64([3]), f64([3]), f64([3], { domain: [0.5, 2] })], attrs: {} },
  ],
});

// ── classification ───────────────────────────────────────────────────────────────────────────────────────────────

/** Gradient of the logits. Holds as it stands for labels that sum to 1 in each row, which labels should. */
const logitsGradient = (labels: Tensor, logits: Tensor, axis: number, g: Tensor): Tensor =>
  mul(expandDims(g, axis), sub(softmax(logits, { axis }), labels));

/** Two distributions over three classes. */
const ROWS = { values: [0, 0, 1, 0.25, 0.25, 0.5] };

export const softmaxCrossEntropyOp = defineOp<ClassAttrs>({
  name: "softmaxCrossEntropy",
  category: "loss",
  doc: [
    "Cross entropy of labels and the softmax of logits, one value per row; finite however large the logits are.",
    "$y = -\\sum_k t_k \\ln \\mathrm{softmax}(z)_k, \\quad \\partial y / \\partial z = \\mathrm{softmax}(z) - t$",
    "The derivative is that for labels that sum to 1, as in TensorFlow.",
  ].join("\n"),
  inputs: ["labels", "logits"],
  dtypes: distributionDType,
  shapes: (inputs, { axis }, context) => rowShapes(inputs, axis, ["labels", "logits"], context),
  gradient: ({ op, x: [labels, logits], g }) => {
    const { axis } = op.attrs;
    return [neg(mul(expandDims(g, axis), logSoftmax(logits!, { axis }))), logitsGradient(labels!, logits!, axis, g)];
  },
  decompose: ({ inputs: [labels, logits], attrs: { axis } }) => [
    neg(sum(mul(labels!, logSoftmax(logits!, { axis })), { axis })),
  ],
  // Labels are given, since they must sum to 1.
  examples: [
    { inputs: [f32([3], { values: [0, 0, 1] }), f32([3], { values: [1, 2, 3] })], attrs: { axis: -1 } },
    { inputs: [f32([2, 3], ROWS), f32([2, 3], { domain: [-3, 3] })], attrs: { axis: -1 } },
    { inputs: [f64([2, 3], ROWS), f64([2, 3])], attrs: { axis: 1 } },
    { inputs: [f64([2, 2], { values: [0.25, 0.5, 0.75, 0.5] }), f64([2, 2])], attrs: { axis: 0 } },
  ],
});

/** Class numbers as 0 and 1 along the class axis, with as many classes as `scores` has. */
const oneHotLabels = (labels: Tensor, scores: Tensor, axis: number): Tensor =>
  oneHot(labels, scores.shape!.at(axis)!, { axis, dtype: scores.dtype });

function sparseDType([labels, scores]: readonly DType[], _attrs: ClassAttrs, context: DTypeContext): readonly DType[] {
  if (labels !== "int32") {
    context.fail(
      `labels are ${labels}, not class numbers (int32)`,
      'one-hot labels belong to softmaxCrossEntropy; class numbers: cast(labels, "int32")',
    );
  }
  if (!isFloat(scores!)) context.fail(`logits are ${scores}, not floating point`, 'convert them: cast(x, "float32")');
  return [scores!];
}

export const sparseSoftmaxCrossEntropyOp = defineOp<ClassAttrs>({
  name: "sparseSoftmaxCrossEntropy",
  category: "loss",
  doc: [
    "softmaxCrossEntropy for labels that are class numbers; equal to it on one-hot labels bit for bit.",
    "$y = -\\ln \\mathrm{softmax}(z)_t$",
    "A label outside of 0 … K-1 stands for no class: its one-hot row is all 0.",
  ].join("\n"),
  inputs: ["labels", "logits"],
  dtypes: sparseDType,
  shapes: ([labels, logits], { axis }, context) => {
    const at = normalizeAxis(axis, logits!.length, context);
    const rows = withoutAxis(logits!, at);
    if (labels!.length !== rows.length) {
      context.fail(`labels have rank ${labels!.length}, logits without their class axis rank ${rows.length}`, {
        fix: "give one class number per row; one-hot labels belong to softmaxCrossEntropy",
      });
    }
    rows.forEach((size, axisOfRows) => {
      const label = labels![axisOfRows]!;
      const axisOfLogits = axisOfRows < at ? axisOfRows : axisOfRows + 1;
      context.require(label, size, `${sizeText(label)} labels for ${sizeText(size)} rows of logits`, {
        marks: [[axisOfRows], [axisOfLogits]],
        fix: "give one class number per row",
      });
    });
    return [rows];
  },
  // The gradient needs the number of classes, so the rank of the logits must be known now.
  shapesOfUnknown: ([, logits], { axis }, context) => {
    if (!logits) {
      return context.fail("the rank of logits is not known, and so not the number of classes", {
        fix: 'give their placeholder a shape such as ["batch", 10]',
      });
    }
    return [withoutAxis(logits, normalizeAxis(axis, logits.length, context))];
  },
  gradient: ({ op, x: [labels, logits], g }) => {
    const { axis } = op.attrs;
    return [null, logitsGradient(oneHotLabels(labels!, logits!, axis), logits!, axis, g)];
  },
  decompose: ({ inputs: [labels, logits], attrs: { axis } }) => [
    apply(softmaxCrossEntropyOp, [oneHotLabels(labels!, logits!, axis), logits!], { axis }),
  ],
  examples: [
    { inputs: [i32([2], { values: [2, 0] }), f32([2, 3])], attrs: { axis: -1 } },
    { inputs: [i32([4], { values: [0, 1, 2, 1] }), f64([4, 3], { domain: [-3, 3] })], attrs: { axis: 1 } },
    { inputs: [i32([2, 2], { values: [2, 0, 1, 1] }), f64([2, 2, 3])], attrs: { axis: -1 } },
    { inputs: [i32([2], { values: [1, 0] }), f64([3, 2])], attrs: { axis: 0 } },
  ],
});

/** Keeps logarithms finite, as Keras does. */
export const clip = (p: Tensor, epsilon: number): Tensor => clipByValue(p, epsilon, 1 - epsilon);

export type CategoricalAttrs = { readonly axis: number; readonly epsilon: number };
export const categoricalCrossEntropyOp = defineOp<CategoricalAttrs>({
  name: "categoricalCrossEntropy",
  category: "loss",
  doc: [
    "Cross entropy of labels and probabilities, one value per row.",
    "$y = -\\sum_k t_k \\ln q_k$ with $q = \\mathrm{clip}(p / \\sum_j p_j, \\varepsilon, 1 - \\varepsilon)$",
    "As in Keras, probabilities are scaled to sum to 1 and clipped, so that a probability of 0 costs -ln ε instead of ∞.",
  ].join("\n"),
  inputs: ["labels", "probabilities"],
  dtypes: distributionDType,
  shapes: (inputs, { axis }, context) => rowShapes(inputs, axis, ["labels", "probabilities"], context),
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, probabilities], attrs: { axis, epsilon } }) => {
    const scaled = div(probabilities!, sum(probabilities!, { axis, keepDims: true }));
    return [neg(sum(mul(labels!, log(clip(scaled, epsilon))), { axis }))];
  },
  examples: [
    {
      inputs: [f32([3], { values: [0, 0, 1] }), f32([3], { domain: [0.2, 0.8] })],
      attrs: { axis: -1, epsilon: 1e-7 },
    },
    { inputs: [f64([2, 3], ROWS), f64([2, 3], { domain: [0.2, 0.8] })], attrs: { axis: 1, epsilon: 1e-7 } },
  ],
});

export const binaryCrossEntropyOp = defineOp<{ readonly epsilon: number }>({
  name: "binaryCrossEntropy",
  category: "loss",
  doc: [
    "Minus the log-likelihood of a Bernoulli distribution with probability p, element by element.",
    "$y = -t \\ln q - (1 - t) \\ln (1 - q)$ with $q = \\mathrm{clip}(p, \\varepsilon, 1 - \\varepsilon)$",
  ].join("\n"),
  ...elementwise(["labels", "probabilities"]),
  dtypes: floatDType,
  gradient: "via-decompose",
  decompose: ({ inputs: [labels, probabilities], attrs: { epsilon } }) => {
    const p = clip(probabilities!, epsilon);
    return [neg(add(mul(labels!, log(p)), mul(sub(1, labels!), log1p(neg(p)))))];
  },
  examples: [
    { inputs: [f32([2], { values: [1, 0] }), f32([2], { values: [0.8, 0.8] })], attrs: { epsilon: 1e-7 } },
    { inputs: [f64([2, 3], { domain: [0, 1] }), f64([2, 3], { domain: [0.1, 0.9] })], attrs: { epsilon: 1e-7 } },
  ],
});

export const sigmoidCrossEntropyOp = defineOp<NoAttrs>({
  name: "sigmoidCrossEntropy",
  category: "loss",
  doc: [
    "Minus the log-likelihood of a Bernoulli distribution with probability σ(z), element by element; finite for any z.",
    "$y = \\max(z, 0) - z t + \\ln(1 + e^{-|z|}), \\quad \\partial y / \\partial z = \\sigma(z) - t$",
  ].join("\n"),
  ...elementwise(["labels", "logits"]),
  dtypes: floatDType,
  gradient: ({ x: [labels, logits], g }) => [neg(mul(g, logits!)), mul(g, sub(sigmoid(logits!), labels!))],
  decompose: ({ inputs: [labels, logits] }) => [
    add(sub(relu(logits!), mul(logits!, labels!)), log1p(exp(neg(abs(logits!))))),
  ],
  examples: [
    { inputs: [f32([2], { values: [0, 1] }), f32([2], { values: [40, -40] })], attrs: {} },
    { inputs: [f64([2, 3], { domain: [0, 1] }), f64([2, 3], { domain: [-3, 3] })], attrs: {} },
  ],
});

// ── user functions ───────────────────────────────────────────────────────────────────────────────────────────────

export type LossReduction = "mean" | "sum" | "none";
export interface LossOptions<R extends LossReduction = LossReduction> extends OpOptions {
  /** How the single losses become one: their mean (default), their sum, or not at all. */
  readonly reduction?: R;
}
export interface ClassLossOptions<R extends LossReduction = LossReduction, A = number> extends LossOptions<R> {
  /** Axis of the classes; may count from the end. Default: the last one. */
  readonly axis?: A;
}
export interface ProbabilityLossOptions<R extends LossReduction = LossReduction> extends LossOptions<R> {
  /** True if the predictions are scores before softmax or sigmoid: then the stable form is used. Default false. */
  readonly fromLogits?: boolean;
}

const nameOf = (options: LossOptions): OpOptions => (options.name === undefined ? {} : { name: options.name });

/** Builds a record's losses and folds them; a wished name goes to the result. */
export function reduced<S extends Shape = AnyShape>(
  options: LossOptions,
  build: (named: OpOptions) => Tensor,
): Tensor<S> {
  const { reduction = "mean" } = options;
  const named = nameOf(options);
  if (reduction === "none") return build(named) as Tensor<S>;
  if (reduction === "sum") return sum(build({}), named) as Tensor as Tensor<S>;
  if (reduction === "mean") return mean(build({}), named) as Tensor as Tensor<S>;
  throw new GraphError({
    what: `loss: there is no reduction "${reduction}"`,
    at: lineOf(captureStack()),
    fix: 'choose "mean", "sum" or "none"',
  });
}

const warned = new WeakSet<Operation>();
/** Feeding probabilities where scores belong applies softmax twice: training works, badly, and nothing else says so. */
function warnOfActivated(loss: string, logits: Tensor, activation: "softmax" | "sigmoid", instead: string): void {
  const { op } = logits;
  if (op.def.name !== activation || warned.has(op)) return;
  warned.add(op);
  warn({
    what: `${loss}: the logits "${op.name}" are already a ${activation}, which would be applied twice`,
    details: op.line === null ? [] : [`${op.name} made at ${op.line}`],
    at: lineOf(captureStack()),
    fix: `pass what goes into the ${activation}, or use ${instead}`,
  });
}

/** Complains unless both have one shape. */
type Beside<Op extends string, Labels, Predictions, Names extends string = "labels and predictions"> = Unless<
  LossConflict<Op, ShapeOf<Labels>, ShapeOf<Predictions>, Names>
>;
/** Complains of scores that do not go with labels that are class numbers. */
type BesideClasses<Op extends string, Labels extends Shape, S extends Shape, A extends number> = Unless<
  ClassConflict<Op, Labels, S, A>
>;
type Loss<S extends Shape, R extends LossReduction> = Tensor<Result<LossResult<S, R>>>;

/** Mean of `(labels - predictions)²` over all elements. */
export function meanSquaredError<const L extends Operand, const P extends Operand, R extends LossReduction = "mean">(
  labels: L,
  predictions: P & Beside<"meanSquaredError", L, P>,
  options: LossOptions<R> = {},
): Loss<ShapeOf<P>, R> {
  return reduced(options, (named) => apply(squaredErrorOp, [labels, predictions], {}, named));
}

/** Mean of `|labels - predictions|` over all elements. */
export function meanAbsoluteError<const L extends Operand, const P extends Operand, R extends LossReduction = "mean">(
  labels: L,
  predictions: P & Beside<"meanAbsoluteError", L, P>,
  options: LossOptions<R> = {},
): Loss<ShapeOf<P>, R> {
  return reduced(options, (named) => apply(absoluteErrorOp, [labels, predictions], {}, named));
}

/** Mean of minus the log-density of `labels` under normal distributions with these means and variances. */
export function gaussianNegativeLogLikelihood<
  const L extends Operand,
  const C extends Operand,
  const V extends Operand,
  R extends LossReduction = "mean",
>(
  labels: L,
  center: C & Beside<"gaussianNegativeLogLikelihood", L, C, "labels and mean">,
  variance: V & Beside<"gaussianNegativeLogLikelihood", L, V, "labels and variance">,
  options: LossOptions<R> = {},
): Loss<ShapeOf<C>, R> {
  return reduced(options, (named) => apply(gaussianNegativeLogLikelihoodOp, [labels, center, variance], {}, named));
}

/**
 * Cross entropy of `labels` (one-hot, or any distribution over the classes) and the softmax of `logits`: the mean over
 * the rows. Warns when the logits are a softmax already.
 */
export function softmaxCrossEntropy<
  const L extends Operand,
  S extends Shape,
  const A extends number = -1,
  R extends LossReduction = "mean",
>(
  labels: L,
  logits: Tensor<S> & Beside<"softmaxCrossEntropy", L, Tensor<S>, "labels and logits">,
  { axis, ...options }: ClassLossOptions<R, A & CheckAxis<"softmaxCrossEntropy", S, A>> = {},
): Loss<Rows<S, A>, R> {
  warnOfActivated("softmaxCrossEntropy", logits, "softmax", "categoricalCrossEntropy");
  return reduced(options, (named) => apply(softmaxCrossEntropyOp, [labels, logits], { axis: axis ?? -1 }, named));
}

/**
 * As `softmaxCrossEntropy`, for labels that are class numbers (int32); the same bits as with one-hot labels.
 */
export function sparseSoftmaxCrossEntropy<
  L extends Shape,
  S extends Shape,
  const A extends number = -1,
  R extends LossReduction = "mean",
>(
  labels: Tensor<L>,
  logits: Tensor<S> & BesideClasses<"sparseSoftmaxCrossEntropy", L, S, A>,
  { axis, ...options }: ClassLossOptions<R, A & CheckAxis<"sparseSoftmaxCrossEntropy", S, A>> = {},
): Loss<Rows<S, A>, R> {
  warnOfActivated("sparseSoftmaxCrossEntropy", logits, "softmax", "sparseCategoricalCrossEntropy");
  return reduced(options, (named) => apply(sparseSoftmaxCrossEntropyOp, [labels, logits], { axis: axis ?? -1 }, named));
}

export type CategoricalOptions<R extends LossReduction = LossReduction, A = number> = ClassLossOptions<R, A> &
  ProbabilityLossOptions<R> & {
    /** Probabilities are clipped to [epsilon, 1 - epsilon]; default 1e-7 as in Keras. */
    readonly epsilon?: number;
  };

/** Cross entropy of `labels` (a distribution over the classes) and probabilities, as Keras: the mean over the rows. */
export function categoricalCrossEntropy<
  const L extends Operand,
  S extends Shape,
  const A extends number = -1,
  R extends LossReduction = "mean",
>(
  labels: L,
  predictions: Tensor<S> & Beside<"categoricalCrossEntropy", L, Tensor<S>, "labels and predictions">,
  given: CategoricalOptions<R, A & CheckAxis<"categoricalCrossEntropy", S, A>> = {},
): Loss<Rows<S, A>, R> {
  const { fromLogits = false, axis = -1, epsilon = 1e-7, ...options }: CategoricalOptions = given;
  if (fromLogits)
    return softmaxCrossEntropy<Operand, Shape, number, LossReduction>(labels, predictions, {
      axis,
      ...options,
    }) as Loss<Rows<S, A>, R>;
  return reduced(options, (named) => apply(categoricalCrossEntropyOp, [labels, predictions], { axis, epsilon }, named));
}

/** As `categoricalCrossEntropy`, for labels that are class numbers (int32); the same bits as with one-hot labels. */
export function sparseCategoricalCrossEntropy<
  L extends Shape,
  S extends Shape,
  const A extends number = -1,
  R extends LossReduction = "mean",
>(
  labels: Tensor<L>,
  predictions: Tensor<S> & BesideClasses<"sparseCategoricalCrossEntropy", L, S, A>,
  given: CategoricalOptions<R, A & CheckAxis<"sparseCategoricalCrossEntropy", S, A>> = {},
): Loss<Rows<S, A>, R> {
  const { fromLogits = false, axis = -1, epsilon, ...options }: CategoricalOptions = given;
  if (fromLogits)
    return sparseSoftmaxCrossEntropy<Shape, Shape, number, LossReduction>(labels, predictions, {
      axis,
      ...options,
    }) as Loss<Rows<S, A>, R>;
  if (predictions.shape === null) {
    throw new GraphError({
      what: "sparseCategoricalCrossEntropy: the rank of the predictions is not known, and so not the number of classes",
      at: predictions.op.line,
      fix: 'give their placeholder a shape such as ["batch", 10]',
    });
  }
  const rows = oneHotLabels(labels, predictions, axis);
  const rest = { axis, ...(epsilon === undefined ? {} : { epsilon }), ...options };
  return categoricalCrossEntropy<Tensor, Shape, number, LossReduction>(rows, predictions, rest) as Loss<Rows<S, A>, R>;
}

export type BinaryOptions<R extends LossReduction = LossReduction> = ProbabilityLossOptions<R> &
  Pick<CategoricalOptions, "epsilon">;

/** Mean of minus the log-likelihood of 0/1 `labels` under Bernoulli distributions with these probabilities. */
export function binaryCrossEntropy<const L extends Operand, S extends Shape, R extends LossReduction = "mean">(
  labels: L,
  predictions: Tensor<S> & Beside<"binaryCrossEntropy", L, Tensor<S>, "labels and predictions">,
  given: BinaryOptions<R> = {},
): Loss<S, R> {
  const { fromLogits = false, epsilon = 1e-7, ...options }: BinaryOptions = given;
  if (fromLogits) return sigmoidCrossEntropy<Operand, Shape, LossReduction>(labels, predictions, options) as Loss<S, R>;
  return reduced(options, (named) => apply(binaryCrossEntropyOp, [labels, predictions], { epsilon }, named));
}

/** As `binaryCrossEntropy` from scores before the sigmoid. Warns when they are a sigmoid already. */
export function sigmoidCrossEntropy<const L extends Operand, S extends Shape, R extends LossReduction = "mean">(
  labels: L,
  logits: Tensor<S> & Beside<"sigmoidCrossEntropy", L, Tensor<S>, "labels and logits">,
  options: LossOptions<R> = {},
): Loss<S, R> {
  warnOfActivated("sigmoidCrossEntropy", logits, "sigmoid", "binaryCrossEntropy");
  return reduced(options, (named) => apply(sigmoidCrossEntropyOp, [labels, logits], {}, named));
}

export const LOSS_OPS = [
  squaredErrorOp,
  absoluteErrorOp,
  gaussianNegativeLogLikelihoodOp,
  softmaxCrossEntropyOp,
  sparseSoftmaxCrossEntropyOp,
  categoricalCrossEntropyOp,
  binaryCrossEntropyOp,
  sigmoidCrossEntropyOp,
] as const;
