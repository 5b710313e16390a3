import { normalizeAxes } from "../core/shape.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { maximum, mul, square } from "./arithmetic.ts";
import { cast, notEqual } from "./comparison.ts";
import { rsqrt } from "./elementary.ts";
import { mean, norm, type ReductionOptions, reductionAttrs, sum, variance } from "./reduction.ts";
import { apply, f32, f64, floatDType, type OpOptions } from "./support.ts";

type NormalizeAttrs = { readonly axes: readonly number[] | null; readonly epsilon: number };

export const l2NormalizeOp: OpDef<NormalizeAttrs> = defineOp<NormalizeAttrs>({
  name: "l2Normalize",
  category: "neural",
  doc: [
    "Scales to Euclidean length 1 over some or all axes; squared lengths below epsilon count as epsilon.",
    "$y_i = x_i / \\sqrt{\\max(\\sum_j x_j^2, \\varepsilon)}$",
  ].join("\n"),
  inputs: ["x"],
  dtypes: floatDType,
  shapes: ([x], { axes }, context) => {
    normalizeAxes(axes, x!.length, context);
    return [x!];
  },
  shapesOfUnknown: ([x]) => [x ?? null],
  gradient: "via-decompose",
  decompose: ({ inputs: [x], attrs: { axes, epsilon } }) => [
    mul(x!, rsqrt(maximum(sum(square(x!), { axis: axes, keepDims: true }), epsilon))),
  ],
  examples: [
    { inputs: [f32([2, 3])], attrs: { axes: [1], epsilon: 1e-12 } },
    { inputs: [f64([2, 3, 2])], attrs: { axes: [0, -1], epsilon: 1e-12 } },
    { inputs: [f64([3])], attrs: { axes: null, epsilon: 1e-12 } },
    { inputs: [f64([2], { values: [0.01, -0.02] })], attrs: { axes: null, epsilon: 1 }, note: "shorter than epsilon" },
  ],
});

export interface L2NormalizeOptions extends OpOptions {
  /** One or several; none given for all. */
  readonly axis?: number | readonly number[] | null;
  /** Smallest squared length; default 1e-12. */
  readonly epsilon?: number;
}

/** `x` scaled to Euclidean length 1 over axes. */
export function l2Normalize(x: Tensor, options: L2NormalizeOptions = {}): Tensor {
  const { axes } = reductionAttrs({ axis: options.axis ?? null });
  return apply(l2NormalizeOp, [x], { axes, epsilon: options.epsilon ?? 1e-12 }, options);
}

/** Mean and variance (dividing by n) over axes, as `mean` and `variance`. */
export const moments = (
  x: Tensor,
  options: ReductionOptions = {},
): { readonly mean: Tensor; readonly variance: Tensor } => ({
  mean: mean(x, options),
  variance: variance(x, options),
});

/** How many elements are not 0, over axes, as int32. */
export const countNonzero = (x: Tensor, options: ReductionOptions = {}): Tensor =>
  sum(cast(notEqual(x, x.dtype === "bool" ? false : 0), "int32"), { ...options, name: options.name ?? "countNonzero" });

/** TensorFlow's other name for `norm`: Euclidean length over axes. */
export const reduceEuclideanNorm = (x: Tensor, options: ReductionOptions = {}): Tensor => norm(x, options);

export const STATISTICS_OPS = [l2NormalizeOp] as const;
