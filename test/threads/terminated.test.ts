/** Threads that somebody else ends: they have no last word. */
import workerThreads from "node:worker_threads";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { Graph, Session, setWarningHandler } from "../../src/index.ts";
import { gathered } from "./support.ts";

const { Worker } = workerThreads;
/** Of the session that was opened last, in the order of their numbers. */
let workers: InstanceType<typeof Worker>[] = [];
workerThreads.Worker = class extends Worker {
  constructor(...args: ConstructorParameters<typeof Worker>) {
    super(...args);
    workers.push(this);
  }
};
const warnings: string[] = [];
const handler = setWarningHandler((warning) => warnings.push(warning));
afterAll(() => {
  workerThreads.Worker = Worker;
  setWarningHandler(handler);
});
beforeEach(() => {
  workers = [];
  warnings.length = 0;
});

let files = 0;
/** A session whose run takes some hundred milliseconds, on threads that no other session has had, or on those of `file`. */
function open(threads: number, file = files++) {
  const graph = new Graph();
  const x = graph.placeholder("x", [600, 600]);
  let y = x;
  for (let i = 0; i < 20; i++) y = y.matmul(x);
  const workerUrl = new URL(`../../src/backend/wasm/threads/worker.ts?${file}`, import.meta.url);
  const session = new Session(graph, { backend: gathered(threads, { workerUrl }) });
  const feeds = [[x, new Float32Array(360_000)]] as const;
  return { session, run: () => session.run(y, feeds), runAsync: () => session.runAsync(y, feeds) };
}
const sleep = (milliseconds: number) => new Promise((turn) => setTimeout(turn, milliseconds));

describe.each([2, 3])("one of %i threads is terminated", (threads) => {
  test("while it waits: runs go on without it", async () => {
    const { session, run, runAsync } = open(threads);
    await runAsync();
    await workers[0]!.terminate();
    await sleep(0);
    expect(warnings.join()).toContain("threads: one could not be used, and runs go on without it: it has ended");
    for (let i = 0; i < 3; i++) expect((await runAsync()).data[0]).toBe(0);
    expect(run().data[0]).toBe(0);
    session.close();
  }, 20_000);

  test("in the middle of runAsync: that fails at once", async () => {
    for (let victim = 0; victim < threads - 1; victim++) {
      workers = [];
      const { session, run, runAsync } = open(threads);
      await runAsync();
      const failed = expect(runAsync()).rejects.toThrow(`thread ${victim + 1} of ${threads} failed: it has ended`);
      await sleep(20);
      const start = performance.now();
      await workers[victim]!.terminate();
      await failed;
      expect(performance.now() - start).toBeLessThan(2000);
      expect(run).toThrow("open a new Session");
      session.close();
    }
  }, 60_000);
});

test("one that no session has at the moment is not given to the next", async () => {
  const file = files++;
  open(3, file).session.close();
  await workers[1]!.terminate();
  const second = open(3, file);
  expect(workers).toHaveLength(3);
  await workers[0]!.terminate();
  second.session.close();
  const third = open(3, file);
  expect(workers).toHaveLength(4);
  expect((await third.runAsync()).data[0]).toBe(0);
  third.session.close();
});
