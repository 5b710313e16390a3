import { normalizeAxis, type ShapeContext, type Sizes } from "../core/shape.ts";
import type { CheckAxis, Shape } from "../core/shape-types.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import * as math from "../kernel/math/index.ts";
import { div, mul, sub } from "./arithmetic.ts";
import { log } from "./elementary.ts";
import { max, sum } from "./reduction.ts";
import {
  apply,
  defineUnary,
  FUNCTION,
  f32,
  f64,
  floatDType,
  type NoAttrs,
  type OpOptions,
  unaryExamples,
} from "./support.ts";

export type SoftmaxAttrs = { readonly axis: number };

/** The axis must exist; the shape stays. */
const alongAxis = {
  shapes: ([x]: readonly Sizes[], { axis }: SoftmaxAttrs, context: ShapeContext): readonly Sizes[] => {
    normalizeAxis(axis, x!.length, context);
    return [x!];
  },
  shapesOfUnknown: ([x]: readonly (Sizes | null)[]): readonly (Sizes | null)[] => [x ?? null],
};

export const expNonPositiveOp: OpDef<NoAttrs> = defineUnary({
  ...FUNCTION,
  name: "expNonPositive",
  doc: [
    "The exponential function of numbers that are not positive: the shifted scores of a softmax.",
    "$y = e^x, \\quad x \\le 0$",
    "Cheaper than `exp`, since nothing can overflow. Results below $2^{-126.5}$ (float64: $2^{-1022.5}$) are 0: beside the",
    "1 of the largest score they are nothing, and numbers so small are slow to compute with.",
  ].join("\n"),
  gradient: ({ y: [y], g }) => [mul(g, y!)],
  formula: (x, k) => k.call(math.expNonPositive, x),
  examples: [
    ...unaryExamples({ domain: [-4, 0] }),
    { inputs: [f32([5], { values: [0, -0.5, -80, -104, -1000] })], attrs: {}, note: "the last two are 0" },
  ],
});
const expNonPositive = (x: Tensor): Tensor => apply(expNonPositiveOp, [x], {});

/** What is left of the scores if their maximum is subtracted: no exponential of it overflows, the largest is 1. */
const shifted = (x: Tensor, axis: number): Tensor => sub(x, max(x, { axis, keepDims: true }));

const EXAMPLES = [
  { inputs: [f32([3], { values: [1, 2, 3] })], attrs: { axis: -1 } },
  { inputs: [f32([3], { values: [1000, 1001, 1002] })], attrs: { axis: 0 }, note: "the same as for [0, 1, 2]" },
  { inputs: [f32([4, 6])], attrs: { axis: 1 } },
  { inputs: [f64([3, 2, 5])], attrs: { axis: 0 } },
  { inputs: [f64([2, 3, 4], { domain: [-3, 3] })], attrs: { axis: -2 } },
  { inputs: [f64([2, 1])], attrs: { axis: -1 }, note: "a single class is certain" },
];

export const softmaxOp = defineOp<SoftmaxAttrs>({
  name: "softmax",
  category: "neural",
  doc: [
    "Exponentials normalised to sum to one along an axis.",
    "$y_i = e^{x_i - m} / \\sum_j e^{x_j - m}$ with $m = \\max_j x_j$, so that no exponential overflows.",
    "j runs over all classes 1 … K of the axis.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...alongAxis,
  // From the output: cheaper than through the decomposition, and the maximum need not be differentiated.
  gradient: ({ op, y: [y], g }) => {
    const weighted = mul(g, y!);
    return [sub(weighted, mul(y!, sum(weighted, { axis: op.attrs.axis, keepDims: true })))];
  },
  decompose: ({ inputs: [x], attrs: { axis } }) => {
    const powers = expNonPositive(shifted(x!, axis));
    // One division a row: a product costs a quarter of a quotient.
    return [mul(powers, div(1, sum(powers, { axis, keepDims: true })))];
  },
  examples: EXAMPLES,
});

export const logSoftmaxOp: OpDef<SoftmaxAttrs> = defineOp<SoftmaxAttrs>({
  name: "logSoftmax",
  category: "neural",
  doc: [
    "Logarithm of the softmax, without ever forming a probability that could round to 0.",
    "$y_i = x_i - m - \\ln \\sum_j e^{x_j - m}$ with $m = \\max_j x_j$",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  ...alongAxis,
  gradient: ({ op, y: [y], g }) => [sub(g, mul(expNonPositive(y!), sum(g, { axis: op.attrs.axis, keepDims: true })))],
  decompose: ({ inputs: [x], attrs: { axis } }) => {
    const below = shifted(x!, axis);
    return [sub(below, log(sum(expNonPositive(below), { axis, keepDims: true })))];
  },
  examples: EXAMPLES,
});

export interface SoftmaxOptions extends OpOptions {
  /** Axis of the classes; may count from the end. Default: the last one. */
  readonly axis?: number;
}

/** `SoftmaxOptions` whose axis the editor checks. */
export interface AlongAxis<Op extends string, S extends Shape, A extends number> extends OpOptions {
  readonly axis?: A & CheckAxis<Op, S, A>;
}

/**
 * Probabilities from scores along an axis. For a loss take the scores themselves: `softmaxCrossEntropy`.
 * @throws ShapeError when there is no such axis
 */
export const softmax = <S extends Shape, const A extends number = -1>(
  x: Tensor<S>,
  options?: AlongAxis<"softmax", S, A>,
): Tensor<S> => {
  const { axis = -1, ...named }: SoftmaxOptions = options ?? {};
  return apply<S>(softmaxOp, [x], { axis }, named);
};

/**
 * Logarithm of the softmax along an axis.
 * @throws ShapeError when there is no such axis
 */
export const logSoftmax = <S extends Shape, const A extends number = -1>(
  x: Tensor<S>,
  options?: AlongAxis<"logSoftmax", S, A>,
): Tensor<S> => {
  const { axis = -1, ...named }: SoftmaxOptions = options ?? {};
  return apply<S>(logSoftmaxOp, [x], { axis }, named);
};

export const SOFTMAX_OPS = [expNonPositiveOp, softmaxOp, logSoftmaxOp] as const;
