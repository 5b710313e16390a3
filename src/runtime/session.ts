/// <reference lib="esnext.disposable" preserve="true" />
import type { CompileOptions } from "../compiler/pass.ts";
import type { Backend, Plan } from "../compiler/plan.ts";
import type { TypedArray } from "../core/dtype.ts";
import { StateError } from "../core/errors.ts";
import type { Shape } from "../core/shape-types.ts";
import type { ValueLike } from "../core/values.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { type BackendChoice, chooseBackend } from "./backends.ts";
import { bindFeeds, type Feeds, ownMemory, readFeed, readFeeds, requireVariable, resolveFeeds } from "./feeds.ts";
import { type Fetched, type Fetches, planFetches } from "./fetches.ts";
import type { Graph } from "./graph.ts";
import { SessionMemory } from "./memory.ts";
import { NDArray } from "./ndarray.ts";
import { PlanCache } from "./plan-cache.ts";
import { type PreparedRun, type PrepareOptions, prepareRun } from "./prepared.ts";
import { type AsyncOptions, RunQueue } from "./queue.ts";
import { here } from "./reading.ts";
import { requireModes, type SizeModes } from "./sizes.ts";

export interface SessionOptions extends BackendChoice {
  /** Refuse feeds that hold NaN or infinities. */
  readonly checkFeeds?: boolean;
  /** How plans are compiled. */
  readonly compile?: CompileOptions;
  /** Plans kept per session; the one used longest ago is dropped. Default 64. */
  readonly planLimit?: number;
  /**
   * Which named sizes get a plan for each value (`"exact"`), and which one plan for all (`"run-time"`): one of them for
   * all sizes, or by name. Default: the first two values of a size are exact, from the third on it is a run-time integer.
   */
  readonly sizes?: SizeModes;
  /** Bytes that variables, constants, fed values and the arena may take together. Default: what the machine has. */
  readonly memoryBudget?: number;
}

/** Numbers prepared runs, each of which has plans in memory of its own. */
let preparedRuns = 0;

/**
 * Runs parts of a graph: fetches in, values out, synchronously. Holds the values of variables; two sessions on one
 * graph are independent.
 */
export class Session {
  readonly graph: Graph;
  readonly #options: SessionOptions;
  readonly #backend: Backend;
  readonly #memory: SessionMemory;
  readonly #cache: PlanCache;
  readonly #queue = new RunQueue();
  #closed = false;

  constructor(graph: Graph, options: SessionOptions = {}) {
    this.graph = graph;
    this.#options = options;
    requireModes(options.sizes);
    this.#backend = chooseBackend(options);
    this.#memory = new SessionMemory(this.#backend, options.memoryBudget);
    this.#cache = new PlanCache(graph, options, this.#backend, this.#memory);
  }

  /**
   * Computes `fetches`, with `feeds` in the place of tensors. All variable reads see the state at the start; updates
   * take effect when the run ends. Values are copies.
   *
   * @param fetches a tensor, an operation (its value is null), a name, or lists and objects of them
   * @param feeds a Map or pairs by tensor or name, or an object by name
   * @throws FeedError, StateError (uninitialised variable, closed session), ShapeError, GraphError, MemoryError
   */
  run<const F extends Fetches>(fetches: F, feeds: Feeds = []): Fetched<F> {
    this.#requireFree("run");
    const wanted = planFetches(this.graph, fetches);
    const fed = readFeeds(this.graph, feeds, { checkFinite: this.#options.checkFeeds === true });
    let data: readonly TypedArray[] = fed.map((value) => value.data);
    const instance = this.#cache.find(wanted, fed, {
      beforeGrowth() {
        data = data.map(ownMemory);
      },
    });
    return wanted.pack(instance.run(data, true)) as Fetched<F>;
  }

  /**
   * The same, later: fed values are copied at the call, and runs come one after another in the order of the calls. With
   * `threads` the others do the work, so that this one goes on; without, it computes when it has nothing else to do.
   * Until all have ended nothing else may be asked of the session.
   *
   * @throws FeedError and others at once, as `run` does; what fails later rejects the promise
   */
  runAsync<const F extends Fetches>(fetches: F, feeds: Feeds = [], options: AsyncOptions = {}): Promise<Fetched<F>> {
    this.#requireUsable("runAsync");
    const wanted = planFetches(this.graph, fetches);
    const fed = readFeeds(this.graph, feeds, { checkFinite: this.#options.checkFeeds === true });
    const data = fed.map((value) => value.data.slice());
    bindFeeds(fed);
    return this.#queue.add(async () => {
      const results = await this.#cache.find(wanted, fed).runAsync(data, true);
      return wanted.pack(results) as Fetched<F>;
    }, options);
  }

  /**
   * The same as a function of its feeds, for loops: everything but the computation is done ahead.
   *
   * @param feeds tensors, in the order in which the returned function takes their values
   * @param options `copy: false` returns views of the session's memory, which the next run overwrites
   */
  prepare<const F extends Fetches>(
    fetches: F,
    feeds: readonly (Tensor | string)[] = [],
    options: PrepareOptions = {},
  ): PreparedRun<Fetched<F>> {
    this.#requireFree("prepare");
    const wanted = planFetches(this.graph, fetches);
    const owner = `prepared ${preparedRuns++}`;
    const run = prepareRun({
      wanted,
      tensors: resolveFeeds(this.graph, feeds),
      options,
      checkFinite: this.#options.checkFeeds === true,
      requireOpen: (what) => this.#requireFree(what),
      find: (fed, keep, beforeGrowth) => this.#cache.find(wanted, fed, { owner, keep, beforeGrowth }),
    });
    return run as PreparedRun<Fetched<F>>;
  }

  /** Threads that share the work of a run, this one among them. */
  get threads(): number {
    return this.#backend.threads ?? 1;
  }

  /** Plans compiled since it was opened. */
  get plansCompiled(): number {
    return this.#cache.compiled;
  }

  /** The plan a run with these arguments would use: for looking at passes, kernels, memory and source. */
  plan(fetches: Fetches, feeds: Feeds = []): Plan & { readonly source: string } {
    this.#requireFree("plan");
    const wanted = planFetches(this.graph, fetches);
    const { plan, executable } = this.#cache.find(wanted, readFeeds(this.graph, feeds, { checkFinite: false }));
    return {
      ...plan,
      get source() {
        return executable.source;
      },
    };
  }

  /**
   * Current value of a variable, as a copy.
   * @throws StateError if it is uninitialised
   */
  value<S extends Shape>(variable: Variable<S>): NDArray<S> {
    if (!this.#memory.initialized.has(variable)) return this.run(variable) as NDArray<S>;
    this.#requireFree("value");
    const { shape, dtype } = variable;
    return new NDArray<S>(this.#memory.variable(variable).slice(), shape as readonly number[], dtype);
  }

  /** Sets a variable without running anything, e.g. from a file. @throws FeedError if the value does not fit */
  setValue(variable: Variable, value: ValueLike): void {
    this.#requireFree("setValue");
    requireVariable(this.graph, variable);
    const fed = readFeed(variable, value, false);
    bindFeeds([fed]);
    // The value may be a view of the very memory that grows to take the variable.
    const data = this.#memory.has(variable) ? fed.data : ownMemory(fed.data);
    this.#memory.variable(variable).set(data);
    this.#memory.initialized.add(variable);
  }

  /** Forgets plans and values, and lets go of threads. Every later use is an error; runs under way are rejected. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close();
    this.#cache.close();
    this.#memory.close();
  }

  /** `using session = new Session(graph)` closes it at the end of the block. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Its memory is used by one run at a time. */
  #requireFree(what: string): void {
    this.#requireUsable(what);
    if (!this.#queue.busy) return;
    throw new StateError({
      what: `session: ${what} while an asynchronous run is under way`,
      at: here(),
      fix: "await what runAsync has returned, or use runAsync for all runs",
    });
  }

  #requireUsable(what: string): void {
    if (this.#closed) {
      throw new StateError({
        what: `session: ${what} after close`,
        at: here(),
        fix: "open a new Session on the graph",
      });
    }
    if (this.#memory.broken) {
      throw new StateError({
        what: "session: an earlier run failed half way, so variables may hold mixed values",
        details: [this.#memory.broken],
        at: here(),
        fix: "run the initializer in a new Session, or compile with { inPlace: false }",
      });
    }
  }
}
