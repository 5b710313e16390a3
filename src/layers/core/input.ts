import { type DType, isFloat } from "../../core/dtype.ts";
import type { Dim } from "../../core/shape-types.ts";
import { sizeFrom } from "../../core/size.ts";
import type { Tensor } from "../../graph/operation.ts";
import { cast } from "../../ops/comparison.ts";
import { placeholderOp } from "../../ops/state.ts";
import { reading } from "../../runtime/reading.ts";
import { functionalGraph } from "./functional-graph.ts";

export interface InputOptions<Batch extends Dim = "batch"> {
  /** Default `input`. Values are given under this name where a model has several inputs. */
  readonly name?: string;
  /** Default float32. */
  readonly dtype?: DType;
  /** The size of the first axis, which `shape` leaves out. Default "batch": any, and the same in all inputs. */
  readonly batchSize?: Batch;
}

/**
 * The placeholder a functional model begins with: Keras' `Input`. Layers called on it, and ops, say how the model is put
 * together; `model(inputs, outputs)` makes it.
 *
 *     const img = input([784], { name: "img" });     // Tensor("img:0", shape=(?, 784), dtype=float32)
 *
 * @param shape of one sample, without the batch: numbers, names, or null for sizes that may be any
 * @throws ShapeError for something that is not a size
 */
export function input<const S extends readonly Dim[], const Batch extends Dim = "batch">(
  shape: S,
  options: InputOptions<Batch> = {},
): Tensor<readonly [Batch, ...S]> {
  const { name = "input", dtype = "float32" } = options;
  const batch: Dim = options.batchSize === undefined ? "batch" : options.batchSize;
  const sizes = reading("", () => [batch, ...shape].map((size) => sizeFrom(size, `input "${name}"`)));
  const op = functionalGraph.apply(placeholderOp, [], { dtype, shape: sizes }, { name });
  return op.outputs[0] as Tensor<readonly [Batch, ...S]>;
}

/** A tensor in the floating-point dtype that the input of a model has: numbers of another kind are converted, as in Keras. */
export const asDeclared = (given: Tensor, { dtype }: Tensor): Tensor =>
  given.dtype === dtype || given.dtype === "bool" || !isFloat(dtype) ? given : cast(given, dtype);
