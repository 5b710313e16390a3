import { GraphError } from "../core/errors.ts";
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

/** The graph that `tf.constant` and the like add to. */
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

/** Python's `with tf.name_scope(name):`, in the default graph. */
export const nameScope = <T>(name: string, build: (scope: string) => T): T => getDefaultGraph().scope(name, build);
