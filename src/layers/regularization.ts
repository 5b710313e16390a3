/** Layers that make it harder to learn by heart. Outside of training they hand on what comes in. */
import type { Sizes } from "../core/shape.ts";
import type { Dim } from "../core/shape-types.ts";
import { type Size, sizeFrom } from "../core/size.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { greaterEqual, where } from "../ops/comparison.ts";
import { fill } from "../ops/movement.ts";
import { randomNormal, randomUniform } from "../ops/random.ts";
import { dropout } from "../ops/sampling.ts";
import { argumentError, requireRate, ShapeKeeping, withDefaults } from "./built-in.ts";
import type { CallOptions, LayerOptions } from "./core/layer.ts";
import { addActivityLoss } from "./kernel.ts";

type Float = "float32" | "float64";

export interface DropoutOptions extends LayerOptions {
  /**
   * Shape of what is drawn, with the batch; axes of size 1 are dropped as a whole, null stands for the size of the input:
   * `[null, 1, null]` drops channels of sequences. Default: every element by itself.
   */
  readonly noiseShape?: readonly Dim[] | undefined;
}

/**
 * Sets elements to 0 with probability `rate` and divides the others by 1 - rate, so that the sum stays what it is on
 * average; Srivastava and others (2014).
 * @param rate from 0 on, below 1
 */
export class Dropout extends ShapeKeeping {
  static readonly kind: string = "Dropout";
  static override readonly positional: readonly string[] = ["rate"];
  readonly rate: number;
  readonly #noiseShape: readonly Dim[] | null;

  /** @throws GraphError for a rate that is none */
  constructor(rate: number, options: DropoutOptions = {}) {
    super({ rate, ...options });
    this.rate = requireRate("Dropout", rate);
    this.#noiseShape = options.noiseShape ?? null;
    if (options.noiseShape) this.expectInput({ rank: options.noiseShape.length });
  }
  override call(x: Tensor, { training }: CallOptions): Tensor {
    if (!training || this.rate === 0) return x;
    if (!this.#noiseShape) return dropout(x, this.randomKey(), this.rate);
    const shape = this.#noiseShape.map((size, axis) => (size === null ? x.shape![axis]! : sizeFrom(size, this.name)));
    return dropped(x, shape, this.rate, this.randomKey());
  }
}

/** What is drawn has another shape than x. */
const dropped = (x: Tensor, shape: readonly Size[], rate: number, key: Tensor): Tensor =>
  mul(x, dropout(fill(x, shape, 1, x.dtype), key, rate));

/** Drops whole channels: their neighbours say much the same. */
abstract class SpatialDropout extends ShapeKeeping {
  readonly rate: number;

  constructor(kind: string, rank: number, rate: number, options: LayerOptions) {
    super({ rate, ...options });
    this.rate = requireRate(kind, rate);
    this.expectInput({ rank });
  }
  override call(x: Tensor, { training }: CallOptions): Tensor {
    if (!training || this.rate === 0) return x;
    const shape: Sizes = x.shape!;
    const noise = shape.map((size, axis) => (axis === 0 || axis === shape.length - 1 ? size : 1));
    return dropped(x, noise, this.rate, this.randomKey());
  }
}

/** Drops whole channels of sequences `[batch, steps, channels]`; Tompson and others (2015). */
export class SpatialDropout1D extends SpatialDropout {
  static readonly kind: string = "SpatialDropout1D";
  static override readonly positional: readonly string[] = ["rate"];
  constructor(rate: number, options: LayerOptions = {}) {
    super("SpatialDropout1D", 3, rate, options);
  }
}

/** Drops whole channels of images `[batch, height, width, channels]`; Tompson and others (2015). */
export class SpatialDropout2D extends SpatialDropout {
  static readonly kind: string = "SpatialDropout2D";
  static override readonly positional: readonly string[] = ["rate"];
  constructor(rate: number, options: LayerOptions = {}) {
    super("SpatialDropout2D", 4, rate, options);
  }
}

/** Adds normally distributed noise with mean 0. */
export class GaussianNoise extends ShapeKeeping {
  static readonly kind: string = "GaussianNoise";
  static override readonly positional: readonly string[] = ["stddev"];
  readonly stddev: number;

  /** @throws GraphError for a standard deviation below 0 */
  constructor(stddev: number, options: LayerOptions = {}) {
    super({ stddev, ...options });
    if (!(stddev >= 0)) throw argumentError("GaussianNoise", "stddev", stddev, "give a number from 0 on");
    this.stddev = stddev;
  }
  override call(x: Tensor, { training }: CallOptions): Tensor {
    if (!training || this.stddev === 0) return x;
    return add(x, randomNormal(this.randomKey(), x.shape!, { deviation: this.stddev, dtype: x.dtype as Float }));
  }
}

/** Multiplies by normally distributed numbers with mean 1 and the variance that dropout has, rate / (1 - rate). */
export class GaussianDropout extends ShapeKeeping {
  static readonly kind: string = "GaussianDropout";
  static override readonly positional: readonly string[] = ["rate"];
  readonly rate: number;

  constructor(rate: number, options: LayerOptions = {}) {
    super({ rate, ...options });
    this.rate = requireRate("GaussianDropout", rate);
  }
  override call(x: Tensor, { training }: CallOptions): Tensor {
    if (!training || this.rate === 0) return x;
    const deviation = Math.sqrt(this.rate / (1 - this.rate));
    return mul(x, randomNormal(this.randomKey(), x.shape!, { mean: 1, deviation, dtype: x.dtype as Float }));
  }
}

/** Where SELU ends for x → -∞: minus scale · alpha. */
const SELU_LIMIT = -1.0507009873554805 * 1.6732632423543772;

/**
 * Dropout that keeps mean 0 and variance 1, for SELU: elements are set to its limit for -∞, and then all are scaled and
 * shifted; Klambauer and others (2017).
 */
export class AlphaDropout extends ShapeKeeping {
  static readonly kind: string = "AlphaDropout";
  static override readonly positional: readonly string[] = ["rate"];
  readonly rate: number;

  constructor(rate: number, options: LayerOptions = {}) {
    super({ rate, ...options });
    this.rate = requireRate("AlphaDropout", rate);
  }
  override call(x: Tensor, { training }: CallOptions): Tensor {
    const { rate } = this;
    if (!training || rate === 0) return x;
    const draw = randomUniform(this.randomKey(), x.shape!, { dtype: x.dtype as Float });
    const scale = 1 / Math.sqrt((1 - rate) * (1 + rate * SELU_LIMIT * SELU_LIMIT));
    return add(mul(where(greaterEqual(draw, rate), x, SELU_LIMIT), scale), -scale * SELU_LIMIT * rate);
  }
}

/** Adds a penalty on what goes through to the loss: `l1 · Σ |x| + l2 · Σ x²`, divided by the size of the batch. */
export class ActivityRegularization extends ShapeKeeping {
  static readonly kind: string = "ActivityRegularization";
  readonly #factors: { readonly l1: number; readonly l2: number };

  constructor(options: LayerOptions & { readonly l1?: number | undefined; readonly l2?: number | undefined } = {}) {
    const full = withDefaults(options, { l1: 0, l2: 0 });
    super(full);
    this.#factors = { l1: full.l1, l2: full.l2 };
  }
  override call(x: Tensor): Tensor {
    addActivityLoss(this, x, { name: "l1l2", ...this.#factors });
    return x;
  }
}
