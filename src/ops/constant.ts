import type { DType, TypedArray } from "../core/dtype.ts";
import { defineOp } from "../graph/define.ts";

/**
 * Alone in its file because `support.ts` needs it to turn bare numbers into tensors, and every other file of ops needs
 * `support.ts` while it loads.
 */
export const constantOp = defineOp<{
  readonly value: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}>({
  name: "constant",
  category: "source",
  doc: "A value that never changes.",
  inputs: [],
  dtypes: (_inputs, attrs) => [attrs.dtype],
  shapes: (_inputs, attrs) => [attrs.shape],
  gradient: "none",
  effect: "constant",
  examples: [],
});
