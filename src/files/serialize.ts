import type { TypedArray } from "../core/dtype.ts";
import { FunctionBody } from "../graph/body.ts";
import type { Attr, Operation, Tensor } from "../graph/operation.ts";
import { customGradientOp, identityOp } from "../ops/state.ts";
import type { Graph } from "../runtime/graph.ts";
import { type AttrText, attrToText } from "./attributes.ts";
import { type BodyText, bodyToText, type NameOf } from "./bodies.ts";
import { SizeWriter } from "./size-text.ts";

export const GRAPH_FORMAT = "forerun-graph";
/** Goes up when a reader of the version before could misread a file. Files of every version stay readable. */
export const GRAPH_VERSION = 1;

/** One operation in a file. */
export interface OperationText {
  readonly name: string;
  /** Name of the op: `matmul`. */
  readonly op: string;
  /** Operations listed before this one, by name; `name:1` is a further output. */
  readonly inputs: readonly string[];
  readonly controls?: readonly string[];
  readonly attrs: Readonly<Record<string, AttrText>>;
}

/** A graph as data, ready for `JSON.stringify`. Shapes and dtypes are not in it: they are inferred when it is read. */
export interface GraphDef {
  readonly format: typeof GRAPH_FORMAT;
  readonly version: number;
  readonly name: string;
  /** The seed that decides the seeds of initializers; a text for what JSON has no number for. */
  readonly seed: AttrText;
  /** In the order they were made. */
  readonly ops: readonly OperationText[];
  /** Variables in the order they were made, with the operation that gives each its first value. */
  readonly variables: readonly { readonly variable: string; readonly initializer: string }[];
}

const nameOf = (tensor: Tensor): string => (tensor.index === 0 ? tensor.op.name : tensor.name);

/**
 * Everything that defines a graph. Two graphs that were built alike give the same text, on every machine.
 *
 * @throws GraphError for an operation that holds a function: `customGradient`
 */
export const serializeGraph = (graph: Graph): GraphDef => new GraphWriter(graph).rest();

/** Writes a graph that grows in parts, for a reader that keeps what it has read: `GraphParts`. */
export class GraphWriter {
  readonly #graph: Graph;
  readonly #runsOnly: boolean;
  readonly #sizes = new SizeWriter();
  #operations = 0;
  #variables = 0;

  /** @param use `runsOnly`: nobody will ask the reader for derivatives, so that their rules need not be written */
  constructor(graph: Graph, use: { readonly runsOnly?: boolean } = {}) {
    this.#graph = graph;
    this.#runsOnly = use.runsOnly ?? false;
  }

  /** True if operations were made that are not written yet. */
  get isBehind(): boolean {
    return this.#graph.operations.length > this.#operations;
  }

  /**
   * What was made since the last call.
   *
   * @param aside takes the elements of constants, if they should not be in the text
   * @throws GraphError as `serializeGraph` does; then nothing counts as written
   */
  rest(aside?: TypedArray[]): GraphDef {
    const { name, seed, operations, allVariables } = this.#graph;
    const ops = operations.slice(this.#operations).map((op) => this.#text(op, aside));
    const variables = allVariables.slice(this.#variables).map((variable) => ({
      variable: variable.op.name,
      initializer: variable.initializer.name,
    }));
    this.#operations = operations.length;
    this.#variables = allVariables.length;
    return {
      format: GRAPH_FORMAT,
      version: GRAPH_VERSION,
      name,
      seed: Number.isFinite(seed) && !Object.is(seed, -0) ? seed : String(seed),
      ops,
      variables,
    };
  }

  #text(op: Operation, aside: TypedArray[] | undefined): OperationText {
    // Once derivatives are built, only the value is left.
    if (this.#runsOnly && op.def === customGradientOp)
      return { name: op.name, op: identityOp.name, inputs: [nameOf(op.inputs[0]!)], attrs: {} };
    return operationToText(op, this.#sizes, aside);
  }
}

function operationToText(
  op: Operation,
  sizes: SizeWriter,
  aside: TypedArray[] | undefined,
  nameOfInput: NameOf = nameOf,
  name = op.name,
): OperationText {
  const names = Object.keys(op.attrs);
  const body = (attr: FunctionBody): BodyText =>
    bodyToText(attr, (inner, nameInside, itsName) => operationToText(inner, sizes, aside, nameInside, itsName));
  const text = (attr: Attr, which: string): AttrText => {
    if (attr instanceof FunctionBody) return body(attr);
    if (Array.isArray(attr) && attr[0] instanceof FunctionBody) return (attr as readonly FunctionBody[]).map(body);
    return attrToText(op, which, sizes, aside);
  };
  return {
    name,
    op: op.def.name,
    inputs: op.inputs.map(nameOfInput),
    ...(op.controls.length > 0 ? { controls: op.controls.map((control) => control.name) } : {}),
    attrs: Object.fromEntries(names.map((which) => [which, text(op.attrs[which]!, which)])),
  };
}
