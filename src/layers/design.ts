import type { Sizes } from "../core/shape.ts";
import { isKnown } from "../core/size.ts";
import { CALL_SHAPE, OUTPUT_SHAPE } from "./core/internal.ts";
import type { Layer } from "./core/layer.ts";
import type { TensorNest } from "./core/nest.ts";
import type { Network } from "./core/network.ts";
import { shapesText } from "./summary.ts";

type AnyLayer = Layer<TensorNest, TensorNest>;

/**
 * What there is to decide about a network, and how it was decided here: the checklist of the lecture's slide on network
 * design.
 *
 *     1 Input          form          (batch, 784)
 *     2 Output         form          (batch, 10)
 *                      activation    softmax
 *     3 Hidden         activation    relu, relu
 *     4 Network size   depth         3 layers with weights
 *                      width         64, 64, 10
 *                      connections   dense → dense_1 → dense_2
 *
 * @param connections which layers take what which give, a line each
 */
export function designText(network: Network<never, never>, connections: readonly string[]): string {
  const all = network as object as AnyLayer & { readonly layers: readonly AnyLayer[] };
  const layers = flat(all);
  const weighted = layers.filter((layer) => layer.trainableVariables.length > 0 || layer.variables.length > 0);
  const activations = layers.flatMap((layer) => activationOf(layer));
  const last = layers.at(-1);
  const output = last ? activationOf(last)[0] : undefined;
  const hidden = output === undefined ? activations : activations.slice(0, -1);
  const widths = weighted.map((layer) => widthText(layer[OUTPUT_SHAPE]));
  const rows: readonly (readonly [string, string, string])[] = [
    ["1 Input", "form", shapesText(all[CALL_SHAPE])],
    ["2 Output", "form", shapesText(all[OUTPUT_SHAPE])],
    ["", "activation", output ?? "linear"],
    ["3 Hidden", "activation", hidden.length === 0 ? "none" : hidden.join(", ")],
    ["4 Network size", "depth", `${weighted.length} ${weighted.length === 1 ? "layer" : "layers"} with weights`],
    ["", "width", widths.join(", ")],
    ...connections.map((line, i) => ["", i === 0 ? "connections" : "", line] as const),
  ];
  return rows
    .map(([title, question, answer]) => `${title.padEnd(17)}${question.padEnd(14)}${answer}`.trimEnd())
    .join("\n");
}

/** The layers of a network, those of networks in it in their place. */
const flat = (network: { readonly layers: readonly AnyLayer[] }): readonly AnyLayer[] =>
  network.layers.flatMap((layer) => ("layers" in layer ? flat(layer as AnyLayer & { layers: AnyLayer[] }) : [layer]));

/** The activation a layer ends in, if it has one. */
function activationOf(layer: AnyLayer): readonly string[] {
  const config = layer.getConfig();
  const named = config?.activation;
  if (typeof named === "string" && named !== "linear") return [named];
  return ACTIVATION_LAYERS.has(layer.kind) ? [layer.kind] : [];
}
const ACTIVATION_LAYERS: ReadonlySet<string> = new Set(["ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "Maxout"]);

const widthText = (shape: unknown): string => {
  const width = (shape as Sizes | null)?.at?.(-1);
  return width !== undefined && isKnown(width) ? String(width) : "?";
};
