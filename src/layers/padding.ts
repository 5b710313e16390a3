/** Layers that add or take away steps of sequences and pixels of images, `[batch, …, channels]`. */
import { ShapeError } from "../core/errors.ts";
import { shapeText } from "../core/shape.ts";
import { addSizes, isKnown } from "../core/size.ts";
import type { Tensor } from "../graph/operation.ts";
import { resizeBilinear } from "../ops/resize.ts";
import { pad, slice } from "../ops/slicing.ts";
import { repeat } from "../ops/strided.ts";
import type { Pair, Single } from "../ops/window.ts";
import { here } from "../runtime/reading.ts";
import { argumentError, BuiltIn, requireEach, requireOneOf, withDefaults } from "./built-in.ts";
import type { LayerOptions } from "./core/layer.ts";

/** How much at both ends of one axis: a number for both, or one each. */
type Ends = number | Pair;
/** Of the two axes of images: a number for all four sides; one an axis; or `[[top, bottom], [left, right]]`. */
export type Sides = number | Pair | readonly [Pair, Pair];

const isAmount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;

function endsOf(layer: string, name: string, value: Ends): readonly [Pair] {
  const pair = typeof value === "number" ? [value, value] : value;
  if (Array.isArray(pair) && pair.length === 2 && pair.every(isAmount)) return [pair as readonly number[] as Pair];
  throw argumentError(layer, name, value, "give a whole number from 0 on, or [before, after]");
}

function sidesOf(layer: string, name: string, value: Sides): readonly [Pair, Pair] {
  const perAxis: readonly unknown[] = typeof value === "number" ? [value, value] : value;
  const sides = perAxis.map((amount) => (Array.isArray(amount) ? amount : [amount, amount]));
  if (sides.length === 2 && sides.every((pair) => pair.length === 2 && pair.every(isAmount))) {
    return sides as readonly unknown[] as readonly [Pair, Pair];
  }
  throw argumentError(layer, name, value, "give a whole number, [height, width], or [[top, bottom], [left, right]]");
}

const NOTHING: Pair = [0, 0];

const padded = (x: Tensor, sides: readonly Pair[]): Tensor => pad(x, [NOTHING, ...sides, NOTHING]);

/** @throws ShapeError if nothing would be left */
function cropped(layer: string, x: Tensor, sides: readonly Pair[]): Tensor {
  const shape = x.shape!;
  const amounts = [NOTHING, ...sides, NOTHING];
  const sizes = shape.map((size, axis) => addSizes(size, -(amounts[axis]![0] + amounts[axis]![1])));
  const empty = sizes.findIndex((size, axis) => axis > 0 && axis <= sides.length && isKnown(size) && size < 1);
  if (empty < 0)
    return slice(
      x,
      amounts.map(([before]) => before),
      sizes,
    );
  const [before, after] = amounts[empty]!;
  throw new ShapeError({
    what: `${layer}: takes ${before} and ${after} away along axis ${empty}, which has only ${shape[empty]}`,
    details: [`input  ${x.op.name}: ${x.dtype}${shapeText(shape, [empty])}`],
    at: here(),
    fix: "crop less, or give it larger inputs",
  });
}

/** Zeros before and after the steps of `[batch, steps, channels]`. */
export class ZeroPadding1D extends BuiltIn {
  static readonly kind: string = "ZeroPadding1D";
  static override readonly positional: readonly string[] = ["padding"];
  readonly #sides: readonly Pair[];

  constructor(padding: Ends = 1, options: LayerOptions = {}) {
    super({ padding, ...options });
    this.#sides = endsOf("ZeroPadding1D", "padding", padding);
    this.expectInput({ rank: 3 });
  }
  override call(x: Tensor): Tensor {
    return padded(x, this.#sides);
  }
}

/** Zeros around images `[batch, height, width, channels]`. */
export class ZeroPadding2D extends BuiltIn {
  static readonly kind: string = "ZeroPadding2D";
  static override readonly positional: readonly string[] = ["padding"];
  readonly #sides: readonly Pair[];

  constructor(padding: Sides = 1, options: LayerOptions = {}) {
    super({ padding, ...options });
    this.#sides = sidesOf("ZeroPadding2D", "padding", padding);
    this.expectInput({ rank: 4 });
  }
  override call(x: Tensor): Tensor {
    return padded(x, this.#sides);
  }
}

/** Takes steps away at both ends of `[batch, steps, channels]`. */
export class Cropping1D extends BuiltIn {
  static readonly kind: string = "Cropping1D";
  static override readonly positional: readonly string[] = ["cropping"];
  readonly #sides: readonly Pair[];

  constructor(cropping: Ends = 1, options: LayerOptions = {}) {
    super({ cropping, ...options });
    this.#sides = endsOf("Cropping1D", "cropping", cropping);
    this.expectInput({ rank: 3 });
  }
  override call(x: Tensor): Tensor {
    return cropped(this.name, x, this.#sides);
  }
}

/** Takes pixels away around images `[batch, height, width, channels]`. */
export class Cropping2D extends BuiltIn {
  static readonly kind: string = "Cropping2D";
  static override readonly positional: readonly string[] = ["cropping"];
  readonly #sides: readonly Pair[];

  constructor(cropping: Sides = 0, options: LayerOptions = {}) {
    super({ cropping, ...options });
    this.#sides = sidesOf("Cropping2D", "cropping", cropping);
    this.expectInput({ rank: 4 });
  }
  override call(x: Tensor): Tensor {
    return cropped(this.name, x, this.#sides);
  }
}

/** Every step `size` times over: `[batch, steps, channels]` becomes `[batch, steps · size, channels]`. */
export class UpSampling1D extends BuiltIn {
  static readonly kind: string = "UpSampling1D";
  static override readonly positional: readonly string[] = ["size"];
  readonly #size: number;

  constructor(size = 2, options: LayerOptions = {}) {
    super({ size, ...options });
    [this.#size] = requireEach<Single>("UpSampling1D", "size", size, 1) as [number];
    this.expectInput({ rank: 3 });
  }
  override call(x: Tensor): Tensor {
    return repeat(x, this.#size, 1);
  }
}

export interface UpSampling2DOptions extends LayerOptions {
  /** A pixel is a copy of the nearest, or a mix of the four around it. Default `"nearest"`. */
  readonly interpolation?: "nearest" | "bilinear" | undefined;
}

/** Images `[batch, height, width, channels]`, larger by whole factors. */
export class UpSampling2D extends BuiltIn {
  static readonly kind: string = "UpSampling2D";
  static override readonly positional: readonly string[] = ["size"];
  readonly #size: Pair;
  readonly #interpolation: "nearest" | "bilinear";

  constructor(size: number | Pair = 2, options: UpSampling2DOptions = {}) {
    const full = withDefaults(options, { interpolation: "nearest" });
    super({ size, ...full });
    this.#size = requireEach<Pair>("UpSampling2D", "size", size, 2);
    this.#interpolation = requireOneOf("UpSampling2D", "interpolation", full.interpolation, ["nearest", "bilinear"]);
    this.expectInput({ rank: 4 });
  }
  override call(x: Tensor): Tensor {
    const [vertical, horizontal] = this.#size;
    if (this.#interpolation === "nearest") return repeat(repeat(x, vertical, 1), horizontal, 2);
    const [, height, width] = x.shape!;
    if (isKnown(height!) && isKnown(width!)) return resizeBilinear(x, [height * vertical, width * horizontal]);
    throw new ShapeError({
      what: `${this.name}: "bilinear" takes images whose height and width are known, got ${shapeText(x.shape)}`,
      at: here(),
      fix: 'give input(…) numbers, or use interpolation "nearest"',
    });
  }
}
