import { allocate } from "../core/dtype.ts";
import { elementCount, knownShape } from "../core/shape.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Tensor } from "../graph/operation.ts";
import { constantOp } from "../ops/constant.ts";
import { reshape, zerosLike } from "../ops/movement.ts";
import { concat } from "../ops/slicing.ts";

/**
 * Derivatives of each element of `y` by each element of `x`, `[shape of y, shape of x]`.
 * @param back from what flows into y what flows to x; called once for each element of y
 */
export function jacobianBy(graph: GraphBuilder, y: Tensor, x: Tensor, back: (seed: Tensor) => Tensor): Tensor {
  const [shape, of] = [knownShape(y.shape), knownShape(x.shape)];
  const rows = Array.from({ length: elementCount(shape) }, (_, element) => {
    const value = allocate(y.dtype, elementCount(shape));
    value[element] = 1;
    const seed = graph.apply(constantOp, [], { value, shape, dtype: y.dtype }).outputs[0]!;
    return reshape(back(seed), [1, ...of]);
  });
  const all = rows.length === 0 ? zerosLike(x) : concat(rows, 0);
  return reshape(all, [...shape, ...of]);
}
