/** The client's end of the line to a worker that holds a session. */
import { type ErrorParts, StateError } from "../core/errors.ts";
import { warn } from "../core/warnings.ts";
import type { WorkerHandle } from "../core/workers.ts";
import { lineOf, type StackCapture } from "../graph/origin.ts";
import type { Graph } from "../runtime/graph.ts";
import type { AsyncOptions } from "../runtime/queue.ts";
import { counted } from "../runtime/reading.ts";
import { errorFrom, withLines } from "./failure.ts";
import type { Call, Reply, Request } from "./messages.ts";

/** How far a call is. */
export interface RunProgress {
  /** `compiling` counts passes of the compiler, `running` the runs that have ended. */
  readonly stage: "compiling" | "running";
  readonly done: number;
  /** Of how many; of runs, those known so far. */
  readonly total: number;
}

export interface RemoteCallOptions extends AsyncOptions {
  /** Is told how far compiling and running are. */
  readonly onProgress?: ((progress: RunProgress) => void) | undefined;
}

/** A call that has no answer yet. */
interface Pending {
  /** Name of the method, for errors. */
  readonly what: string;
  readonly capture: StackCapture;
  readonly onProgress: RemoteCallOptions["onProgress"];
  resolve(value: unknown): void;
  reject(reason: unknown): void;
  /** To be called with either. */
  settled(): void;
}

export class SessionLink {
  readonly #graph: Graph;
  readonly #pending = new Map<number, Pending>();
  #worker: WorkerHandle | null = null;
  #ready = false;
  #calls = 0;
  /** Why nothing can be asked any more. */
  #end: ErrorParts | null = null;

  /** @param spawn starts the worker */
  constructor(graph: Graph, spawn: () => WorkerHandle) {
    this.#graph = graph;
    try {
      this.#worker = spawn();
    } catch (error) {
      this.#lose(`could not be started: ${messageOf(error)}`, LOAD_FIX);
      return;
    }
    this.#worker.onMessage((message) => this.#receive(message as Reply));
    this.#worker.onError((error) => {
      if (this.#ready) this.#lose(`failed: ${error.message}`);
      else this.#lose(`could not be started: ${error.message}`, LOAD_FIX);
    });
    this.#worker.onExit((code) => this.#lose(`ended with exit code ${code}`));
    // Last: in Node a listener is a reason to go on.
    this.#worker.unref();
  }

  send(request: Request, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#end) this.#worker!.postMessage(request, transfer);
  }

  /**
   * Asks for something.
   *
   * @param what name of the method, for errors
   * @param transfer what moves with it
   * @param capture where it was called
   */
  call(
    what: string,
    call: Call,
    transfer: readonly ArrayBuffer[],
    { signal, onProgress }: RemoteCallOptions,
    capture: StackCapture,
  ): { readonly id: number; readonly answer: Promise<unknown> } {
    const id = this.#calls++;
    this.send({ kind: "call", id, call, progress: onProgress !== undefined }, transfer);
    // A worker with something to do is a reason for the process to go on.
    if (this.#pending.size === 0) this.#worker!.ref();
    const answer = new Promise<unknown>((resolve, reject) => {
      const abort = (): void => {
        this.#settle(id)?.reject(signal!.reason);
        this.send({ kind: "cancel", id });
      };
      signal?.addEventListener("abort", abort);
      const settled = (): void => signal?.removeEventListener("abort", abort);
      this.#pending.set(id, { what, capture, onProgress, resolve, reject, settled });
    });
    return { id, answer };
  }

  /** @throws the reason of an aborted signal; StateError if the session is closed, or its worker gone */
  require(what: string, { signal }: RemoteCallOptions, capture: StackCapture): void {
    if (signal?.aborted) throw signal.reason;
    if (!this.#end) return;
    const parts = this.#end === CLOSED ? { ...CLOSED, what: `session: ${what} after close` } : this.#end;
    throw new StateError({ ...parts, at: lineOf(capture) });
  }

  /** Ends the worker. What has no answer yet is rejected. */
  async close(): Promise<void> {
    if (!this.#end) {
      this.#end = CLOSED;
      this.#rejectAll({
        what: "session: closed before its worker had answered",
        fix: "await what was asked before close",
      });
    }
    await this.#worker?.terminate();
  }

  #receive(reply: Reply): void {
    switch (reply.kind) {
      case "ready":
        this.#ready = true;
        return;
      case "warning":
        warn({ what: withLines(reply.text, this.#graph) });
        return;
      case "compiling": {
        const { id, done, total } = reply;
        try {
          this.#pending.get(id)?.onProgress?.({ stage: "compiling", done, total });
        } catch (error) {
          this.#settle(id)?.reject(error);
        }
        return;
      }
      case "done":
        this.#settle(reply.id)?.resolve(reply.value);
        return;
      case "failed": {
        const pending = this.#settle(reply.id);
        pending?.reject(errorFrom(reply.failure, this.#graph, pending.capture));
      }
    }
  }

  /** Takes a call off the list. */
  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    pending?.settled();
    if (this.#pending.delete(id) && this.#pending.size === 0) this.#worker?.unref();
    return pending;
  }

  #rejectAll(parts: ErrorParts): void {
    const waiting = [...this.#pending.values()];
    const kinds = [...new Set(waiting.map(({ what }) => what))];
    const details = [`${counted(waiting.length, "call")} had no answer: ${kinds.join(", ")}`];
    for (const id of [...this.#pending.keys()]) {
      const { capture, reject } = this.#settle(id)!;
      reject(new StateError({ ...parts, details, at: lineOf(capture) }));
    }
  }

  /** The worker is gone, and the values of variables with it. */
  #lose(how: string, fix = "open a new session; the values of this one's variables are lost"): void {
    if (this.#end) return; // ended by us, or told before
    this.#end = { what: `session: its worker ${how}`, fix };
    this.#rejectAll(this.#end);
    void this.#worker?.terminate();
  }
}

const CLOSED: ErrorParts = { what: "session: closed", fix: "open a new session on the graph" };
const LOAD_FIX =
  "workerUrl must lead to session-worker.js of the package, and a content-security policy must allow it: worker-src 'self'";

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
