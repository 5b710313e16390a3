import { GraphError } from "../core/errors.ts";
import type { UrlLike } from "../core/host.ts";
import { spawnWorker, workerUrl } from "../core/workers.ts";
import type { Graph } from "../runtime/graph.ts";
import { here } from "../runtime/reading.ts";
import { Session, type SessionOptions } from "../runtime/session.ts";
import { WorkerSession } from "./worker-session.ts";

export interface WorkerSessionOptions extends Omit<SessionOptions, "workerUrl"> {
  /** The session lives in a thread of its own, and its methods return promises. */
  readonly worker: true;
  /** Where the file `session-worker.js` of this library is, if a build moved it. */
  readonly workerUrl?: UrlLike | string | undefined;
  /** The same for the file of its threads: what `workerUrl` is to a `Session`. */
  readonly threadUrl?: UrlLike | string | undefined;
}

/**
 * Opens a session on a graph: on this thread, or with `worker: true` on one of its own, which leaves this one free.
 *
 * @throws GraphError for an option that can not be sent to a worker: a backend that is no name, or a function
 */
export function createSession(graph: Graph, options: WorkerSessionOptions): WorkerSession;
export function createSession(
  graph: Graph,
  options?: SessionOptions & { readonly worker?: false | undefined },
): Session;
export function createSession(
  graph: Graph,
  options: WorkerSessionOptions | (SessionOptions & { readonly worker?: false | undefined }) = {},
): Session | WorkerSession {
  if (!options.worker) return new Session(graph, options);
  const file = options.workerUrl === undefined ? null : absolute("workerUrl", options.workerUrl);
  return new WorkerSession(graph, crossing(options), () =>
    file === null
      ? spawnWorker(workerUrl(import.meta.url, "session-worker"), {
          // Bundlers look for exactly this.
          web: () => new Worker(new URL("./session-worker.js", import.meta.url), { type: "module" }),
        })
      : spawnWorker(file),
  );
}

/** The options for the session in the worker, as far as they are data. */
function crossing({ worker, workerUrl, threadUrl, ...options }: WorkerSessionOptions): SessionOptions {
  const refuse = (what: string, fix: string): never => {
    throw new GraphError({ what: `createSession: ${what} can not be sent to a worker`, at: here(), fix });
  };
  const { backend, compile } = options;
  if (typeof backend === "object")
    refuse(
      `the backend "${backend.name}", which is an object,`,
      'name one of "wasm", "javascript" and "interpreter", or open the session without { worker: true }',
    );
  if (compile?.onPass) refuse("compile.onPass, a function,", "give { onProgress } to the runs");
  for (const [name, value] of Object.entries(options))
    if (typeof value === "function") refuse(`${name}, a function,`, "leave it out");
  if (threadUrl === undefined) return options;
  return { ...options, workerUrl: absolute("threadUrl", threadUrl).href };
}

/** A URL; in a page it may be given as seen from there. */
function absolute(option: string, url: UrlLike | string): URL {
  try {
    return new URL(String(url), (globalThis as { location?: { readonly href: string } }).location?.href);
  } catch {
    throw new GraphError({
      what: `createSession: ${option} ${JSON.stringify(String(url))} is not an absolute URL`,
      at: here(),
      fix: 'write new URL("…", import.meta.url), the path as seen from the file that says it',
    });
  }
}
