/** How the derivative of one operation in one operand is said. */
import { gradients } from "../autodiff/gradients.ts";
import { isFloat } from "../core/dtype.ts";
import { shapeText } from "../core/shape.ts";
import { buildInto } from "../graph/builder.ts";
import { PassBuilder } from "../graph/function.ts";
import type { Operation } from "../graph/operation.ts";
import { placeholderOp } from "../ops/state.ts";
import { Graph } from "../runtime/graph.ts";
import type { NDArray } from "../runtime/ndarray.ts";
import { explain } from "./debug.ts";
import { elementText, leafOf } from "./text.ts";

/** Up to so many elements are written out. */
const FEW = 4;
/** Longest text of a rule. */
const LONGEST_RULE = 28;
/** In any case right: the incoming gradient times the matrix of all derivatives, transposed. */
const PRODUCT = "Jᵀ·g";

/** A number, a few of them, or a shape and how large the elements are. */
export function valueText(array: NDArray): string {
  const { data, shape, dtype } = array;
  const element = (value: number): string => elementText(value, dtype);
  if (data.length === 1) return element(data[0]!);
  if (data.length <= FEW) {
    const nested = (axis: number, from: number, count: number): string => {
      if (axis === shape.length) return element(data[from]!);
      const size = shape[axis]!;
      const step = count / size;
      return `[${Array.from({ length: size }, (_, i) => nested(axis + 1, from + i * step, step)).join(", ")}]`;
    };
    return data.length === 0 ? shapeText(shape) : nested(0, 0, data.length);
  }
  if (!isFloat(dtype)) return shapeText(shape);
  const mean = Array.from(data, Math.abs).reduce((sum, size) => sum + size, 0) / data.length;
  return `${shapeText(shape)}, mean |·| ${Number(mean.toPrecision(3))}`;
}

/** True if each element of the result depends on one element of each operand: of the same index, after broadcasting. */
export function isElementwise(op: Operation): boolean {
  const { def } = op;
  if (def.category === "pointwise" || def.name === "identity") return true;
  if (!def.decompose || op.outputs.length !== 1) return false;
  const builder = new PassBuilder("parts");
  try {
    buildInto(builder, () => def.decompose!(op));
  } catch {
    // Needs all sizes as numbers to do so.
    return false;
  }
  return builder.operations.every(
    (part) => part.inputs.length === 0 || part.def.name === "broadcastTo" || isElementwise(part),
  );
}

/** How the rule of an operation multiplies the incoming gradient g with the derivative in one operand: `g·wᵀ`. */
export function ruleText(op: Operation, operand: number): string {
  if (op.outputs.length !== 1 || op.def.control) return PRODUCT;
  const graph = new Graph({ name: "rule" });
  const inputs = op.inputs.map(
    ({ op: { name }, spec }) => graph.apply(placeholderOp, [], { ...spec }, { name: leafOf(name) }).outputs[0]!,
  );
  const copy = graph.apply(op.def, inputs, op.attrs).outputs[0]!;
  const g = graph.apply(placeholderOp, [], { ...copy.spec }, { name: "g" }).outputs[0]!;
  const [gradient] = gradients(copy, [inputs[operand]!], { gradYs: [g], unconnected: "none" });
  const text = gradient ? explain(gradient) : PRODUCT;
  return text.length <= LONGEST_RULE && !text.includes("\n") ? text : PRODUCT;
}

/** Columns, as wide as they need to be. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
