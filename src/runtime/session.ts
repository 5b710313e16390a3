import { compile } from "../compiler/compile.ts";
import type { CompileOptions } from "../compiler/pass.ts";
import type { Backend, Executable, Plan, PlanMemory, Storage } from "../compiler/plan.ts";
import { getOrMake } from "../core/collections.ts";
import { byteSize, dtypeOfArray, type TypedArray } from "../core/dtype.ts";
import { FeedError, GraphError, StateError } from "../core/errors.ts";
import { elementCount, knownShape } from "../core/shape.ts";
import type { Shape } from "../core/shape-types.ts";
import type { ValueLike } from "../core/values.ts";
import { warn } from "../core/warnings.ts";
import { captureFunction, type GraphFunction, reachable } from "../graph/function.ts";
import { describeTensor, type Operation, type Tensor, Variable } from "../graph/operation.ts";
import { type BackendChoice, chooseBackend } from "./backends.ts";
import { bindFeeds, type FedValue, type Feeds, readFeed, readFeeds, resolveFeeds } from "./feeds.ts";
import { type Fetched, type Fetches, type FetchPlan, planFetches } from "./fetches.ts";
import type { Graph } from "./graph.ts";
import { NDArray } from "./ndarray.ts";
import { counted, here } from "./reading.ts";

export interface SessionOptions extends BackendChoice {
  /** Refuse feeds that hold NaN or infinities. */
  readonly checkFeeds?: boolean;
  /** How plans are compiled. */
  readonly compile?: CompileOptions;
  /** Plans kept per session; the one used longest ago is dropped. Default 64. */
  readonly planLimit?: number;
}

/** A plan bound to this session's memory. */
interface Instance {
  readonly plan: Plan;
  readonly executable: Executable;
  readonly addresses: readonly number[];
  /** Views of the plan's arrays, and for which state of the storage they were made. */
  memory: PlanMemory;
  generation: number;
  /** Where each fed tensor's array goes. */
  readonly feedAt: readonly number[];
  /** Variables whose value the run needs before it starts. */
  readonly reads: readonly Variable[];
  readonly writes: readonly Variable[];
}

/**
 * Runs parts of a graph: fetches in, values out, synchronously. Holds the values of variables; two sessions on one
 * graph are independent.
 */
export class Session {
  readonly graph: Graph;
  readonly #options: SessionOptions;
  readonly #backend: Backend;
  readonly #storage: Storage;
  /** Address of each variable's block. */
  readonly #values = new Map<Variable, number>();
  readonly #initialized = new Set<Variable>();
  /** By fetches and fed tensors: what to compute. */
  readonly #functions = new Map<string, GraphFunction>();
  /** By that and the fed shapes; in order of last use. */
  readonly #instances = new Map<string, Instance>();
  #closed = false;
  #broken: string | null = null;

  constructor(graph: Graph, options: SessionOptions = {}) {
    this.graph = graph;
    this.#options = options;
    this.#backend = chooseBackend(options);
    this.#storage = this.#backend.open();
  }

  /**
   * Computes `fetches`, with `feeds` in the place of tensors. All variable reads see the state at the start; updates
   * take effect when the run ends. Values are copies.
   *
   * @param fetches a tensor, an operation (its value is null), a name, or lists and objects of them
   * @param feeds a Map or pairs by tensor or name, or an object by name
   * @throws FeedError, StateError (uninitialised variable, closed session), ShapeError, GraphError
   */
  run<const F extends Fetches>(fetches: F, feeds: Feeds = []): Fetched<F> {
    this.#checkUsable("run");
    const wanted = planFetches(this.graph, fetches);
    const fed = readFeeds(this.graph, feeds, { checkFinite: this.#options.checkFeeds === true });
    const instance = this.#instance(wanted, fed);
    const values = this.#execute(
      instance,
      fed.map((value) => value.data),
      true,
    );
    return wanted.pack(values) as Fetched<F>;
  }

  /**
   * The same as a function of its feeds, for loops: everything but the computation is done ahead.
   *
   * @param feeds tensors, in the order in which the returned function takes their values
   * @param options `copy: false` returns views of the plan's memory that the next run overwrites
   */
  prepare<const F extends Fetches>(
    fetches: F,
    feeds: readonly (Tensor | string)[] = [],
    options: { readonly copy?: boolean } = {},
  ): (...values: ValueLike[]) => Fetched<F> {
    this.#checkUsable("prepare");
    const wanted = planFetches(this.graph, fetches);
    const tensors = resolveFeeds(this.graph, feeds);
    const copy = options.copy ?? true;
    const checkFinite = this.#options.checkFeeds === true;
    let instance: Instance | null = null;
    let lengths: readonly number[] = [];
    return (...values) => {
      this.#checkUsable("a prepared run");
      if (values.length !== tensors.length) {
        throw new FeedError({
          what: `a prepared run takes ${counted(tensors.length, "value")}, not ${values.length}`,
          details: [`one each for ${tensors.map((tensor) => `"${tensor.op.name}"`).join(", ")}`],
          at: here(),
          fix: "give the values in the order in which prepare was given the tensors",
        });
      }
      if (instance && !checkFinite && values.every((value, i) => fits(value, tensors[i]!, lengths[i]!))) {
        return wanted.pack(this.#execute(instance, values as TypedArray[], copy)) as Fetched<F>;
      }
      const fed = values.map((value, i) => readFeed(tensors[i]!, value, checkFinite));
      const found = this.#instance(wanted, fed);
      // A flat array says no more than its length, so the next one of that length needs the same plan. Anything else
      // has a shape of its own, and is read anew each time.
      instance = values.every((value) => ArrayBuffer.isView(value)) ? found : null;
      lengths = fed.map((value) => value.data.length);
      return wanted.pack(
        this.#execute(
          found,
          fed.map((value) => value.data),
          copy,
        ),
      ) as Fetched<F>;
    };
  }

  /** The plan a run with these arguments would use: for looking at passes, kernels, memory and source. */
  plan(fetches: Fetches, feeds: Feeds = []): Plan & { readonly source: string } {
    this.#checkUsable("plan");
    const { plan, executable } = this.#instance(
      planFetches(this.graph, fetches),
      readFeeds(this.graph, feeds, { checkFinite: false }),
    );
    return { ...plan, source: executable.source };
  }

  /**
   * Current value of a variable, as a copy.
   * @throws StateError if it is uninitialised
   */
  value<S extends Shape>(variable: Variable<S>): NDArray<S> {
    return this.run(variable) as NDArray<S>;
  }

  /** Sets a variable without running anything, e.g. from a file. @throws FeedError if the value does not fit */
  setValue(variable: Variable, value: ValueLike): void {
    this.#checkUsable("setValue");
    if (!(variable instanceof Variable) || variable.graph !== this.graph) {
      throw new GraphError({
        what: `setValue: ${String(variable)} is not a variable of graph "${this.graph.name}"`,
        at: here(),
        fix: "give a variable of the session's own graph: graph.variables() lists them",
      });
    }
    const fed = readFeed(variable, value, false);
    bindFeeds([fed]);
    this.#valueOf(variable).set(fed.data);
    this.#initialized.add(variable);
  }

  /** Forgets plans and values. Every later use is an error. */
  close(): void {
    this.#closed = true;
    this.#values.clear();
    this.#functions.clear();
    this.#instances.clear();
  }

  #checkUsable(what: string): void {
    if (this.#closed) {
      throw new StateError({
        what: `session: ${what} after close`,
        at: here(),
        fix: "open a new Session on the graph",
      });
    }
    if (this.#broken) {
      throw new StateError({
        what: "session: an earlier run failed half way, so variables may hold mixed values",
        details: [this.#broken],
        at: here(),
        fix: "run the initializer in a new Session, or compile with { inPlace: false }",
      });
    }
  }

  #addressOf(variable: Variable): number {
    const bytes = elementCount(knownShape(variable.shape)) * byteSize(variable.dtype);
    return getOrMake(this.#values, variable, () => this.#storage.reserve(bytes));
  }
  #valueOf(variable: Variable): TypedArray {
    return this.#storage.view(variable.dtype, this.#addressOf(variable), elementCount(knownShape(variable.shape)));
  }

  #instance(wanted: FetchPlan, fed: readonly FedValue[]): Instance {
    const sizes = bindFeeds(fed);
    const what = `${wanted.key}|${fed.map(({ tensor }) => `${tensor.op.id}.${tensor.index}`).join()}`;
    const key = `${what}|${fed.map(({ shape }) => shape.join("x")).join()}`;
    let instance = this.#instances.get(key);
    if (instance) this.#instances.delete(key);
    else {
      const fn = getOrMake(this.#functions, what, () => this.#capture(wanted, fed));
      const plan = compile(
        fn,
        fed.map(({ shape }) => shape),
        sizes,
        { target: this.#backend.target, ...this.#options.compile },
      );
      for (const { events } of plan.trace) {
        for (const event of events) {
          if (event.kind === "advice")
            warn({
              what: `${event.at.name}: ${event.why}`,
              at: event.at.line,
              fix: "use the stable op, or compile with { stabilise: true }",
            });
        }
      }
      instance = this.#bind(plan);
    }
    this.#instances.set(key, instance);
    if (this.#instances.size > (this.#options.planLimit ?? 64))
      this.#instances.delete(this.#instances.keys().next().value!);
    return instance;
  }

  #capture(wanted: FetchPlan, fed: readonly FedValue[]): GraphFunction {
    const feeds = fed.map(({ tensor }) => tensor);
    const fn = captureFunction(this.graph, wanted.tensors, wanted.targets, feeds);
    requireFed(wanted, new Set(feeds));
    return fn;
  }

  #bind(plan: Plan): Instance {
    const storage = this.#storage;
    const addresses = plan.arrays.map(({ region, dtype, length, at }) => {
      if (region === "arena") return at;
      if (region === "variable") return this.#addressOf(plan.variables[at]!);
      const address = storage.reserve(length * byteSize(dtype));
      if (region === "constant") storage.view(dtype, address, length).set(plan.constants[at]!);
      return address;
    });
    storage.reserveArena(plan.arenaBytes);
    const feedAt = plan.feeds.map((_, feed) =>
      plan.arrays.findIndex((array) => array.region === "feed" && array.at === feed),
    );
    const reads = plan.fn.ops.flatMap((op) => (op.def.effect === "variable" ? [op.outputs[0] as Variable] : []));
    const writes = plan.fn.writes.map((write) => write.variable);
    const executable = this.#backend.link(plan, { storage, addresses });
    return { plan, executable, addresses, memory: [], generation: -1, feedAt, reads, writes };
  }

  /** The arrays of a plan as they lie now. */
  #views(instance: Instance): PlanMemory {
    const { plan, addresses } = instance;
    if (instance.generation !== this.#storage.generation) {
      instance.memory = plan.arrays.map(({ region, dtype, length }, i) =>
        this.#storage.view(dtype, addresses[i]! + (region === "arena" ? this.#storage.arena : 0), length),
      );
      instance.generation = this.#storage.generation;
    }
    return instance.memory;
  }

  /** Computes, hands out the results, and only then commits what could not be updated in place. */
  #execute(instance: Instance, feeds: readonly TypedArray[], copy: boolean): readonly NDArray[] {
    const { plan, executable, feedAt, reads, writes } = instance;
    const memory = this.#views(instance);
    for (const variable of reads)
      if (!this.#initialized.has(variable)) throw uninitialized(variable, plan, this.#initialized.size);
    for (let i = 0; i < feedAt.length; i++) memory[feedAt[i]!]!.set(feeds[i]!);
    try {
      executable.run(memory);
    } catch (cause) {
      if (updatesInPlace(plan)) this.#broken = cause instanceof Error ? cause.message : String(cause);
      throw cause;
    }
    const values = plan.results.map((at, i) => {
      const { region, dtype } = plan.arrays[at]!;
      // A fetched variable is the value at the start of the run; its own array is about to change.
      const data = copy || region === "variable" ? memory[at]!.slice() : memory[at]!;
      return new NDArray(data, knownShape(plan.fn.results[i]!.shape), dtype);
    });
    for (const { from, to } of plan.commits) memory[to]!.set(memory[from]!);
    for (const variable of writes) this.#initialized.add(variable);
    return values;
  }
}

/** True if a prepared run can take `value` as it is. */
const fits = (value: ValueLike, tensor: Tensor, length: number): value is TypedArray =>
  ArrayBuffer.isView(value) && value.length === length && dtypeOfArray(value) === tensor.dtype;

const updatesInPlace = (plan: Plan): boolean =>
  plan.steps.some(({ args, roots }) => roots.some((_, i) => plan.arrays[args[i]!]!.region === "variable"));

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

function uninitialized(variable: Variable, plan: Plan, others: number): StateError {
  const needs = plan.fn.results.filter((result) => reachable([result.op]).includes(variable.op));
  const results = needs.filter((result) => result.op.name !== variable.op.name);
  return new StateError({
    what: `run: variable "${variable.op.name}" is not initialised in this session`,
    details: [
      `"${variable.op.name}" was made at ${variable.op.line ?? "an unknown line"}`,
      ...results.slice(0, 1).map((result) => `"${result.op.name}", which is fetched, needs it`),
    ],
    at: here(),
    fix:
      others === 0
        ? "run the initializer first: session.run(graph.initializer)"
        : "others are, so it was made later: take graph.initializer after the last variable (optimizers make some too)",
  });
}
