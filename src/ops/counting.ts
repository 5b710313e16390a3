import { type DType, isFloat } from "../core/dtype.ts";
import { normalizeAxes } from "../core/shape.ts";
import { isKnown, type Size, sizeFrom } from "../core/size.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { defineOp } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { sizeExpr } from "../kernel/extent.ts";
import { countAlong } from "./reduction.ts";
import { apply, builderAt, f32, f64, type OpOptions } from "./support.ts";

export const rangeOp = defineOp<{ readonly length: Size; readonly dtype: DType }>({
  name: "range",
  category: "source",
  doc: "The numbers from 0 on, as many as `length` says.\n$y_i = i$",
  inputs: [],
  dtypes: (_inputs, { dtype }, context) =>
    dtype === "bool" ? context.fail("takes numbers, not bool", 'use "int32"') : [dtype],
  shapes: (_inputs, { length }) => [[length]],
  gradient: "none",
  compute: ({ attrs: { dtype }, k }, [i]) => k.cast(i!, dtype),
  cost: "cheap",
  examples: [
    { inputs: [], attrs: { length: 5, dtype: "int32" } },
    { inputs: [], attrs: { length: 3, dtype: "float64" } },
    { inputs: [], attrs: { length: 0, dtype: "float32" } },
  ],
});

/** `[0, 1, …, length - 1]`; `length` may be a named size. `where` is a graph, or a tensor of it. */
export const range = (
  where: GraphBuilder | Tensor,
  length: Size | string,
  dtype: DType = "int32",
  options?: OpOptions,
): Tensor => {
  const size = typeof length === "string" ? sizeFrom(length, "range") : length;
  return builderAt(where).apply(rangeOp, [], { length: size, dtype }, options).outputs[0]!;
};

export const sizeValueOp = defineOp<{ readonly size: Size; readonly dtype: DType }>({
  name: "sizeValue",
  category: "source",
  doc: "A size, such as the number of examples in a batch, as a scalar. It is a number once feeds are given.\n$y = N$",
  inputs: [],
  dtypes: (_inputs, { dtype }) => [dtype],
  shapes: () => [[]],
  gradient: "none",
  compute: ({ attrs: { size, dtype }, k }) => (isKnown(size) ? k.constant(size, dtype) : k.cast(sizeExpr(size), dtype)),
  cost: "free",
  examples: [
    { inputs: [], attrs: { size: 7, dtype: "float32" } },
    { inputs: [], attrs: { size: 7, dtype: "int32" } },
  ],
});

/** A size as a scalar tensor of `dtype`. `where` is a graph, or a tensor of it. */
export const sizeValue = (
  where: GraphBuilder | Tensor,
  size: Size,
  dtype: DType = "float32",
  options?: OpOptions,
): Tensor<readonly []> =>
  builderAt(where).apply(sizeValueOp, [], { size, dtype }, options).outputs[0] as Tensor<readonly []>;

export const elementCountOp = defineOp<{ readonly axes: readonly number[] | null }>({
  name: "elementCount",
  category: "source",
  doc: "How many elements a tensor has along some or all axes, in its own dtype. Used where ranks are not known yet.\n$y = \\prod_a n_a$",
  inputs: ["x"],
  dtypes: ([x], _attrs, context) =>
    isFloat(x!) ? [x!] : context.fail(`takes floating point, not ${x}`, 'convert it first: cast(x, "float32")'),
  shapes: ([x], { axes }, context) => {
    normalizeAxes(axes, x!.length, context);
    return [[]];
  },
  shapesOfUnknown: () => [[]],
  gradient: "zero",
  compute: ({ in: [x], attrs: { axes }, output }) => countAlong(x!, axes, output.dtype),
  cost: "free",
  examples: [
    { inputs: [f32([2, 3, 4])], attrs: { axes: null } },
    { inputs: [f64([2, 3, 4])], attrs: { axes: [0, -1] } },
  ],
});

/** How many elements `x` has along `axes` (null: along all), as a scalar of its dtype. */
export const elementCount = (x: Tensor, axes: readonly number[] | null, options?: OpOptions): Tensor<readonly []> =>
  apply(elementCountOp, [x], { axes }, options);

export const COUNTING_OPS = [rangeOp, sizeValueOp, elementCountOp];
