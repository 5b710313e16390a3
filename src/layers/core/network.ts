import { GraphError, StateError } from "../../core/errors.ts";
import { EagerVariable } from "../../eager/tensor.ts";
import { TraceGraph } from "../../eager/trace.ts";
import type { Tensor } from "../../graph/operation.ts";
import type { Graph } from "../../runtime/graph.ts";
import { here } from "../../runtime/reading.ts";
import { designText } from "../design.ts";
import { type SummaryOptions, summaryText } from "../summary.ts";
import {
  ADOPT,
  CALL_SHAPE,
  CLAIM,
  CONNECTIONS,
  INPUT_SPECS,
  LINE,
  MODULES,
  NAMED,
  PARTS,
  PREPARE,
  RANDOM,
  SEED,
  TRIAL,
  WEIGHTS,
} from "./internal.ts";
import { type ApplyOptions, type Given, Layer, type LayerOptions, type Owner } from "./layer.ts";
import type { Module } from "./module.ts";
import { mapTensors, type TensorNest, tensorsIn, withTensors } from "./nest.ts";
import { requireSeed, spreadSeed } from "./seeds.ts";
import { recordOf } from "./weight.ts";

/** A model as a graph. */
export interface ModelGraph {
  readonly graph: Graph;
  /** Placeholders, in the order of the model's inputs. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

export interface ModelOptions extends LayerOptions {
  /**
   * Decides every initial weight and every random number of the model: whole number from 0 on, default 0. The same
   * model with the same seed begins with the same bits, however it was put together.
   */
  readonly seed?: number | undefined;
}

/** Draws of layers are told from initial weights by this. */
const RANDOM_STREAMS = 0x5bd1e995;

/**
 * A layer made of layers that can be trained: Keras' `Model`. Subclass it, put layers into fields and write `call`; or
 * make one with `sequential` or `model`.
 */
export abstract class Network<
  In extends TensorNest = Tensor,
  Out extends TensorNest = Tensor,
  Options extends ApplyOptions = ApplyOptions,
> extends Layer<In, Out, Options> {
  readonly [SEED]: number;
  #ready = false;

  constructor(options: ModelOptions = {}) {
    super(options);
    this[SEED] = requireSeed("model", options.seed ?? 0);
  }

  /** The layers directly in it, each once, in order. */
  get layers(): readonly AnyLayer[] {
    return this.submodules.filter((part): part is AnyLayer => part instanceof Layer);
  }

  /**
   * The layer with this name, or at this position.
   * @throws GraphError listing the layers there are
   */
  getLayer(which: string | number): AnyLayer {
    const { layers } = this;
    const found = typeof which === "number" ? layers.at(which) : layers.find(({ name }) => name === which);
    if (found) return found;
    throw new GraphError({
      what: `${this.name}: there is no layer ${typeof which === "number" ? `number ${which}` : `"${which}"`}`,
      at: here(),
      fix: `layers: ${layers.map(({ name }) => name).join(", ") || "none yet"}`,
    });
  }

  /**
   * Every variable under a name that is unique in the model and says where it belongs: `encoder/dense_1/kernel`.
   * Files of weights have these names.
   */
  get namedVariables(): ReadonlyMap<string, EagerVariable> {
    const named = new Map<string, EagerVariable>();
    const seen = new Set<Module | EagerVariable>();
    const add = (prefix: string, variable: EagerVariable): void => {
      if (seen.has(variable)) return;
      seen.add(variable);
      named.set(unique(prefix + variable.op.name.split("/").slice(1).join("/") || variable.op.name, named), variable);
    };
    const walk = (module: Module, prefix: string): void => {
      if (seen.has(module)) return;
      seen.add(module);
      const names = new Map<string, unknown>();
      for (const part of module[PARTS]()) {
        if (part instanceof EagerVariable) add(prefix, part);
        else walk(part, `${prefix}${unique(part instanceof Layer ? part.name : "module", names, part)}/`);
      }
    };
    walk(this, "");
    return named;
  }

  /** Builds it for inputs like these, if it is not built yet: makes all weights, and gives names and seeds. */
  [PREPARE](inputs: In, options: Options, again = false): void {
    if (this.#ready && !again) return;
    adopt(this);
    this[TRIAL](inputs, options);
    // Layers may have been made in a `build`.
    adopt(this);
    this.#ready = true;
  }

  override apply(inputs: Given<In>, options: Options = {} as Options): Out {
    const given = withTensors(inputs) as Given<In>;
    this[PREPARE](given as In, options);
    return super.apply(given, options);
  }

  // ── looking at it ──────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A table of the layers: what each gives, and how many numbers it learns.
   * @throws StateError while nothing is known of the shapes
   */
  summary(options: SummaryOptions = {}): string {
    requireShapes(this, "summary");
    return summaryText(this as object as Network<never, never>, options);
  }
  /**
   * The checklist of network design, filled in: input, output, hidden activations, size and connections.
   * @throws StateError while nothing is known of the shapes
   */
  design(): string {
    requireShapes(this, "design");
    return designText(this as object as Network<never, never>, this[CONNECTIONS]());
  }
  /**
   * What the model computes, as a graph of its own: to draw, to print, and to compare, `graphHash(model.graph().outputs)`.
   * Layers are scopes in it, and the batch is open.
   *
   * @throws StateError while nothing is known of the shapes
   */
  graph(): ModelGraph {
    requireShapes(this, "graph");
    const graph = new TraceGraph({ name: this.name });
    const inputs: Tensor[] = [];
    const { result: outputs } = graph.trace(this.name, () => {
      const given = mapTensors(this[INPUT_SPECS], ({ op, dtype, shape }) => {
        inputs.push(graph.argument(op.name.split("/").at(-1)!, dtype, ["batch", ...(shape ?? []).slice(1)]));
        return inputs.at(-1)!;
      });
      const tensors = tensorsIn(this.apply(given as Given<In>)).map((tensor) => graph.standIn(tensor));
      return { result: tensors, tensors };
    });
    return { graph, inputs, outputs };
  }

  /** Which layer takes what which others give, a line each. */
  [CONNECTIONS](): readonly string[] {
    return [this.layers.map(({ name }) => name).join(", ")];
  }

  /** Initial weights and what layers draw get their seeds by their order in the model. */
  [CLAIM](): void {
    const layers = [...this[MODULES]()].filter((module): module is AnyLayer => module instanceof Layer);
    giveSeeds(
      this[SEED],
      layers.flatMap((layer) => layer[WEIGHTS].map(recordOf)),
    );
    giveSeeds(
      this[SEED] ^ RANDOM_STREAMS,
      layers.flatMap((layer) => layer[RANDOM] ?? []),
    );
  }
}

/** Those that have one keep it; numbers go on after theirs, so what comes later never draws the same. */
function giveSeeds(seed: number, holders: readonly { seed: number | null }[]): void {
  let number = holders.filter((holder) => holder.seed !== null).length;
  for (const holder of holders) holder.seed ??= spreadSeed(seed, ++number);
}

/** @throws StateError while nothing is known of the shapes of a model */
export function requireShapes(network: { readonly name: string; readonly [CALL_SHAPE]: unknown }, what: string): void {
  if (!network[CALL_SHAPE]) throw shapesUnknown(network.name, what);
}
export const shapesUnknown = (name: string, call: string): StateError =>
  new StateError({
    what: `${name}: ${call} before anything is known of its shapes`,
    at: here(),
    fix: "say what comes in, input([784]) as first layer, or call the model once",
  });

type AnyLayer = Layer<TensorNest, TensorNest>;

interface Adopter extends Module, Owner {
  readonly name: string;
  readonly layers: readonly AnyLayer[];
}
const isNetwork = (layer: object): layer is Adopter => layer instanceof Network;

/** Takes up the layers of a model, and gives names to those that have none. */
function adopt(network: Adopter, seen = new Set<Module>()): void {
  // A layer may know the model it is in.
  if (seen.has(network)) return;
  seen.add(network);
  const taken = new Map<string, AnyLayer>();
  for (const layer of network.layers) {
    layer[ADOPT](network, null);
    if (isNetwork(layer)) adopt(layer, seen);
    else adoptWithin(network, layer, seen);
    if (!layer[NAMED]) continue;
    const other = taken.get(layer.name);
    if (other) throw sameName(network.name, other, layer);
    taken.set(layer.name, layer);
  }
  for (const layer of network.layers) {
    if (!layer[NAMED]) layer[ADOPT](network, unique(layer.name, taken, layer));
  }
}

/** Takes up the layers within a layer that is no network: cells, or the layer a wrapper runs. They keep their names. */
function adoptWithin(network: Adopter, module: Module, seen: Set<Module>): void {
  if (seen.has(module)) return;
  seen.add(module);
  for (const part of module.submodules) {
    if (part instanceof Layer) part[ADOPT](network, null);
    if (isNetwork(part)) adopt(part, seen);
    else adoptWithin(network, part, seen);
  }
}

const sameName = (model: string, first: AnyLayer, second: AnyLayer): GraphError =>
  new GraphError({
    what: `${model}: two layers are called "${first.name}"`,
    details: [first, second].map((layer) => `${layer.kind} made at ${layer[LINE] ?? "an unknown line"}`),
    at: here(),
    fix: "give one of them another name, or none: then it gets a number",
  });

/** `wish`, or `wish_1`, … if it is taken; and notes it. */
function unique<T>(wish: string, taken: Map<string, T>, holder?: T): string {
  let name = wish;
  for (let i = 1; taken.has(name); i++) name = `${wish}_${i}`;
  if (holder !== undefined) taken.set(name, holder);
  return name;
}
