/** Pictures as SVG files, laid out by Graphviz (compiled to WebAssembly) in a worker that can be stopped. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { type LayoutEngine, LayoutTimeout, type Subject, type SvgOptions, toSvg } from "../../src/inspect/index.ts";

/** What `@aduh95/viz.js/worker` is asked and answers. */
interface Request {
  readonly id: number;
  readonly src: string;
  readonly options: { readonly format: "svg"; readonly engine: "dot"; readonly files: readonly never[] };
}
interface Answer {
  readonly id: number;
  readonly result?: string;
  readonly error?: { readonly message: string };
}

/** Kept between layouts, since starting it takes longer than most of them. */
let worker: Worker | null = null;
/** Ends the worker when no layout has come for a while: its unread warnings would keep the process alive. */
let idle: NodeJS.Timeout | undefined;
const IDLE_MILLISECONDS = 200;
/** Layouts run one after the other: the timeout of one must not count the time of another. */
let queue: Promise<unknown> = Promise.resolve();
let requests = 0;

/** The layout engine for `toSvg`. */
export const graphviz: LayoutEngine = (dot, timeout) => {
  const result = queue.then(() => layOut(dot, timeout));
  queue = result.catch(() => {});
  return result;
};

/**
 * `graphviz-cli` lays out in a worker too, but keeps it to itself and will not run inside of another one. So this
 * starts the worker `graphviz-cli` would start, and holds on to it.
 */
function startWorker(): Worker {
  const here = createRequire(import.meta.url);
  const path = createRequire(here.resolve("graphviz-cli")).resolve("@aduh95/viz.js/worker");
  // Warnings (it knows the widths of ASCII letters only) are not for the reader of a program's output. They are left
  // unread.
  return new Worker(path, { workerData: { __filename: path }, stdout: true, stderr: true });
}

function layOut(dot: string, timeout: number): Promise<string> {
  clearTimeout(idle);
  worker ??= startWorker();
  const current = worker;
  const request: Request = { id: ++requests, src: dot, options: { format: "svg", engine: "dot", files: [] } };
  return new Promise<string>((resolve, reject) => {
    const finish = (act: () => void): void => {
      clearTimeout(timer);
      current.off("message", hear).off("error", stop).off("exit", leave);
      idle = setTimeout(() => {
        if (worker === current) worker = null;
        void current.terminate();
      }, IDLE_MILLISECONDS);
      act();
    };
    const stop = (error: Error): void => {
      worker = null;
      finish(() => reject(error));
      void current.terminate();
    };
    const hear = ({ id, result, error }: Answer): void => {
      if (id !== request.id) return;
      if (result !== undefined) finish(() => resolve(result));
      // Graphviz does not clean up after an error, so the next layout gets a new worker.
      else stop(new Error(`graphviz: ${error?.message ?? "no answer"}`));
    };
    const leave = (code: number): void => stop(new Error(`graphviz: the worker ended with code ${code}`));
    const timer = setTimeout(
      () => stop(new LayoutTimeout({ what: `graphviz: the layout was stopped after ${timeout} ms` })),
      timeout,
    );
    current.on("message", hear).on("error", stop).on("exit", leave);
    current.postMessage(request);
  });
}

/** Draws a graph, function or plan into a file; makes its folder if needed. */
export async function writeSvg(
  path: string,
  subject: Subject,
  options: Omit<SvgOptions, "layout"> = {},
): Promise<void> {
  const svg = await toSvg(subject, { ...options, layout: graphviz });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, svg);
}
