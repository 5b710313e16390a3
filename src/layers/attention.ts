/** Layers in which steps look at other steps. */

import { GraphError } from "../core/errors.ts";
import type { Sizes } from "../core/shape.ts";
import type { Size } from "../core/size.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { tanh } from "../ops/activation.ts";
import { add, mul } from "../ops/arithmetic.ts";
import { greaterEqual, logicalAnd, where } from "../ops/comparison.ts";
import { matmul } from "../ops/contraction.ts";
import { range } from "../ops/counting.ts";
import { expandDims, reshape, transpose } from "../ops/movement.ts";
import { sum } from "../ops/reduction.ts";
import { dropout } from "../ops/sampling.ts";
import { softmax } from "../ops/softmax.ts";
import { here } from "../runtime/reading.ts";
import { BuiltIn, type LayerConfig, requireCount, requireOneOf, requireRate, withDefaults } from "./built-in.ts";
import { maskOf } from "./core/context.ts";
import type { ApplyOptions, CallOptions, Given, LayerOptions } from "./core/layer.ts";
import { addChosenWeight, type KernelOptions } from "./kernel.ts";

export interface AttentionCallOptions extends ApplyOptions {
  /** Which steps of the value count, bool `[batch, keys]`. Default: its mask. `mask` says so of the query. */
  readonly valueMask?: Tensor | undefined;
  /** Whether a step sees only itself and those before. Default false. */
  readonly useCausalMask?: boolean | undefined;
  /** Whether it gives a list: the output, and the weights of the means. Default false. */
  readonly returnAttentionScores?: boolean | undefined;
}

/** `[query, value]` or `[query, value, key]`; without a key the value is it. */
export type AttentionInputs = readonly Tensor[];
type OutputAndScores = readonly [output: Tensor, scores: Tensor];
type AttentionOutput = Tensor | OutputAndScores;
type WithScores = { readonly returnAttentionScores: true };

/** What takes the place of a score that does not count: far below all others, but finite. */
const FORBIDDEN = -1e9;

/** Where all masks that are given allow it; they broadcast. */
const allOf = (masks: readonly (Tensor | null | undefined)[]): Tensor | null =>
  masks.reduce<Tensor | null>((all, mask) => (!mask ? all : all ? logicalAnd(all, mask) : mask), null);

/** Step i may see steps 0 … i: bool `[queries, keys]`. */
const causal = (like: Tensor, queries: Size, keys: Size): Tensor =>
  greaterEqual(expandDims(range(like, queries), 1), range(like, keys));

/** The softmax of what the mask allows; all 0 where it allows nothing. */
const weightsOf = (scores: Tensor, mask: Tensor | null): Tensor =>
  mask ? where(mask, softmax(where(mask, scores, FORBIDDEN)), 0) : softmax(scores);

/** What layers of attention have in common: they take a list, and leave the steps of the query alone. */
abstract class Attending<Options extends AttentionCallOptions> extends BuiltIn<
  AttentionInputs,
  AttentionOutput,
  Options
> {
  override apply(inputs: Given<AttentionInputs>, options: Options = {} as Options): AttentionOutput {
    const count = Array.isArray(inputs) ? inputs.length : null;
    if (count === 2 || count === 3) return super.apply(inputs, options);
    throw new GraphError({
      what: `${this.name}: takes a list of two or three tensors, got ${count ?? "one that is no list"}`,
      at: here(),
      fix: "call it on [query, value] or [query, value, key]: attention([x, x])",
    });
  }
  override outputMask(_inputs: AttentionInputs, mask: Tensor | null): Tensor | null {
    return mask;
  }
}

/** Query, value and key. */
const parted = ([query, value, key = value]: AttentionInputs) => [query!, value!, key!] as const;

export interface MultiHeadAttentionOptions
  extends LayerOptions,
    Omit<KernelOptions, "activation" | "activityRegularizer"> {
  /** Size of values in a head. Default: that of keys. */
  readonly valueDim?: number | undefined;
  /** Share of the weights that is dropped in training. Default 0. */
  readonly dropout?: number | undefined;
  /** Axes of the output behind batch and steps. Default: the features of the query. */
  readonly outputShape?: number | readonly number[] | undefined;
}

export interface MultiHeadAttentionCallOptions extends AttentionCallOptions {
  /** Which keys each query may see, bool, broadcast to `[batch, queries, keys]`, or with heads `[batch, heads, queries, keys]`. */
  readonly attentionMask?: Tensor | undefined;
}

export interface MultiHeadAttention {
  (inputs: Given<AttentionInputs>, options: MultiHeadAttentionCallOptions & WithScores): OutputAndScores;
  (inputs: Given<AttentionInputs>, options?: MultiHeadAttentionCallOptions): Tensor;
}
/**
 * Attention in several heads side by side; Vaswani and others (2017). In each the steps of the query get a mean of the
 * values, weighted by how well keys go with them: `softmax(q kᵀ / √keyDim) v`.
 *
 *     query [batch, queries, features]   value, key [batch, keys, …]   output [batch, queries, features]
 *     query/kernel [features, heads, keyDim], and so on   attention_output/kernel [heads, valueDim, features]
 *
 * @param keyDim size of queries and keys in a head
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the call signature is that of `apply`
export class MultiHeadAttention extends Attending<MultiHeadAttentionCallOptions> {
  static readonly kind: string = "MultiHeadAttention";
  static override readonly positional: readonly string[] = ["numHeads", "keyDim"];
  readonly numHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly #options: MultiHeadAttentionOptions & { readonly dropout: number };
  #projections: readonly Projection[] = [];

  /** @throws GraphError for sizes that are no whole numbers, or a rate that is none */
  constructor(numHeads: number, keyDim: number, options: MultiHeadAttentionOptions = {}) {
    const full = withDefaults(options, {
      valueDim: keyDim,
      dropout: 0,
      useBias: true,
      kernelInitializer: "glorotUniform",
      biasInitializer: "zeros",
    });
    super({ numHeads, keyDim, ...full });
    this.numHeads = requireCount("MultiHeadAttention", "numHeads", numHeads);
    this.keyDim = requireCount("MultiHeadAttention", "keyDim", keyDim);
    this.valueDim = requireCount("MultiHeadAttention", "valueDim", full.valueDim);
    requireRate("MultiHeadAttention", full.dropout);
    this.#options = full;
    this.expectInput({ rank: 3 });
  }

  override build(shapes: readonly Sizes[]): void {
    const [query, value, key = value] = shapes.map((shape) => shape.at(-1)!);
    const { outputShape = query! } = this.#options;
    const output = [outputShape as number | readonly number[]].flat();
    const { numHeads, keyDim, valueDim } = this;
    this.#projections = [
      this.#projection("query", [query!], [numHeads, keyDim]),
      this.#projection("key", [key!], [numHeads, keyDim]),
      this.#projection("value", [value!], [numHeads, valueDim]),
      this.#projection("attention_output", [numHeads, valueDim], output),
    ];
  }
  #projection(name: string, from: readonly Size[], to: readonly number[]): Projection {
    const options = this.#options;
    const kernel = addChosenWeight(this, `${name}/kernel`, [...from, ...to], {
      initializer: options.kernelInitializer!,
      regularizer: options.kernelRegularizer,
      constraint: options.kernelConstraint,
    });
    if (!options.useBias) return { kernel, bias: null, to };
    const bias = addChosenWeight(this, `${name}/bias`, to, {
      initializer: options.biasInitializer!,
      regularizer: options.biasRegularizer,
      constraint: options.biasConstraint,
    });
    return { kernel, bias, to };
  }

  override call(inputs: AttentionInputs, options: CallOptions<MultiHeadAttentionCallOptions>): AttentionOutput {
    const [query, value, key] = parted(inputs);
    const [toQuery, toKey, toValue, toOutput] = this.#projections as readonly [
      Projection,
      Projection,
      Projection,
      Projection,
    ];
    const heads = (x: Tensor, projection: Projection): Tensor => transpose(projected(x, projection), [0, 2, 1, 3]);
    const scores = matmul(mul(heads(query, toQuery), 1 / Math.sqrt(this.keyDim)), heads(key, toKey), {
      transposeB: true,
    });
    const weights = weightsOf(scores, this.#mask([query, value, key], options));
    const { dropout: rate } = this.#options;
    const kept = options.training && rate > 0 ? dropout(weights, this.randomKey(), rate) : weights;
    const means = transpose(matmul(kept, heads(value, toValue)), [0, 2, 1, 3]);
    const [batch, steps] = query.shape!;
    const output = projected(reshape(means, [batch!, steps!, this.numHeads * this.valueDim]), toOutput);
    return options.returnAttentionScores ? [output, weights] : output;
  }

  /** Bool, broadcast to `[batch, heads, queries, keys]`. */
  #mask(
    [query, value, key]: readonly [Tensor, Tensor, Tensor],
    options: CallOptions<MultiHeadAttentionCallOptions>,
  ): Tensor | null {
    const { mask, attentionMask } = options;
    const valueMask = options.valueMask ?? maskOf(value);
    const keyMask = key === value ? null : maskOf(key);
    const overQueries = mask && expandDims(expandDims(mask, 1), 3);
    const overKeys = [valueMask, keyMask].map((own) => own && expandDims(expandDims(own, 1), 1));
    const given = attentionMask?.rank === 3 ? expandDims(attentionMask, 1) : attentionMask;
    const order = options.useCausalMask ? causal(query, query.shape![1]!, key.shape![1]!) : null;
    return allOf([given, overQueries, ...overKeys, order]);
  }
}

/** A product with a kernel `[…from, …to]` over all axes `from`. */
interface Projection {
  readonly kernel: Variable;
  readonly bias: Variable | null;
  readonly to: readonly number[];
}
/** `[batch, steps, from]` becomes `[batch, steps, …to]`. */
function projected(x: Tensor, { kernel, bias, to }: Projection): Tensor {
  const [batch, steps, features] = x.shape!;
  const columns = to.reduce((product, size) => product * size, 1);
  const product = matmul(x, reshape(kernel as Tensor, [features!, columns])) as Tensor;
  return reshape(bias ? add(product, reshape(bias as Tensor, [columns])) : product, [batch!, steps!, ...to]);
}

export interface AttentionOptions extends LayerOptions {
  /** Whether scores are scaled by a weight. Default false; for additive attention true. */
  readonly useScale?: boolean | undefined;
  /** Share of the weights that is dropped in training. Default 0. */
  readonly dropout?: number | undefined;
}

/** What attention without heads has in common. */
abstract class PlainAttention extends Attending<AttentionCallOptions> {
  readonly #dropout: number;

  constructor(kind: string, args: LayerConfig & { readonly dropout: number }) {
    super(args);
    this.#dropout = requireRate(kind, args.dropout);
    this.expectInput({ rank: 3 });
  }
  /** How well keys go with queries: `[batch, queries, keys]`. */
  protected abstract scores(query: Tensor, key: Tensor): Tensor;

  override call(inputs: AttentionInputs, options: CallOptions<AttentionCallOptions>): AttentionOutput {
    const [query, value, key] = parted(inputs);
    const valueMask = options.valueMask ?? maskOf(value);
    const order = options.useCausalMask ? causal(query, query.shape![1]!, key.shape![1]!) : null;
    const weights = weightsOf(this.scores(query, key), allOf([valueMask && expandDims(valueMask, 1), order]));
    const kept = options.training && this.#dropout > 0 ? dropout(weights, this.randomKey(), this.#dropout) : weights;
    const means: Tensor = matmul(kept, value);
    const output = options.mask ? where(expandDims(options.mask, 2), means, 0) : means;
    return options.returnAttentionScores ? [output, weights] : output;
  }
}

export interface Attention {
  (inputs: Given<AttentionInputs>, options: AttentionCallOptions & WithScores): OutputAndScores;
  (inputs: Given<AttentionInputs>, options?: AttentionCallOptions): Tensor;
}
/** Dot-product attention; Luong and others (2015): `softmax(q kᵀ) v`. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the call signature is that of `apply`
export class Attention extends PlainAttention {
  static readonly kind: string = "Attention";
  readonly #options: { readonly useScale: boolean; readonly scoreMode: "dot" | "concat" };
  #scale: Variable | null = null;
  #weight: Variable | null = null;

  constructor(
    options: AttentionOptions & {
      /** `"concat"`: a weight times `Σ tanh(q + k)`. Default `"dot"`. */
      readonly scoreMode?: "dot" | "concat" | undefined;
    } = {},
  ) {
    const full = withDefaults(options, { useScale: false, scoreMode: "dot", dropout: 0 });
    super("Attention", full);
    requireOneOf("Attention", "scoreMode", full.scoreMode, ["dot", "concat"]);
    this.#options = full;
  }
  override build(): void {
    if (this.#options.useScale) this.#scale = this.addWeight("scale", { shape: [], initializer: "ones" });
    if (this.#options.scoreMode === "concat") {
      this.#weight = this.addWeight("concat_score_weight", { shape: [], initializer: "ones" });
    }
  }
  protected override scores(query: Tensor, key: Tensor): Tensor {
    const scaled = (x: Tensor): Tensor => (this.#scale ? mul(x, this.#scale) : x);
    if (!this.#weight) return scaled(matmul(query, key, { transposeB: true }));
    return mul(sum(tanh(scaled(pairSums(query, key))), { axis: -1 }), this.#weight);
  }
}

export interface AdditiveAttention {
  (inputs: Given<AttentionInputs>, options: AttentionCallOptions & WithScores): OutputAndScores;
  (inputs: Given<AttentionInputs>, options?: AttentionCallOptions): Tensor;
}
/** Additive attention; Bahdanau and others (2015): scores are `Σ scale · tanh(q + k)`. */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the call signature is that of `apply`
export class AdditiveAttention extends PlainAttention {
  static readonly kind: string = "AdditiveAttention";
  readonly #useScale: boolean;
  #scale: Variable | null = null;

  constructor(options: AttentionOptions = {}) {
    const full = withDefaults(options, { useScale: true, dropout: 0 });
    super("AdditiveAttention", full);
    this.#useScale = full.useScale;
  }
  override build([query]: readonly Sizes[]): void {
    if (this.#useScale)
      this.#scale = this.addWeight("scale", { shape: [query!.at(-1)!], initializer: "glorotUniform" });
  }
  protected override scores(query: Tensor, key: Tensor): Tensor {
    const each = tanh(pairSums(query, key));
    return sum(this.#scale ? mul(each, this.#scale) : each, { axis: -1 });
  }
}

/** The sum of each query and each key: `[batch, queries, keys, features]`. */
const pairSums = (query: Tensor, key: Tensor): Tensor => add(expandDims(query, 2), expandDims(key, 1));
