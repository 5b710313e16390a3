import { byteSize } from "../core/dtype.ts";
import type { Sizes } from "../core/shape.ts";
import { addSizes, bindSize, maxSizes, multiplySizes, productOf, type Size, sizeText } from "../core/size.ts";
import { bodiesOf } from "../graph/body.ts";
import { buildInto, GraphBuilder } from "../graph/builder.ts";
import { PassBuilder, reachable } from "../graph/function.ts";
import { type Operation, Tensor, Variable } from "../graph/operation.ts";

export interface StatsOptions {
  /** What makes a row. Default `"scope"`. */
  readonly by?: "scope" | "op";
  /** Levels of scopes told apart: with 1, `encoder/dense/matmul` counts for `encoder`. Default 1. */
  readonly depth?: number;
  /** Numbers for named sizes: `{ batch: 32 }`. Without them the counts are formulas, such as `200704*batch`. */
  readonly sizes?: Readonly<Record<string, number>>;
}

export interface StatsRow {
  /** A scope (`""` for what lies in none) or the name of an op. */
  readonly key: string;
  readonly ops: number;
  /** Elements of variables, trainable or not. */
  readonly parameters: number;
  /** Floating-point operations: see `flopsOf`. */
  readonly flops: Size;
  /** Of all results, each counted once, whether a plan keeps them or not. */
  readonly bytes: Size;
}

export interface Stats {
  readonly rows: readonly StatsRow[];
  readonly total: StatsRow;
  /** Operations without a known rank, whose FLOPs and bytes are counted as 0. */
  readonly unknown: number;
  /** As a table. */
  toString(): string;
}

/**
 * Counts what a graph holds, or what some tensors need: `stats(loss)` is the forward pass alone.
 */
export function stats(what: GraphBuilder | Tensor | readonly Tensor[], options: StatsOptions = {}): Stats {
  const { by = "scope", depth = 1, sizes = {} } = options;
  const tensors = what instanceof GraphBuilder ? [] : what instanceof Tensor ? [what] : what;
  const needed = new Set(reachable(tensors.map((tensor) => tensor.op)));
  const graph = what instanceof GraphBuilder ? what : tensors[0]?.graph;
  const all = graph?.operations ?? [];
  const ops = what instanceof GraphBuilder ? all : all.filter((op) => needed.has(op));
  const binding = new Map(Object.entries(sizes));
  const scopes = new Set(all.flatMap(({ name }) => prefixesOf(name)));
  const rows = new Map<string, StatsRow>();
  let total: StatsRow = { key: "total", ops: 0, parameters: 0, flops: 0, bytes: 0 };
  let unknown = 0;
  for (const op of ops) {
    const key = by === "op" ? op.def.name : scopeOf(op.name, depth, scopes);
    const known = op.outputs.every(({ shape }) => shape !== null);
    if (!known) unknown++;
    const one: StatsRow = {
      key,
      ops: 1,
      parameters: op.outputs.reduce((n, y) => n + (y instanceof Variable ? Number(countOf(y.shape)) : 0), 0),
      flops: known ? bindSize(flopsOf(op), binding) : 0,
      bytes: known ? bindSize(bytesOf(op), binding) : 0,
    };
    rows.set(key, sum(key, rows.get(key), one));
    total = sum("total", total, one);
  }
  const result = { rows: [...rows.values()], total, unknown };
  return { ...result, toString: () => tableOf(result, by) };
}

const countOf = (shape: Sizes | null): Size => (shape === null ? 0 : productOf(shape));
const bytesOf = (op: Operation): Size =>
  op.outputs.map(({ shape, dtype }) => multiplySizes(byteSize(dtype), countOf(shape))).reduce(addSizes, 0);

const sum = (key: string, a: StatsRow | undefined, b: StatsRow): StatsRow => ({
  key,
  ops: (a?.ops ?? 0) + b.ops,
  parameters: (a?.parameters ?? 0) + b.parameters,
  flops: addSizes(a?.flops ?? 0, b.flops),
  bytes: addSizes(a?.bytes ?? 0, b.bytes),
});

const prefixesOf = (name: string): string[] => {
  const parts = name.split("/");
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
};

/** The scope an operation counts for. A variable `w` counts for the scope `w` in which its first value stands. */
function scopeOf(name: string, depth: number, scopes: ReadonlySet<string>): string {
  const parts = name.split("/");
  const inside = scopes.has(name) ? parts : parts.slice(0, -1);
  return inside.slice(0, depth).join("/");
}

/**
 * Floating-point operations of one operation, as papers count them: a product and a sum are two, anything else done to
 * an element is one, and moving data is none. Composites are the sum of what they decompose into.
 */
export function flopsOf(op: Operation): Size {
  const { def, inputs, outputs } = op;
  const out = countOf(outputs[0]?.shape ?? null);
  if (def.effect || def.category === "movement" || def.category === "source" || def.category === "indexing") return 0;
  if (inputs.some(({ shape }) => shape === null)) return out;
  if (def.control) return controlFlops(op);
  if (def.category === "contraction") {
    const found = contractionFlops(op, out);
    if (found !== null) return found;
  }
  if (def.decompose) return decomposedFlops(op) ?? out;
  if (def.category === "reduction") return countOf(inputs[0]?.shape ?? null);
  if (/Pool\d/.test(def.name) && Array.isArray(op.attrs.window)) {
    return multiplySizes(out, productOf(op.attrs.window as number[]));
  }
  return out;
}

/** Of branches the longest, of a scan all steps; of a loop whose end only a run decides, one turn. */
function controlFlops(op: Operation): Size {
  const each = bodiesOf(op).map((body) => body.ops.map(flopsOf).reduce(addSizes, 0));
  if (op.def.control === "branch") return each.reduce(maxSizes, 0);
  return multiplySizes(each.reduce(addSizes, 0), (op.attrs.length as Size | undefined) ?? 1);
}

function contractionFlops(op: Operation, out: Size): Size | null {
  const [x, y] = op.inputs;
  const { name } = op.def;
  if (name === "matmul") {
    const shape = x!.shape!;
    const inner = shape[shape.length - (op.attrs.transposeA ? 2 : 1)]!;
    return multiplySizes(2, multiplySizes(out, inner));
  }
  const convolution = /^conv\dd(InputGradient|FilterGradient)?$/.exec(name);
  if (!convolution) return null;
  // Forward and both gradients do the same products: a filter's worth for each element of the result.
  const [result, filters] =
    convolution[1] === "FilterGradient"
      ? [y!, op.outputs[0]!]
      : convolution[1] === "InputGradient"
        ? [x!, y!]
        : [op.outputs[0]!, y!];
  return multiplySizes(2, multiplySizes(countOf(result.shape), productOf(filters.shape!.slice(0, -1))));
}

/** Decomposes into a builder that is thrown away; null for ops that need all sizes as numbers to do so. */
function decomposedFlops(op: Operation): Size | null {
  const builder = new PassBuilder("count");
  try {
    buildInto(builder, () => op.def.decompose!(op));
  } catch {
    return null;
  }
  return builder.operations.map(flopsOf).reduce(addSizes, 0);
}

/** 1234567 as `1,234,567`. */
const numberWithCommas = (size: Size): string =>
  typeof size === "number" ? String(size).replace(/\B(?=(\d{3})+$)/g, ",") : sizeText(size);

function tableOf({ rows, total, unknown }: Omit<Stats, "toString">, by: string): string {
  const head = [by, "ops", "parameters", "FLOPs", "bytes"];
  const cells = [...rows, total].map(({ key, ops, parameters, flops, bytes }) => [
    key === "" ? "(no scope)" : key,
    ...[ops, parameters, flops, bytes].map(numberWithCommas),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ");
  const note = unknown > 0 ? [`(${unknown} operations of unknown rank are counted as 0)`] : [];
  return [line(head), ...cells.map(line), ...note].join("\n");
}
