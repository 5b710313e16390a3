import { GraphError } from "../core/errors.ts";
import type { SizeBinding } from "../core/size.ts";
import { eager } from "../eager/context.ts";
import { EagerVariable } from "../eager/tensor.ts";
import { builderOf, currentBuilder } from "../graph/builder.ts";
import { reachable } from "../graph/function.ts";
import { type Operation, Tensor } from "../graph/operation.ts";
import { counted, here } from "../runtime/reading.ts";
import { isFunctional, layerCallOf } from "./core/functional-graph.ts";
import { asDeclared } from "./core/input.ts";
import { CONNECTIONS, DRAWING, OUTPUT_NAMES, PARTS, PREPARE } from "./core/internal.ts";
import type { ApplyOptions, CallOptions, Layer } from "./core/layer.ts";
import type { Module } from "./core/module.ts";
import { mapTensors, type TensorNest, tensorsIn } from "./core/nest.ts";
import type { ModelOptions } from "./core/network.ts";
import { attrsOn, sizesOn } from "./core/rebind.ts";
import { Model } from "./model.ts";

/**
 * The model between inputs and outputs: what layers and ops compute from the ones to the others, and nothing else that
 * was computed on the way. Keras' functional interface.
 *
 *     const img = input([784], { name: "img" });
 *     const hidden = new Dense(64, { activation: "relu" })(img);
 *     const digit = model(img, new Dense(10, { activation: "softmax" })(hidden));
 *
 * @param inputs a tensor of `input`, or several in a list or an object: calls take the same structure
 * @param outputs a tensor or several: calls give the same structure
 * @throws GraphError for outputs that need something besides the inputs
 */
export function model<const In extends TensorNest, const Out extends TensorNest>(
  inputs: In,
  outputs: Out,
  options: ModelOptions = {},
): Functional<Loose<In>, Out> {
  return new Functional(inputs as TensorNest as Loose<In>, outputs, options);
}

/** The same structure of tensors of any shape: what a model is called on is checked when it is. */
type Loose<In> = In extends Tensor ? Tensor : { readonly [K in keyof In]: Tensor };

/** The tensors of `input` and the operations between them and the outputs. */
export interface Drawing {
  readonly inputs: readonly Tensor[];
  readonly operations: readonly Operation[];
}

/** What `model` makes. */
export class Functional<In extends TensorNest = Tensor, Out extends TensorNest = Tensor> extends Model<In, Out> {
  static readonly kind: string = "Functional";
  readonly #inputs: In;
  readonly #outputs: Out;
  /** From the inputs to the outputs, in an order in which it can be computed. */
  readonly #operations: readonly Operation[];
  readonly #layers: readonly Layer<TensorNest, TensorNest>[];

  constructor(inputs: In, outputs: Out, options: ModelOptions = {}) {
    super(options);
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#operations = operationsBetween(this.name, inputs, outputs);
    const calls = [...this.#operations].sort((a, b) => a.id - b.id).map(layerCallOf);
    this.#layers = [...new Set(calls.flatMap((call) => (call ? [call.layer as Layer<TensorNest, TensorNest>] : [])))];
    this[PREPARE](inputs, {});
  }

  /** In the order in which they were first called. */
  override get layers(): readonly Layer<TensorNest, TensorNest>[] {
    return this.#layers;
  }
  /** Weights that ops were given directly come first. */
  override *[PARTS](): Iterable<Module | EagerVariable> {
    for (const op of this.#operations) {
      if (layerCallOf(op)) continue;
      for (const tensor of op.inputs) if (tensor instanceof EagerVariable) yield tensor;
    }
    yield* this.#layers;
  }
  /** The tensors of `input` it was made with. */
  get inputs(): In {
    return this.#inputs;
  }
  get outputs(): Out {
    return this.#outputs;
  }

  override call(inputs: In, options: CallOptions): Out {
    const now = new Map<Tensor, Tensor>();
    const from = tensorsIn(this.#inputs);
    const given = this.#arranged(inputs);
    from.forEach((tensor, i) => void now.set(tensor, asDeclared(given[i]!, tensor)));
    const current = (tensor: Tensor): Tensor => now.get(tensor) ?? tensor;
    const sizes = sizesOn(from, given);
    const { training, mask } = options;
    for (const op of this.#operations) {
      // A mask that was given is that of the first input; others are found where layers hand them on.
      const isFirst = mask !== null && op.inputs[0] === from[0];
      const outputs = callAgain(op, current, isFirst ? { training, mask } : { training }, sizes);
      op.outputs.forEach((output, i) => void now.set(output, outputs[i]!));
    }
    return mapTensors(this.#outputs, current) as Out;
  }

  /** What is computed, one thing after the other: for files. */
  get [DRAWING](): Drawing {
    return { inputs: tensorsIn(this.#inputs), operations: this.#operations };
  }
  override [CONNECTIONS](): readonly string[] {
    return this.#operations.map((op) => {
      const from = op.inputs.map((input) => layerCallOf(input.op)?.layer.name ?? input.op.name);
      return `${from.join(", ")} → ${layerCallOf(op)?.layer.name ?? op.name}`;
    });
  }

  /** The names of the layers that give them, as in Keras, or the names in the object they stand in. */
  override [OUTPUT_NAMES](): readonly string[] {
    const outputs = this.#outputs;
    if (!(outputs instanceof Tensor) && !Array.isArray(outputs)) return Object.keys(outputs);
    const names: string[] = [];
    for (const { op } of tensorsIn(outputs)) {
      const name = layerCallOf(op)?.layer.name ?? op.name;
      let unique = name;
      for (let i = 1; names.includes(unique); i++) unique = `${name}_${i}`;
      names.push(unique);
    }
    return names;
  }

  /** The tensors given, in the order of the inputs; an object gives them by name, whatever the order in it. */
  #arranged(inputs: In): readonly Tensor[] {
    const from = tensorsIn(this.#inputs);
    const own = namesOf(this.#inputs);
    const given = namesOf(inputs);
    if (own && given && given.size > 0) {
      const unknown = [...given.keys()].find((name) => !own.has(name));
      const missing = [...own.keys()].find((name) => !given.has(name));
      if (unknown !== undefined) throw this.#otherInputs(`there is no input "${unknown}"`, [...own.keys()]);
      if (missing !== undefined) throw this.#otherInputs(`input "${missing}" is missing`, [...own.keys()]);
      return [...own.keys()].map((name) => given.get(name)!);
    }
    const tensors = tensorsIn(inputs);
    if (tensors.length === from.length) return tensors;
    const names = from.map((tensor) => tensor.op.name);
    throw this.#otherInputs(`takes ${counted(from.length, "tensor")}, got ${tensors.length}`, names);
  }
  #otherInputs(problem: string, names: readonly string[]): GraphError {
    return new GraphError({
      what: `${this.name}: ${problem}`,
      details: [`inputs: ${names.join(", ")}`],
      at: here(),
      fix: "give an array or a tensor for each input, in the structure the model was made with; nested lists of numbers are one array",
    });
  }
}

/** Tensors of an object by name; null for another structure. */
function namesOf(nest: unknown): ReadonlyMap<string, Tensor> | null {
  if (nest instanceof Tensor || typeof nest !== "object" || nest === null || Array.isArray(nest)) return null;
  const entries = Object.entries(nest);
  return entries.every(([, part]) => part instanceof Tensor) ? new Map(entries as [string, Tensor][]) : null;
}

/** Does what an operation of the drawing stands for, on other tensors. */
function callAgain(
  op: Operation,
  current: (tensor: Tensor) => Tensor,
  given: ApplyOptions,
  sizes: SizeBinding,
): readonly Tensor[] {
  const call = layerCallOf(op);
  if (call) {
    const layer = call.layer as Layer<TensorNest, TensorNest>;
    const options = { ...given, ...(mapTensors(call.options, current) as ApplyOptions) };
    return tensorsIn(layer.apply(mapTensors(call.inputs, current) as TensorNest, options));
  }
  const inputs = op.inputs.map(current);
  const builder = inputs[0] ? builderOf(inputs[0]) : (currentBuilder() ?? eager);
  return builder.apply(op.def, inputs, attrsOn(op, inputs, sizes), { name: op.name }).outputs;
}

/** @throws GraphError for something that is no tensor of `input`, or an output that depends on an input not listed */
function operationsBetween(name: string, inputs: TensorNest, outputs: TensorNest): readonly Operation[] {
  const from = tensorsIn(inputs);
  const to = tensorsIn(outputs);
  for (const tensor of [...from, ...to]) {
    if (isFunctional(tensor)) continue;
    throw new GraphError({
      what: `${name}: "${tensor.op.name}" does not come from input(…)`,
      details: [`it was made at ${tensor.op.line ?? "an unknown line"}`],
      at: here(),
      fix: "begin with input([784]) and call layers on it; tensors with values are data for fit or predict",
    });
  }
  const starts = new Set(from);
  const ops = reachable(
    to.filter((tensor) => !starts.has(tensor)).map(({ op }) => op),
    (tensor) => starts.has(tensor) || !isFunctional(tensor),
  ).filter((op) => op.graph === from[0]?.graph);
  const loose = ops.find((op) => op.def.effect === "placeholder" && !layerCallOf(op));
  if (!loose) return ops;
  throw new GraphError({
    what: `${name}: the outputs depend on "${loose.name}", which is not among the inputs`,
    details: [`"${loose.name}" was made at ${loose.line ?? "an unknown line"}`],
    at: here(),
    fix: `add it: model([…, ${/^\w+$/.test(loose.name) ? loose.name : "it"}], outputs)`,
  });
}
