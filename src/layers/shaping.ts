import { isFloat } from "../core/dtype.ts";
import { ShapeError } from "../core/errors.ts";
import { shapeText } from "../core/shape.ts";
import type { Flatten as FlattenShape } from "../core/shape-rules.ts";
import type { Result, Shape } from "../core/shape-types.ts";
import { divideExactly, isKnown, multiplySizes, productOf, type Size, sizeText } from "../core/size.ts";
import type { Tensor } from "../graph/operation.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { cast } from "../ops/comparison.ts";
import { expandDims, flatten, reshape, tile, transpose } from "../ops/movement.ts";
import { identity } from "../ops/state.ts";
import { here } from "../runtime/reading.ts";
import { argumentError, BuiltIn, builtInWith, requireCount, ShapeKeeping, withDefaults } from "./built-in.ts";
import { type ApplyOptions, type CallOptions, Layer, type LayerOptions } from "./core/layer.ts";
import type { TensorNest } from "./core/nest.ts";

/** All axes but that of the batch become one: `[batch, 28, 28]` becomes `[batch, 784]`. */
export class Flatten extends builtInWith<
  <S extends Shape>(x: Tensor<S>, options?: ApplyOptions) => Tensor<Result<FlattenShape<S>>>
>() {
  static readonly kind: string = "Flatten";

  constructor(options: LayerOptions = {}) {
    super({ ...options });
    this.expectInput({ minRank: 1 });
  }
  override call(x: Tensor): Tensor {
    return x.rank === 1 ? expandDims(x, 1) : flatten(x);
  }
}

/**
 * The same elements of each example in another shape, in row-major order.
 * @param targetShape without the batch; one size may be -1, to be worked out
 */
export class Reshape extends BuiltIn {
  static readonly kind: string = "Reshape";
  static override readonly positional: readonly string[] = ["targetShape"];
  readonly targetShape: readonly number[];

  /** @throws GraphError for sizes that are none, or -1 twice */
  constructor(targetShape: readonly number[], options: LayerOptions = {}) {
    super({ targetShape, ...options });
    const isShape = targetShape.every((size) => Number.isInteger(size) && size >= -1);
    if (!isShape || targetShape.filter((size) => size === -1).length > 1) {
      throw argumentError("Reshape", "targetShape", targetShape, "give whole numbers, and -1 at most once");
    }
    this.targetShape = targetShape;
  }
  override call(x: Tensor): Tensor {
    const [batch = 1, ...own] = x.shape ?? [];
    const elements = productOf(own);
    const given = productOf(this.targetShape.filter((size) => size !== -1));
    const open = this.targetShape.includes(-1) ? quotient(elements, given) : 1;
    if (open === null || (isKnown(elements) && isKnown(open) && multiplySizes(given, open) !== elements)) {
      throw new ShapeError({
        what: `${this.name}: the ${sizeText(elements)} elements of ${shapeText(own)} can not be laid out as ${shapeText(this.targetShape)}`,
        at: here(),
        fix: `the product of the sizes must be ${sizeText(elements)}: the batch does not count, and one size may be -1`,
      });
    }
    return reshape(x, [batch, ...this.targetShape.map((size) => (size === -1 ? open : size))]);
  }
}

const quotient = (elements: Size, given: Size): Size | null =>
  given === 0 ? (elements === 0 ? 0 : null) : divideExactly(elements, given);

/**
 * Another order of the axes of each example.
 * @param dims which axis comes first, second, …: axes count from 1, as the batch does not count
 */
export class Permute extends BuiltIn {
  static readonly kind: string = "Permute";
  static override readonly positional: readonly string[] = ["dims"];
  readonly #permutation: readonly number[];

  /** @throws GraphError unless each axis from 1 on is named once */
  constructor(dims: readonly number[], options: LayerOptions = {}) {
    super({ dims, ...options });
    if (![...dims].sort((a, b) => a - b).every((axis, i) => axis === i + 1)) {
      throw argumentError("Permute", "dims", dims, `give each axis once, counted from 1: [2, 1]`);
    }
    this.#permutation = [0, ...dims];
    this.expectInput({ rank: dims.length + 1 });
  }
  override call(x: Tensor): Tensor {
    return transpose(x, this.#permutation);
  }
}

/** The same features at each of `n` steps: `[batch, features]` becomes `[batch, n, features]`. */
export class RepeatVector extends BuiltIn {
  static readonly kind: string = "RepeatVector";
  static override readonly positional: readonly string[] = ["n"];
  readonly n: number;

  constructor(n: number, options: LayerOptions = {}) {
    super({ n, ...options });
    this.n = requireCount("RepeatVector", "n", n);
    this.expectInput({ rank: 2 });
  }
  override call(x: Tensor): Tensor {
    return tile(expandDims(x, 1), [1, this.n, 1]);
  }
}

/** What comes in goes out. */
export class Identity extends ShapeKeeping {
  static readonly kind: string = "Identity";

  constructor(options: LayerOptions = {}) {
    super({ ...options });
  }
  override call(x: Tensor): Tensor {
    return identity(x);
  }
}

/** `scale · x + offset`, as floating point: `new Rescaling(1 / 255)` for images of bytes. */
export class Rescaling extends ShapeKeeping {
  static readonly kind: string = "Rescaling";
  static override readonly positional: readonly string[] = ["scale"];
  readonly #scale: number;
  readonly #offset: number;

  constructor(
    scale: number,
    options: LayerOptions & {
      /** Default 0. */
      readonly offset?: number | undefined;
    } = {},
  ) {
    const full = withDefaults(options, { offset: 0 });
    super({ scale, ...full });
    this.#scale = scale;
    this.#offset = full.offset;
  }
  override call(x: Tensor): Tensor {
    const scaled = mul(asFloat(x), this.#scale);
    return this.#offset === 0 ? scaled : add(scaled, this.#offset);
  }
}

/** Whole numbers as float32. */
export const asFloat = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : cast(x, "float32"));

/**
 * A function of your own as a layer: `new Lambda((x) => square(x))`. It can have no weights, and a model with it can not
 * be saved; a subclass of Layer can.
 */
export class Lambda<In extends TensorNest = Tensor, Out extends TensorNest = Tensor> extends Layer<In, Out> {
  static readonly kind: string = "Lambda";
  readonly #compute: (inputs: In, options: CallOptions) => Out;

  constructor(compute: (inputs: In, options: CallOptions) => Out, options: LayerOptions = {}) {
    super(options);
    this.#compute = compute;
  }
  override call(inputs: In, options: CallOptions): Out {
    return this.#compute(inputs, options);
  }
}
