import { GraphError } from "../core/errors.ts";
import type { Dim } from "../core/shape-types.ts";
import type { EagerVariable } from "../eager/tensor.ts";
import { Tensor } from "../graph/operation.ts";
import { here } from "../runtime/reading.ts";
import { isFunctional } from "./core/functional-graph.ts";
import { asDeclared, input } from "./core/input.ts";
import { CONNECTIONS, INPUT_SHAPE, INPUT_SPECS, PARTS, PREPARE } from "./core/internal.ts";
import { type CallOptions, Layer } from "./core/layer.ts";
import type { Module } from "./core/module.ts";
import type { TensorNest } from "./core/nest.ts";
import type { ModelOptions } from "./core/network.ts";
import { Model } from "./model.ts";

export interface SequentialOptions extends ModelOptions {
  /** Of one sample: builds the model at once. Without it, the first data do. */
  readonly inputShape?: readonly Dim[] | undefined;
}

/** A layer of one tensor, as a sequential model takes it. */
type Link = Layer;

/**
 * One layer after another: Keras' `Sequential`.
 *
 *     const network = sequential([
 *       input([784]),
 *       new Dense(64, { activation: "relu" }),
 *       new Dense(10, { activation: "softmax" }),
 *     ]);
 *
 * @param layers the first may be a tensor of `input`, which says what comes in
 */
export const sequential = (layers: readonly (Link | Tensor)[] = [], options: SequentialOptions = {}): Sequential =>
  new Sequential(layers, options);

/** What `sequential` makes. */
export class Sequential extends Model {
  static readonly kind: string = "Sequential";
  readonly #layers: Link[] = [];
  #input: Tensor | null = null;

  constructor(layers: readonly (Link | Tensor)[] = [], options: SequentialOptions = {}) {
    super(options);
    if (options.inputShape) this.#input = input(options.inputShape);
    for (const layer of layers) this.#take(layer);
    this.#buildIfKnown();
  }

  /**
   * Adds a layer at the end.
   * @throws GraphError for something else, or the same layer twice; ShapeError if it does not go with the last one
   */
  add(layer: Link | Tensor): this {
    this.#take(layer);
    this.#buildIfKnown();
    return this;
  }

  override get layers(): readonly Layer<TensorNest, TensorNest>[] {
    return this.#layers as readonly object[] as readonly Layer<TensorNest, TensorNest>[];
  }
  override *[PARTS](): Iterable<Module | EagerVariable> {
    yield* this.#layers;
  }
  /** What comes in, if that was said. */
  get inputs(): Tensor | null {
    return this.#input;
  }

  override [CONNECTIONS](): readonly string[] {
    return [this.#layers.map(({ name }) => name).join(" → ")];
  }

  override call(inputs: Tensor, { training, mask }: CallOptions): Tensor {
    const given = this.#input ? asDeclared(inputs, this.#input) : inputs;
    return this.#layers.reduce((x, layer, i) => layer.apply(x, i === 0 ? { training, mask } : { training }), given);
  }

  #take(layer: Link | Tensor): void {
    if (layer instanceof Tensor && isFunctional(layer) && this.#layers.length === 0) {
      this.#input = layer;
      return;
    }
    if (!(layer instanceof Layer)) {
      throw new GraphError({
        what: `${this.name}: ${String(layer)} is not a layer`,
        at: here(),
        fix: layer instanceof Tensor ? "input([784]) comes first, and only once" : "add layers: new Dense(64)",
      });
    }
    if (this.#layers.includes(layer)) {
      throw new GraphError({
        what: `${this.name}: layer "${layer.name}" is in it already`,
        at: here(),
        fix: "make another layer; one that shares its weights is called twice in a functional model",
      });
    }
    const shape = layer[INPUT_SHAPE];
    if (this.#layers.length === 0 && shape) this.#input ??= input(shape);
    this.#layers.push(layer);
  }

  #buildIfKnown(): void {
    const known = this.#input ?? (this[INPUT_SPECS] as Tensor | null);
    if (!known || this.#layers.length === 0) return;
    this[PREPARE](known, {}, true);
  }
}
