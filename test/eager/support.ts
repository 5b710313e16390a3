/** What tests of define-by-run share. */
import type { EagerTensor } from "../../src/eager/index.ts";
import type { NDArray, Tensor } from "../../src/index.ts";

/** Values of tensors that have some. */
export const valuesOf = (tensors: readonly Tensor[]): readonly NDArray[] =>
  tensors.map((tensor) => (tensor as EagerTensor).value);
