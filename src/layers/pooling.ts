import type { Tensor } from "../graph/operation.ts";
import { div, mul } from "../ops/arithmetic.ts";
import { cast } from "../ops/comparison.ts";
import { expandDims } from "../ops/movement.ts";
import {
  averagePool1d,
  averagePool2d,
  globalAveragePool,
  globalMaxPool,
  maxPool1d,
  maxPool2d,
} from "../ops/pooling.ts";
import { sum } from "../ops/reduction.ts";
import type { Pair, PerAxis, Single } from "../ops/window.ts";
import { BuiltIn, requireEach, requireOneOf, withDefaults } from "./built-in.ts";
import type { CallOptions, LayerOptions } from "./core/layer.ts";

export interface PoolingOptions<N extends PerAxis> extends LayerOptions {
  /** Steps between windows. Default: as large as the windows. */
  readonly strides?: number | N | null | undefined;
  /** Default `"valid"`: windows lie inside. `"same"`: as many windows as there are strides; what is outside does not count. */
  readonly padding?: "valid" | "same" | undefined;
}

interface Windows<N extends PerAxis> {
  readonly window: N;
  readonly strides: N;
  readonly padding: "valid" | "same";
}

/** Makes one number of each window. */
abstract class Pooling<N extends PerAxis> extends BuiltIn {
  static override readonly positional: readonly string[] = ["poolSize"];
  readonly #pool: (x: Tensor, windows: Windows<N>) => Tensor;
  readonly #windows: Windows<N>;

  constructor(
    kind: string,
    dims: N["length"],
    pool: (x: Tensor, windows: Windows<N>) => Tensor,
    poolSize: number | N,
    options: PoolingOptions<N>,
  ) {
    const full = withDefaults(options, { strides: null, padding: "valid" });
    super({ poolSize, ...full });
    const window = requireEach<N>(kind, "poolSize", poolSize, dims);
    const strides = requireEach<N>(kind, "strides", full.strides ?? window, dims);
    this.#windows = { window, strides, padding: requireOneOf(kind, "padding", full.padding, ["valid", "same"]) };
    this.#pool = pool;
    this.expectInput({ rank: dims + 2 });
  }
  override call(x: Tensor): Tensor {
    return this.#pool(x, this.#windows);
  }
}

/** The largest in each window of sequences `[batch, steps, channels]`. */
export class MaxPooling1D extends Pooling<Single> {
  static readonly kind: string = "MaxPooling1D";
  constructor(poolSize: number | Single = 2, options: PoolingOptions<Single> = {}) {
    super("MaxPooling1D", 1, maxPool1d, poolSize, options);
  }
}
/** The largest in each window of images `[batch, height, width, channels]`. */
export class MaxPooling2D extends Pooling<Pair> {
  static readonly kind: string = "MaxPooling2D";
  constructor(poolSize: number | Pair = 2, options: PoolingOptions<Pair> = {}) {
    super("MaxPooling2D", 2, maxPool2d, poolSize, options);
  }
}
/** The mean of each window of sequences `[batch, steps, channels]`. */
export class AveragePooling1D extends Pooling<Single> {
  static readonly kind: string = "AveragePooling1D";
  constructor(poolSize: number | Single = 2, options: PoolingOptions<Single> = {}) {
    super("AveragePooling1D", 1, averagePool1d, poolSize, options);
  }
}
/** The mean of each window of images `[batch, height, width, channels]`. */
export class AveragePooling2D extends Pooling<Pair> {
  static readonly kind: string = "AveragePooling2D";
  constructor(poolSize: number | Pair = 2, options: PoolingOptions<Pair> = {}) {
    super("AveragePooling2D", 2, averagePool2d, poolSize, options);
  }
}

export interface GlobalPoolingOptions extends LayerOptions {
  /** Keep the axes that went, with size 1. Default false. */
  readonly keepdims?: boolean | undefined;
}

/** Makes one number of each channel. */
abstract class GlobalPooling extends BuiltIn {
  readonly #pool: (x: Tensor, options: { readonly keepDims: boolean }) => Tensor;
  readonly #keepDims: boolean;

  constructor(rank: number, pool: typeof globalAveragePool | typeof globalMaxPool, options: GlobalPoolingOptions) {
    const full = withDefaults(options, { keepdims: false });
    super(full);
    this.#pool = pool;
    this.#keepDims = full.keepdims;
    this.expectInput({ rank });
  }
  override call(x: Tensor, _options: CallOptions): Tensor {
    return this.#pool(x, { keepDims: this.#keepDims });
  }
}

/** The largest of each channel over all steps: `[batch, steps, channels]` becomes `[batch, channels]`. */
export class GlobalMaxPooling1D extends GlobalPooling {
  static readonly kind: string = "GlobalMaxPooling1D";
  constructor(options: GlobalPoolingOptions = {}) {
    super(3, globalMaxPool, options);
  }
}
/** The largest of each channel over all pixels: `[batch, height, width, channels]` becomes `[batch, channels]`. */
export class GlobalMaxPooling2D extends GlobalPooling {
  static readonly kind: string = "GlobalMaxPooling2D";
  constructor(options: GlobalPoolingOptions = {}) {
    super(4, globalMaxPool, options);
  }
}
/** The mean of each channel over the steps that a mask leaves: `[batch, steps, channels]` becomes `[batch, channels]`. */
export class GlobalAveragePooling1D extends GlobalPooling {
  static readonly kind: string = "GlobalAveragePooling1D";
  readonly #options: GlobalPoolingOptions;
  constructor(options: GlobalPoolingOptions = {}) {
    super(3, globalAveragePool, options);
    this.#options = options;
  }
  override call(x: Tensor, options: CallOptions): Tensor {
    if (!options.mask) return super.call(x, options);
    const counts = expandDims(cast(options.mask, x.dtype), -1);
    const over = { axis: 1, keepDims: this.#options.keepdims ?? false };
    return div(sum(mul(x, counts), over), sum(counts, over));
  }
}
/** The mean of each channel over all pixels: `[batch, height, width, channels]` becomes `[batch, channels]`. */
export class GlobalAveragePooling2D extends GlobalPooling {
  static readonly kind: string = "GlobalAveragePooling2D";
  constructor(options: GlobalPoolingOptions = {}) {
    super(4, globalAveragePool, options);
  }
}
