import type { Operation, Tensor } from "../graph/operation.ts";
import type { Graph } from "../runtime/graph.ts";
import { type AttrText, attrToText } from "./attributes.ts";
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
export function serializeGraph(graph: Graph): GraphDef {
  const sizes = new SizeWriter();
  return {
    format: GRAPH_FORMAT,
    version: GRAPH_VERSION,
    name: graph.name,
    seed: Number.isFinite(graph.seed) && !Object.is(graph.seed, -0) ? graph.seed : String(graph.seed),
    ops: graph.operations.map((op) => operationToText(op, sizes)),
    variables: graph.allVariables.map((variable) => ({
      variable: variable.op.name,
      initializer: variable.initializer.name,
    })),
  };
}

function operationToText(op: Operation, sizes: SizeWriter): OperationText {
  const names = Object.keys(op.attrs);
  return {
    name: op.name,
    op: op.def.name,
    inputs: op.inputs.map(nameOf),
    ...(op.controls.length > 0 ? { controls: op.controls.map((control) => control.name) } : {}),
    attrs: Object.fromEntries(names.map((name) => [name, attrToText(op, name, sizes)])),
  };
}
