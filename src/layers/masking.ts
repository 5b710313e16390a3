import type { Shape } from "../core/shape-types.ts";
import type { Tensor } from "../graph/operation.ts";
import { notEqual, where } from "../ops/comparison.ts";
import { expandDims } from "../ops/movement.ts";
import { any } from "../ops/reduction.ts";
import { BuiltIn, withDefaults } from "./built-in.ts";
import type { ApplyOptions, LayerOptions } from "./core/layer.ts";

export interface MaskingOptions extends LayerOptions {
  /** What all features of a step that does not count are equal to. Default 0. */
  readonly maskValue?: number | undefined;
}

/** The shape stays. */
export interface Masking {
  <S extends Shape>(x: Tensor<S>, options?: ApplyOptions): Tensor<S>;
}

/**
 * Leaves out steps of sequences `[batch, steps, features]` that were filled up with one value: layers behind pass over
 * them, and the value becomes 0.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the call signature is that of `apply`
export class Masking extends BuiltIn {
  static readonly kind: string = "Masking";
  readonly #maskValue: number;

  constructor(options: MaskingOptions = {}) {
    const full = withDefaults(options, { maskValue: 0 });
    super(full);
    this.#maskValue = full.maskValue;
    this.expectInput({ minRank: 3 });
  }
  override call(x: Tensor): Tensor {
    return where(expandDims(this.outputMask(x), -1), x, 0);
  }
  override outputMask(x: Tensor): Tensor {
    return any(notEqual(x, this.#maskValue), { axis: -1 });
  }
}
