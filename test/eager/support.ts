/** What tests of define-by-run share. */
import type { NDArray, Tensor } from "../../src/index.ts";

/** Values of tensors that have some. */
export const valuesOf = (tensors: readonly Tensor[]): readonly NDArray[] => tensors.map((tensor) => tensor.value);
