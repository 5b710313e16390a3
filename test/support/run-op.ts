/** Builds graphs of one op from the examples of its record, runs them, and compares results bit for bit. */
import { PIPELINE } from "../../src/compiler/pipeline.ts";
import { allocate, type DType, isFloat, type TypedArray } from "../../src/core/dtype.ts";
import { elementCount } from "../../src/core/shape.ts";
import type { ExampleInput, OpDef, OpExample } from "../../src/graph/define.ts";
import type { Attrs, Operation, Tensor } from "../../src/graph/operation.ts";
import { Graph, NDArray, Session, type SessionOptions } from "../../src/index.ts";
import { OPS } from "../../src/ops/registry.ts";
import { RandomStream, seedOf } from "./random.ts";

/** Passes a user may switch off; all of them promise to keep every bit. */
export const OPTIONAL_PASSES: readonly string[] = PIPELINE.passes
  .filter((pass) => !pass.required)
  .map((pass) => pass.name);

/** One example of one record, with a name for tests. */
export interface ExampleCase {
  readonly name: string;
  readonly def: OpDef;
  readonly example: OpExample;
  readonly index: number;
}

const inputText = ({ dtype, shape }: ExampleInput): string => `${dtype}[${shape.join(",")}]`;
const attrText = (attrs: Attrs): string => (Object.keys(attrs).length === 0 ? "" : ` ${JSON.stringify(attrs)}`);

/** Every example of every record. */
export const EXAMPLE_CASES: readonly ExampleCase[] = OPS.flatMap((def) =>
  def.examples.map((example, index) => ({
    name: `${def.name} ${index}: ${example.inputs.map(inputText).join(" ")}${attrText(example.attrs)}`,
    def,
    example,
    index,
  })),
);

/** `relu 2`: how lists of exceptions name a case. */
export const caseKey = ({ def, index }: ExampleCase): string => `${def.name} ${index}`;

/** The example with float64 in the place of float32, in attributes too: finite differences need the digits. */
export const inFloat64 = (example: OpExample): OpExample => ({
  ...example,
  inputs: example.inputs.map((input) => (input.dtype === "float32" ? { ...input, dtype: "float64" } : input)),
  attrs: Object.fromEntries(
    Object.entries(example.attrs).map(([name, attr]) => [name, attr === "float32" ? "float64" : attr]),
  ),
});

/** Values for the inputs: the ones the example gives, or random ones within its domain. */
export function exampleValues({ def, example, index }: Omit<ExampleCase, "name">): readonly NDArray[] {
  return example.inputs.map((input, which) => {
    const { shape, dtype, values, domain } = input;
    const data = allocate(dtype, elementCount(shape));
    if (values && values.length !== data.length) {
      throw new Error(`${def.name} ${index}: ${values.length} values for ${inputText(input)}`);
    }
    const random = new RandomStream(seedOf(`${def.name} ${index} ${which}`));
    for (let i = 0; i < data.length; i++) data[i] = values?.[i] ?? draw(random, dtype, domain);
    return new NDArray(data, shape, dtype);
  });
}

function draw(random: RandomStream, dtype: DType, domain?: readonly [number, number]): number {
  if (dtype === "bool") return random.whole(0, 1);
  if (isFloat(dtype)) return random.between(...(domain ?? [-1, 1]));
  return random.whole(...(domain ?? [0, 10]));
}

/**
 * What the placeholders say of their shapes: all of it, all but the size of axis 0 (a name, the same for equal
 * sizes), or not even the rank.
 */
export type KnownShapes = "static" | "symbolic" | "unknown";

export interface BuiltOp {
  readonly graph: Graph;
  readonly op: Operation;
  readonly inputs: readonly Tensor[];
}

/** Records that refuse an unknown rank when the graph is built, each with the reason. */
export const NEEDS_RANK: Readonly<Record<string, string>> = {
  tile: "there is one multiple per axis",
  mirrorPad: "there is one padding per axis",
  stridedSlice: "there is one stride per axis",
  diagPart: "its derivative pads the last two axes",
  gatherNd: "index tuples name the first axes",
  tensorScatterUpdate: "as gatherNd",
  matrixInverse: "matrices stand in the last two axes",
  cholesky: "as matrixInverse",
  einsum: "its letters name axes",
  conv1d: "as conv2d",
  conv1dInputGradient: "as conv2d",
  conv1dFilterGradient: "as conv2d",
  conv2d: "its error should come when the graph is built",
  conv2dInputGradient: "as conv2d",
  conv2dFilterGradient: "as conv2d",
  conv3d: "as conv2d",
  conv3dInputGradient: "as conv2d",
  conv3dFilterGradient: "as conv2d",
  maxPool1d: "as conv2d",
  maxPool1dWinners: "as conv2d",
  averagePool1d: "as conv2d",
  maxPool2d: "as conv2d",
  maxPool2dWinners: "as conv2d",
  averagePool2d: "as conv2d",
  maxPool3d: "as conv2d",
  maxPool3dWinners: "as conv2d",
  averagePool3d: "as conv2d",
  depthwiseConv2d: "as conv2d",
  separableConv2d: "as conv2d",
  resizeNearestNeighbor: "as conv2d",
  resizeBilinear: "as conv2d",
  globalAveragePool: "the axes between batch and channels must be known",
  globalMaxPool: "as globalAveragePool",
  batchNorm: "the axes it normalises over must be known",
  batchNormInference: "as batchNorm",
  instanceNorm: "as batchNorm",
  groupNorm: "as batchNorm",
  localResponseNormalization: "the other axes are joined into one",
  rmsNorm: "as layerNorm",
  ctcLoss: "it is written out step by step",
  randomCategorical: "the axis of the classes must be known",
  layerNorm: "gamma and beta are laid along one axis, counted from the end",
  sparseSoftmaxCrossEntropy: "the number of classes decides the gradient",
};

/** Inputs whose axis 0 is no batch and must be a number: the windows of convolutions. */
const LITERAL_INPUTS: Readonly<Record<string, number>> = {
  conv1d: 1,
  conv1dInputGradient: 1,
  conv2d: 1,
  conv2dInputGradient: 1,
  conv3d: 1,
  conv3dInputGradient: 1,
  depthwiseConv2d: 1,
  separableConv2d: 1,
};

/** True if a named size says less of this input than its number: 1 stays a number, since names never broadcast. */
const mayBeNamed = (def: OpDef, which: number, size: number | undefined): boolean =>
  size !== undefined && size !== 1 && LITERAL_INPUTS[def.name] !== which;

/** A graph that holds the op and a placeholder for each input. */
export function buildOp(def: OpDef, example: OpExample, known: KnownShapes = "static"): BuiltOp {
  const graph = new Graph();
  const inputs = example.inputs.map(({ shape, dtype }, i) => {
    const name = `input${i}`;
    if (known === "unknown") return graph.placeholder(name, null, { dtype });
    const named = known === "symbolic" && mayBeNamed(def, i, shape[0]);
    const dims = shape.map((size, axis) => (named && axis === 0 ? `n${size}` : size));
    return graph.placeholder(name, dims, { dtype });
  });
  return { graph, op: graph.apply(def, inputs, example.attrs), inputs };
}

/** True if `symbolic` differs from `static` at all. */
export const hasNamedAxis = (def: OpDef, example: OpExample): boolean =>
  example.inputs.some(({ shape }, which) => mayBeNamed(def, which, shape[0]));

export const feedsOf = (
  inputs: readonly Tensor[],
  values: readonly NDArray[],
): readonly (readonly [Tensor, NDArray])[] => inputs.map((input, i) => [input, values[i]!] as const);

/** Runs in a session of its own, with every verifier on. */
export function runOnce(
  { graph, inputs }: Pick<BuiltOp, "graph" | "inputs">,
  fetches: readonly Tensor[],
  values: readonly NDArray[],
  options: SessionOptions = {},
): readonly NDArray[] {
  using session = new Session(graph, { ...options, compile: { verify: true, ...options.compile } });
  return session.run(fetches, feedsOf(inputs, values));
}

// ── comparing ────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where two results differ first, as a sentence, or null if they are the same. NaN equals NaN; -0 is not 0. */
export function difference(actual: NDArray, wanted: NDArray): string | null {
  if (actual.dtype !== wanted.dtype) return `dtype ${actual.dtype}, wanted ${wanted.dtype}`;
  if (actual.shape.join() !== wanted.shape.join())
    return `shape [${actual.shape.join()}], wanted [${wanted.shape.join()}]`;
  return differenceOfData(actual.data, wanted.data);
}

export function differenceOfData(actual: TypedArray, wanted: TypedArray): string | null {
  if (actual.length !== wanted.length) return `${actual.length} elements, wanted ${wanted.length}`;
  for (let i = 0; i < wanted.length; i++) {
    if (Object.is(actual[i], wanted[i])) continue;
    return `element ${i} is ${signed(actual[i]!)}, wanted ${signed(wanted[i]!)}`;
  }
  return null;
}
const signed = (x: number): string => (Object.is(x, -0) ? "-0" : String(x));

/** @throws Error that says what was compared and where the first difference is */
export function expectSameBits(actual: readonly NDArray[], wanted: readonly NDArray[], what: string): void {
  if (actual.length !== wanted.length) throw new Error(`${what}: ${actual.length} results, wanted ${wanted.length}`);
  wanted.forEach((value, i) => {
    const found = difference(actual[i]!, value);
    if (found) throw new Error(`${what}: result ${i}: ${found}\n${String(actual[i])}\nwanted\n${String(value)}`);
  });
}
