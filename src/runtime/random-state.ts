import { getOrMake } from "../core/collections.ts";
import { GraphError } from "../core/errors.ts";
import { foldWord, type Words } from "../core/threefry.ts";
import { currentBuilder, type GraphBuilder } from "../graph/builder.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { foldIn, seedWords } from "../ops/random.ts";
import { assignAdd } from "../ops/state.ts";
import { constantIn } from "../ops/support.ts";
import type { Graph } from "./graph.ts";
import { here } from "./reading.ts";

export interface RandomStateOptions {
  /** Whole number from 0 to 2^53 - 1. Default: that of the graph. */
  readonly seed?: number;
  /** Tells streams of one seed apart: that of a layer, say. Default "random". */
  readonly name?: string;
}

/** A step of which keys are being taken. */
interface Step {
  /** What was being built when it began: a trace, or nothing. */
  readonly builder: GraphBuilder | null;
  /** Null until the first key is taken: a step without keys does not count. */
  key: Tensor | null;
  /** Index of the next key. */
  next: number;
}

/**
 * A stream of random numbers that goes on from step to step. It counts the steps that use it, and
 *
 *     key = foldIn(foldIn(stream, step), index)      stream: of seed and name; step: 1, 2, …; index in the step: 0, 1, …
 *
 * so the numbers depend on the seed, the name, the step and how many keys of this state the step took before; not on
 * other operations, nor on runs that take no key.
 *
 *     const random = new RandomState(graph, { seed: 1, name: "dropout" });
 *     const hidden = dropout(x, random.key(), 0.5);
 *
 * In a graph, a step is a run that uses a key: the counter is a variable, which such a run advances when it ends. In
 * define-by-run, a step is what `step` encloses; the numbers are those of a run that takes as many keys.
 */
export class RandomState {
  readonly name: string;
  readonly seed: number;
  /** Steps so far, uint32: a variable of the graph, saved and loaded with the others. Set it to go back to a step. */
  readonly counter: Variable<readonly []>;
  readonly #graph: Graph;
  readonly #stream: Tensor;
  #step: Step | null;

  /** @throws GraphError for a seed that is none, a bad name, or a name that another state of the graph has */
  constructor(graph: Graph, { seed = graph.seed, name = "random" }: RandomStateOptions = {}) {
    this.name = name;
    this.seed = seed;
    this.#graph = graph;
    const words = streamWords(seedWords("RandomState", seed), name);
    requireFreeName(graph, name);
    this.counter = graph.variable(`${name}/counter`, [], { dtype: "uint32", trainable: false });
    this.#stream = constantIn(graph, words, "uint32");
    this.#step = graph.runsAtOnce ? null : newStep();
    getOrMake(countersOf, graph, () => new Map()).set(name, this.counter);
  }

  /**
   * A key that nobody else has: draw once with it.
   *
   * @param iteration a number folded in besides, for a key that is taken once and used in each turn of a loop
   * @throws GraphError in a traced function, for a step that began outside of it
   */
  key(iteration?: number | Tensor): Tensor<readonly [2]> {
    const step = this.#step ?? newStep();
    if (this.#graph.runsAtOnce && step.builder !== currentBuilder()) throw this.#outside();
    // Reads the counter as it will be when the step ends, so whatever uses the key advances the counter.
    step.key ??= foldIn(this.#stream, assignAdd<readonly [], number>(this.counter, 1));
    const key = foldIn(step.key, step.next++);
    return iteration === undefined ? key : foldIn(key, iteration);
  }

  /**
   * In define-by-run, traced or not: the keys `build` takes belong to one step, as if a session ran it. A key that is
   * taken outside of any is a step of its own, and so is a step within a step. In a graph each run is a step, and this
   * does nothing but build.
   *
   * @throws GraphError if `build` is asynchronous
   */
  step<T>(build: () => T): T {
    if (!this.#graph.runsAtOnce) return build();
    const outer = this.#step;
    this.#step = newStep();
    try {
      const result = build();
      if (!(result instanceof Promise)) return result;
    } finally {
      this.#step = outer;
    }
    throw new GraphError({
      what: `random state "${this.name}": a step can not be asynchronous, it would end before its keys are taken`,
      at: here(),
      fix: "await outside of it: a step for each batch",
    });
  }

  #outside(): GraphError {
    return new GraphError({
      what: `random state "${this.name}": a step that began outside of a traced function can not go on inside`,
      at: here(),
      fix: "begin it inside: func((x) => random.step(() => …))",
    });
  }
}

const newStep = (): Step => ({ builder: currentBuilder(), key: null, next: 0 });

/** The key of a stream. The length of the name comes first, so that no name begins another one. */
const streamWords = (key: Words, name: string): Words =>
  [name.length, ...Array.from({ length: name.length }, (_, i) => name.charCodeAt(i))].reduce(foldWord, key);

const countersOf = new WeakMap<Graph, Map<string, Variable>>();

/** Two states of one name would draw the same numbers. In define-by-run one may take the place of another. */
function requireFreeName(graph: Graph, name: string): void {
  const other = countersOf.get(graph)?.get(name);
  if (!other || graph.runsAtOnce) return;
  throw new GraphError({
    what: `graph "${graph.name}" has a random state "${name}" already: both would draw the same numbers`,
    details: [`it was made at ${other.op.line ?? "an unknown line"}`],
    at: here(),
    fix: `give this one another name, { name: "${name}_1" }, or take keys of the other`,
  });
}
