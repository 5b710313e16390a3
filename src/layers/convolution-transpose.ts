import type { Sizes } from "../core/shape.ts";
import { addSizes, multiplySizes, type Size } from "../core/size.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { conv1dTranspose, conv2dTranspose } from "../ops/convolution.ts";
import type { Pair, PerAxis, Single } from "../ops/window.ts";
import { activationFrom } from "./activation-names.ts";
import { argumentError, BuiltIn, requireCount, requireEach, requireOneOf, withDefaults } from "./built-in.ts";
import type { LayerOptions } from "./core/layer.ts";
import { addBias, addKernel, finished, type KernelOptions } from "./kernel.ts";

export interface TransposedOptions<N extends PerAxis> extends LayerOptions, KernelOptions {
  /** By how much the result is larger, for all axes or one each. Default 1. */
  readonly strides?: number | N | undefined;
  /** `"valid"`, the default: everything that windows reach. `"same"`: the size times the stride. */
  readonly padding?: "valid" | "same" | undefined;
  /** Which of the sizes that would be convolved to that of the input: added to the smallest. Default: the largest. */
  readonly outputPadding?: number | N | null | undefined;
  /** Distance between neighbouring taps, for all axes or one each. Default 1. */
  readonly dilationRate?: number | N | undefined;
}

interface Windows<N extends PerAxis> {
  readonly strides: N;
  readonly padding: "valid" | "same";
  readonly dilations: N;
}
type Transposed<N extends PerAxis> = (x: Tensor, kernel: Tensor, shape: Sizes, windows: Windows<N>) => Tensor;

/** The way back of a convolution: windows are spread out instead of summed up. */
abstract class TransposedConvolution<N extends PerAxis> extends BuiltIn {
  static override readonly positional: readonly string[] = ["filters", "kernelSize"];
  readonly filters: number;
  readonly kernelSize: N;
  readonly #transposed: Transposed<N>;
  readonly #options: KernelOptions;
  readonly #windows: Windows<N>;
  readonly #outputPadding: N | null;
  #kernel!: Variable;
  #bias: Variable | null = null;

  constructor(
    kind: string,
    dims: N["length"],
    transposed: Transposed<N>,
    [filters, kernelSize]: readonly [number, number | N],
    options: TransposedOptions<N>,
  ) {
    const full = withDefaults(options, {
      strides: 1 as number | N,
      padding: "valid" as const,
      dilationRate: 1 as number | N,
      activation: "linear",
      useBias: true,
      kernelInitializer: "glorotUniform",
      biasInitializer: "zeros",
    });
    super({ filters, kernelSize, ...full });
    activationFrom(full.activation);
    this.filters = requireCount(kind, "filters", filters);
    this.kernelSize = requireEach<N>(kind, "kernelSize", kernelSize, dims);
    this.#windows = {
      strides: requireEach<N>(kind, "strides", full.strides, dims),
      padding: requireOneOf(kind, "padding", full.padding, ["valid", "same"]),
      dilations: requireEach<N>(kind, "dilationRate", full.dilationRate, dims),
    };
    const { outputPadding = null } = options;
    this.#outputPadding = outputPadding === null ? null : requireEach<N>(kind, "outputPadding", outputPadding, dims, 0);
    const tooMuch = this.#outputPadding?.some((added, axis) => added >= this.#windows.strides[axis]!);
    if (tooMuch) throw argumentError(kind, "outputPadding", outputPadding, "give less than the strides");
    this.#transposed = transposed;
    this.#options = full;
    this.expectInput({ rank: dims + 2 });
  }

  override build(shape: Sizes): void {
    const channels = shape.at(-1)!;
    this.#kernel = addKernel(this, [...this.kernelSize, this.filters, channels], this.#options);
    this.#bias = addBias(this, this.filters, this.#options);
    this.expectInput({ rank: shape.length, axes: { [-1]: channels as number }, names: { [-1]: "channels" } });
  }

  override call(x: Tensor): Tensor {
    const [batch, ...sizes] = x.shape!.slice(0, -1);
    const shape = [batch!, ...sizes.map((size, axis) => this.#grown(size, axis)), this.filters];
    return finished(this, this.#transposed(x, this.#kernel, shape, this.#windows), this.#bias, this.#options);
  }

  /** The size of the result along an axis. */
  #grown(size: Size, axis: number): Size {
    const { strides, padding, dilations } = this.#windows;
    const stride = strides[axis]!;
    const reach = (this.kernelSize[axis]! - 1) * dilations[axis]! + 1;
    const added = this.#outputPadding?.[axis];
    if (added === undefined) {
      return addSizes(multiplySizes(size, stride), padding === "same" ? 0 : Math.max(reach - stride, 0));
    }
    const cut = padding === "same" ? 2 * Math.floor(reach / 2) : 0;
    return addSizes(multiplySizes(addSizes(size, -1), stride), reach - cut + added);
  }
}

/**
 * Transposed convolution of sequences: makes them longer by the stride.
 *
 *     x [batch, steps, channels]   kernel [size, filters, channels]   y [batch, …, filters]
 */
export class Conv1DTranspose extends TransposedConvolution<Single> {
  static readonly kind: string = "Conv1DTranspose";
  constructor(filters: number, kernelSize: number | Single, options: TransposedOptions<Single> = {}) {
    super("Conv1DTranspose", 1, conv1dTranspose, [filters, kernelSize], options);
  }
}

/**
 * Transposed convolution of images: makes them larger by the strides.
 *
 *     x [batch, height, width, channels]   kernel [height, width, filters, channels]   y [batch, …, …, filters]
 */
export class Conv2DTranspose extends TransposedConvolution<Pair> {
  static readonly kind: string = "Conv2DTranspose";
  constructor(filters: number, kernelSize: number | Pair, options: TransposedOptions<Pair> = {}) {
    super("Conv2DTranspose", 2, conv2dTranspose, [filters, kernelSize], options);
  }
}
