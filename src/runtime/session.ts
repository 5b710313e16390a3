/// <reference lib="esnext.disposable" preserve="true" />
import { compile } from "../compiler/compile.ts";
import type { CompileOptions } from "../compiler/pass.ts";
import type { Backend, Plan } from "../compiler/plan.ts";
import { getOrMake } from "../core/collections.ts";
import type { TypedArray } from "../core/dtype.ts";
import { FeedError, MemoryError, StateError } from "../core/errors.ts";
import type { Shape } from "../core/shape-types.ts";
import type { ValueLike } from "../core/values.ts";
import { warn } from "../core/warnings.ts";
import { captureFunction, type GraphFunction, reachable } from "../graph/function.ts";
import { describeTensor, type Operation, type Tensor, type Variable } from "../graph/operation.ts";
import { type BackendChoice, chooseBackend } from "./backends.ts";
import {
  bindFeeds,
  type FedShape,
  type Feeds,
  ownMemory,
  readFeed,
  readFeeds,
  requireVariable,
  resolveFeeds,
} from "./feeds.ts";
import { type Fetched, type Fetches, type FetchPlan, planFetches } from "./fetches.ts";
import type { Graph } from "./graph.ts";
import { Instance } from "./instance.ts";
import { SessionMemory } from "./memory.ts";
import { NDArray } from "./ndarray.ts";
import { type PreparedRun, type PrepareOptions, prepareRun } from "./prepared.ts";
import { type AsyncOptions, RunQueue } from "./queue.ts";
import { here } from "./reading.ts";
import { type Tap, tapsOf } from "./tap.ts";

export interface SessionOptions extends BackendChoice {
  /** Refuse feeds that hold NaN or infinities. */
  readonly checkFeeds?: boolean;
  /** How plans are compiled. */
  readonly compile?: CompileOptions;
  /** Plans kept per session; the one used longest ago is dropped. Default 64. */
  readonly planLimit?: number;
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
  /** By fetches and fed tensors: what to compute. */
  readonly #functions = new Map<string, Captured>();
  /** By that and the fed shapes; in order of last use. */
  readonly #plans = new Map<string, Plan>();
  /** By that and the prepared run, if one has them for itself; in order of last use. */
  readonly #instances = new Map<string, Instance>();
  /** The same for those that stay: somebody may have written to their feeds. */
  readonly #kept = new Map<string, Instance>();
  readonly #queue = new RunQueue();
  #closed = false;

  constructor(graph: Graph, options: SessionOptions = {}) {
    this.graph = graph;
    this.#options = options;
    this.#backend = chooseBackend(options);
    this.#memory = new SessionMemory(this.#backend, options.memoryBudget);
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
    const instance = this.#instance(wanted, fed, {
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
      const results = await this.#instance(wanted, fed).runAsync(data, true);
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
      find: (fed, keep, beforeGrowth) => this.#instance(wanted, fed, { owner, keep, beforeGrowth }),
    });
    return run as PreparedRun<Fetched<F>>;
  }

  /** Threads that share the work of a run, this one among them. */
  get threads(): number {
    return this.#backend.threads ?? 1;
  }

  /** The plan a run with these arguments would use: for looking at passes, kernels, memory and source. */
  plan(fetches: Fetches, feeds: Feeds = []): Plan & { readonly source: string } {
    this.#requireFree("plan");
    const wanted = planFetches(this.graph, fetches);
    const { plan, executable } = this.#instance(wanted, readFeeds(this.graph, feeds, { checkFinite: false }));
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
    this.#functions.clear();
    this.#plans.clear();
    this.#instances.clear();
    this.#kept.clear();
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

  /** The plan for these fetches and fed sizes, bound to this session's memory, from a cache if it can be. */
  #instance(wanted: FetchPlan, fed: readonly FedShape[], use: InstanceUse = {}): Instance {
    const { owner = "run", keep = false, beforeGrowth } = use;
    const sizes = bindFeeds(fed);
    const what = `${wanted.key}|${fed.map(({ tensor }) => `${tensor.op.id}.${tensor.index}`).join()}`;
    const planKey = `${what}|${fed.map(({ shape }) => shape.join("x")).join()}`;
    const key = `${planKey}|${owner}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const bound = this.#instances.get(key);
    const plan = this.#recent(this.#plans, planKey, () => bound?.plan ?? this.#compile(what, wanted, fed, sizes));
    if (!bound) beforeGrowth?.();
    const instance = bound ?? this.#bind(plan, this.#functions.get(what)!.taps);
    if (keep) {
      this.#instances.delete(key);
      this.#kept.set(key, instance);
      return instance;
    }
    return this.#recent(this.#instances, key, () => instance);
  }

  #bind(plan: Plan, taps: readonly Tap[]): Instance {
    const bind = () => new Instance(plan, this.#backend, this.#memory, taps);
    try {
      return bind();
    } catch (error) {
      if (!(error instanceof MemoryError) || this.#instances.size === 0) throw error;
      // Plans that are here only because they may be wanted again make room.
      for (const instance of this.#instances.values()) instance.release();
      this.#instances.clear();
      return bind();
    }
  }

  /** The value from a cache, or a new one; the one used longest ago goes if there are too many. */
  #recent<T extends Plan | Instance>(cache: Map<string, T>, key: string, make: () => T): T {
    const value = cache.get(key) ?? make();
    cache.delete(key);
    cache.set(key, value);
    if (cache.size > (this.#options.planLimit ?? 64)) {
      const [oldest, dropped] = cache.entries().next().value!;
      cache.delete(oldest);
      if (dropped instanceof Instance) dropped.release();
    }
    return value;
  }

  #compile(what: string, wanted: FetchPlan, fed: readonly FedShape[], sizes: ReadonlyMap<string, number>): Plan {
    const { fn } = getOrMake(this.#functions, what, () => this.#capture(wanted, fed));
    const shapes = fed.map(({ shape }) => shape);
    const { target, threads = 1 } = this.#backend;
    const plan = compile(fn, shapes, sizes, { target, threads, ...this.#options.compile });
    for (const event of plan.trace.flatMap(({ events }) => events)) {
      if (event.kind !== "advice") continue;
      warn({
        what: `${event.at.name}: ${event.why}`,
        at: event.at.line,
        fix: "use the stable op, or compile with { stabilise: true }",
      });
    }
    return plan;
  }

  #capture(wanted: FetchPlan, fed: readonly FedShape[]): Captured {
    const feeds = fed.map(({ tensor }) => tensor);
    const isFed = new Set(feeds);
    const { tensors, targets } = wanted;
    const taps = tapsOf(this.graph, tensors, targets, (tensor) => isFed.has(tensor));
    const fn = captureFunction(this.graph, [...tensors, ...taps.map(({ tensor }) => tensor)], targets, feeds);
    requireFed(wanted, isFed);
    return { fn, taps };
  }
}

/** What fetches ask for. Results that taps show stand behind those that were fetched. */
interface Captured {
  readonly fn: GraphFunction;
  readonly taps: readonly Tap[];
}

interface InstanceUse {
  /** Whose feeds it has. */
  readonly owner?: string;
  readonly keep?: boolean;
  readonly beforeGrowth?: (() => void) | undefined;
}

/** @throws FeedError naming a placeholder that is needed and not fed, its line, and the fetch that needs it */
function requireFed(wanted: FetchPlan, fed: ReadonlySet<Tensor>): void {
  const isFed = (tensor: Tensor): boolean => fed.has(tensor);
  const missing = (op: Operation): boolean => op.def.effect === "placeholder" && !fed.has(op.outputs[0]!);
  const roots = [...wanted.tensors.filter((tensor) => !isFed(tensor)).map((tensor) => tensor.op), ...wanted.targets];
  const needed = reachable(roots, isFed);
  if (!needed.some(missing)) return;
  for (const root of roots) {
    const placeholder = reachable([root], isFed).find(missing);
    if (!placeholder) continue;
    const others = needed.filter((op) => op !== placeholder && missing(op)).map((op) => `"${op.name}"`);
    throw new FeedError({
      what: `run: you must feed a value for placeholder ${describeTensor(placeholder.outputs[0]!)}`,
      details: [
        `placeholder "${placeholder.name}" was made at ${placeholder.line ?? "an unknown line"}`,
        ...(root === placeholder
          ? []
          : [`"${root.name}", which is fetched, needs it (made at ${root.line ?? "an unknown line"})`]),
        ...(others.length > 0 ? [`also not fed: ${others.join(", ")}`] : []),
      ],
      at: here(),
      fix: `pass a value: run(…, { ${/^\w+$/.test(placeholder.name) ? placeholder.name : JSON.stringify(placeholder.name)}: value })`,
    });
  }
}
