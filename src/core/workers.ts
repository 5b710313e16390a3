/**
 * Threads in Node and in browsers behind one face: `spawnWorker` on the side that starts one, `workerPort` in the
 * started file. Node's `worker_threads` are had without an import, which would not work in browsers.
 *
 * A worker's file is named twice, because two tools read it. Bundlers find it only in the literal form
 *
 *     spawnWorker(workerUrl(import.meta.url, "map-worker"), {
 *       web: () => new Worker(new URL("./map-worker.js", import.meta.url), { type: "module" }),
 *     });
 *
 * and Node takes the URL, which ends in `.ts` where the sources run as they are (tsx, vitest).
 */

import type { UrlLike, WorkerLike } from "./host.ts";

/** A thread as its owner sees it. Listeners are added; what comes before the first one is kept by the engine. */
export interface WorkerHandle {
  /** Sends a copy, but for `transfer`: these buffers move, and are empty here afterwards. */
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: unknown) => void): void;
  /** An exception nobody caught in the worker, a file that could not be loaded, or a message that can not be read. */
  onError(listener: (error: Error) => void): void;
  /** The worker has ended, for whatever reason. Browsers do not tell; there it is called by `terminate` alone. */
  onExit(listener: (code: number) => void): void;
  /** Ends the worker at once, whatever it does. */
  terminate(): Promise<void>;
  /** Lets the process wait for this worker (as at the start), or end without it. Browsers: no effect. */
  ref(): void;
  unref(): void;
}

export interface SpawnOptions {
  /** Starts the worker where there is a web `Worker`; without it, `new Worker(url, { type: "module" })`. */
  readonly web?: (() => WorkerLike) | undefined;
  /** The worker will load TypeScript: its own file (known from the URL), or what it imports later. Node only. */
  readonly typescript?: boolean | undefined;
}

/** What a worker has of its owner. */
export interface WorkerPort {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
  onMessage(listener: (message: unknown) => void): void;
}

interface NodeEvents {
  on(event: "message" | "messageerror" | "error" | "exit", listener: (value: never) => void): void;
}
interface NodePort extends NodeEvents {
  postMessage(message: unknown, transfer?: readonly ArrayBuffer[]): void;
}
interface NodeWorker extends NodePort {
  terminate(): Promise<number>;
  ref(): void;
  unref(): void;
}
interface WorkerThreads {
  readonly Worker: new (file: URL, options: { readonly execArgv?: readonly string[] }) => NodeWorker;
  readonly parentPort: NodePort | null;
}

/** Whether the file at a URL is TypeScript. */
export const isTypeScript = (url: UrlLike | string): boolean => /\.[cm]?tsx?$/.test(new URL(String(url)).pathname);

/**
 * The file `name` beside the module at `base`, with the same extension: `.ts` in the sources, else `.js`.
 * @param base `import.meta.url`
 */
export const workerUrl = (base: string, name: string): UrlLike =>
  new URL(`./${name}.${isTypeScript(base) ? "ts" : "js"}`, base);

/**
 * Starts a module as a thread of its own.
 * @param url of the module, absolute
 */
export function spawnWorker(url: UrlLike | string, options: SpawnOptions = {}): WorkerHandle {
  const threads = nodeThreads();
  if (threads === null)
    return new WebHandle((options.web?.() as Worker | undefined) ?? new Worker(String(url), { type: "module" }));
  const file = new URL(String(url));
  return new NodeHandle(threads, options.typescript || isTypeScript(file) ? typescriptStart(file) : file);
}

/** Inside of a worker: the line to who started it. */
export function workerPort(): WorkerPort {
  const threads = nodeThreads();
  if (threads === null) return webPort(globalThis as WorkerScope);
  const port = now(threads, ({ parentPort }) => parentPort!);
  return {
    postMessage: (message, transfer) => void now(port, (known) => known.postMessage(message, transfer)),
    onMessage: (listener) => void now(port, (known) => known.on("message", listener)),
  };
}

/** Node's module; a promise of it before 20.16, which had no way to get it at once; null where there is none. */
function nodeThreads(): WorkerThreads | Promise<WorkerThreads> | null {
  const { process } = globalThis as {
    process?: { getBuiltinModule?(name: string): unknown; versions?: { readonly node?: string } };
  };
  if (process?.versions?.node === undefined) return null;
  const name = "node:worker_threads";
  if (process.getBuiltinModule) return process.getBuiltinModule(name) as WorkerThreads;
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name) as Promise<WorkerThreads>;
}

/** What promises have given. A thread that waits for others leaves promises no time, and must go on without them. */
const settled = new WeakMap<Promise<unknown>, unknown>();

/** Calls `use` at once, or as soon as the value is there. */
function now<T extends object, R>(value: T | Promise<T>, use: (value: T) => R): R | Promise<R> {
  if (!(value instanceof Promise)) return use(value);
  if (settled.has(value)) return use(settled.get(value) as T);
  return value.then((there) => {
    settled.set(value, there);
    return use(there);
  });
}

/**
 * What a worker runs to load TypeScript: loaders of the main thread do not reach into workers in every version of Node,
 * so tsx is asked for again. Where it is not installed, Node may know TypeScript by itself.
 */
const typescriptStart = (file: URL): URL => {
  const url = JSON.stringify(file.href);
  const start = `
    import { register } from "node:module";
    try {
      register("tsx/esm", ${url}, { data: true });
    } catch (error) {
      if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    }
    await import(${url});`;
  return new URL(`data:text/javascript,${encodeURIComponent(start)}`);
};

/** Workers inherit the flags of the process, and fail at one that says what kind of program `--eval` gives. */
function startOptions(): { readonly execArgv?: readonly string[] } {
  const { process } = globalThis as { process?: { readonly execArgv?: readonly string[] } };
  return process?.execArgv?.some((flag) => flag.startsWith("--input-type")) ? { execArgv: [] } : {};
}

class NodeHandle implements WorkerHandle {
  readonly #worker: NodeWorker | Promise<NodeWorker>;

  constructor(threads: WorkerThreads | Promise<WorkerThreads>, file: URL) {
    this.#worker = now(threads, ({ Worker }) => new Worker(file, startOptions()));
  }
  postMessage(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    now(this.#worker, (worker) => worker.postMessage(message, transfer));
  }
  onMessage(listener: (message: unknown) => void): void {
    now(this.#worker, (worker) => worker.on("message", listener));
  }
  onError(listener: (error: Error) => void): void {
    const tell = (error: unknown) => listener(asError(error));
    now(this.#worker, (worker) => worker.on("error", tell));
    now(this.#worker, (worker) => worker.on("messageerror", tell));
  }
  onExit(listener: (code: number) => void): void {
    now(this.#worker, (worker) => worker.on("exit", listener));
  }
  async terminate(): Promise<void> {
    await (await this.#worker).terminate();
  }
  ref(): void {
    now(this.#worker, (worker) => worker.ref());
  }
  unref(): void {
    now(this.#worker, (worker) => worker.unref());
  }
}

class WebHandle implements WorkerHandle {
  readonly #worker: Worker;
  readonly #exitListeners: ((code: number) => void)[] = [];

  constructor(worker: Worker) {
    this.#worker = worker;
  }
  postMessage(message: unknown, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, [...transfer]);
  }
  onMessage(listener: (message: unknown) => void): void {
    this.#worker.addEventListener("message", ({ data }) => listener(data));
  }
  onError(listener: (error: Error) => void): void {
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault();
      // A file that can not be loaded gives an event without a message.
      listener(asError(event.error ?? (event.message || "the file of the worker could not be loaded")));
    });
    this.#worker.addEventListener("messageerror", () => listener(new Error("a message can not be read")));
  }
  onExit(listener: (code: number) => void): void {
    this.#exitListeners.push(listener);
  }
  async terminate(): Promise<void> {
    this.#worker.terminate();
    for (const listener of this.#exitListeners.splice(0)) listener(1);
  }
  ref(): void {}
  unref(): void {}
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** The global object of a web worker, as far as it is used here. */
interface WorkerScope {
  postMessage?(message: unknown, transfer: readonly ArrayBuffer[]): void;
  addEventListener?(event: "message", listener: (event: { readonly data: unknown }) => void): void;
}

const webPort = (scope: WorkerScope): WorkerPort => ({
  postMessage: (message, transfer = []) => scope.postMessage?.(message, transfer),
  onMessage: (listener) => scope.addEventListener?.("message", ({ data }) => listener(data)),
});
