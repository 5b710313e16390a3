/** In a page: trains on its main thread, or in a worker of the page, when the test asks for it. */
import { type Trained, trainOnThreads, type Wanted } from "./training.ts";

function trainInWorker(wanted: Wanted): Promise<Trained> {
  const worker = new Worker(new URL("./threads-worker.js", import.meta.url), { type: "module" });
  const trained = new Promise<Trained>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data as Trained);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  worker.postMessage(wanted);
  return trained.finally(() => worker.terminate());
}

Object.assign(globalThis, { trainHere: trainOnThreads, trainInWorker });
