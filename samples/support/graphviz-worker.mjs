// Lays out one DOT text after another. Runs in a worker, so that a layout that takes for ever can be stopped.
import { parentPort } from "node:worker_threads";
import { renderGraphFromSource } from "graphviz-cli";

parentPort.on("message", async ({ id, dot }) => {
  try {
    parentPort.postMessage({ id, svg: await renderGraphFromSource({ input: dot }, { format: "svg", engine: "dot" }) });
  } catch (error) {
    parentPort.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
