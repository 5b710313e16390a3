/** Pictures as SVG files, laid out by Graphviz (compiled to WebAssembly) in a worker that can be stopped. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { type LayoutEngine, LayoutTimeout, type Subject, type SvgOptions, toSvg } from "../../src/inspect/index.ts";

type Answer = { readonly id: number; readonly svg?: string; readonly error?: string };

/** Kept between layouts, since starting it takes longer than most of them; it does not keep the process alive. */
let worker: Worker | null = null;
/** Layouts run one after the other: the timeout of one must not count the time of another. */
let queue: Promise<unknown> = Promise.resolve();
let requests = 0;

/** The layout engine for `toSvg`. */
export const graphviz: LayoutEngine = (dot, timeout) => {
  const result = queue.then(() => layOut(dot, timeout));
  queue = result.catch(() => {});
  return result;
};

function layOut(dot: string, timeout: number): Promise<string> {
  worker ??= new Worker(new URL("./graphviz-worker.mjs", import.meta.url));
  const current = worker;
  const id = ++requests;
  return new Promise<string>((resolve, reject) => {
    const finish = (act: () => void): void => {
      clearTimeout(timer);
      current.removeAllListeners();
      current.unref();
      act();
    };
    const stop = (error: Error): void => {
      worker = null;
      finish(() => reject(error));
      void current.terminate();
    };
    const timer = setTimeout(
      () => stop(new LayoutTimeout({ what: `graphviz: the layout was stopped after ${timeout} ms` })),
      timeout,
    );
    current.ref();
    current.on("message", (answer: Answer) => {
      if (answer.id !== id) return;
      finish(() => {
        if (answer.svg !== undefined) resolve(answer.svg);
        else reject(new Error(`graphviz: ${answer.error}`));
      });
    });
    current.once("error", stop);
    current.postMessage({ id, dot });
  });
}

/** Draws a graph, function or plan into a file; makes its folder if needed. */
export async function writeSvg(path: string, subject: Subject, options: Omit<SvgOptions, "layout"> = {}): Promise<void> {
  const svg = await toSvg(subject, { ...options, layout: graphviz });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, svg);
}
