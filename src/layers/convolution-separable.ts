import type { Sizes } from "../core/shape.ts";
import { multiplySizes } from "../core/size.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { expandDims, squeeze } from "../ops/movement.ts";
import { depthwiseConv2d, separableConv2d } from "../ops/separable.ts";
import type { Pair, PerAxis, Single } from "../ops/window.ts";
import { activationFrom } from "./activation-names.ts";
import { BuiltIn, requireCount, requireEach, requireOneOf, withDefaults } from "./built-in.ts";
import type { ConstraintChoice } from "./constraints.ts";
import { type PaddingName, paddingOf } from "./convolution.ts";
import type { LayerOptions } from "./core/layer.ts";
import type { InitializerChoice } from "./initializers.ts";
import { addBias, addChosenWeight, type BiasOptions, finished, type WeightChoices } from "./kernel.ts";
import type { RegularizerChoice } from "./regularizers.ts";

export interface DepthwiseOptions<N extends PerAxis> extends LayerOptions, BiasOptions {
  /** Filters for each channel. Default 1. */
  readonly depthMultiplier?: number | undefined;
  /** Steps between windows: one number for all axes (images are stepped through evenly). Default 1. */
  readonly strides?: number | N | undefined;
  /** Default `"valid"`. `"causal"` is for sequences. */
  readonly padding?: PaddingName | undefined;
  /** Distance between neighbouring taps. Default 1. */
  readonly dilationRate?: number | N | undefined;
  /** Default glorotUniform. */
  readonly depthwiseInitializer?: InitializerChoice | undefined;
  readonly depthwiseRegularizer?: RegularizerChoice | undefined;
  readonly depthwiseConstraint?: ConstraintChoice | undefined;
}

export interface SeparableOptions<N extends PerAxis> extends DepthwiseOptions<N> {
  /** Default glorotUniform. */
  readonly pointwiseInitializer?: InitializerChoice | undefined;
  readonly pointwiseRegularizer?: RegularizerChoice | undefined;
  readonly pointwiseConstraint?: ConstraintChoice | undefined;
}

const DEFAULTS = {
  depthMultiplier: 1,
  strides: 1,
  padding: "valid",
  dilationRate: 1,
  activation: "linear",
  useBias: true,
  depthwiseInitializer: "glorotUniform",
  biasInitializer: "zeros",
} as const;

const depthwiseChoices = (options: DepthwiseOptions<PerAxis>): WeightChoices => ({
  initializer: options.depthwiseInitializer ?? "glorotUniform",
  regularizer: options.depthwiseRegularizer,
  constraint: options.depthwiseConstraint,
});
const pointwiseChoices = (options: SeparableOptions<PerAxis>): WeightChoices => ({
  initializer: options.pointwiseInitializer ?? "glorotUniform",
  regularizer: options.pointwiseRegularizer,
  constraint: options.pointwiseConstraint,
});

interface Windows {
  readonly strides: Pair;
  readonly padding: "valid" | "same" | readonly [Pair, Pair];
  readonly dilations: Pair;
}

/** Windows over images; a sequence is an image with one row. */
function windowsOf<N extends PerAxis>(kind: string, dims: N["length"], size: N, options: DepthwiseOptions<N>): Windows {
  const { strides = 1, padding = "valid", dilationRate = 1 } = options;
  const steps = requireEach<N>(kind, "strides", strides, dims);
  const taps = requireEach<N>(kind, "dilationRate", dilationRate, dims);
  if (dims !== 1) {
    const side = requireOneOf(kind, "padding", padding, ["valid", "same"]) as "valid" | "same";
    return { strides: steps as Pair, padding: side, dilations: taps as Pair };
  }
  const ends = paddingOf(requireOneOf(kind, "padding", padding, ["valid", "same", "causal"]), size[0], taps[0]);
  return {
    strides: [steps[0], steps[0]],
    padding: typeof ends === "string" ? ends : [[0, 0], ends[0]],
    dilations: [1, taps[0]],
  };
}

/** Applies a convolution of images to sequences, too. */
const asImages = (x: Tensor, convolve: (images: Tensor) => Tensor): Tensor =>
  x.rank === 4 ? convolve(x) : squeeze(convolve(expandDims(x, 1)), 1);
const asImageFilters = (kernel: Tensor, rank: number): Tensor =>
  kernel.rank === rank ? kernel : expandDims(kernel, 0);

abstract class DepthwiseConvolution<N extends PerAxis> extends BuiltIn {
  static override readonly positional: readonly string[] = ["kernelSize"];
  readonly kernelSize: N;
  readonly #multiplier: number;
  readonly #options: DepthwiseOptions<N>;
  readonly #windows: Windows;
  #kernel!: Variable;
  #bias: Variable | null = null;

  constructor(kind: string, dims: N["length"], kernelSize: number | N, options: DepthwiseOptions<N>) {
    const full = withDefaults(options, DEFAULTS);
    super({ kernelSize, ...full });
    activationFrom(full.activation);
    this.kernelSize = requireEach<N>(kind, "kernelSize", kernelSize, dims);
    this.#multiplier = requireCount(kind, "depthMultiplier", full.depthMultiplier);
    this.#windows = windowsOf<N>(kind, dims, this.kernelSize, full as DepthwiseOptions<N>);
    this.#options = full as DepthwiseOptions<N>;
    this.expectInput({ rank: dims + 2 });
  }
  override build(shape: Sizes): void {
    const channels = shape.at(-1)!;
    const choices = depthwiseChoices(this.#options);
    this.#kernel = addChosenWeight(this, "kernel", [...this.kernelSize, channels, this.#multiplier], choices);
    this.#bias = addBias(this, multiplySizes(channels, this.#multiplier) as number, this.#options);
    this.expectInput({ rank: shape.length, axes: { [-1]: channels as number }, names: { [-1]: "channels" } });
  }
  override call(x: Tensor): Tensor {
    const kernel = asImageFilters(this.#kernel, 4);
    const y = asImages(x, (images) => depthwiseConv2d(images, kernel, this.#windows));
    return finished(this, y, this.#bias, this.#options);
  }
}

/**
 * Convolution of each channel of sequences by itself.
 *
 *     x [batch, steps, channels]   kernel [size, channels, multiplier]   y [batch, …, channels · multiplier]
 */
export class DepthwiseConv1D extends DepthwiseConvolution<Single> {
  static readonly kind: string = "DepthwiseConv1D";
  constructor(kernelSize: number | Single, options: DepthwiseOptions<Single> = {}) {
    super("DepthwiseConv1D", 1, kernelSize, options);
  }
}

/**
 * Convolution of each channel of images by itself.
 *
 *     x [batch, height, width, channels]   kernel [height, width, channels, multiplier]
 */
export class DepthwiseConv2D extends DepthwiseConvolution<Pair> {
  static readonly kind: string = "DepthwiseConv2D";
  constructor(kernelSize: number | Pair, options: DepthwiseOptions<Pair> = {}) {
    super("DepthwiseConv2D", 2, kernelSize, options);
  }
}

abstract class SeparableConvolution<N extends PerAxis> extends BuiltIn {
  static override readonly positional: readonly string[] = ["filters", "kernelSize"];
  readonly filters: number;
  readonly kernelSize: N;
  readonly #multiplier: number;
  readonly #options: SeparableOptions<N>;
  readonly #windows: Windows;
  #depthwise!: Variable;
  #pointwise!: Variable;
  #bias: Variable | null = null;

  constructor(
    kind: string,
    dims: N["length"],
    [filters, kernelSize]: readonly [number, number | N],
    options: SeparableOptions<N>,
  ) {
    const full = withDefaults(options, { ...DEFAULTS, pointwiseInitializer: "glorotUniform" });
    super({ filters, kernelSize, ...full });
    activationFrom(full.activation);
    this.filters = requireCount(kind, "filters", filters);
    this.kernelSize = requireEach<N>(kind, "kernelSize", kernelSize, dims);
    this.#multiplier = requireCount(kind, "depthMultiplier", full.depthMultiplier);
    this.#windows = windowsOf<N>(kind, dims, this.kernelSize, full as SeparableOptions<N>);
    this.#options = full as SeparableOptions<N>;
    this.expectInput({ rank: dims + 2 });
  }
  override build(shape: Sizes): void {
    const channels = shape.at(-1)!;
    const between = multiplySizes(channels, this.#multiplier);
    const ones = this.kernelSize.map(() => 1);
    const depthwise = depthwiseChoices(this.#options);
    const pointwise = pointwiseChoices(this.#options);
    const taps = [...this.kernelSize, channels, this.#multiplier];
    this.#depthwise = addChosenWeight(this, "depthwise_kernel", taps, depthwise);
    this.#pointwise = addChosenWeight(this, "pointwise_kernel", [...ones, between, this.filters], pointwise);
    this.#bias = addBias(this, this.filters, this.#options);
    this.expectInput({ rank: shape.length, axes: { [-1]: channels as number }, names: { [-1]: "channels" } });
  }
  override call(x: Tensor): Tensor {
    const [depthwise, pointwise] = [this.#depthwise, this.#pointwise].map((kernel) => asImageFilters(kernel, 4));
    const y = asImages(x, (images) => separableConv2d(images, depthwise!, pointwise!, this.#windows));
    return finished(this, y, this.#bias, this.#options);
  }
}

/**
 * A convolution of each channel of sequences by itself, then one that mixes the channels of each step.
 *
 *     x [batch, steps, channels]   depthwise_kernel [size, channels, multiplier]
 *     pointwise_kernel [1, channels · multiplier, filters]   y [batch, …, filters]
 */
export class SeparableConv1D extends SeparableConvolution<Single> {
  static readonly kind: string = "SeparableConv1D";
  constructor(filters: number, kernelSize: number | Single, options: SeparableOptions<Single> = {}) {
    super("SeparableConv1D", 1, [filters, kernelSize], options);
  }
}

/**
 * A convolution of each channel of images by itself, then one that mixes the channels of each pixel.
 *
 *     x [batch, height, width, channels]   depthwise_kernel [height, width, channels, multiplier]
 *     pointwise_kernel [1, 1, channels · multiplier, filters]   y [batch, …, …, filters]
 */
export class SeparableConv2D extends SeparableConvolution<Pair> {
  static readonly kind: string = "SeparableConv2D";
  constructor(filters: number, kernelSize: number | Pair, options: SeparableOptions<Pair> = {}) {
    super("SeparableConv2D", 2, [filters, kernelSize], options);
  }
}
