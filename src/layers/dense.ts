import type { Sizes } from "../core/shape.ts";
import type { Dim, Result, Shape } from "../core/shape-types.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { matmul } from "../ops/contraction.ts";
import { activationFrom } from "./activation-names.ts";
import { BuiltIn, requireCount, withDefaults } from "./built-in.ts";
import type { ApplyOptions, LayerOptions } from "./core/layer.ts";
import { addBias, addKernel, finished, type KernelOptions } from "./kernel.ts";

export type { ActivationChoice } from "./activation-names.ts";
export { activated, type KernelOptions } from "./kernel.ts";

export interface DenseOptions extends LayerOptions, KernelOptions {}

/** The shape with another last axis. */
type WithLast<S extends Shape, Units extends Dim> = S extends readonly [...infer Head extends Shape, Dim]
  ? readonly [...Head, Units]
  : Shape;

/** The last axis becomes the units: the editor follows. */
export interface Dense<Units extends number = number> {
  <const S extends Shape>(x: Tensor<S>, options?: ApplyOptions): Tensor<Result<WithLast<S, Units>>>;
}

/**
 * Every unit sees every feature: `y = activation(x · kernel + bias)`.
 *
 *     x [..., features]   kernel [features, units]   bias [units]   y [..., units]
 *
 * @param units how many numbers come out
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the call signature is that of `apply`
export class Dense<Units extends number = number> extends BuiltIn {
  static readonly kind: string = "Dense";
  static override readonly positional: readonly string[] = ["units"];
  readonly units: Units;
  readonly #options: DenseOptions;
  #kernel!: Variable;
  #bias: Variable | null = null;

  /** @throws GraphError for units that are no whole number, or an unknown activation */
  constructor(units: Units, options: DenseOptions = {}) {
    const full = withDefaults(options, {
      activation: "linear",
      useBias: true,
      kernelInitializer: "glorotUniform",
      biasInitializer: "zeros",
    });
    super({ units, ...full });
    requireCount("Dense", "units", units);
    activationFrom(full.activation);
    this.units = units;
    this.#options = full;
    this.expectInput({ minRank: 2 });
  }

  override build(shape: Sizes): void {
    const features = shape.at(-1)!;
    this.#kernel = addKernel(this, [features, this.units], this.#options);
    this.#bias = addBias(this, this.units, this.#options);
    this.expectInput({ minRank: 2, axes: { [-1]: features as number }, names: { [-1]: "features" } });
  }

  override call(x: Tensor): Tensor {
    return finished(this, matmul(x, this.#kernel), this.#bias, this.#options);
  }
  /** Every step is seen by itself. */
  protected override get passesMask(): boolean {
    return true;
  }
}
