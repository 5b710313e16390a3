import type { Sizes } from "../core/shape.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { elu, leakyRelu, maxout, relu } from "../ops/activation.ts";
import { mul, neg, sub } from "../ops/arithmetic.ts";
import { greaterEqual, where } from "../ops/comparison.ts";
import { affine } from "../ops/contraction.ts";
import { exp } from "../ops/elementary.ts";
import { logSumExp } from "../ops/reduction.ts";
import { softmax } from "../ops/softmax.ts";
import { type ActivationChoice, activationFrom } from "./activation-names.ts";
import { argumentError, BuiltIn, requireCount, ShapeKeeping, withDefaults } from "./built-in.ts";
import type { ConstraintChoice } from "./constraints.ts";
import type { CallOptions, LayerOptions } from "./core/layer.ts";
import type { InitializerChoice } from "./initializers.ts";
import { addBias, addChosenWeight, addKernel, type KernelOptions } from "./kernel.ts";
import type { RegularizerChoice } from "./regularizers.ts";

/** An activation as a layer of its own: `new Activation("tanh")`. */
export class Activation extends ShapeKeeping {
  static readonly kind: string = "Activation";
  static override readonly positional: readonly string[] = ["activation"];
  readonly #activation: (x: Tensor) => Tensor;

  /** @throws GraphError for a name that is none, listing near ones */
  constructor(activation: ActivationChoice, options: LayerOptions = {}) {
    super({ activation, ...options });
    this.#activation = activationFrom(activation);
  }
  override call(x: Tensor): Tensor {
    return this.#activation(x);
  }
}

export interface ReLUOptions extends LayerOptions {
  /** Nothing above this comes out. Default null: no limit. */
  readonly maxValue?: number | null | undefined;
  /** Slope below the threshold. Default 0. */
  readonly negativeSlope?: number | undefined;
  /** From where on values stay as they are. Default 0. */
  readonly threshold?: number | undefined;
}

/**
 * Rectified linear unit.
 *
 *     x                                   threshold ≤ x
 *     negativeSlope · (x - threshold)     elsewhere
 *
 * and nowhere above `maxValue`.
 */
export class ReLU extends ShapeKeeping {
  static readonly kind: string = "ReLU";
  readonly #options: { readonly maxValue: number | null; readonly negativeSlope: number; readonly threshold: number };

  /** @throws GraphError for a negative limit, slope or threshold */
  constructor(options: ReLUOptions = {}) {
    const full = withDefaults(options, { maxValue: null as number | null, negativeSlope: 0, threshold: 0 });
    super(full);
    for (const name of ["maxValue", "negativeSlope", "threshold"] as const) {
      const value = full[name];
      if (value !== null && !(value >= 0)) throw argumentError("ReLU", name, value, "give a number from 0 on");
    }
    this.#options = full;
  }
  override call(x: Tensor): Tensor {
    const { maxValue, negativeSlope, threshold } = this.#options;
    const y =
      threshold === 0
        ? this.#rectified(x)
        : where(greaterEqual(x, threshold), x, mul(sub(x, threshold), negativeSlope));
    return maxValue === null ? y : where(greaterEqual(x, maxValue), maxValue, y);
  }
  #rectified(x: Tensor): Tensor {
    const { negativeSlope } = this.#options;
    return negativeSlope === 0 ? relu(x) : leakyRelu(x, { slope: negativeSlope });
  }
}

/** `x` where it is positive, `negativeSlope · x` elsewhere. */
export class LeakyReLU extends ShapeKeeping {
  static readonly kind: string = "LeakyReLU";
  readonly #slope: number;

  constructor(
    options: LayerOptions & {
      /** Default 0.1 as in the lecture; Keras has 0.3. */
      readonly negativeSlope?: number | undefined;
    } = {},
  ) {
    const full = withDefaults(options, { negativeSlope: 0.1 });
    super(full);
    this.#slope = full.negativeSlope;
  }
  override call(x: Tensor): Tensor {
    return leakyRelu(x, { slope: this.#slope });
  }
}

/** `x` where it is positive, `alpha · (eˣ - 1)` elsewhere. */
export class ELU extends ShapeKeeping {
  static readonly kind: string = "ELU";
  readonly #alpha: number;

  constructor(
    options: LayerOptions & {
      /** Minus the limit for x → -∞. Default 1. */
      readonly alpha?: number | undefined;
    } = {},
  ) {
    const full = withDefaults(options, { alpha: 1 });
    super(full);
    this.#alpha = full.alpha;
  }
  override call(x: Tensor): Tensor {
    return elu(x, { alpha: this.#alpha });
  }
}

export interface PReLUOptions extends LayerOptions {
  /** Default zeros. */
  readonly alphaInitializer?: InitializerChoice | undefined;
  readonly alphaRegularizer?: RegularizerChoice | undefined;
  readonly alphaConstraint?: ConstraintChoice | undefined;
  /** Axes along which all have one slope, counted with the batch: [1, 2] for one a channel of images. */
  readonly sharedAxes?: readonly number[] | undefined;
}

/** As LeakyReLU, with slopes that are learnt: one for each element of an example, or shared along axes. */
export class PReLU extends ShapeKeeping {
  static readonly kind: string = "PReLU";
  readonly #options: PReLUOptions & { readonly sharedAxes: readonly number[] };
  #alpha!: Variable;

  constructor(options: PReLUOptions = {}) {
    const full = withDefaults(options, { alphaInitializer: "zeros", sharedAxes: [] as readonly number[] });
    super(full);
    this.#options = full;
    this.expectInput({ minRank: 2 });
  }
  override build(shape: Sizes): void {
    const { alphaInitializer = "zeros", alphaRegularizer, alphaConstraint, sharedAxes } = this.#options;
    const shared = new Set(sharedAxes.map((axis) => (axis < 0 ? axis + shape.length : axis)));
    const slopes = shape.map((size, axis) => (shared.has(axis) ? 1 : size)).slice(1);
    const choices = { initializer: alphaInitializer, regularizer: alphaRegularizer, constraint: alphaConstraint };
    this.#alpha = addChosenWeight(this, "alpha", slopes, choices);
  }
  override call(x: Tensor): Tensor {
    return sub(relu(x), mul(this.#alpha, relu(neg(x))));
  }
}

/** Numbers from 0 to 1 that sum to 1, along one axis or several. Steps that a mask leaves out get 0. */
export class Softmax extends ShapeKeeping {
  static readonly kind: string = "Softmax";
  readonly #axis: number | readonly number[];

  constructor(
    options: LayerOptions & {
      /** Default -1, the last one. */
      readonly axis?: number | readonly number[] | undefined;
    } = {},
  ) {
    const full = withDefaults(options, { axis: -1 });
    super(full);
    this.#axis = full.axis;
  }
  override call(x: Tensor, { mask }: CallOptions): Tensor {
    const axis = this.#axis;
    const masked = mask && mask.rank === x.rank ? where(mask, x, NEVER) : x;
    if (typeof axis === "number") return softmax(masked, { axis });
    return exp(sub(masked, logSumExp(masked, { axis, keepDims: true })));
  }
}
/** Instead of -∞, of which a row without anything that counts would become NaN. */
const NEVER = -1e9;

export interface MaxoutOptions extends LayerOptions, Omit<KernelOptions, "activation" | "activityRegularizer"> {
  /** How many affine maps there are to choose from. Default 2. */
  readonly pieces?: number | undefined;
}

/**
 * The largest of several affine maps, unit by unit: `max(x · kernel₀ + bias₀, x · kernel₁ + bias₁, …)`; Goodfellow and
 * others (2013). Only the map that wins receives a gradient; a tie goes to the first of them.
 *
 *     x [batch, features]   kernels [features, units]   biases [units]   y [batch, units]
 */
export class Maxout extends BuiltIn {
  static readonly kind: string = "Maxout";
  static override readonly positional: readonly string[] = ["units"];
  readonly units: number;
  readonly #options: MaxoutOptions & { readonly pieces: number };
  #maps: readonly { readonly kernel: Variable; readonly bias: Variable | null }[] = [];

  constructor(units: number, options: MaxoutOptions = {}) {
    const full = withDefaults(options, { pieces: 2, useBias: true });
    super({ units, ...full });
    this.units = requireCount("Maxout", "units", units);
    requireCount("Maxout", "pieces", full.pieces, 2);
    this.#options = full;
    this.expectInput({ minRank: 2 });
  }
  override build(shape: Sizes): void {
    const features = shape.at(-1)!;
    this.#maps = Array.from({ length: this.#options.pieces }, () => ({
      kernel: addKernel(this, [features, this.units], this.#options),
      bias: addBias(this, this.units, this.#options),
    }));
    this.expectInput({ minRank: 2, axes: { [-1]: features as number }, names: { [-1]: "features" } });
  }
  override call(x: Tensor): Tensor {
    const [first, second, ...more] = this.#maps.map(({ kernel, bias }) => affine(x, kernel, bias ?? 0));
    return maxout(first!, second!, ...more);
  }
  protected override get passesMask(): boolean {
    return true;
  }
}
