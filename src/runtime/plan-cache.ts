import { compile, shapesOfResults } from "../compiler/compile.ts";
import type { Backend, Plan } from "../compiler/plan.ts";
import { getOrMake } from "../core/collections.ts";
import { FeedError, MemoryError, OpenSizeError } from "../core/errors.ts";
import { knownShape } from "../core/shape.ts";
import { evaluateSize, type SizeBinding } from "../core/size.ts";
import { warn } from "../core/warnings.ts";
import { captureFunction, type GraphFunction, reachable } from "../graph/function.ts";
import { describeTensor, type Operation, type Tensor } from "../graph/operation.ts";
import type { RunTimeSize } from "../kernel/extent.ts";
import { bindFeeds, type FedShape } from "./feeds.ts";
import type { FetchPlan } from "./fetches.ts";
import type { Graph } from "./graph.ts";
import { BoundPlan, Instance, type RunSizes } from "./instance.ts";
import type { SessionMemory } from "./memory.ts";
import { here } from "./reading.ts";
import type { SessionOptions } from "./session.ts";
import { SizePolicy } from "./sizes.ts";
import { type Tap, tapsOf } from "./tap.ts";

/** Plans kept, unless a session says otherwise. */
const PLAN_LIMIT = 64;
/** Combinations of sizes whose checks are remembered. */
const INSTANCE_LIMIT = 1024;

/** Whom an instance is for. */
export interface InstanceUse {
  /** Whose feeds it has. */
  readonly owner?: string;
  /** Until the session is closed: somebody may have written to its feeds. */
  readonly keep?: boolean;
  readonly beforeGrowth?: (() => void) | undefined;
}

/** What fetches ask for. Results that taps show stand behind those that were fetched. */
interface Captured {
  readonly fn: GraphFunction;
  readonly taps: readonly Tap[];
  readonly policy: SizePolicy;
}

/** What is asked for: a function, and the shapes and sizes it is to run with. */
interface Request {
  /** Fetches and fed tensors. */
  readonly what: string;
  readonly wanted: FetchPlan;
  readonly fed: readonly FedShape[];
  readonly sizes: SizeBinding;
}

/** What has been compiled for a session, by fetches, fed tensors and sizes, and bound to its memory. */
export class PlanCache {
  readonly #graph: Graph;
  readonly #options: SessionOptions;
  readonly #backend: Backend;
  readonly #memory: SessionMemory;
  /** By fetches and fed tensors: what to compute, and which sizes it has plans for many values of. */
  readonly #functions = new Map<string, Captured>();
  readonly #plans: Recent<Plan>;
  /** Plans in memory, by that and by the prepared run, if one has them for itself. */
  readonly #bound: Recent<BoundPlan>;
  /** By the fed shapes and the prepared run; each with the keys of its plan. */
  readonly #instances = new Recent<{ readonly instance: Instance; readonly key: string; readonly owner: string }>(
    INSTANCE_LIMIT,
  );
  /** Those that stay. */
  readonly #kept = new Map<string, Instance>();
  #compiled = 0;

  constructor(graph: Graph, options: SessionOptions, backend: Backend, memory: SessionMemory) {
    this.#graph = graph;
    this.#options = options;
    this.#backend = backend;
    this.#memory = memory;
    const limit = options.planLimit ?? PLAN_LIMIT;
    this.#plans = new Recent(limit);
    this.#bound = new Recent(limit, (bound) => bound.release());
  }

  /** How many plans have been compiled so far. */
  get compiled(): number {
    return this.#compiled;
  }

  /** Forgets everything; the memory goes as a whole. */
  close(): void {
    this.#functions.clear();
    this.#plans.forget();
    this.#instances.forget();
    this.#bound.forget();
    this.#kept.clear();
  }

  /**
   * A plan for these fetches and fed shapes, bound to the session's memory, from the cache if it can be.
   * @throws FeedError, ShapeError, GraphError, MemoryError
   */
  find(wanted: FetchPlan, fed: readonly FedShape[], use: InstanceUse = {}): Instance {
    const { owner = "run", keep = false, beforeGrowth } = use;
    const sizes = bindFeeds(fed);
    const what = `${wanted.key}|${fed.map(({ tensor }) => `${tensor.op.id}.${tensor.index}`).join()}`;
    const shapesKey = `${what}|${fed.map(({ shape }) => shape.join("x")).join()}`;
    const key = `${shapesKey}|${owner}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const known = this.#instances.get(key);
    if (known && !keep && !known.instance.released) {
      this.#plans.get(known.key);
      this.#bound.get(`${known.key}|${owner}`);
      return known.instance;
    }
    const request: Request = { what, wanted, fed, sizes };
    const made = this.#bind(request, shapesKey, owner, keep, beforeGrowth);
    if (keep) {
      this.#instances.delete(key);
      this.#kept.set(key, made.instance);
    } else this.#instances.set(key, { ...made, owner });
    return made.instance;
  }

  /** A plan for a request in memory; if there is not enough for a plan for many sizes, one for these. */
  #bind(
    request: Request,
    shapesKey: string,
    owner: string,
    keep: boolean,
    beforeGrowth: (() => void) | undefined,
  ): { readonly instance: Instance; readonly key: string } {
    const { plan, key } = this.#plan(request, shapesKey);
    // Refuses sizes that do not fit, of which a plan for many sizes knows nothing.
    const sizes = this.#runSizes(request, plan);
    const boundKey = `${key}|${owner}`;
    let bound = this.#bound.get(boundKey);
    try {
      // What is written to the feeds of a kept one stays: it shares them with no other sizes.
      if (!bound || (keep && plan.sizes)) {
        beforeGrowth?.();
        bound = this.#place(plan);
        if (!keep) this.#bound.set(boundKey, bound);
      } else if (keep) this.#bound.delete(boundKey);
    } catch (error) {
      if (!(error instanceof MemoryError) || !plan.sizes) throw error;
      const [capacity] = plan.sizes.names.map((size) => size.capacity).sort((a, b) => b - a);
      const names = plan.sizes.names.map(({ name }) => name);
      this.#function(request).policy.block(names, `there is no memory for sizes up to ${capacity}`);
      return this.#bind(request, shapesKey, owner, keep, beforeGrowth);
    }
    this.#function(request).policy.learn(request.sizes);
    return { instance: new Instance(bound, sizes, this.#function(request).taps), key };
  }

  #place(plan: Plan): BoundPlan {
    const place = () => new BoundPlan(plan, this.#backend, this.#memory);
    try {
      return place();
    } catch (error) {
      if (!(error instanceof MemoryError) || this.#bound.size === 0) throw error;
      // Plans that are here only because they may be wanted again make room.
      this.#bound.dropAll();
      this.#instances.forget();
      return place();
    }
  }

  /** The plan for a request, and its key: that of exact sizes, or one for many. */
  #plan(request: Request, shapesKey: string): { readonly plan: Plan; readonly key: string } {
    const exact = this.#plans.get(shapesKey);
    if (exact) return { plan: exact, key: shapesKey };
    const { policy } = this.#function(request);
    for (;;) {
      const runTime = policy.choose(request.sizes);
      const key = runTime.length === 0 ? shapesKey : manyKey(request, runTime);
      const known = this.#plans.get(key);
      if (known) return { plan: known, key };
      try {
        const plan = this.#compile(request, runTime);
        this.#plans.set(key, plan);
        return { plan, key };
      } catch (error) {
        const open = runTime.map(({ name }) => name);
        if (open.length === 0 || !(error instanceof OpenSizeError || error instanceof MemoryError)) throw error;
        const blamed = error instanceof OpenSizeError ? error.names.filter((name) => open.includes(name)) : [];
        policy.block(blamed.length > 0 ? blamed : open, error.parts.what);
      }
    }
  }

  #compile(request: Request, runTime: readonly RunTimeSize[]): Plan {
    const { fn, policy } = this.#function(request);
    const { target, threads = 1 } = this.#backend;
    const shapes = request.fed.map(({ shape }) => shape);
    if (runTime.length > 0) shapesOfResults(fn, shapes, request.sizes);
    const options = { target, threads, ...this.#options.compile };
    const plan = compile(fn, shapes, request.sizes, options, { runTime, exact: policy.exact });
    this.#compiled++;
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

  #runSizes(request: Request, plan: Plan): RunSizes {
    const feeds = request.fed.map(({ shape }) => shape);
    if (!plan.sizes) return { slots: null, feeds, results: plan.fn.results.map(({ shape }) => knownShape(shape)) };
    const results = shapesOfResults(this.#function(request).fn, feeds, request.sizes);
    return { slots: plan.sizes.slots.map((size) => evaluateSize(size, request.sizes)), feeds, results };
  }

  #function({ what, wanted, fed }: Request): Captured {
    return getOrMake(this.#functions, what, () => {
      const feeds = fed.map(({ tensor }) => tensor);
      const isFed = new Set(feeds);
      const { tensors, targets } = wanted;
      const taps = tapsOf(this.#graph, tensors, targets, (tensor) => isFed.has(tensor));
      const fn = captureFunction(this.#graph, [...tensors, ...taps.map(({ tensor }) => tensor)], targets, feeds);
      requireFed(wanted, isFed);
      return { fn, taps, policy: new SizePolicy(this.#options.sizes) };
    });
  }
}

/** What tells plans for many sizes apart: the sizes that are exact, and the capacities of the others. */
function manyKey({ what, fed, sizes }: Request, runTime: readonly RunTimeSize[]): string {
  const capacity = new Map(runTime.map((size) => [size.name, size.capacity]));
  const names = [...sizes].map(([name, value]) => {
    const most = capacity.get(name);
    return most === undefined ? `${name}=${value}` : `${name}<=${most}`;
  });
  // Of tensors of unknown rank the names say nothing.
  const shapes = fed.map(({ tensor, shape }) => (tensor.shape === null ? shape.join("x") : ""));
  return `${what}|${names.join()}|${shapes.join()}`;
}

/** Values by key, of which the one used longest ago goes if there are too many. */
class Recent<T> {
  readonly #values = new Map<string, T>();
  readonly #limit: number;
  readonly #drop: (value: T) => void;

  constructor(limit: number, drop: (value: T) => void = () => {}) {
    this.#limit = limit;
    this.#drop = drop;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, value);
    return value;
  }

  set(key: string, value: T): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size <= this.#limit) return;
    const [oldest, dropped] = this.#values.entries().next().value!;
    this.#values.delete(oldest);
    this.#drop(dropped);
  }

  /** Takes a value out; it is not dropped. */
  delete(key: string): void {
    this.#values.delete(key);
  }

  dropAll(): void {
    for (const value of this.#values.values()) this.#drop(value);
    this.forget();
  }
  forget(): void {
    this.#values.clear();
  }
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
