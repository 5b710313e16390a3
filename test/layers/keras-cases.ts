/** Layers as Keras computes them: cases of `test/oracles/keras`, made by the scripts there. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type EagerTensor, func, GradientTape, tensor } from "../../src/eager/index.ts";
import type { EagerVariable } from "../../src/eager/tensor.ts";
import { add, mul, sum, type Tensor } from "../../src/functional.ts";
import { camelCase } from "../../src/layers/catalogue.ts";
import { maskOf } from "../../src/layers/core/context.ts";
import type { Layer } from "../../src/layers/core/layer.ts";
import { type TensorNest, tensorsIn } from "../../src/layers/core/nest.ts";
import { sequential } from "../../src/layers/index.ts";
import { layerKinds } from "../../src/layers/registry.ts";

export interface KerasTensor {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
  readonly dtype?: "int32" | "bool";
}
type Arguments = Readonly<Record<string, unknown>>;
export interface KerasCase {
  readonly name: string;
  readonly layer: string;
  readonly arguments: Arguments;
  readonly inputs: readonly KerasTensor[];
  readonly merge?: boolean;
  readonly call?: Arguments;
  readonly training: boolean;
  readonly weights: readonly KerasTensor[];
  readonly outputs: readonly KerasTensor[];
  readonly mask?: KerasTensor;
  readonly coefficients: readonly KerasTensor[];
  readonly losses?: readonly number[];
  readonly gradients: {
    readonly inputs: readonly (readonly number[] | null)[];
    readonly weights: readonly (readonly number[] | null)[];
  };
  readonly updated?: readonly KerasTensor[];
}
export interface StatefulCase {
  readonly name: string;
  readonly layer: string;
  readonly arguments: Arguments;
  readonly weights: readonly KerasTensor[];
  readonly calls: readonly {
    readonly reset_states: boolean;
    readonly inputs: KerasTensor;
    readonly outputs: KerasTensor;
  }[];
}

export const kerasFile = (
  name: string,
): { readonly cases: readonly KerasCase[]; readonly stateful: readonly StatefulCase[] } =>
  JSON.parse(readFileSync(new URL(`../oracles/keras/${name}.json`, import.meta.url), "utf8"));

type AnyLayer = Layer<TensorNest, TensorNest>;

/** Arguments in the spelling of this library. */
function translated(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(translated);
  if (typeof value !== "object" || value === null) return value;
  if (!("class" in value))
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [camelCase(name), translated(item)]));
  const described = value as { readonly class: string; readonly arguments: Arguments };
  if (described.class in layerKinds()) return { kind: described.class, config: translated(described.arguments) };
  return { name: camelCase(described.class), ...described.arguments };
}

export function layerOf(kind: string, args: Arguments): AnyLayer {
  if (kind === "Sequential") {
    const layers = args.layers as readonly { readonly class: string; readonly arguments: Arguments }[];
    return sequential(layers.map((one) => layerOf(one.class, one.arguments)) as never) as object as AnyLayer;
  }
  return layerKinds()[kind]!.fromConfig(translated(args) as Arguments, layerKinds()) as AnyLayer;
}

export const tensorOf = ({ shape, data, dtype }: KerasTensor): EagerTensor =>
  tensor(data.map(Number), { shape, dtype: dtype ?? "float32" }) as EagerTensor;

/** Weights in the order of Keras: without the counters of random numbers. */
export const weightsOf = (layer: AnyLayer) => layer.variables.filter(({ op }) => !op.name.includes("random/"));

export function giveWeights(layer: AnyLayer, weights: readonly KerasTensor[]): void {
  const own = weightsOf(layer).filter(({ op }) => !/\/state_\d$/.test(op.name));
  expect(own.map(({ op, shape }) => [op.name.split("/").at(-1), ...shape])).toEqual(
    weights.map(({ name, shape }) => [name!.split("/").at(-1), ...shape]),
  );
  copyWeights(
    weights.map(({ data }) => ({ data: data.map(Number) })),
    own,
  );
}

/** Gives a layer the values that another one like it has. */
export function copyWeights(from: readonly { readonly data: ArrayLike<number> }[], to: readonly EagerVariable[]): void {
  expect(to.length).toBe(from.length);
  for (const [i, variable] of to.entries()) variable.replace(Float32Array.from(from[i]!.data));
}

function callArguments({ inputs, merge, call = {}, training }: KerasCase, values: readonly Tensor[]) {
  const given = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(given);
    if (typeof value !== "object" || value === null) return value;
    return "input" in value ? values[value.input as number] : tensorOf(value as KerasTensor);
  };
  const options = Object.fromEntries(Object.entries(call).map(([name, value]) => [camelCase(name), given(value)]));
  // Keras takes the mask of the query from the tensor, whatever is given as its argument.
  const { query, value, key, queryMask: _, ...rest } = options as Record<string, Tensor>;
  const nest = query ? [query, value!, ...(key ? [key] : [])] : merge ? values.slice(0, inputs.length) : values[0]!;
  return { nest: nest as TensorNest, options: { ...rest, training } };
}

const largest = (values: readonly (number | string)[]): number =>
  Math.max(...values.map((value) => Math.abs(Number(value))));

/** The largest error, relative to the largest of the values wanted, or to what it is the small rest of. */
function expectClose(what: string, got: ArrayLike<number>, wanted: readonly (number | string)[], rest = 1e-2): void {
  const scale = Math.max(rest, largest(wanted));
  expect(got.length, what).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) {
    expect(Math.abs(got[i]! - Number(value)) / scale, `${what} [${i}]`).toBeLessThan(TOLERANCE);
  }
}
/** Of float32, over a few steps; Keras computed in float64. */
const TOLERANCE = 1e-5;

/** Outputs, mask, losses and all gradients, eagerly; then a traced function gives the same bits. */
export function checkCase(one: KerasCase): void {
  const layer = layerOf(one.layer, one.arguments);
  const values = one.inputs.map(tensorOf);
  const first = callArguments(one, values);
  layer.apply(first.nest, first.options);
  const run = (
    given: readonly Tensor[],
  ): { outputs: readonly Tensor[]; mask: Tensor | null; losses: readonly Tensor[] } => {
    const { nest, options } = callArguments(one, given);
    const outputs = tensorsIn(layer.apply(nest, options));
    return { outputs, mask: maskOf(outputs[0]!), losses: layer.losses };
  };
  const derive = (given: readonly Tensor[]) => {
    const tape = new GradientTape();
    const floats = given.filter(({ dtype }) => dtype === "float32");
    tape.watch(floats);
    const { outputs, mask, losses } = run(given);
    const terms = outputs.map((output, i) => sum(mul(output, tensorOf(one.coefficients[i]!))) as Tensor);
    const scalar = [...terms, ...losses].reduce((a, b) => add(a, b) as Tensor);
    const gradients = tape.gradient(scalar, [...floats, ...layer.trainableVariables], { unconnected: "zero" });
    return { outputs, mask, losses, gradients: gradients as readonly Tensor[] };
  };
  giveWeights(layer, one.weights);
  const { outputs, mask, losses, gradients } = derive(values);
  expect(outputs.map(({ shape }) => shape)).toEqual(one.outputs.map(({ shape }) => shape));
  for (const [i, { data }] of one.outputs.entries()) {
    expectClose(`output ${i}`, (outputs[i] as EagerTensor).data, data);
  }
  expect(mask && Array.from((mask as EagerTensor).data)).toEqual(one.mask?.data ?? null);
  if (one.losses) {
    const total = losses.reduce((all, loss) => all + (loss as EagerTensor).item(), 0);
    expectClose("losses", [total], [one.losses.reduce((all, loss) => all + loss, 0)]);
  }
  const wanted = [...one.gradients.inputs, ...one.gradients.weights].filter((gradient) => gradient !== null);
  expect(gradients.length).toBe(wanted.length);
  const rest = largest(wanted.flat()) / 10;
  for (const [i, data] of wanted.entries()) {
    expectClose(`gradient ${i}`, (gradients[i] as EagerTensor).data, data, rest);
  }
  for (const { name, data } of one.updated ?? []) {
    const variable = weightsOf(layer).find(({ op }) => op.name.split("/").at(-1) === name!.split("/").at(-1));
    expectClose(name!, variable!.data, data);
  }
  giveWeights(layer, one.weights);
  const traced = func((...given: Tensor[]) => {
    const { outputs: results, gradients: derived } = derive(given);
    return [...results, ...derived];
  });
  const bits = (traced(...values) as readonly EagerTensor[]).map(({ data }) => Array.from(data));
  expect(bits).toEqual([...outputs, ...gradients].map((value) => Array.from((value as EagerTensor).data)));
  traced.close();
}
