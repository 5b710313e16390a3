import type { Dim, Result, Shape } from "../core/shape-types.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { cast, notEqual } from "../ops/comparison.ts";
import { embeddingLookup } from "../ops/scatter.ts";
import { BuiltIn, requireCount, withDefaults } from "./built-in.ts";
import type { ConstraintChoice } from "./constraints.ts";
import type { ApplyOptions, LayerOptions } from "./core/layer.ts";
import type { InitializerChoice } from "./initializers.ts";
import { addChosenWeight } from "./kernel.ts";
import type { RegularizerChoice } from "./regularizers.ts";

export interface EmbeddingOptions extends LayerOptions {
  /** Default uniform. */
  readonly embeddingsInitializer?: InitializerChoice | undefined;
  readonly embeddingsRegularizer?: RegularizerChoice | undefined;
  readonly embeddingsConstraint?: ConstraintChoice | undefined;
  /** Whether 0 is no word but fills sequences up: layers behind leave such steps out. Default false. */
  readonly maskZero?: boolean | undefined;
}

type WithVectors<S extends Shape, Output extends Dim> = number extends S["length"] ? Shape : readonly [...S, Output];

/** The editor follows the shape. */
export interface Embedding<Output extends number = number> {
  <const S extends Shape>(ids: Tensor<S>, options?: ApplyOptions): Tensor<Result<WithVectors<S, Output>>>;
}

/**
 * A vector for each number, such as that of a word: rows of a table that is learnt.
 *
 *     ids int32 [batch, steps]   embeddings [inputDim, outputDim]   y [batch, steps, outputDim]
 *
 * The gradient is 0 in rows that were not looked up.
 *
 * @param inputDim how many numbers there are, from 0 on
 * @param outputDim size of a vector
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the call signature is that of `apply`
export class Embedding<Output extends number = number> extends BuiltIn {
  static readonly kind: string = "Embedding";
  static override readonly positional: readonly string[] = ["inputDim", "outputDim"];
  readonly inputDim: number;
  readonly outputDim: Output;
  readonly #options: EmbeddingOptions;
  #embeddings!: Variable;

  /** @throws GraphError for sizes that are no whole numbers */
  constructor(inputDim: number, outputDim: Output, options: EmbeddingOptions = {}) {
    const full = withDefaults(options, { embeddingsInitializer: "uniform", maskZero: false });
    super({ inputDim, outputDim, ...full });
    this.inputDim = requireCount("Embedding", "inputDim", inputDim);
    this.outputDim = requireCount("Embedding", "outputDim", outputDim) as Output;
    this.#options = full;
  }

  override build(): void {
    const { embeddingsInitializer, embeddingsRegularizer, embeddingsConstraint } = this.#options;
    this.#embeddings = addChosenWeight(this, "embeddings", [this.inputDim, this.outputDim], {
      initializer: embeddingsInitializer!,
      regularizer: embeddingsRegularizer,
      constraint: embeddingsConstraint,
    });
  }
  override call(ids: Tensor): Tensor {
    return embeddingLookup(this.#embeddings, asIndex(ids));
  }
  override outputMask(ids: Tensor): Tensor | null {
    return this.#options.maskZero ? notEqual(ids, 0) : null;
  }
}

const asIndex = (ids: Tensor): Tensor => (ids.dtype === "int32" ? ids : cast(ids, "int32"));
