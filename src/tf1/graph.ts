import { GraphError } from "../core/errors.ts";
import { eager } from "../eager/context.ts";
import { currentBuilder } from "../graph/builder.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { Graph as CoreGraph } from "../runtime/graph.ts";

/** `tf.Graph`: a graph that can be the one new operations go to. */
export class Graph extends CoreGraph {
  /** Python's `with g.as_default():`. What `build` makes goes to this graph, and its result is handed through. */
  asDefault<T>(build: (graph: this) => T): T {
    defaults.push(this);
    try {
      return build(this);
    } finally {
      defaults.pop();
    }
  }
}

/** The graph that is always there, and above it those of the `asDefault` calls we are in. */
const defaults: Graph[] = [];
let bottom: Graph | null = null;

/** Whether sources are values, made at once. */
let eagerly = false;

/** The graph that is the default: of symbolic tensors, whether execution is eager or not. */
export function getDefaultGraph(): Graph {
  bottom ??= new Graph({ name: "default" });
  return defaults.at(-1) ?? bottom;
}

/**
 * Begins with an empty default graph. Without it a program run twice in one process finds the operations of its
 * first run still there: the third `a + b` is `add_2`.
 * @throws GraphError inside of `asDefault`
 */
export function resetDefaultGraph(): void {
  if (defaults.length > 0) {
    throw new GraphError({
      what: `resetDefaultGraph: graph "${defaults.at(-1)!.name}" is the default here, and not to be thrown away`,
      at: lineOf(captureStack()),
      fix: "call it outside of asDefault, or build in a new tf.Graph()",
    });
  }
  bottom = null;
}

/**
 * Where `tf.constant` and the like go: the graph of the traced function or of the `asDefault` call we are in; without
 * either, the default graph, or nowhere if execution is eager.
 */
export function currentGraph(): CoreGraph {
  const builder = currentBuilder();
  if (builder instanceof CoreGraph) return builder;
  return eagerly && defaults.length === 0 ? eager : getDefaultGraph();
}

/**
 * `tf.enable_eager_execution()`: from here on tensors have values and operations run at once. Inside of `asDefault`
 * they are symbolic still, as in TensorFlow.
 * @throws GraphError if the default graph has operations, or inside of `asDefault`: half a program in each mode would
 * not fit together
 */
export function enableEagerExecution(): void {
  if (eagerly) return;
  const first = getDefaultGraph().operations[0];
  if (first || defaults.length > 0) {
    const graph = getDefaultGraph();
    throw new GraphError({
      what: `enableEagerExecution: too late, graph "${graph.name}" is being built`,
      details: first ? [`its first operation, "${first.name}", was made at ${first.line ?? "an unknown line"}`] : [],
      at: lineOf(captureStack()),
      fix: "call it at the start of the program, before any operation and outside of asDefault",
    });
  }
  eagerly = true;
}

/** `tf.compat.v1.disable_eager_execution()`: from here on tensors are symbolic, and a session runs them. */
export function disableEagerExecution(): void {
  eagerly = false;
}

/** `tf.executing_eagerly()`: true if an operation called here would run at once. */
export const executingEagerly = (): boolean => currentGraph() === eager;

/** Python's `with tf.name_scope(name):`. Tensors with values need no names: eagerly it only calls `build`. */
export const nameScope = <T>(name: string, build: (scope: string) => T): T => currentGraph().scope(name, build);
