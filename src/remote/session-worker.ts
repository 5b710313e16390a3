/** The file a worker of `createSession` runs: one session, and what is asked of it, one thing after another. */
import { PIPELINE } from "../compiler/pipeline.ts";
import { setWarningHandler } from "../core/warnings.ts";
import { type WorkerPort, workerPort } from "../core/workers.ts";
import { pack, unpack } from "../data/messages.ts";
import { GraphParts } from "../files/parse.ts";
import type { Operation, Tensor, Variable } from "../graph/operation.ts";
import { setElsewhere } from "../graph/origin.ts";
import type { Feeds } from "../runtime/feeds.ts";
import type { Fetched } from "../runtime/fetches.ts";
import type { Graph } from "../runtime/graph.ts";
import type { NDArray } from "../runtime/ndarray.ts";
import type { PreparedRun } from "../runtime/prepared.ts";
import { Session, type SessionOptions } from "../runtime/session.ts";
import { CALL_PROMISE, failureOf, linePromise } from "./failure.ts";
import type { Call, Fed, PlanSummary, Reply, Request, Wanted } from "./messages.ts";

/** Tensors, whose values go back, and operations that are only run. */
type Fetching = readonly [readonly Tensor[], readonly Operation[]];
type Step = PreparedRun<Fetched<Fetching>>;

class SessionServer {
  readonly #port: WorkerPort;
  readonly #queue: Request[] = [];
  #scheduled = false;
  readonly #parts = new GraphParts(linePromise);
  readonly #prepared = new Map<number, Step>();
  #options: SessionOptions = {};
  #graph: Graph | null = null;
  #session: Session | null = null;
  /** Why there is no session, or why the graph is not complete. */
  #broken: { readonly error: unknown } | null = null;
  /** The call that wants to know how far compiling is. */
  #reporting: number | null = null;

  constructor(port: WorkerPort) {
    this.#port = port;
  }

  receive(request: Request): void {
    if (request.kind === "cancel") {
      const at = this.#queue.findIndex((waiting) => waiting.kind === "call" && waiting.id === request.id);
      if (at >= 0) this.#queue.splice(at, 1);
      return;
    }
    this.#queue.push(request);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#queue.length === 0) return;
    this.#scheduled = true;
    atNextTurn(this.#work);
  }

  /** One request a turn, so that what has come meanwhile can take back the next one. */
  readonly #work = (): void => {
    this.#scheduled = false;
    const request = this.#queue.shift();
    if (request) this.#answer(request);
    this.#schedule();
  };

  #answer(request: Request): void {
    switch (request.kind) {
      case "open":
        this.#options = request.options;
        return;
      case "grow":
        this.#grow(request);
        return;
      case "call":
        this.#reporting = request.progress ? request.id : null;
        this.#call(request);
    }
  }

  #grow({ part, arrays }: Request & { readonly kind: "grow" }): void {
    try {
      this.#graph = this.#parts.append(part, arrays);
      this.#session ??= this.#open(this.#graph);
    } catch (error) {
      this.#broken ??= { error };
    }
  }

  #open(graph: Graph): Session {
    const onPass = (done: number) => this.#compiling(done);
    return new Session(graph, { ...this.#options, compile: { ...this.#options.compile, onPass } });
  }

  #compiling(done: number): void {
    if (this.#reporting === null) return;
    this.#reply({ kind: "compiling", id: this.#reporting, done, total: PIPELINE.passes.length });
  }

  #call({ id, call }: Request & { readonly kind: "call" }): void {
    try {
      if (this.#broken) throw this.#broken.error;
      // Results are copies already, so their memory may go.
      const { value, transfer } = pack(this.#perform(id, call), true);
      this.#reply({ kind: "done", id, value }, transfer);
    } catch (error) {
      this.#reply({ kind: "failed", id, failure: failureOf(error) });
    }
  }

  #perform(id: number, call: Call): unknown {
    const session = this.#session!;
    switch (call.kind) {
      case "run":
        return session.run(this.#fetching(call.wanted), feedsOf(call.feeds))[0];
      case "prepare":
        this.#prepared.set(id, this.#prepare(call));
        return null;
      case "step":
        return this.#prepared.get(call.prepared)!(...arraysOf(call.values))[0];
      case "plan":
        return summary(session.plan(this.#fetching(call.wanted), feedsOf(call.feeds)));
      case "set":
        session.setValue(this.#graph!.tensor(call.variable) as Variable, arraysOf(call.values)[0]!);
        return null;
    }
  }

  #prepare({ wanted, tensors, shapes }: Call & { readonly kind: "prepare" }): Step {
    return this.#session!.prepare(this.#fetching(wanted), tensors, shapes ? { shapes } : {});
  }

  #fetching({ tensors, targets }: Wanted): Fetching {
    const graph = this.#graph!;
    return [tensors.map((name) => graph.tensor(name)), targets.map((name) => graph.operation(name))];
  }

  #reply(reply: Reply, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(reply, transfer);
  }
}

const arraysOf = (values: unknown): readonly NDArray[] => unpack(values) as readonly NDArray[];

function feedsOf({ tensors, values }: Fed): Feeds {
  const arrays = arraysOf(values);
  return tensors.map((name, i) => [name, arrays[i]!] as const);
}

function summary(plan: ReturnType<Session["plan"]>): PlanSummary {
  const { source, steps, arenaBytes, liveBytes, totalBytes, trace } = plan;
  return {
    source,
    kernels: steps.map(({ kernel }) => kernel.name),
    arenaBytes,
    liveBytes,
    totalBytes,
    passes: trace.map(({ name, skipped, milliseconds }) => ({ name, skipped, milliseconds })),
  };
}

/** Calls back as soon as the messages that have come meanwhile are received. */
const atNextTurn: (work: () => void) => void = (() => {
  const { setImmediate } = globalThis as { setImmediate?: (work: () => void) => void };
  if (setImmediate) return setImmediate;
  const { port1, port2 } = new MessageChannel();
  return (work) => {
    port1.onmessage = work;
    port2.postMessage(null);
  };
})();

const port = workerPort();
const server = new SessionServer(port);
setElsewhere(CALL_PROMISE);
setWarningHandler((text) => port.postMessage({ kind: "warning", text } satisfies Reply));
port.onMessage((message) => server.receive(message as Request));
port.postMessage({ kind: "ready" } satisfies Reply);
