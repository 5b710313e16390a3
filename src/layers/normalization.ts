import type { Sizes } from "../core/shape.ts";
import { isKnown } from "../core/size.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { groupNorm } from "../ops/batch-normalization.ts";
import { fill, reshape } from "../ops/movement.ts";
import { layerNorm, standardized } from "../ops/normalization.ts";
import { l2Normalize } from "../ops/statistics.ts";
import { argumentError, ShapeKeeping, withDefaults } from "./built-in.ts";
import type { LayerOptions } from "./core/layer.ts";
import { addBeta, addGamma, axisOf, type ScaleOptions } from "./scale-and-shift.ts";

const SCALE_DEFAULTS = { center: true, scale: true, betaInitializer: "zeros", gammaInitializer: "ones" } as const;

export interface LayerNormalizationOptions extends LayerOptions, ScaleOptions {
  /** The axis or axes over which each example is normalised. Default -1, the last one. */
  readonly axis?: number | readonly number[] | undefined;
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number | undefined;
}

/**
 * Brings the features of each example to mean 0 and variance 1, then scales and shifts each feature; Ba and others
 * (2016). It does the same in training and after.
 */
export class LayerNormalization extends ShapeKeeping {
  static readonly kind: string = "LayerNormalization";
  readonly #options: ScaleOptions & { readonly axis: number | readonly number[]; readonly epsilon: number };
  #axes: readonly number[] = [];
  #gamma: Variable | null = null;
  #beta: Variable | null = null;

  constructor(options: LayerNormalizationOptions = {}) {
    const full = withDefaults(options, { axis: -1, epsilon: 1e-3, ...SCALE_DEFAULTS });
    super(full);
    this.#options = full;
    this.expectInput({ minRank: 2 });
  }
  override build(shape: Sizes): void {
    const { axis } = this.#options;
    const axes = typeof axis === "number" ? [axis] : axis;
    this.#axes = axes.map((one) => axisOf(this.name, one, shape)).sort((a, b) => a - b);
    const features = this.#axes.map((one) => shape[one]!);
    this.#gamma = addGamma(this, features, this.#options);
    this.#beta = addBeta(this, features, this.#options);
    this.expectInput({ rank: shape.length });
  }
  override call(x: Tensor): Tensor {
    const { epsilon } = this.#options;
    const shape = x.shape!;
    if (this.#axes.length === 1) {
      const [axis] = this.#axes as [number];
      const gamma = this.#gamma ?? fill(x, [shape[axis]!], 1, x.dtype);
      const beta = this.#beta ?? fill(x, [shape[axis]!], 0, x.dtype);
      return layerNorm(x, gamma, beta, { axis, epsilon });
    }
    const { normal } = standardized(x, this.#axes, epsilon);
    // Sizes along these axes, 1 elsewhere.
    const along = shape.map((size, axis) => (this.#axes.includes(axis) ? size : 1));
    const scaled = this.#gamma ? mul(normal, reshape(this.#gamma, along)) : normal;
    return this.#beta ? add(scaled, reshape(this.#beta, along)) : scaled;
  }
}

export interface GroupNormalizationOptions extends LayerOptions, ScaleOptions {
  /** Parts into which the channels are cut: 1 for all in one, -1 for each by itself. Default 32. */
  readonly groups?: number | undefined;
  /** The axis of channels. Default -1, the last one. */
  readonly axis?: number | undefined;
  /** Added to the variance. Default 0.001. */
  readonly epsilon?: number | undefined;
}

/**
 * Brings each group of channels of each example to mean 0 and variance 1, then scales and shifts each channel; Wu and He
 * (2018).
 */
export class GroupNormalization extends ShapeKeeping {
  static readonly kind: string = "GroupNormalization";
  readonly #options: ScaleOptions & { readonly axis: number; readonly epsilon: number; readonly groups: number };
  #axis = -1;
  #groups = 1;
  #gamma: Variable | null = null;
  #beta: Variable | null = null;

  /** @throws GraphError for groups that are none */
  constructor(options: GroupNormalizationOptions = {}) {
    const full = withDefaults(options, { groups: 32, axis: -1, epsilon: 1e-3, ...SCALE_DEFAULTS });
    super(full);
    const { groups } = full;
    if (!Number.isInteger(groups) || groups < -1 || groups === 0) {
      throw argumentError("GroupNormalization", "groups", groups, "give a whole number from 1 on, or -1");
    }
    this.#options = full;
    this.expectInput({ minRank: 2 });
  }
  override build(shape: Sizes): void {
    const { axis, groups } = this.#options;
    this.#axis = axisOf(this.name, axis, shape);
    const channels = shape[this.#axis]!;
    this.#gamma = addGamma(this, [channels], this.#options);
    this.#beta = addBeta(this, [channels], this.#options);
    this.#groups = groups === -1 ? (channels as number) : groups;
    if (isKnown(channels) && channels % this.#groups !== 0) {
      const fix = `give a number that divides the ${channels} channels: groups: ${divisorBelow(channels, groups)}`;
      throw argumentError(this.name, "groups", groups, fix);
    }
    this.expectInput({ rank: shape.length, axes: { [this.#axis]: channels as number } });
  }
  override call(x: Tensor): Tensor {
    const channels = x.shape![this.#axis]!;
    const gamma = this.#gamma ?? fill(x, [channels], 1, x.dtype);
    const beta = this.#beta ?? fill(x, [channels], 0, x.dtype);
    return groupNorm(x, gamma, beta, { groups: this.#groups, axis: this.#axis, epsilon: this.#options.epsilon });
  }
}

function divisorBelow(count: number, limit: number): number {
  let divisor = Math.min(limit, count);
  while (count % divisor !== 0) divisor--;
  return divisor;
}

/** Scales each example to Euclidean length 1. */
export class UnitNormalization extends ShapeKeeping {
  static readonly kind: string = "UnitNormalization";
  readonly #axis: number | readonly number[];

  constructor(
    options: LayerOptions & {
      /** The axis or axes over which lengths are taken. Default -1, the last one. */
      readonly axis?: number | readonly number[] | undefined;
    } = {},
  ) {
    const full = withDefaults(options, { axis: -1 as number | readonly number[] });
    super(full);
    this.#axis = full.axis;
  }
  override call(x: Tensor): Tensor {
    return l2Normalize(x, { axis: this.#axis });
  }
}
