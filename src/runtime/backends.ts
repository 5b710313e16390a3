import { interpreter } from "../backend/interpreter.ts";
import { javascript, mayEvaluate } from "../backend/javascript/backend.ts";
import { wasmBackend } from "../backend/wasm/backend.ts";
import { wasmSupport } from "../backend/wasm/compile.ts";
import type { Backend } from "../compiler/plan.ts";
import { GraphError } from "../core/errors.ts";
import type { UrlLike } from "../core/host.ts";
import { warn } from "../core/warnings.ts";
import { here } from "./reading.ts";

export type BackendName = "wasm" | "javascript" | "interpreter";

/** What decides how a session's plans run. */
export interface BackendChoice {
  /**
   * Default `"wasm"`; where there is no WebAssembly with vectors, JavaScript, or the interpreter if no code may be made
   * at run time either.
   */
  readonly backend?: BackendName | Backend;
  /**
   * In Node, V8 flags are set around the compilation of WebAssembly, so that the first run is as fast as all others;
   * `false` leaves them alone. Nothing happens if you have set such a flag yourself. Default true.
   */
  readonly v8Flags?: boolean;
  /**
   * Threads that share the work of a run, this one among them: any number changes no bit. Default 1. They need
   * WebAssembly and shared memory, which a page has if it is cross-origin isolated; without, sessions run on one thread.
   */
  readonly threads?: number;
  /** Where the file of the threads is, `dist/worker.js` of the package, if it is not found by itself. */
  readonly workerUrl?: string | UrlLike;
}

const MOST_THREADS = 256;
const NAMES: readonly string[] = ["wasm", "javascript", "interpreter"];
let said = false;

/** True where threads may share memory: in Node, and in pages that are cross-origin isolated. */
const sharedMemory = (): boolean => typeof SharedArrayBuffer === "function";

/** @throws GraphError for a backend that does not exist, or that was asked for by name and can not run here */
export function chooseBackend({ backend, v8Flags = true, threads = 1, workerUrl }: BackendChoice): Backend {
  if (!Number.isInteger(threads) || threads < 1 || threads > MOST_THREADS) {
    throw new GraphError({
      what: `session: threads is ${String(threads)}`,
      at: here(),
      fix: `give a whole number from 1 to ${MOST_THREADS}; as many as there are cores are fastest`,
    });
  }
  if (typeof backend === "object") return backend;
  if (backend !== undefined && !NAMES.includes(backend)) {
    throw new GraphError({
      what: `session: there is no backend "${String(backend)}"`,
      at: here(),
      fix: `choose one of ${NAMES.join(", ")}`,
    });
  }
  if (backend === "javascript") return javascript;
  if (backend === "interpreter") return interpreter;
  const reason = wasmSupport();
  if (reason === null) return wasmBackend({ v8Flags, threads: sharedMemory() ? threads : 1, workerUrl });
  if (backend === "wasm") {
    throw new GraphError({
      what: `session: the wasm backend can not run, because ${reason}`,
      at: here(),
      fix: "leave the option out: sessions then take what there is",
    });
  }
  const instead = mayEvaluate() ? javascript : interpreter;
  if (!said) {
    said = true;
    warn({
      what: `session: ${reason}, so plans run on the ${instead.name} backend, which is slower`,
      ...(reason.includes("forbidden") ? { fix: "a content-security policy must allow 'wasm-unsafe-eval'" } : {}),
    });
  }
  return instead;
}
