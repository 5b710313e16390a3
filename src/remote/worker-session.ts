/** A session in a worker, as its user sees it. */
import type { TypedArray } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import type { Shape } from "../core/shape-types.ts";
import type { ValueLike } from "../core/values.ts";
import type { WorkerHandle } from "../core/workers.ts";
import { type Parcel, pack, unpack } from "../data/messages.ts";
import { GraphWriter } from "../files/serialize.ts";
import type { Tensor, Variable } from "../graph/operation.ts";
import { captureStack, lineOf, type StackCapture } from "../graph/origin.ts";
import {
  bindFeeds,
  type FedValue,
  type Feeds,
  ownMemory,
  readFeed,
  readFeeds,
  requireVariable,
  resolveFeeds,
} from "../runtime/feeds.ts";
import { type Fetched, type Fetches, type FetchPlan, planFetches } from "../runtime/fetches.ts";
import type { Graph } from "../runtime/graph.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { requireValues } from "../runtime/prepared.ts";
import type { SessionOptions } from "../runtime/session.ts";
import { startAhead } from "./ahead.ts";
import { calledAt } from "./failure.ts";
import { type RemoteCallOptions, type RunProgress, SessionLink } from "./link.ts";
import type { Call, Fed, PlanSummary, Wanted } from "./messages.ts";

export interface RemoteRunOptions extends RemoteCallOptions {
  /**
   * Moves the memory of fed arrays to the worker instead of copying it: they are empty here afterwards. Arrays that show
   * a part of something larger, and shared memory, are copied all the same.
   */
  readonly transfer?: boolean | undefined;
}

export interface RemotePrepareOptions extends RemoteRunOptions {
  /** Shape of each fed tensor: with them, plans whose sizes are open are compiled ahead too. */
  readonly shapes?: readonly (readonly number[])[] | undefined;
}

export interface RunEachOptions extends RemoteRunOptions {
  /** Runs sent to the worker and not yet answered, at most. From 2 on the worker never waits for this thread. Default 2. */
  readonly ahead?: number | undefined;
}

/** What `prepare` of a session in a worker gives: takes values in the order in which it was given the tensors. */
export type RemotePreparedRun<R> = (...values: ValueLike[]) => Promise<R>;

/**
 * A session in a thread of its own: the methods of `Session`, with promises. What is asked is done in the order of the
 * calls; fed values are copied at the call. Whatever fails rejects the promise, with the error a `Session` would throw.
 *
 * Operations added to the graph later on are sent to the worker with the next call; variables keep their values. The
 * worker keeps a process alive only while it has something to do. `close` ends it.
 */
export class WorkerSession {
  readonly graph: Graph;
  readonly #writer: GraphWriter;
  readonly #link: SessionLink;

  /** Use `createSession`. */
  constructor(graph: Graph, options: SessionOptions, spawn: () => WorkerHandle) {
    this.graph = graph;
    this.#writer = new GraphWriter(graph, { runsOnly: true });
    this.#link = new SessionLink(graph, spawn);
    this.#link.send({ kind: "open", options });
    this.#sendGraph();
  }

  /**
   * Computes `fetches`, with `feeds` in the place of tensors: see `Session.run`.
   *
   * @throws (by rejecting) FeedError, ShapeError, GraphError, MemoryError; StateError also if the worker is gone
   */
  run<const F extends Fetches>(fetches: F, feeds: Feeds = [], options: RemoteRunOptions = {}): Promise<Fetched<F>> {
    return this.#run("run", fetches, feeds, options, captureStack(this.run));
  }

  /**
   * The same as a function of its feeds, for loops: what is to be run is made ready ahead, and only values go to the
   * worker and back. The options are for every call of the function, too.
   *
   * @param feeds tensors, in the order in which the returned function takes their values
   */
  prepare<const F extends Fetches>(
    fetches: F,
    feeds: readonly (Tensor | string)[] = [],
    options: RemotePrepareOptions = {},
  ): Promise<RemotePreparedRun<Fetched<F>>> {
    return this.#prepare(fetches, feeds, options, captureStack(this.prepare));
  }

  /**
   * Runs `fetches` once for each of `batches`, in order, and yields the results. The next runs are sent before a result
   * is asked for, so that the worker need not wait for this thread: when the reader stops, up to `ahead` runs more than
   * it has read results of may have changed variables. What is asked meanwhile comes after the runs that were sent.
   *
   * @param batches feeds for each run, e.g. of a data set; they are asked for as they are needed
   * @throws what a run throws, or the iteration of `batches`; runs that have not begun by then never begin
   */
  runEach<const F extends Fetches>(
    fetches: F,
    batches: Iterable<Feeds> | AsyncIterable<Feeds>,
    options: RunEachOptions = {},
  ): AsyncGenerator<Fetched<F>, void, undefined> {
    const capture = captureStack(this.runEach);
    const { ahead = 2, signal, onProgress, transfer } = options;
    if (!Number.isInteger(ahead) || ahead < 1) {
      throw new GraphError({
        what: `runEach: ahead is ${String(ahead)}`,
        at: lineOf(capture),
        fix: "give a whole number, at least 1",
      });
    }
    let sent = 0;
    let done = 0;
    const known = Array.isArray(batches) ? batches.length : 0;
    const ofAll = (progress: RunProgress): RunProgress =>
      progress.stage === "compiling" ? progress : { ...progress, done: ++done, total: Math.max(sent, known) };
    const report = onProgress && ((progress: RunProgress) => onProgress(ofAll(progress)));
    const start = (feeds: Feeds, stop: AbortSignal): Promise<Fetched<F>> => {
      sent++;
      return this.#run("runEach", fetches, feeds, { transfer, signal: stop, onProgress: report }, capture);
    };
    return startAhead(batches, start, ahead, signal);
  }

  /** Current value of a variable. Rejects with StateError if it is uninitialised. */
  value<S extends Shape>(variable: Variable<S>): Promise<NDArray<S>> {
    return this.#run("value", variable, [], {}, captureStack(this.value)) as Promise<NDArray<S>>;
  }

  /** Sets a variable without running anything, e.g. from a file. Rejects with FeedError if the value does not fit. */
  setValue(variable: Variable, value: ValueLike): Promise<void> {
    return this.#setValue(variable, value, captureStack(this.setValue));
  }

  /** What can be told of the plan a run with these arguments would use. */
  plan(fetches: Fetches, feeds: Feeds = []): Promise<PlanSummary> {
    return this.#plan(fetches, feeds, captureStack(this.plan));
  }

  /** Ends the worker. Every later use is an error; what has no answer yet is rejected with StateError. */
  close(): Promise<void> {
    return this.#link.close();
  }
  /** `await using session = createSession(graph, { worker: true })` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
  /** The same with `using`, without waiting until the worker is gone. */
  [Symbol.dispose](): void {
    void this.close();
  }

  async #run<F extends Fetches>(
    what: string,
    fetches: F,
    feeds: Feeds,
    options: RemoteRunOptions,
    capture: StackCapture,
  ): Promise<Fetched<F>> {
    this.#begin(what, options, capture);
    const plan = planFetches(this.graph, fetches);
    const { fed, transfer } = calledAt(capture, () => this.#packFeeds(feeds, options.transfer));
    const call: Call = { kind: "run", wanted: namesOf(plan), feeds: fed };
    const { answer } = this.#link.call(what, call, transfer, options, capture);
    const results = unpack(await answer) as readonly NDArray[];
    options.onProgress?.({ stage: "running", done: 1, total: 1 });
    return plan.pack(results) as Fetched<F>;
  }

  async #prepare<F extends Fetches>(
    fetches: F,
    feeds: readonly (Tensor | string)[],
    options: RemotePrepareOptions,
    capture: StackCapture,
  ): Promise<RemotePreparedRun<Fetched<F>>> {
    this.#begin("prepare", options, capture);
    const plan = planFetches(this.graph, fetches);
    const tensors = resolveFeeds(this.graph, feeds);
    const names = tensors.map(({ name }) => name);
    const call: Call = { kind: "prepare", wanted: namesOf(plan), tensors: names, shapes: options.shapes };
    const { id, answer } = this.#link.call("prepare", call, [], options, capture);
    await answer;
    const step = (...values: ValueLike[]): Promise<Fetched<F>> =>
      this.#step({ id, plan, tensors, options }, values, captureStack(step)) as Promise<Fetched<F>>;
    return step;
  }

  async #step(prepared: Prepared, values: readonly ValueLike[], capture: StackCapture): Promise<unknown> {
    const { id, plan, tensors, options } = prepared;
    this.#link.require("a prepared run", options, capture);
    requireValues(tensors, values);
    const fed = values.map((value, i) => readFeed(tensors[i]!, value, false));
    bindFeeds(fed);
    const { value, transfer } = packArrays(fed, options.transfer);
    const call: Call = { kind: "step", prepared: id, values: value };
    const { answer } = this.#link.call("a prepared run", call, transfer, options, capture);
    const results = unpack(await answer) as readonly NDArray[];
    options.onProgress?.({ stage: "running", done: 1, total: 1 });
    return plan.pack(results);
  }

  async #setValue(variable: Variable, value: ValueLike, capture: StackCapture): Promise<void> {
    this.#begin("setValue", {}, capture);
    requireVariable(this.graph, variable);
    const fed = [readFeed(variable, value, false)];
    bindFeeds(fed);
    const packed = packArrays(fed, false);
    const call: Call = { kind: "set", variable: variable.name, values: packed.value };
    await this.#link.call("setValue", call, packed.transfer, {}, capture).answer;
  }

  async #plan(fetches: Fetches, feeds: Feeds, capture: StackCapture): Promise<PlanSummary> {
    this.#begin("plan", {}, capture);
    const plan = planFetches(this.graph, fetches);
    const { fed, transfer } = this.#packFeeds(feeds, false);
    const call: Call = { kind: "plan", wanted: namesOf(plan), feeds: fed };
    return (await this.#link.call("plan", call, transfer, {}, capture).answer) as PlanSummary;
  }

  /** Before anything is asked: may it be, and does the worker know the graph as it is now? */
  #begin(what: string, options: RemoteCallOptions, capture: StackCapture): void {
    this.#link.require(what, options, capture);
    if (this.#writer.isBehind) this.#sendGraph();
  }

  /** What the worker does not know of the graph yet. */
  #sendGraph(): void {
    const arrays: TypedArray[] = [];
    const part = this.#writer.rest(arrays);
    this.#link.send({ kind: "grow", part, arrays: arrays.map(ownMemory) });
  }

  #packFeeds(feeds: Feeds, move: boolean | undefined): { readonly fed: Fed; readonly transfer: Parcel["transfer"] } {
    const fed = readFeeds(this.graph, feeds, { checkFinite: false });
    bindFeeds(fed);
    const { value, transfer } = packArrays(fed, move);
    return { fed: { tensors: fed.map(({ tensor }) => tensor.name), values: value }, transfer };
  }
}

/** What a prepared run keeps. */
interface Prepared {
  /** Number of the call that prepared it. */
  readonly id: number;
  readonly plan: FetchPlan;
  readonly tensors: readonly Tensor[];
  readonly options: RemoteRunOptions;
}

const namesOf = ({ tensors, targets }: FetchPlan): Wanted => ({
  tensors: tensors.map(({ name }) => name),
  targets: targets.map(({ name }) => name),
});

/** Values ready to be sent. Copied at once, since the caller may overwrite its arrays, unless it gives them away. */
function packArrays(fed: readonly FedValue[], move: boolean | undefined): Parcel {
  const arrays = fed.map(({ tensor, data, shape }) => {
    const own = move && data.buffer instanceof ArrayBuffer ? data : data.slice();
    return new NDArray(own, shape, tensor.dtype);
  });
  return pack(arrays, true);
}
