import { eager } from "../../eager/context.ts";
import type { EagerVariable } from "../../eager/tensor.ts";
import { buildInto, currentBuilder } from "../../graph/builder.ts";
import type { Tensor } from "../../graph/operation.ts";
import { foldIn, seedWords } from "../../ops/random.ts";
import { assignAdd } from "../../ops/state.ts";
import { constantIn } from "../../ops/support.ts";
import { isTrial } from "./context.ts";
import { type SeedOwner, settleSeed } from "./seeds.ts";
import { makeWeight } from "./weight.ts";

/** Name of the variable that counts what a layer has drawn. */
export const COUNTER = "random/counter";

/**
 * The random numbers of one layer, for dropout and the like. Every key is of its own:
 *
 *     key = foldIn(stream, calls)          stream: of the layer's seed; calls: 1, 2, … since the layer was made
 *
 * The count is a variable like others: it is saved and loaded with the weights, and numbers go on where they ended.
 */
export class LayerRandom {
  readonly #counter: EagerVariable;
  /** Null until the first key is drawn, unless a model has claimed the layer before. */
  seed: number | null = null;
  readonly #owner: SeedOwner;

  constructor(owner: SeedOwner) {
    this.#owner = owner;
    this.#counter = buildInto(eager, () =>
      makeWeight(COUNTER, { shape: [], dtype: "uint32", trainable: false }, owner),
    );
  }

  get variables(): readonly EagerVariable[] {
    return [this.#counter];
  }

  /** A key that nobody else has. */
  key(): Tensor<readonly [2]> {
    const stream = constantIn(currentBuilder() ?? eager, seedWords("random", this.#settledSeed()), "uint32");
    return foldIn(stream, assignAdd(this.#counter, 1)) as Tensor<readonly [2]>;
  }

  #settledSeed(): number {
    if (isTrial()) return 0;
    return settleSeed(this, this.#owner);
  }
}
