import { normalizeAxes } from "../core/shape.ts";
import { productOf } from "../core/size.ts";
import { defineOp, type OpDef } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { mul } from "./arithmetic.ts";
import { equal, where } from "./comparison.ts";
import { range } from "./counting.ts";
import { broadcastTo, expandDims, reshape, transpose } from "./movement.ts";
import {
  axesOf,
  foldAxes,
  type Reduction,
  type ReductionAttrs,
  reductionAttrs,
  reductionShapes,
  spreadTo,
  sum,
} from "./reduction.ts";
import { apply, callError, f32, f64, floatDType, i32, numericDType } from "./support.ts";

const PRODUCT_EXAMPLES = [
  { inputs: [f32([2, 3, 2])], attrs: { axes: [1], keepDims: false } },
  { inputs: [f64([2, 3, 2])], attrs: { axes: [0, -1], keepDims: true } },
  { inputs: [f64([2, 2])], attrs: { axes: null, keepDims: false } },
  { inputs: [f64([3], { values: [0, 4, 2] })], attrs: { axes: null, keepDims: false }, note: "one zero" },
  { inputs: [f64([3], { values: [0, 4, 0] })], attrs: { axes: null, keepDims: false }, note: "two zeros" },
  { inputs: [f64([2, 3])], attrs: { axes: [], keepDims: false } },
  { inputs: [f32([2, 1])], attrs: { axes: [-1], keepDims: false } },
];

export const prodOp: OpDef<ReductionAttrs> = defineOp<ReductionAttrs>({
  name: "prod",
  category: "reduction",
  doc: [
    "Product over some or all axes; 1 of nothing.",
    "$y = \\prod_i x_i$",
    "Without axes all are reduced; over no axes ([]) the value stays as it is.",
    "The gradient is right at zeros too; it takes work in the square of the number of factors.",
  ].join("\n"),
  inputs: ["x"],
  dtypes: numericDType,
  ...reductionShapes,
  gradient: ({ op, x: [x], g }) => {
    const { axes, keepDims } = op.attrs;
    return [mul(spreadTo(g, x!, { axes, keepDims }), apply(prodOfOthersOp, [x!], { axes }))];
  },
  compute: (context, index) => foldAxes(context, index, "mul"),
  examples: [
    ...PRODUCT_EXAMPLES,
    { inputs: [f32([2, 0])], attrs: { axes: [1], keepDims: false } },
    { inputs: [i32([2, 3], { domain: [-3, 3] })], attrs: { axes: [1], keepDims: false } },
  ],
});

type AxesAttrs = { readonly axes: readonly number[] | null };

export const prodOfOthersOp: OpDef<AxesAttrs> = defineOp<AxesAttrs>({
  name: "prodOfOthers",
  category: "reduction",
  doc: "For each element the product of all others along the axes: what `prod` has for a derivative.\n$y_i = \\prod_{j \\ne i} x_j$",
  inputs: ["x"],
  dtypes: floatDType,
  shapes: ([x], { axes }, context) => {
    normalizeAxes(axes, x!.length, context);
    return [x!];
  },
  shapesOfUnknown: ([x]) => [x ?? null],
  gradient: ({ op, x: [x], g }) => [apply(prodOfOthersGradientOp, [x!, g], op.attrs)],
  compute: ({ in: [x], attrs, output, k }, index) => {
    const axes = axesOf(attrs.axes, x!.extents.length);
    if (axes.length === 0) return k.constant(1, output.dtype);
    const sizes = axes.map((axis) => x!.extents[axis]!);
    return k.reduce("mul", sizes, (...others) => {
      const at = [...index];
      axes.forEach((axis, i) => {
        at[axis] = others[i]!;
      });
      const own = axes.map((axis, i) => k.binary("eq", others[i]!, index[axis]!));
      const itself = own.reduce((both, same) => k.binary("and", both, same), k.constant(1, "bool"));
      return k.select(itself, k.constant(1, output.dtype), x!(...at));
    });
  },
  cost: "expensive",
  examples: PRODUCT_EXAMPLES.map(({ inputs, attrs: { axes } }) => ({ inputs, attrs: { axes } })),
});

export const prodOfOthersGradientOp: OpDef<AxesAttrs> = defineOp<AxesAttrs>({
  name: "prodOfOthersGradient",
  category: "reduction",
  doc: "Gradient of `prodOfOthers`, with which `prod` can be differentiated twice and more, at zeros too.\n$y_j = \\sum_{i \\ne j} g_i \\prod_{k \\ne i, j} x_k$",
  inputs: ["x", "g"],
  dtypes: floatDType,
  shapes: ([x]) => [x!],
  shapesOfUnknown: ([x]) => [x ?? null],
  gradient: "via-decompose",
  decompose: ({ inputs: [x, g], attrs }) => [gradientOfOthers(x!, g!, attrs.axes)],
  examples: [
    { inputs: [f64([3]), f64([3])], attrs: { axes: null } },
    { inputs: [f64([2, 3]), f64([2, 3])], attrs: { axes: [0] } },
    { inputs: [f64([2, 2, 2]), f64([2, 2, 2])], attrs: { axes: [0, 2] } },
  ],
});

/** Lays the factors out in a last axis, then forms all products without factors i and j at once. */
function gradientOfOthers(x: Tensor, g: Tensor, axes: readonly number[] | null): Tensor {
  if (x.shape === null) {
    throw callError("prod", "a third derivative needs an operand of known rank", "give the placeholder a shape");
  }
  const { shape } = x;
  const factors = axesOf(axes, shape.length);
  const order = [...shape.map((_, axis) => axis).filter((axis) => !factors.includes(axis)), ...factors];
  const moved = order.map((axis) => shape[axis]!);
  const rest = moved.slice(0, shape.length - factors.length);
  const n = productOf(moved.slice(rest.length));
  const inLine = (t: Tensor): Tensor => reshape(transpose(t, order), [...rest, n]);

  // Row j: all factors, with 1 in place of factor j.
  const numbers = range(x, n);
  const diagonal = equal(expandDims(numbers, 1), expandDims(numbers, 0));
  const row = expandDims(inLine(x), rest.length);
  const withoutOne = where(diagonal, 1, broadcastTo(row, [...rest, n, n]));
  const withoutTwo = apply(prodOfOthersOp, [withoutOne], { axes: [-1] });
  const weighted = mul(expandDims(inLine(g), rest.length), where(diagonal, 0, withoutTwo));

  const back = shape.map((_, axis) => order.indexOf(axis));
  return transpose(reshape(sum(weighted, { axis: -1 }), moved), back);
}

/** Product over axes, as `sum`; 1 of nothing. */
export const prod: Reduction<"prod"> = (x, options = {}) => apply(prodOp, [x], reductionAttrs(options), options);

export const PRODUCT_OPS = [prodOp, prodOfOthersOp, prodOfOthersGradientOp];
