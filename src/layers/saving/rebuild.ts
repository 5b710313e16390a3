import type { TypedArray } from "../../core/dtype.ts";
import { attrFromFile, attributesOf } from "../../files/attributes.ts";
import { checkConstant } from "../../files/parse.ts";
import { type FileValue, nearFix, quoted } from "../../files/reader.ts";
import { SizeReader } from "../../files/size-text.ts";
import type { OpDef } from "../../graph/define.ts";
import type { Tensor } from "../../graph/operation.ts";
import { OPS } from "../../ops/registry.ts";
import { functionalGraph } from "../core/functional-graph.ts";
import type { Layer } from "../core/layer.ts";
import { type TensorNest, tensorsIn } from "../core/nest.ts";
import { Functional } from "../functional.ts";
import { type LayerKind, layerKinds } from "../registry.ts";
import { Sequential } from "../sequential.ts";
import type { AnyLayer } from "./describe.ts";

/** Classes of the user's own that a file names, by their kind: made again from what their `getConfig` gave. */
export type CustomLayers = Readonly<Record<string, LayerKind>>;

/** Makes layers and models again as a file describes them. Whatever a file may say, no more than layers come of it. */
export class Rebuilder {
  readonly #custom: CustomLayers;
  /** In the order of their numbers. */
  readonly #made: AnyLayer[] = [];

  constructor(custom: CustomLayers) {
    this.#custom = custom;
  }

  /** @throws FileError naming the place in the file */
  layer(value: FileValue): AnyLayer {
    const entries = value.entries("a layer");
    if (entries.has("same")) {
      const { same } = value.record(["same"]);
      return this.#made[same.count()] ?? same.fail("there is no such layer before this place");
    }
    const kind = entries.get("kind")?.text() ?? value.fail('"kind" is missing');
    const name = entries.get("name")?.text() ?? value.fail('"name" is missing');
    const made =
      kind === "Sequential"
        ? this.#sequential(value, name)
        : kind === "Functional"
          ? this.#functional(value, name)
          : this.#single(value, kind, name);
    this.#made.push(made);
    return made;
  }

  #single(value: FileValue, kind: string, name: string): AnyLayer {
    const { config } = value.record(["kind", "name", "config"]);
    const kinds = layerKinds();
    const own = Object.hasOwn(this.#custom, kind) ? this.#custom[kind] : undefined;
    const makes = own ?? (Object.hasOwn(kinds, kind) ? kinds[kind] : undefined);
    if (!makes) {
      const known = [...Object.keys(this.#custom), ...Object.keys(kinds)];
      return value.fail(
        `there is no layer of the kind ${quoted(kind)}`,
        nearFix(kind, known, `give its class: loadModel(file, { layers: { ${kind} } })`),
      );
    }
    // Its name in the model: given by the user or not, it is the one it had.
    return config.within(() => {
      // Layers among its arguments may be of the same kinds.
      const all = { ...kinds, ...this.#custom };
      return makes.fromConfig({ ...(plain(config) as object), name }, all) as AnyLayer;
    });
  }

  #sequential(value: FileValue, name: string): AnyLayer {
    const { input, layers, ...options } = value.record(["kind", "name", "seed", "trainable", "input", "layers"]);
    const made = this.#layers(layers);
    const start = input.node.value === null ? [] : [placeholderFrom(input, new SizeReader())];
    const parts = [...start, ...(made as readonly object[] as readonly Layer[])];
    return value.within(() => new Sequential(parts, { name, ...networkOptions(options) })) as object as AnyLayer;
  }

  #functional(value: FileValue, name: string): AnyLayer {
    const keys = ["kind", "name", "seed", "trainable", "layers", "steps", "inputs", "outputs"] as const;
    const { layers, steps, inputs, outputs, ...options } = value.record(keys);
    const { maxCount } = value.source.limits;
    const made = this.#layers(layers);
    const results: (readonly Tensor[])[] = [];
    const sizes = new SizeReader();
    const tensor = (leaf: FileValue): Tensor | null => {
      if (!(leaf.node.value instanceof Map) || !leaf.node.value.has("from")) return null;
      const { from } = leaf.record(["from"]);
      const [step, index] = from.items(2, "maxListLength").map((number) => number.count());
      return results[step ?? -1]?.[index ?? 0] ?? from.fail("there is no such result before this place");
    };
    for (const step of steps.items(maxCount, "maxCount", "a list of steps")) {
      if (!step.entries("a step").has("layer")) {
        results.push(operationFrom(step, sizes, tensor));
        continue;
      }
      const { layer, inputs: given, options: extra } = step.record(["layer", "inputs", "options"]);
      const called = made[layer.count()] ?? layer.fail("there is no such layer");
      const [x, more] = [nestFrom(given, tensor) as TensorNest, nestFrom(extra, tensor) as object];
      results.push(step.within(() => tensorsIn(called.apply(x, more))));
    }
    const [first, last] = [nestFrom(inputs, tensor) as TensorNest, nestFrom(outputs, tensor) as TensorNest];
    return value.within(() => new Functional(first, last, { name, ...networkOptions(options) })) as object as AnyLayer;
  }

  #layers(list: FileValue): readonly AnyLayer[] {
    return list.items(list.source.limits.maxCount, "maxCount").map((item) => this.layer(item));
  }
}

const networkOptions = ({ seed, trainable }: { readonly seed: FileValue; readonly trainable: FileValue }) => {
  if (typeof trainable.node.value !== "boolean") trainable.wrong("true or false");
  return { seed: seed.count(), trainable: trainable.node.value as boolean };
};

/** What a model is called on. @throws FileError */
export function inputsFromFile(value: FileValue): TensorNest {
  const sizes = new SizeReader();
  const placeholder = (leaf: FileValue): Tensor | null =>
    leaf.node.value instanceof Map && leaf.node.value.has("op") ? placeholderFrom(leaf, sizes) : null;
  return nestFrom(value, placeholder) as TensorNest;
}

function placeholderFrom(value: FileValue, sizes: SizeReader): Tensor {
  const { op } = value.record(["op", "name", "inputs", "attrs"]);
  if (op.text() !== "placeholder") op.wrong('"placeholder"');
  return operationFrom(value, sizes, () => null)[0]!;
}

function operationFrom(
  step: FileValue,
  sizes: SizeReader,
  tensor: (leaf: FileValue) => Tensor | null,
): readonly Tensor[] {
  const { op, name, inputs, attrs } = step.record(["op", "name", "inputs", "attrs"]);
  const def = OPS_BY_NAME.get(op.text()) ?? op.fail(`there is no op ${quoted(op.text())}`);
  const operands = inputs
    .items(step.source.limits.maxCount, "maxCount")
    .map((item) => tensor(item) ?? item.wrong("a result of a step"));
  if (def.control) return op.fail(`${def.name} can not stand between layers`);
  const given = attributesFrom(def, attrs, sizes);
  const { outputs } = step.within(() => functionalGraph.apply(def, operands, given, { name: name.text() }));
  if (def.effect === "constant") checkConstant(step, outputs[0]!.spec, given.value as TypedArray);
  return outputs;
}

const OPS_BY_NAME: ReadonlyMap<string, OpDef> = new Map(OPS.map((def) => [def.name, def]));

const attributesFrom = (def: OpDef, attrs: FileValue, sizes: SizeReader) =>
  Object.fromEntries(
    Object.entries(attrs.record(attributesOf(def))).map(([name, value]) => [
      name,
      attrFromFile(def, name, value, sizes),
    ]),
  );

/** The structure that `nestToText` wrote. */
function nestFrom(value: FileValue, leafFrom: (value: FileValue) => unknown): unknown {
  const leaf = leafFrom(value);
  if (leaf !== null) return leaf;
  const { value: json } = value.node;
  if (typeof json !== "object" || json === null) return json;
  if (!(json instanceof Map)) {
    return value.items(value.source.limits.maxCount, "maxCount").map((item) => nestFrom(item, leafFrom));
  }
  const { object } = value.record(["object"]);
  return Object.fromEntries(Array.from(object.entries(), ([key, item]) => [key, nestFrom(item, leafFrom)]));
}

/** A value of a file as plain JSON again, for `fromConfig`, which checks it. */
function plain(value: FileValue): unknown {
  const { value: json } = value.node;
  if (json instanceof Map) return Object.fromEntries(Array.from(value.entries(), ([key, item]) => [key, plain(item)]));
  if (typeof json !== "object" || json === null) return json;
  return value.items(value.source.limits.maxListLength, "maxListLength").map(plain);
}
