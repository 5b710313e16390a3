import { elementCount, type Sizes, shapeText } from "../core/shape.ts";
import type { EagerVariable } from "../eager/tensor.ts";
import { OUTPUT_SHAPE } from "./core/internal.ts";
import type { Layer } from "./core/layer.ts";
import type { TensorNest } from "./core/nest.ts";
import type { Network } from "./core/network.ts";
import { COUNTER } from "./core/random.ts";

export interface SummaryOptions {
  /** Columns of the table. Default 80. */
  readonly width?: number;
  /** Lists the layers of models within the model. Default false. */
  readonly nested?: boolean;
}

type AnyLayer = Layer<TensorNest, TensorNest>;
interface Row {
  readonly layer: string;
  readonly shape: string;
  readonly count: string;
}

/** The model as a table, a line for each layer: what it gives, how many numbers it learns, and how many there are. */
export function summaryText(network: Network<never, never>, options: SummaryOptions = {}): string {
  const { width = 80, nested = false } = options;
  const rows = rowsOf(network as object as AnyLayer & { readonly layers: readonly AnyLayer[] }, nested, "");
  const columns = [
    { title: "Layer (type)", cells: rows.map(({ layer }) => layer) },
    { title: "Output shape", cells: rows.map(({ shape }) => shape) },
    { title: "Parameters", cells: rows.map(({ count }) => count) },
  ];
  const widths = columns.map(({ title, cells }) => Math.max(title.length, ...cells.map((cell) => cell.length)));
  // What is left of the width goes between the columns.
  const gap = Math.max(2, Math.floor((width - widths.reduce((sum, w) => sum + w, 0)) / (columns.length - 1)) - 1);
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) =>
        i === columns.length - 1 ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]! + Math.min(gap, 6)),
      )
      .join("");
  const head = line(columns.map(({ title }) => title));
  const rule = "─".repeat(head.length);
  const { trainableVariables } = network;
  const variables = parametersOf(network.variables);
  const total = countOf(variables);
  const trainable = countOf(trainableVariables);
  return [
    `Model: "${network.name}"`,
    rule,
    head,
    rule,
    ...rows.map(({ layer, shape, count }) => line([layer, shape, count])),
    rule,
    `Total parameters: ${numberText(total)} (${sizeOf(variables)})`,
    `Trainable: ${numberText(trainable)} (${sizeOf(trainableVariables)})`,
    `Frozen: ${numberText(total - trainable)} (${sizeOf(parametersOf(network.nonTrainableVariables))})`,
  ].join("\n");
}

function rowsOf(network: AnyLayer & { readonly layers: readonly AnyLayer[] }, nested: boolean, indent: string): Row[] {
  return network.layers.flatMap((layer): Row[] => {
    const row: Row = {
      layer: `${indent}${layer.name} (${layer.kind}${detailOf(layer)})`,
      shape: layer.built ? shapesText(layer[OUTPUT_SHAPE]) : "not built yet",
      count: layer.built ? numberText(countOf(parametersOf(layer.variables))) : "?",
    };
    const inner = "layers" in layer ? (layer as AnyLayer & { readonly layers: readonly AnyLayer[] }) : null;
    return nested && inner ? [row, ...rowsOf(inner, nested, `${indent}  `)] : [row];
  });
}

/** What one should know of a layer besides its sizes: the slope of a leaky ReLU. */
function detailOf(layer: AnyLayer): string {
  const slope = layer.getConfig()?.negativeSlope;
  return typeof slope === "number" && slope !== 0 ? `, slope ${slope}` : "";
}

/** Shapes as a table shows them: those of several tensors one after the other. */
export const shapesText = (nest: unknown): string => {
  if (nest === null || nest === undefined) return "?";
  if (isShape(nest)) return shapeText(nest);
  return Object.values(nest as object)
    .map(shapesText)
    .join(" ");
};
const isShape = (nest: unknown): nest is Sizes =>
  Array.isArray(nest) &&
  nest.every((size) => typeof size === "number" || (typeof size === "object" && "terms" in size));

/** Without what counts the draws of a layer: nobody would call that a parameter. */
const parametersOf = (variables: readonly EagerVariable[]): readonly EagerVariable[] =>
  variables.filter((variable) => variable.op.name !== COUNTER);

const countOf = (variables: readonly EagerVariable[]): number =>
  variables.reduce((sum, variable) => sum + elementCount(variable.shape), 0);
const numberText = (value: number): string => value.toLocaleString("en");
const BYTES: Readonly<Record<string, number>> = { float32: 4, float64: 8, int32: 4, uint32: 4, bool: 1 };
function sizeOf(variables: readonly EagerVariable[]): string {
  const bytes = variables.reduce((sum, { shape, dtype }) => sum + elementCount(shape) * (BYTES[dtype] ?? 4), 0);
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(2)} KB` : `${(bytes / 1024 ** 2).toFixed(2)} MB`;
}
