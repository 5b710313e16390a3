import { type DType, isFloat } from "../core/dtype.ts";
import type { Sizes } from "../core/shape.ts";
import { isKnown, type Size, sizeFrom, sizeText } from "../core/size.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { defineOp } from "../graph/define.ts";
import type { Tensor } from "../graph/operation.ts";
import { int } from "../kernel/expr.ts";
import { broadcastTo, reshape } from "./movement.ts";
import { builderAt, callError, type OpOptions } from "./support.ts";

type LinspaceAttrs = { readonly start: number; readonly stop: number; readonly count: Size; readonly dtype: DType };

export const linspaceOp = defineOp<LinspaceAttrs>({
  name: "linspace",
  category: "source",
  doc: "Numbers at equal distances from `start` to `stop`, both included.\n$y_i = a + i (b - a) / (n - 1)$, the last one exactly $b$",
  inputs: [],
  dtypes: (_inputs, { dtype }, context) =>
    isFloat(dtype) ? [dtype] : context.fail(`gives floating point, not ${dtype}`, 'use "float32", or range'),
  shapes: (_inputs, { count }, context) => {
    if (isKnown(count) && count < 1) context.fail(`${sizeText(count)} numbers`, { fix: "ask for 1 or more" });
    return [[count]];
  },
  gradient: "none",
  compute: ({ attrs: { start, stop }, output: { shape, dtype }, k }, [i]) => {
    const last = shape[0]! - 1;
    if (last < 1) return k.constant(start, dtype);
    const step = k.constant((stop - start) / last, dtype);
    const value = k.binary("add", k.constant(start, dtype), k.binary("mul", k.cast(i!, dtype), step));
    return k.select(k.binary("eq", i!, int(last)), k.constant(stop, dtype), value);
  },
  cost: "cheap",
  examples: [
    { inputs: [], attrs: { start: 0, stop: 1, count: 5, dtype: "float32" } },
    { inputs: [], attrs: { start: 3, stop: -2.3, count: 7, dtype: "float64" } },
    { inputs: [], attrs: { start: 2, stop: 5, count: 1, dtype: "float32" } },
  ],
});

/**
 * `count` numbers at equal distances from `start` to `stop`, both included. `where` is a graph, or a tensor of it.
 * @throws ShapeError for a count below 1, DTypeError for a dtype without fractions
 */
export function linspace(
  where: GraphBuilder | Tensor,
  start: number,
  stop: number,
  count: Size | string,
  dtype: DType = "float32",
  options?: OpOptions,
): Tensor {
  const size = typeof count === "string" ? sizeFrom(count, "linspace") : count;
  return builderAt(where).apply(linspaceOp, [], { start, stop, count: size, dtype }, options).outputs[0]!;
}

type EyeAttrs = { readonly rows: Size; readonly columns: Size; readonly dtype: DType };

export const eyeOp = defineOp<EyeAttrs>({
  name: "eye",
  category: "source",
  doc: "The identity matrix: ones on the diagonal, zeros elsewhere.\n$y_{ij} = [i = j]$",
  inputs: [],
  dtypes: (_inputs, { dtype }) => [dtype],
  shapes: (_inputs, { rows, columns }) => [[rows, columns]],
  gradient: "none",
  compute: ({ attrs: { dtype }, k }, [row, column]) =>
    k.select(k.binary("eq", row!, column!), k.constant(1, dtype), k.constant(0, dtype)),
  cost: "cheap",
  examples: [
    { inputs: [], attrs: { rows: 3, columns: 3, dtype: "float32" } },
    { inputs: [], attrs: { rows: 2, columns: 4, dtype: "int32" } },
    { inputs: [], attrs: { rows: 3, columns: 1, dtype: "bool" } },
  ],
});

export interface EyeOptions extends OpOptions {
  /** Default: as many as rows. */
  readonly columns?: Size | string;
  /** Default float32. */
  readonly dtype?: DType;
}

/** The identity matrix with `rows` rows. `where` is a graph, or a tensor of it. */
export function eye(where: GraphBuilder | Tensor, rows: Size | string, options: EyeOptions = {}): Tensor {
  const { columns = rows, dtype = "float32", ...named } = options;
  const [height, width] = [rows, columns].map((size) => (typeof size === "string" ? sizeFrom(size, "eye") : size));
  return builderAt(where).apply(eyeOp, [], { rows: height!, columns: width!, dtype }, named).outputs[0]!;
}

export interface MeshgridOptions extends OpOptions {
  /** `"xy"` (the default, as in TensorFlow) makes the first vector run along axis 1, `"ij"` along axis 0. */
  readonly indexing?: "xy" | "ij";
}

/**
 * Vectors repeated so that together they name every point of the grid they span: one tensor for each vector, all of
 * one shape.
 * @throws GraphError unless all are vectors
 */
export function meshgrid(vectors: readonly Tensor[], options: MeshgridOptions = {}): readonly Tensor[] {
  const { indexing = "xy", ...named } = options;
  const sizes = vectors.map((vector) => {
    if (vector.shape === null || vector.shape.length !== 1) {
      throw callError("meshgrid", `"${vector.name}" is not a vector`, "reshape it: reshape(x, [-1])");
    }
    return vector.shape[0]!;
  });
  // The first two axes change places for "xy".
  const axisOf = (which: number): number => (indexing === "xy" && vectors.length > 1 && which < 2 ? 1 - which : which);
  const shape: Size[] = [];
  sizes.forEach((size, which) => {
    shape[axisOf(which)] = size;
  });
  return vectors.map((vector, which) => {
    const line: Sizes = shape.map((size, axis) => (axis === axisOf(which) ? size : 1));
    return broadcastTo(reshape(vector, line), shape, { name: "meshgrid", ...named });
  });
}

export const GRID_OPS = [linspaceOp, eyeOp] as const;
