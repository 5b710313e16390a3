import { GraphError } from "../core/errors.ts";
import { recipeOf } from "../core/recipe.ts";
import type { Shape } from "../core/shape-types.ts";
import type { Tensor } from "../graph/operation.ts";
import { here } from "../runtime/reading.ts";
import { activationNameOf } from "./activation-names.ts";
import { type ApplyOptions, Layer, type LayerOptions } from "./core/layer.ts";
import type { TensorNest } from "./core/nest.ts";

/** Arguments of a layer by name, as JSON: positional ones and options. */
export type LayerConfig = Readonly<Record<string, unknown>>;

/** Options with a default where none is given. */
export type WithDefaults<O, D> = Omit<O, keyof D> & {
  readonly [K in keyof D]: K extends keyof O ? NonNullable<O[K]> | D[K] : D[K];
};

/** `options`, and the defaults of those that are not given or undefined. */
export function withDefaults<O extends object, const D extends object>(options: O, defaults: D): WithDefaults<O, D> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) } as WithDefaults<O, D>;
}

/**
 * What the layers of this library have in common: they know the arguments they were made with, so that a file can hold
 * them and the layer be made again.
 */
export abstract class BuiltIn<
  In extends TensorNest = Tensor,
  Out extends TensorNest = Tensor,
  Options extends ApplyOptions = ApplyOptions,
> extends Layer<In, Out, Options> {
  /** Names of the arguments before the options, in their order. */
  static readonly positional: readonly string[] = [];
  readonly #args: LayerConfig;

  /** @param args all arguments by name, with their defaults */
  constructor(args: LayerOptions & LayerConfig) {
    super(args);
    this.#args = args;
  }

  /** Null if a function of the user's own is among the arguments. */
  override getConfig(): LayerConfig | null {
    const config = asJson({ ...this.#args, trainable: this.trainable ? undefined : false });
    return config === NOT_JSON ? null : (config as LayerConfig);
  }

  /** Makes a layer with these arguments, as `getConfig` gives them. @throws GraphError for arguments it does not take */
  static fromConfig<T>(
    this: { new (...args: never[]): T; readonly positional: readonly string[] },
    config: LayerConfig,
  ): T {
    const options = { ...config };
    // biome-ignore lint/complexity/noThisInStatic: the class it is called on, which extends this one
    const first = this.positional.map((name) => {
      delete options[name];
      return config[name];
    });
    // What a file holds is checked by the constructor.
    return new this(...([...first, options] as never[]));
  }
}

/** `BuiltIn` with a call of which the editor knows what shape comes out. Other calls are as they were. */
export const builtInWith = <Call extends (x: never) => Tensor>() =>
  BuiltIn as Pick<typeof BuiltIn, "fromConfig" | "positional"> &
    (abstract new (
      args: LayerOptions & LayerConfig,
    ) => Call & BuiltIn);

/** The shape stays, each element has to do with itself or its example alone, and so a mask stays true. */
export abstract class ShapeKeeping extends builtInWith<
  <S extends Shape>(x: Tensor<S>, options?: ApplyOptions) => Tensor<S>
>() {
  protected override get passesMask(): boolean {
    return true;
  }
}

const NOT_JSON: unique symbol = Symbol("not JSON");

/** What JSON can hold of a value: functions by how they were made. */
function asJson(value: unknown): unknown {
  if (typeof value === "function") return recipeOf(value) ?? activationNameOf(value) ?? NOT_JSON;
  if (Array.isArray(value)) {
    const items = value.map(asJson);
    return items.includes(NOT_JSON) ? NOT_JSON : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const converted = entries.map(([name, item]) => [name, asJson(item)] as const);
  return converted.some(([, item]) => item === NOT_JSON) ? NOT_JSON : Object.fromEntries(converted);
}

// ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────

/** @throws GraphError unless it is a whole number from `least` on */
export function requireCount(layer: string, name: string, value: number, least = 1): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw argumentError(layer, name, value, `give a whole number from ${least} on`);
}

/** @throws GraphError unless 0 ≤ rate < 1 */
export function requireRate(layer: string, rate: number): number {
  if (rate >= 0 && rate < 1) return rate;
  throw argumentError(layer, "rate", rate, "give the share that is dropped: a number from 0 on, below 1");
}

/** One number for all axes, or one each. @throws GraphError for anything but whole numbers from `least` on */
export function requireEach<N extends readonly number[]>(
  layer: string,
  name: string,
  value: number | N,
  axes: N["length"],
  least = 1,
): N {
  const list = typeof value === "number" ? new Array<number>(axes).fill(value) : value;
  if (Array.isArray(list) && list.length === axes && list.every((n) => Number.isInteger(n) && n >= least)) {
    return list as readonly number[] as N;
  }
  const each = axes === 1 ? "a whole number" : `one whole number or a list of ${axes}`;
  throw argumentError(layer, name, value, `give ${each}, from ${least} on`);
}

/** @throws GraphError unless the value is one of those */
export function requireOneOf<T extends string>(layer: string, name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  throw argumentError(layer, name, value, `give one of ${allowed.map((one) => `"${one}"`).join(", ")}`);
}

export function argumentError(layer: string, name: string, value: unknown, fix: string): GraphError {
  // JSON has no NaN, and nothing for undefined.
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return new GraphError({ what: `${layer}: ${name} can not be ${text}`, at: here(), fix });
}
