import { GraphError } from "../core/errors.ts";
import type { Shape } from "../core/shape-types.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import type { Feeds } from "../runtime/feeds.ts";
import type { Fetches } from "../runtime/fetches.ts";
import { Graph as CoreGraph } from "../runtime/graph.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { Session as CoreSession } from "../runtime/session.ts";
import { getDefaultGraph } from "./graph.ts";

/** The value of a tensor: a number if it is known to be a scalar, either if its rank is not known. */
export type ValueOf<S extends Shape> = Shape extends S ? number | NDArray : S extends readonly [] ? number : NDArray<S>;

/** What a run gives for what was fetched, under the same keys. */
export type Values<F> = Fetches extends F
  ? unknown
  : F extends Tensor<infer S>
    ? ValueOf<S>
    : F extends Operation
      ? null
      : F extends string
        ? number | NDArray
        : { -readonly [K in keyof F]: Values<F[K]> };

/**
 * `tf.Session`: of the default graph, or of another one in either of Python's spellings, `new tf.Session(g)` or
 * `new tf.Session({ graph: g })`.
 */
export class Session {
  readonly graph: CoreGraph;
  readonly #session: CoreSession;

  constructor(graph: CoreGraph | { readonly graph?: CoreGraph } = {}) {
    this.graph = graph instanceof CoreGraph ? graph : (graph.graph ?? getDefaultGraph());
    this.#session = new CoreSession(this.graph);
  }

  /**
   * Values of the fetches; scalars are plain numbers.
   * @param feedDict Python's `{x: 1.0}`: a Map or pairs, `[[x, 1]]`, or an object by name, `{ x: 1 }`
   */
  run<const F extends Fetches>(fetches: F, feedDict: Feeds = []): Values<F> {
    return plain(this.#session.run(fetches, feedDict)) as Values<F>;
  }

  /** Forgets the values of variables. Every later use is an error. */
  close(): void {
    this.#session.close();
  }

  /** Python's `with tf.Session() as sess:`. Closes the session when `body` is done. */
  with<T>(body: (session: this) => T): T {
    try {
      return body(this);
    } finally {
      this.close();
    }
  }
}

/** What a run of the core returned, scalars taken out of their arrays. */
function plain(value: unknown): unknown {
  if (value instanceof NDArray) return value.shape.length === 0 ? value.item() : value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

function misspelled(): never {
  throw new GraphError({
    what: "tf.session: there is no such thing in any version of TensorFlow; the class has a capital letter",
    at: lineOf(captureStack()),
    fix: "write new tf.Session()",
  });
}

/** The lecture writes `tf.session()` once. The editor refuses to call this, and at run time it says why. */
export const session: { readonly didYouMean: "tf.Session" } = Object.assign(misspelled, {
  didYouMean: "tf.Session" as const,
});
