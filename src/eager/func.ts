import { objectNumber } from "../core/collections.ts";
import type { DType, TypedArray } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { readValue, type ValueLike } from "../core/values.ts";
import { currentBuilder } from "../graph/builder.ts";
import { Tensor } from "../graph/operation.ts";
import type { Graph } from "../runtime/graph.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { here } from "../runtime/reading.ts";
import { Session, type SessionOptions } from "../runtime/session.ts";
import { eager } from "./context.ts";
import { EagerTensor, EagerVariable } from "./tensor.ts";
import { type LinkedVariable, TraceGraph } from "./trace.ts";

export interface FunctionOptions {
  /** Name of the function, for its graph and messages. Default: its own. */
  readonly name?: string;
  /**
   * Shapes to trace for, of each tensor among the arguments in their order, null for those that tell themselves. A size
   * that is null may be any: the function is traced once for all. Sizes that are equal in all calls have the same name,
   * `[["batch", 3], ["batch"]]`.
   */
  readonly shapes?: readonly (readonly (number | string | null)[] | null)[];
  /** How plans are compiled and run: backend, threads, memory. */
  readonly session?: SessionOptions;
  /** Told of each trace, as `log` lists them. */
  readonly onTrace?: (entry: TraceEntry) => void;
}

/** One trace of a function: when, and why the ones before did not do. */
export interface TraceEntry {
  readonly number: number;
  /** The line of the call. */
  readonly at: string | null;
  readonly reason: string;
}

/** Tensors in a result become tensors with values; everything else stays as it is. */
export type Evaluated<R> =
  R extends Tensor<infer S>
    ? EagerTensor<S>
    : R extends readonly unknown[] | { readonly [key: string]: unknown }
      ? { -readonly [K in keyof R]: Evaluated<R[K]> }
      : R;

/** What may be given for an argument: for a tensor also an array. */
export type Argument<T> =
  T extends Tensor<infer S>
    ? Tensor<S> | NDArray | TypedArray
    : T extends (...args: never[]) => unknown
      ? T
      : T extends readonly unknown[] | { readonly [key: string]: unknown }
        ? { readonly [K in keyof T]: Argument<T[K]> }
        : T;
/** The same for a list of arguments. */
export type Arguments<A extends readonly unknown[]> = { [I in keyof A]: Argument<A[I]> };

/** A function that is traced once for each kind of arguments, compiled, and run as a plan. */
export interface TracedFunction<A extends readonly unknown[], R> {
  (...args: Arguments<A>): Evaluated<R>;
  /** The traces so far. */
  readonly log: readonly TraceEntry[];
  /** What the arguments make of it, as a graph to look at: for pictures, text and plans. */
  graph(...args: Arguments<A>): Graph;
  /** Lets go of its session, and of the threads it has. */
  close(): void;
}

/** A trace: what to run, with what, and what to do with what comes out. */
interface Trace {
  readonly leaves: readonly Leaf[];
  run(inputs: readonly ValueLike[]): readonly NDArray[];
  readonly reads: readonly LinkedVariable[];
  readonly writes: readonly LinkedVariable[];
  /** What has values and is no argument: the variables it reads, and constants. */
  readonly uses: readonly (EagerTensor | EagerVariable)[];
  /** The result, from fetched values. */
  result(values: readonly NDArray[]): unknown;
}

/** What an argument is to the function. */
type Leaf =
  | {
      readonly kind: "tensor";
      readonly path: string;
      readonly dtype: DType;
      /** Names stand for sizes that may be any. */
      readonly shape: readonly (number | string)[];
    }
  | { readonly kind: "value"; readonly path: string; readonly value: unknown };

/**
 * A function that runs as a compiled plan: `tf.function`. It is called once with symbolic tensors for each kind of
 * arguments (dtypes and shapes of tensors, and whatever else they are), and what it built is compiled; later calls run
 * the plan. Tensors may stand in lists and objects; results come back in the structure the function gave.
 *
 * Variables it uses are read and written as if it ran step by step. Other JavaScript in it, `console.log` for one, runs
 * while it is traced and never again.
 */
export function func<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options: FunctionOptions = {},
): TracedFunction<A, R> {
  const traced = new Traced(fn as (...args: readonly unknown[]) => unknown, options);
  const call = (...args: Arguments<A>): Evaluated<R> => traced.call(args) as Evaluated<R>;
  return Object.defineProperties(call, {
    name: { value: traced.name },
    log: { get: () => traced.log },
    graph: { value: (...args: Arguments<A>) => traced.graph(args) },
    close: { value: () => traced.close() },
  }) as TracedFunction<A, R>;
}

class Traced {
  readonly name: string;
  readonly log: TraceEntry[] = [];
  readonly #fn: (...args: readonly unknown[]) => unknown;
  readonly #options: FunctionOptions;
  readonly #labels: readonly string[];
  readonly #traces = new Map<string, Trace>();
  #graph: TraceGraph;
  #session: Session | null = null;
  /** Which value of each variable the session has. */
  readonly #versions = new Map<EagerVariable, number>();

  constructor(fn: (...args: readonly unknown[]) => unknown, options: FunctionOptions) {
    this.#fn = fn;
    this.#options = options;
    this.name = options.name ?? (fn.name === "" ? "traced" : fn.name);
    this.#labels = parameterNames(fn);
    this.#graph = new TraceGraph({ name: this.name });
  }

  call(args: readonly unknown[]): unknown {
    // Inside of another trace it is part of that one.
    if (currentBuilder()?.isTrace) return this.#stepByStep(args);
    const inputs: (EagerTensor | EagerVariable)[] = [];
    const leaves = this.#leaves(args, inputs);
    // A tape outside sees every step, if it follows what comes in or what the function uses.
    if (isFollowed(inputs)) return this.#stepByStep(args);
    const key = keyOf(leaves);
    let trace = this.#traces.get(key);
    if (!trace) {
      const entry: TraceEntry = { number: this.log.length, at: here(), reason: this.#reason(leaves) };
      trace = this.#trace(args, leaves);
      this.#traces.set(key, trace);
      this.log.push(entry);
      this.#options.onTrace?.(entry);
    }
    if (isFollowed(trace.uses)) return this.#stepByStep(args);
    return this.#run(trace, inputs);
  }

  graph(args: readonly unknown[]): Graph {
    const graph = new TraceGraph({ name: this.name });
    this.#build(args, this.#leaves(args, []), graph);
    return graph;
  }

  close(): void {
    // Whoever wants to know the value of a variable later finds it there.
    for (const variable of this.#versions.keys()) variable.settle();
    this.#session?.close();
    this.#session = null;
    this.#traces.clear();
    this.#versions.clear();
    this.#graph = new TraceGraph({ name: this.name });
  }

  #stepByStep(args: readonly unknown[]): unknown {
    return this.#fn(...args.map((arg) => mapLeaves(arg, (leaf) => arrayAsTensor(leaf) ?? leaf)));
  }

  // ── running ────────────────────────────────────────────────────────────────────────────────────────────────────

  #run({ run, reads, writes, result }: Trace, inputs: readonly (EagerTensor | EagerVariable)[]): unknown {
    const session = this.#session!;
    for (const { eager: variable, traced } of reads) {
      if (this.#versions.get(variable) === variable.version) continue;
      session.setValue(traced, variable.value);
      this.#versions.set(variable, variable.version);
    }
    const values = run(inputs.map(({ value }) => value));
    for (const { eager: variable, traced } of writes) {
      variable.replaceLater(() => session.value(traced).data);
      this.#versions.set(variable, variable.version);
    }
    return result(values);
  }

  // ── tracing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Calls the function with symbolic tensors, which adds what it does to a graph. */
  #build(args: readonly unknown[], leaves: readonly Leaf[], graph: TraceGraph) {
    const placeholders: Tensor[] = [];
    const number = this.#traces.size;
    const { result, effects } = graph.trace(number === 0 ? "trace" : `trace_${number}`, () => {
      let next = 0;
      const symbolic = args.map((arg) =>
        mapLeaves(arg, () => {
          const leaf = leaves[next++]!;
          if (leaf.kind === "value") return leaf.value;
          const name = leaf.path.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^_+|_+$/g, "") || "input";
          const placeholder = graph.argument(name, leaf.dtype, leaf.shape);
          placeholders.push(placeholder);
          return placeholder;
        }),
      );
      const tensors: Tensor[] = [];
      const result = mapLeaves(this.#fn(...symbolic), (leaf) => {
        if (!(leaf instanceof Tensor)) return leaf;
        // Variables are returned as what they are when the function ends.
        const tensor = graph.standIn(leaf);
        tensors.push(tensor);
        return tensor;
      });
      return { result, tensors };
    });
    if (!(result instanceof Promise)) return { placeholders, result, effects };
    // What it does after the first await can only fail, and is told here.
    result.catch(() => {});
    throw new GraphError({
      what: `${this.name}: a traced function can not be asynchronous`,
      at: here(),
      fix: "await outside of it, and hand over what was awaited",
    });
  }

  #trace(args: readonly unknown[], leaves: readonly Leaf[]): Trace {
    const { placeholders, result, effects } = this.#build(args, leaves, this.#graph);
    const fetched: Tensor[] = [];
    const at = new Map<Tensor, number>();
    const slots = mapLeaves(result, (leaf) => {
      if (!(leaf instanceof Tensor)) return leaf;
      if (!at.has(leaf)) at.set(leaf, fetched.push(leaf) - 1);
      return new Slot(at.get(leaf)!);
    });
    const targets = [...effects.writes.map(({ by }) => by), ...effects.taps];
    this.#session ??= new Session(this.#graph, this.#options.session ?? {});
    const run = this.#session.prepare({ fetched, targets }, placeholders);
    return {
      leaves,
      run: (inputs) => run(...inputs).fetched,
      reads: effects.reads,
      writes: effects.writes.map(({ variable }) => variable),
      uses: [...effects.reads.map((linked) => linked.eager), ...effects.captures],
      result: (values) =>
        mapLeaves(slots, (leaf) => {
          if (!(leaf instanceof Slot)) return leaf;
          const { data, shape, dtype } = values[leaf.at]!;
          return eager.tensorOf(data, shape, dtype);
        }),
    };
  }

  /** The arguments one by one; values that are tensors go to `inputs`. */
  #leaves(args: readonly unknown[], inputs: (EagerTensor | EagerVariable)[]): readonly Leaf[] {
    const leaves: Leaf[] = [];
    args.forEach((arg, position) => {
      mapLeaves(
        arg,
        (value, path) => {
          const tensor = tensorFrom(value);
          if (!tensor) leaves.push({ kind: "value", path, value });
          else {
            const relaxed = this.#options.shapes?.[inputs.length] ?? null;
            const { dtype } = tensor;
            const shape = relaxedShape(tensor.spec.shape as readonly number[], relaxed, inputs.length, path);
            leaves.push({ kind: "tensor", path, dtype, shape });
            inputs.push(tensor);
          }
          return value;
        },
        this.#labels[position] ?? `argument ${position}`,
      );
    });
    return leaves;
  }

  #reason(leaves: readonly Leaf[]): string {
    const last = [...this.#traces.values()].at(-1);
    if (!last) return "the first call";
    if (last.leaves.length !== leaves.length) return `${leaves.length} arguments, ${last.leaves.length} before`;
    for (const [i, leaf] of leaves.entries()) {
      const before = last.leaves[i]!;
      if (keyOf([leaf]) === keyOf([before])) continue;
      if (leaf.kind !== "tensor" || before.kind !== "tensor") {
        const text = (one: Leaf): string =>
          one.kind === "tensor" ? `${one.dtype}[${one.shape.join(", ")}]` : valueText(one.value);
        const fix =
          leaf.kind === "value" && typeof leaf.value === "number" ? ": pass tensor(…) there to trace once" : "";
        return `${leaf.path} changed from ${text(before)} to ${text(leaf)}${fix}`;
      }
      const [was, is] = [before, leaf];
      if (was.dtype !== is.dtype) return `${leaf.path} changed from ${was.dtype} to ${is.dtype}`;
      if (was.shape.length !== is.shape.length) {
        return `${leaf.path} changed from rank ${was.shape.length} to ${is.shape.length}`;
      }
      const axis = is.shape.findIndex((size, k) => size !== was.shape[k]);
      return `${leaf.path} axis ${axis} changed from ${was.shape[axis]} to ${is.shape[axis]}: pass null there to trace once`;
    }
    return "the arguments have another structure";
  }
}

/** True if a tape that records follows one of these. */
const isFollowed = (tensors: readonly Tensor[]): boolean =>
  eager.recorders.any && eager.recorders.follow(tensors.flatMap((tensor) => eager.standIns(tensor)));

/** Place of a fetched value in a result. */
class Slot {
  readonly at: number;
  constructor(at: number) {
    this.at = at;
  }
}

/** Tensors with values, and arrays, which become such. Numbers do not: they are part of the function. */
function tensorFrom(value: unknown): EagerTensor | EagerVariable | null {
  if (value instanceof EagerTensor || value instanceof EagerVariable) return value;
  if (value instanceof Tensor) {
    throw new GraphError({
      what: `a traced function was called with "${value.name}", which is symbolic`,
      details: [`it was made at ${value.op.line ?? "an unknown line"}`],
      at: here(),
      fix: "call it with values, tensor(…); in a graph call the function it was made of",
    });
  }
  return arrayAsTensor(value);
}

/** An array as a tensor that has its elements; null for whatever is no array. */
export function arrayAsTensor(value: unknown): EagerTensor | null {
  if (!(value instanceof NDArray) && !ArrayBuffer.isView(value)) return null;
  const { data, shape, dtype } = readValue(value as NDArray);
  return eager.tensorOf(data, shape, dtype);
}

/** Sizes to trace for: numbers, and names where the size may be any. */
function relaxedShape(
  shape: readonly number[],
  relaxed: readonly (number | string | null)[] | null,
  tensor: number,
  path: string,
): readonly (number | string)[] {
  if (!relaxed) return shape;
  const fits =
    relaxed.length === shape.length && relaxed.every((size, axis) => typeof size !== "number" || size === shape[axis]);
  if (!fits) {
    throw new GraphError({
      what: `${path} has shape [${shape.join(", ")}], and was to be traced for [${relaxed.map((size) => size ?? "null").join(", ")}]`,
      at: here(),
      fix: "call it with such a shape, or put null where sizes differ",
    });
  }
  return relaxed.map((size, axis) => size ?? `size${tensor}_${axis}`);
}

function keyOf(leaves: readonly Leaf[]): string {
  return leaves
    .map((leaf) => {
      if (leaf.kind === "tensor") return `${leaf.path}:${leaf.dtype}[${leaf.shape.join()}]`;
      return `${leaf.path}=${valueText(leaf.value)}`;
    })
    .join(";");
}

function valueText(value: unknown): string {
  if (typeof value === "object" ? value === null : typeof value !== "function") {
    return typeof value === "string" ? JSON.stringify(value) : Object.is(value, -0) ? "-0" : String(value);
  }
  return `${typeof value} ${objectNumber(value as object)}`;
}

/** Lists and plain objects with every leaf replaced. Everything else is a leaf. */
function mapLeaves(value: unknown, replace: (leaf: unknown, path: string) => unknown, path = ""): unknown {
  if (Array.isArray(value)) return value.map((item, i) => mapLeaves(item, replace, `${path}[${i}]`));
  if (typeof value === "object" && value !== null) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          mapLeaves(item, replace, path === "" ? key : `${path}.${key}`),
        ]),
      );
    }
  }
  return replace(value, path);
}

/** The names of a function's parameters, where its text tells them; "" for objects that are taken apart. */
function parameterNames(fn: (...args: readonly unknown[]) => unknown): readonly string[] {
  const head = /^(?:async\s+)?(?:function\s*[\w$]*\s*)?\(([^)]*)\)/.exec(String(fn))?.[1];
  const single = head ?? /^([\w$]+)\s*=>/.exec(String(fn))?.[1] ?? "";
  return single
    .replace(/\{[^{}]*\}/g, "{}")
    .split(",")
    .map((name, i) => (/^\s*\{/.test(name) ? "" : (/^\s*([\w$]+)/.exec(name)?.[1] ?? `argument ${i}`)));
}
