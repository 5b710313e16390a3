import { type DType, dtypeOfArray, isFloat, rangeOf, type TypedArray } from "../core/dtype.ts";
import { FeedError, GraphError } from "../core/errors.ts";
import { elementCount, isFullyKnown, shapeText, specText } from "../core/shape.ts";
import { bindSize, divideExactly, isKnown, namesIn, productOf, type Size, sizeText, soleName } from "../core/size.ts";
import { type ArrayValue, type NestedList, readValue, type ValueLike } from "../core/values.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { Operation, Tensor, Variable } from "../graph/operation.ts";
import { isDetached, staleView } from "./ndarray.ts";
import { counted, here, reading } from "./reading.ts";

/** Values by tensor or by name: a Map, a list of pairs, or an object whose keys are names. */
export type Feeds =
  | ReadonlyMap<Tensor | string, ValueLike>
  | readonly (readonly [Tensor | string, ValueLike])[]
  | { readonly [name: string]: ValueLike };

export interface FedShape {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
}
export interface FedValue extends FedShape {
  readonly data: TypedArray;
}

const madeAt = (tensor: Tensor): string => `"${tensor.op.name}" was made at ${tensor.op.line ?? "an unknown line"}`;

type Entries = readonly (readonly [Tensor | string, ValueLike])[];

function entriesOf(feeds: Feeds): Entries {
  if (feeds instanceof Map) return [...feeds];
  const plainObject = typeof feeds === "object" && feeds !== null && !(feeds instanceof Tensor);
  if (plainObject && !Array.isArray(feeds)) return Object.entries(feeds as { readonly [name: string]: ValueLike });
  if (plainObject && (feeds as readonly unknown[]).every((entry) => Array.isArray(entry) && entry.length === 2)) {
    return feeds as Entries;
  }
  throw new FeedError({
    what: `feed: ${Array.isArray(feeds) ? `[${feeds.map(String).join(", ")}]` : String(feeds)} does not say what to feed`,
    at: here(),
    fix: "give pairs in a list, [[x, 1]], a Map, or an object by name, { x: 1 }",
  });
}

/**
 * Reads what a user feeds.
 * @throws FeedError: a tensor fed twice or of another graph, a wrong dtype, shape or (if asked) a non-finite value
 */
export function readFeeds(
  graph: GraphBuilder,
  feeds: Feeds,
  options: { readonly checkFinite: boolean },
): readonly FedValue[] {
  const entries = entriesOf(feeds);
  const tensors = resolveFeeds(
    graph,
    entries.map(([key]) => key),
  );
  return entries.map(([, value], i) => readFeed(tensors[i]!, value, options.checkFinite));
}

/** Tensors to feed, by handle or by name. @throws FeedError for one that is named twice or is no tensor of the graph */
export function resolveFeeds(graph: GraphBuilder, keys: readonly (Tensor | string)[]): readonly Tensor[] {
  const seen = new Set<Tensor>();
  return keys.map((key) => {
    const tensor = resolve(graph, key);
    if (seen.has(tensor)) {
      throw new FeedError({
        what: `feed: "${tensor.name}" is fed twice in one run`,
        at: here(),
        fix: "feed each tensor once",
      });
    }
    seen.add(tensor);
    return tensor;
  });
}

function resolve(graph: GraphBuilder, key: Tensor | string): Tensor {
  if (key instanceof Operation) {
    throw new FeedError({
      what: `feed: "${(key as Operation).name}" is an operation, and has no value that could be fed`,
      at: here(),
      fix: "feed a tensor",
    });
  }
  const tensor = typeof key === "string" ? graph.tensor(key) : key;
  if (!(tensor instanceof Tensor)) {
    throw new FeedError({
      what: `feed: ${String(key)} is not a tensor or a name`,
      at: here(),
      fix: "feed by a Map or pairs with tensors as keys, or by an object whose keys are names",
    });
  }
  if (tensor.graph === graph) return tensor;
  if (tensor.graph.runsAtOnce) {
    throw new FeedError({
      what: `feed: "${tensor.name}" is a value, not a tensor of graph "${graph.name}" to feed`,
      details: [madeAt(tensor)],
      at: here(),
      fix: "feed it to a placeholder: run(fetches, [[placeholder, value]])",
    });
  }
  throw new FeedError({
    what: `feed: "${tensor.name}" belongs to graph "${tensor.graph.name}", this session runs graph "${graph.name}"`,
    details: [madeAt(tensor)],
    at: here(),
    fix: "feed tensors of the session's own graph",
  });
}

/**
 * The array, or a copy of it if it shows a part of something larger: that may be the session's own memory, which moves
 * when it grows.
 */
export const ownMemory = (data: TypedArray): TypedArray =>
  data.byteLength === data.buffer.byteLength ? data : data.slice();

/** @throws GraphError for something that is not a variable of the graph */
export function requireVariable(graph: GraphBuilder, variable: Variable): void {
  if (variable instanceof Variable && variable.graph === graph) return;
  throw new GraphError({
    what: `setValue: ${String(variable)} is not a variable of graph "${graph.name}"`,
    at: here(),
    fix: "give a variable of the session's own graph: graph.variables() lists them",
  });
}

/** One value in the dtype and a shape that fits the tensor. */
export function readFeed(tensor: Tensor, value: ValueLike, checkFinite: boolean): FedValue {
  const read = toDType(tensor, value);
  const flat = ArrayBuffer.isView(value);
  const shape = flat ? shapeOfFlat(tensor, read.data.length) : read.shape;
  if (checkFinite && isFloat(tensor.dtype)) requireFinite(tensor, read.data, shape);
  return { tensor, data: read.data, shape };
}

function toDType(tensor: Tensor, value: ValueLike): ArrayValue {
  const { dtype } = tensor;
  if (value === undefined || value === null) {
    throw new FeedError({
      what: `feed: the value for "${tensor.name}" is ${String(value)}`,
      details: [madeAt(tensor)],
      at: here(),
      fix: "feed a number, a list, a typed array or an NDArray",
    });
  }
  const given: unknown = value;
  if (given instanceof Tensor && !given.graph.runsAtOnce) {
    throw new FeedError({
      what: `feed: the value for "${tensor.name}" is "${given.name}", which is symbolic and has none`,
      details: [madeAt(given)],
      at: here(),
      fix: "feed what a session has computed for it; or use the tensor in the graph, where nothing needs to be fed",
    });
  }
  const data = ArrayBuffer.isView(value) ? value : typeof value === "object" && "data" in value ? value.data : null;
  if (ArrayBuffer.isView(data) && isDetached(data))
    throw staleView(`feed: the value for "${tensor.name}"`, "take step.feeds again, and write the values there");
  if (data === null) return fromNumbers(tensor, value as number | boolean | NestedList);
  const own = "dtype" in (value as object) ? (value as ArrayValue).dtype : dtypeOfArray(data);
  if (own !== dtype) {
    throw new FeedError({
      what: `feed: "${tensor.name}" is ${dtype}, the array fed holds ${own ?? data.constructor.name}`,
      details: [madeAt(tensor)],
      at: here(),
      fix: `convert it: ${arrayName(dtype)}.from(array)`,
    });
  }
  return ArrayBuffer.isView(value) ? { data: value, shape: [value.length], dtype } : (value as ArrayValue);
}

const arrayName = (dtype: DType): string =>
  dtype === "bool" ? "Uint8Array" : `${dtype[0]!.toUpperCase()}${dtype.slice(1)}Array`;

/** Plain numbers take the tensor's dtype, if they can without loss of meaning. */
function fromNumbers(tensor: Tensor, value: number | boolean | NestedList): ArrayValue {
  const { dtype } = tensor;
  const asWritten = reading(`feed: the value for "${tensor.name}"`, () => readValue(value), FeedError, [
    madeAt(tensor),
  ]);
  if (!isFloat(dtype) && asWritten.data.length > 0) {
    const fits = dtype === "bool" ? asWritten.dtype === "bool" : integersFit(dtype, value);
    if (!fits) {
      const range = rangeOf(dtype);
      throw new FeedError({
        what: `feed: "${tensor.name}" is ${dtype}, the value fed is ${typeof value === "object" ? "not" : value}`,
        details: [madeAt(tensor)],
        at: here(),
        fix: dtype === "bool" ? "feed true and false" : `feed whole numbers from ${range.min} to ${range.max}`,
      });
    }
  }
  if (isFloat(dtype) && asWritten.dtype === "bool") {
    throw new FeedError({
      what: `feed: "${tensor.name}" is ${dtype}, the value fed is bool`,
      details: [madeAt(tensor)],
      at: here(),
      fix: "feed numbers",
    });
  }
  return readValue(value, dtype);
}

function integersFit(dtype: DType, value: number | boolean | NestedList): boolean {
  const { min, max } = rangeOf(dtype);
  const { data } = readValue(value, "float64");
  return data.every((x) => Number.isInteger(x) && x >= min && x <= max);
}

/** Shape of a flat array: the tensor's own, with its one unknown size worked out. */
function shapeOfFlat(tensor: Tensor, length: number): readonly number[] {
  const { shape } = tensor;
  if (shape === null) return [length];
  const open = shape.filter((size) => !isKnown(size));
  const known = productOf(shape.filter(isKnown)) as number;
  if (open.length === 0) {
    if (known === length) return shape as readonly number[];
    throw wrongLength(tensor, length);
  }
  const rest = open.length === 1 && known > 0 ? divideExactly(length, known) : null;
  if (typeof rest === "number" && soleName(open[0]!) !== null)
    return shape.map((size) => (isKnown(size) ? size : rest));
  if (shape.length === 1) return [length];
  if (open.length > 1) {
    throw new FeedError({
      what: `feed: "${tensor.name}" is ${specText(tensor.spec)}: a flat array does not say how its ${open.length} open sizes divide`,
      details: [madeAt(tensor)],
      at: here(),
      fix: "feed an NDArray: NDArray.of(data, { shape: […] })",
    });
  }
  throw wrongLength(tensor, length);
}

const wrongLength = (tensor: Tensor, length: number): FeedError =>
  new FeedError({
    what: `feed: ${length} elements do not fill "${tensor.name}", which is ${specText(tensor.spec)}`,
    details: [madeAt(tensor)],
    at: here(),
    fix: isFullyKnown(tensor.shape)
      ? `feed ${counted(elementCount(tensor.shape), "element")}`
      : "feed a whole number of rows, or an NDArray, which has a shape of its own",
  });

function requireFinite(tensor: Tensor, data: TypedArray, shape: readonly number[]): void {
  const bad = Array.prototype.findIndex.call(data, (x: number) => !Number.isFinite(x));
  if (bad < 0) return;
  const index: number[] = [];
  let rest = bad;
  for (const size of [...shape].reverse()) {
    index.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  let count = 0;
  for (const x of data) if (!Number.isFinite(x)) count++;
  throw new FeedError({
    what: `feed: "${tensor.name}" holds ${data[bad]} at [${index.join(", ")}]`,
    details: [...(count > 1 ? [`${count} of its ${data.length} elements are not finite`] : []), madeAt(tensor)],
    at: here(),
    fix: "clean the data, or leave out checkFeeds",
  });
}

/**
 * Matches fed shapes against specs and collects the values of named sizes.
 * @throws FeedError with both shapes, the axis marked; or naming the two feeds that disagree about a name
 */
export function bindFeeds(fed: readonly FedShape[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  const givenBy = new Map<string, FedAxis>();
  for (const value of fed) bindFeed(value, sizes, givenBy);
  // Sizes such as 2*batch are known once their names are.
  for (const { tensor, shape } of fed) {
    tensor.shape?.forEach((size: Size, axis) => {
      const bound = bindSize(size, sizes);
      if (!isKnown(bound) || bound === shape[axis]) return;
      throw misshapen(
        { tensor, shape, axis },
        `axis ${axis} is ${shape[axis]}, but ${sizeText(size)} is ${bound}`,
        [...namesIn(size)].map(
          (name) =>
            `${name} is ${sizes.get(name)}: axis ${givenBy.get(name)?.axis} of "${givenBy.get(name)?.tensor.name}"`,
        ),
      );
    });
  }
  return sizes;
}

/** An axis of a value that was fed. */
interface FedAxis {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
  readonly axis: number;
}

/** The one value's shape against its tensor's, and the names it decides. */
function bindFeed({ tensor, shape }: FedShape, sizes: Map<string, number>, givenBy: Map<string, FedAxis>): void {
  const spec = tensor.shape;
  if (spec === null) return;
  if (spec.length !== shape.length)
    throw misshapen({ tensor, shape, axis: -1 }, `rank ${shape.length} does not fit rank ${spec.length}`);
  spec.forEach((size, axis) => {
    const name = soleName(size);
    const value = shape[axis]!;
    if (isKnown(size) && size !== value)
      throw misshapen({ tensor, shape, axis }, `axis ${axis} is ${value}, not ${size}`);
    if (name === null) return;
    const first = givenBy.get(name);
    if (first && sizes.get(name) !== value) {
      throw new FeedError({
        what: `feed: "${name}" is ${sizes.get(name)} in "${first.tensor.name}" and ${value} in "${tensor.name}"`,
        details: [first, { tensor, shape, axis }].flatMap(fedText),
        at: here(),
        fix: `feed the same ${name} everywhere, or give the second size a name of its own`,
      });
    }
    sizes.set(name, value);
    givenBy.set(name, { tensor, shape, axis });
  });
}

/** What was wanted and what was fed, the axis marked, and where the tensor was made. */
function fedText({ tensor, shape, axis }: FedAxis): readonly string[] {
  return [
    `wanted  ${tensor.dtype}${shapeText(tensor.shape, [axis])}`,
    `fed     ${tensor.dtype}${shapeText(shape, [axis])}`,
    madeAt(tensor),
  ];
}

function misshapen(fed: FedAxis, why: string, notes: readonly string[] = []): FeedError {
  const { tensor, shape } = fed;
  const lost = tensor.shape!.length - shape.length;
  const rows = lost === 1 ? "; one example alone is fed as a list of one, [value]" : "";
  return new FeedError({
    what: `feed: the value for "${tensor.name}" does not fit: ${why}`,
    details: [...fedText(fed), ...notes],
    at: here(),
    fix: `feed a value of shape ${shapeText(tensor.shape)}, or change the shape of "${tensor.op.name}"${rows}`,
  });
}
