import { describe, expect, test } from "vitest";
import { assign, Graph, relu, Session, type SessionOptions } from "../../src/index.ts";
import { ALL_LOOPS, gathered, reluOf } from "./support.ts";

const ways: readonly (readonly [string, SessionOptions])[] = [
  ["wasm", { backend: "wasm" }],
  ["wasm, 3 threads", { backend: gathered(3), compile: ALL_LOOPS }],
  ["wasm, 2 threads that have not come yet", { threads: 2 }],
  ["javascript", { backend: "javascript" }],
  ["interpreter", { backend: "interpreter" }],
];

describe.each(ways)("runAsync: %s", (_, options) => {
  test("gives what run gives, later, in the order of the calls", async () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [300]);
    const count = graph.variable("count", [], { initial: 0 });
    const next = assign(count, count.add(1));
    using session = new Session(graph, options);
    session.run(graph.initializer);
    const values = [1, 2, 3].map((value) => new Float32Array(300).fill(value));
    let ended = 0;
    const runs = values.map((value) => {
      const run = session.runAsync({ y: relu(x), next }, [[x, value]]);
      void run.then(() => ended++);
      return run;
    });
    expect(ended).toBe(0);
    const results = await Promise.all(runs);
    expect(results.map(({ next }) => next.item())).toEqual([1, 2, 3]);
    expect(results.map(({ y }) => y.data[299])).toEqual([1, 2, 3]);
    expect(session.value(count).item()).toBe(3);
  });

  test("feeds are copied at the call", async () => {
    const { graph, x, y } = reluOf(400);
    using session = new Session(graph, options);
    const value = new Float32Array(400).fill(1);
    const run = session.runAsync(y, [[x, value]]);
    value.fill(9);
    expect((await run).data[0]).toBe(1);
  });

  test("nothing else may be asked meanwhile", async () => {
    const { graph, x, y } = reluOf(400);
    using session = new Session(graph, options);
    const run = session.runAsync(y, [[x, new Float32Array(400)]]);
    expect(() => session.run(y, [[x, new Float32Array(400)]])).toThrow(
      "session: run while an asynchronous run is under way\nat test/threads/async.test.ts",
    );
    await run;
    session.run(y, [[x, new Float32Array(400)]]);
  });

  test("what is wrong with feeds is said at once, what fails later rejects", async () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [4]);
    const w = graph.variable("w", [4]);
    using session = new Session(graph, options);
    expect(() => session.runAsync(x.add(w), [[x, new Float32Array(5)]])).toThrow("x");
    await expect(session.runAsync(x.add(w), [[x, new Float32Array(4)]])).rejects.toThrow(
      'run: variable "w" is not initialised in this session',
    );
    session.run(graph.initializer);
    expect((await session.runAsync(x, [[x, new Float32Array(4)]])).data[0]).toBe(0);
  });

  test("a signal calls off what has not begun, and stops waiting for what has", async () => {
    const { graph, x, y } = reluOf(400);
    using session = new Session(graph, options);
    const feeds = [[x, new Float32Array(400)]] as const;
    const gone = AbortSignal.abort(new Error("too late"));
    await expect(session.runAsync(y, feeds, { signal: gone })).rejects.toThrow("too late");
    const control = new AbortController();
    const first = session.runAsync(y, feeds);
    const second = session.runAsync(y, feeds, { signal: control.signal });
    control.abort(new Error("no more"));
    await expect(second).rejects.toThrow("no more");
    expect((await first).data.length).toBe(400);
    expect((await session.runAsync(y, feeds)).data.length).toBe(400);
  });

  test("closing rejects what is under way", async () => {
    const { graph, x, y } = reluOf(400);
    const session = new Session(graph, options);
    const run = session.runAsync(y, [[x, new Float32Array(400)]]);
    session.close();
    await expect(run).rejects.toThrow("session: closed before an asynchronous run had ended");
  });
});

test("threads do the work of runAsync: this one goes on meanwhile", async () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [600, 600]);
  let y = x;
  for (let i = 0; i < 8; i++) y = y.matmul(x);
  using session = new Session(graph, { backend: gathered(2) });
  const feeds = [[x, new Float32Array(360_000)]] as const;
  await session.runAsync(y, feeds);
  let turns = 0;
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    turns++;
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  const start = performance.now();
  await session.runAsync(y, feeds);
  const took = performance.now() - start;
  clearInterval(timer);
  expect(turns).toBeGreaterThan(3);
  expect(longest).toBeLessThan(took);
});

test("the end of a run that nobody waits for any more is not taken for that of another session's", async () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [400, 400]);
  let y = x;
  for (let i = 0; i < 40; i++) y = y.matmul(x);
  const identity = Float32Array.from({ length: 160_000 }, (_, i) => (i % 401 === 0 ? 1 : 0));
  const first = new Session(graph, { backend: gathered(2) });
  const run = first.runAsync(y, [[x, new Float32Array(160_000)]]);
  // The run itself begins in a task of its own.
  await new Promise((turn) => setTimeout(turn, 20));
  first.close();
  await expect(run).rejects.toThrow("closed");
  // Gets the same thread, and waits for it before it runs anything: the thread's report is on its way then.
  using second = new Session(graph, { backend: gathered(2) });
  expect((await second.runAsync(y, [[x, identity]])).data).toEqual(identity);
});
