import type { DType } from "../../core/dtype.ts";
import { GraphError } from "../../core/errors.ts";
import type { Sizes } from "../../core/shape.ts";
import { namedSize } from "../../core/size.ts";
import { eager } from "../../eager/context.ts";
import { EagerTensor, EagerVariable } from "../../eager/tensor.ts";
import { attributesOf, attrToText } from "../../files/attributes.ts";
import { SizeWriter } from "../../files/size-text.ts";
import { type Operation, Tensor } from "../../graph/operation.ts";
import { constantOp, placeholderOp } from "../../ops/state.ts";
import { here } from "../../runtime/reading.ts";
import { functionalGraph, layerCallOf } from "../core/functional-graph.ts";
import { DRAWING, LINE, SEED } from "../core/internal.ts";
import type { Layer } from "../core/layer.ts";
import { mapTensors, type TensorNest } from "../core/nest.ts";
import type { Network } from "../core/network.ts";
import type { Functional } from "../functional.ts";
import type { Sequential } from "../sequential.ts";

export type AnyLayer = Layer<TensorNest, TensorNest>;

/**
 * Puts into words how a model is put together, as JSON. A sequential model is the list of its layers; a functional one
 * the list of what is done, one thing after another, each with the numbers of what it takes. A layer that stands in two
 * places is described once, and then named by its number.
 */
export class Describer {
  /** Layers that are described, by their number: the order in which their descriptions end. */
  readonly #numbers = new Map<AnyLayer, number>();

  /** @throws GraphError for a layer that holds a function of the user's own, or does not tell its configuration */
  layer(layer: AnyLayer): object {
    const number = this.#numbers.get(layer);
    if (number !== undefined) return { same: number };
    const described = this.#describe(layer);
    this.#numbers.set(layer, this.#numbers.size);
    return described;
  }

  #describe(layer: AnyLayer): object {
    const { kind, name } = layer;
    if (isSequential(layer)) {
      const input = layer.inputs && operationToText(layer.inputs.op, new SizeWriter(), []);
      return { kind, name, ...networkToText(layer), input, layers: layer.layers.map((one) => this.layer(one)) };
    }
    if (isFunctional(layer)) return { kind, name, ...networkToText(layer), ...this.#drawing(layer) };
    const config = layer.getConfig();
    if (config) {
      // The name is told already, whether the user gave it or not.
      const { name: _told, ...rest } = config;
      return { kind, name, config: sorted(rest) };
    }
    throw new GraphError({
      what: `save: layer "${name}" (${kind}) can not be written to a file`,
      details: [`it was made at ${layer[LINE] ?? "an unknown line"}`],
      at: here(),
      fix: "a class of your own tells its arguments in getConfig(), and gets them in static fromConfig(); functions among them can not be written",
    });
  }

  #drawing(network: Functional<TensorNest, TensorNest>): object {
    const layers: AnyLayer[] = [];
    const numbers = new Map<Operation, number>();
    const steps: object[] = [];
    const sizes = new SizeWriter();
    const place = (op: Operation, step: object): void => {
      numbers.set(op, steps.length);
      steps.push(step);
    };
    const reference = (tensor: Tensor): object => {
      if (tensor instanceof EagerVariable) throw looseVariable(tensor);
      const { op, index } = tensor instanceof EagerTensor && !numbers.has(tensor.op) ? constantOf(tensor) : tensor;
      if (!numbers.has(op)) place(op, operationToText(op, sizes, []));
      numbers.set(tensor.op, numbers.get(op)!);
      return { from: [numbers.get(op)!, index] };
    };
    const nest = (value: unknown): unknown =>
      nestToText(value, (leaf) => (leaf instanceof Tensor ? reference(leaf) : null));
    const { inputs, operations } = network[DRAWING];
    for (const { op } of inputs) place(op, operationToText(op, sizes, []));
    // In the order in which they were made: so layers have the same order, and seeds, in the model that is made again.
    for (const op of [...operations].sort((a, b) => a.id - b.id)) {
      const call = layerCallOf(op);
      if (!call) {
        place(op, operationToText(op, sizes, op.inputs.map(reference)));
        continue;
      }
      const layer = call.layer as AnyLayer;
      if (!layers.includes(layer)) layers.push(layer);
      const [given, options] = [nest(call.inputs), nest(call.options)];
      place(op, { layer: layers.indexOf(layer), inputs: given, options });
    }
    return {
      layers: layers.map((layer) => this.layer(layer)),
      steps,
      inputs: nest(network.inputs),
      outputs: nest(network.outputs),
    };
  }
}

// By their kind: a subclass has another one, and tells its own configuration. The classes themselves need this file.
const isSequential = (layer: object): layer is Sequential => (layer as AnyLayer).kind === "Sequential";
const isFunctional = (layer: object): layer is Functional<TensorNest, TensorNest> =>
  (layer as AnyLayer).kind === "Functional";

/** True if a model can be made again from its description. */
export const isDescribed = (layer: AnyLayer): boolean =>
  isSequential(layer) || isFunctional(layer) || layer.getConfig() !== null;

/** The same with the keys in order: equal layers are described by equal text, however their options were given. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([name, item]) => [name, sorted(item)]));
}

/** What `SEED` and `trainable` say: layers tell it in their configuration. */
const networkToText = (network: Pick<Network, typeof SEED | "trainable">): object => ({
  seed: network[SEED],
  trainable: network.trainable,
});

/** A structure in which `leafText` writes some things; lists and plain values stay. */
function nestToText(value: unknown, leafText: (value: unknown) => object | null): unknown {
  const leaf = leafText(value);
  if (leaf) return leaf;
  if (Array.isArray(value)) return value.map((item: unknown) => nestToText(item, leafText));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, nestToText(item, leafText)] as const);
  return { object: Object.fromEntries(entries) };
}

/**
 * What a model is to be called on that its first data have built: of those tensors dtypes and shapes, for any batch.
 * Null for a model that knows its inputs by itself.
 */
export function inputsToText(model: AnyLayer, inputs: unknown): unknown {
  if (isFunctional(model) || (isSequential(model) && model.inputs)) return null;
  const sizes = new SizeWriter();
  return nestToText(inputs, (leaf) => {
    if (!(leaf instanceof Tensor)) return null;
    const { dtype, shape } = leaf;
    const open = shape && shape.length > 0 ? [namedSize("batch"), ...shape.slice(1)] : shape;
    return operationToText(placeholder(dtype, open).op, sizes, []);
  });
}

/** Tensors that a model can be called on as a trial, like those it was called on. */
export const placeholdersLike = (inputs: unknown): TensorNest =>
  mapTensors(inputs, ({ dtype, shape }) => placeholder(dtype, shape)) as TensorNest;

const placeholder = (dtype: DType, shape: Sizes | null): Tensor =>
  functionalGraph.apply(placeholderOp, [], { dtype, shape }, { name: "input" }).outputs[0]!;

function operationToText(op: Operation, sizes: SizeWriter, inputs: readonly object[]): object {
  const { def, name } = op;
  if (def.control) throw controlFlow(op);
  return {
    op: def.name,
    name,
    inputs,
    attrs: Object.fromEntries(attributesOf(def).map((key) => [key, attrToText(op, key, sizes)])),
  };
}

/** However a value came about, a file holds its elements. */
const constantOf = (tensor: EagerTensor): Tensor => {
  if (tensor.op.def.name === "constant") return tensor;
  const { data, shape, dtype } = tensor;
  return eager.apply(constantOp, [], { value: data, shape, dtype }, { name: tensor.op.name }).outputs[0]!;
};

const controlFlow = ({ def, name, line }: Operation): GraphError =>
  new GraphError({
    what: `save: ${def.name} "${name}" between layers can not be written to a file`,
    details: [`it was made at ${line ?? "an unknown line"}`],
    at: here(),
    fix: "put it into the call of a layer of your own",
  });

const looseVariable = (variable: EagerVariable): GraphError =>
  new GraphError({
    what: `save: variable "${variable.op.name}" is used in the model without belonging to a layer`,
    details: [`it was made at ${variable.op.line ?? "an unknown line"}`],
    at: here(),
    fix: "make it with addWeight in a layer of your own",
  });
