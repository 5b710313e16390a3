import type { TypedArray } from "../../core/dtype.ts";
import { elementCount } from "../../core/shape.ts";
import { type NDArray, viewArray } from "../../runtime/ndarray.ts";

/** An array of its own: what plans give is overwritten by the next run. */
export const copyOf = ({ data, shape, dtype }: NDArray): NDArray => viewArray(data.slice(), shape, dtype);

/** Arrays one below the other. */
export function joinBatches(parts: readonly NDArray[]): NDArray {
  const [first] = parts;
  if (parts.length === 1) return first!;
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const shape = [rows, ...first!.shape.slice(1)];
  const data = new (first!.data.constructor as new (length: number) => TypedArray)(elementCount(shape));
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return viewArray(data, shape, first!.dtype);
}
