import type { Sizes } from "../core/shape.ts";
import { isKnown } from "../core/size.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { conv1d, conv2d, conv3d } from "../ops/convolution.ts";
import type { Pair, PerAxis, Single, Triple } from "../ops/window.ts";
import { activationFrom } from "./activation-names.ts";
import { argumentError, BuiltIn, requireCount, requireEach, requireOneOf, withDefaults } from "./built-in.ts";
import type { LayerOptions } from "./core/layer.ts";
import { addBias, addKernel, finished, type KernelOptions } from "./kernel.ts";

export interface ConvolutionOptions<N extends PerAxis> extends LayerOptions, KernelOptions {
  /** Steps between windows, for all axes or one each. Default 1. */
  readonly strides?: number | N | undefined;
  /** `"valid"`, the default: windows lie inside. `"same"`: the result has ceil(size / stride) positions. */
  readonly padding?: "valid" | "same" | undefined;
  /** Distance between neighbouring taps, for all axes or one each. Default 1. */
  readonly dilationRate?: number | N | undefined;
  /** Parts into which channels and filters are cut; each part sees only its own. Default 1. */
  readonly groups?: number | undefined;
}

export interface Conv1DOptions extends Omit<ConvolutionOptions<Single>, "padding"> {
  /** As for others, or `"causal"`: a step sees only itself and those before it. Default `"valid"`. */
  readonly padding?: "valid" | "same" | "causal" | undefined;
}

export type PaddingName = "valid" | "same" | "causal";
type Convolve<N extends PerAxis> = (x: Tensor, kernel: Tensor, windows: Windows<N>) => Tensor;
interface Windows<N extends PerAxis> {
  readonly strides: N;
  readonly padding: "valid" | "same" | readonly Pair[];
  readonly dilations: N;
  readonly groups: number;
}

/** The padding of ops; a causal one is all at the beginning. */
export const paddingOf = (padding: PaddingName, size: number, dilation: number): "valid" | "same" | readonly [Pair] =>
  padding === "causal" ? [[(size - 1) * dilation, 0]] : padding;

/** Filters that slide over `[batch, …, channels]`; `convolve` is the op for that number of axes. */
abstract class Convolution<N extends PerAxis> extends BuiltIn {
  static override readonly positional: readonly string[] = ["filters", "kernelSize"];
  readonly filters: number;
  readonly kernelSize: N;
  readonly #convolve: Convolve<N>;
  readonly #options: KernelOptions;
  readonly #windows: Windows<N>;
  #kernel!: Variable;
  #bias: Variable | null = null;

  constructor(
    kind: string,
    dims: N["length"],
    convolve: Convolve<N>,
    [filters, kernelSize]: readonly [number, number | N],
    options: Omit<ConvolutionOptions<N>, "padding"> & { readonly padding?: PaddingName | undefined },
  ) {
    const full = withDefaults(options, {
      strides: 1 as number | N,
      padding: "valid" as PaddingName,
      dilationRate: 1 as number | N,
      groups: 1,
      activation: "linear",
      useBias: true,
      kernelInitializer: "glorotUniform",
      biasInitializer: "zeros",
    });
    super({ filters, kernelSize, ...full });
    this.filters = requireCount(kind, "filters", filters);
    this.kernelSize = requireEach<N>(kind, "kernelSize", kernelSize, dims);
    const groups = requireCount(kind, "groups", full.groups);
    if (filters % groups !== 0) {
      throw argumentError(kind, "groups", groups, `give a number that divides the ${filters} filters`);
    }
    activationFrom(full.activation);
    const dilations = requireEach<N>(kind, "dilationRate", full.dilationRate, dims);
    const allowed = dims === 1 ? (["valid", "same", "causal"] as const) : (["valid", "same"] as const);
    this.#windows = {
      strides: requireEach<N>(kind, "strides", full.strides, dims),
      padding: paddingOf(requireOneOf(kind, "padding", full.padding, allowed), this.kernelSize[0], dilations[0]),
      dilations,
      groups,
    };
    this.#convolve = convolve;
    this.#options = full;
    this.expectInput({ rank: dims + 2 });
  }

  override build(shape: Sizes): void {
    const channels = shape.at(-1)!;
    const { groups } = this.#windows;
    if (isKnown(channels) && channels % groups !== 0) {
      throw argumentError(this.name, "groups", groups, `give a number that divides the ${channels} channels`);
    }
    const inputs = isKnown(channels) ? channels / groups : channels;
    this.#kernel = addKernel(this, [...this.kernelSize, inputs, this.filters], this.#options);
    this.#bias = addBias(this, this.filters, this.#options);
    this.expectInput({ rank: shape.length, axes: { [-1]: channels as number }, names: { [-1]: "channels" } });
  }

  override call(x: Tensor): Tensor {
    return finished(this, this.#convolve(x, this.#kernel, this.#windows), this.#bias, this.#options);
  }
}

/**
 * Convolution of sequences.
 *
 *     x [batch, steps, channels]   kernel [size, channels / groups, filters]   y [batch, …, filters]
 */
export class Conv1D extends Convolution<Single> {
  static readonly kind: string = "Conv1D";
  constructor(filters: number, kernelSize: number | Single, options: Conv1DOptions = {}) {
    super("Conv1D", 1, conv1d as Convolve<Single>, [filters, kernelSize], options);
  }
}

/**
 * Convolution of images.
 *
 *     x [batch, height, width, channels]   kernel [height, width, channels / groups, filters]   y [batch, …, …, filters]
 */
export class Conv2D extends Convolution<Pair> {
  static readonly kind: string = "Conv2D";
  constructor(filters: number, kernelSize: number | Pair, options: ConvolutionOptions<Pair> = {}) {
    super("Conv2D", 2, conv2d as Convolve<Pair>, [filters, kernelSize], options);
  }
}

/**
 * Convolution of volumes.
 *
 *     x [batch, depth, height, width, channels]   kernel [depth, height, width, channels / groups, filters]
 */
export class Conv3D extends Convolution<Triple> {
  static readonly kind: string = "Conv3D";
  constructor(filters: number, kernelSize: number | Triple, options: ConvolutionOptions<Triple> = {}) {
    super("Conv3D", 3, conv3d as Convolve<Triple>, [filters, kernelSize], options);
  }
}
