/** Memory of a session: what a training loop allocates, feeds without copies, views that have gone stale, budgets. */
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { ArrayStorage } from "../../src/backend/storage.ts";
import {
  add,
  assignAdd,
  type Backend,
  Graph,
  MemoryError,
  matmul,
  type NDArray,
  relu,
  Session,
  type SessionOptions,
  StateError,
  sparseSoftmaxCrossEntropy,
  type Tensor,
} from "../../src/index.ts";
import { Adam } from "../../src/train/index.ts";
import { collectGarbage, typedArraysMade } from "../support/allocations.ts";

const backends = ["wasm", "javascript", "interpreter"] as const;

/** A small network and its training step. */
function network(options: SessionOptions) {
  const graph = new Graph({ seed: 1 });
  const images = graph.placeholder("images", [8, 12]);
  const labels = graph.placeholder("labels", [8], { dtype: "int32" });
  const rate = graph.placeholder("rate", []);
  const dense = (x: Tensor, from: number, to: number, name: string): Tensor => {
    const values = Array.from({ length: from * to }, (_, i) => Math.sin(i * 7 + to));
    const kernel = graph.variable(`${name}/kernel`, [from, to], { initial: Float32Array.from(values) });
    return add(matmul(x, kernel), graph.variable(`${name}/bias`, [to]));
  };
  const logits = dense(relu(dense(images, 12, 16, "hidden")), 16, 4, "output");
  const loss = sparseSoftmaxCrossEntropy(labels, logits).mean();
  const steps = graph.variable("steps", []);
  const counted = assignAdd(steps, 1);
  const trainStep = new Adam(rate).minimize(loss);
  const session = new Session(graph, options);
  session.run(graph.initializer);
  const batch = Float32Array.from({ length: 96 }, (_, i) => Math.cos(i * 3));
  const classes = Int32Array.from({ length: 8 }, (_, i) => i % 4);
  return { graph, images, labels, rate, loss, steps, counted, trainStep, session, batch, classes };
}

describe.each(backends)("a training loop with { copy: false } on %s", (backend) => {
  // The interpreter allocates of its own: it is there to define results.
  const quick = backend !== "interpreter";
  test.runIf(quick)("makes no typed array, and the heap does not grow", () => {
    const { session, images, labels, rate, loss, steps, counted, trainStep, batch, classes } = network({ backend });
    const step = session.prepare([loss, steps, counted, trainStep], [images, labels, rate], { copy: false });
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) step(batch, classes, 0.01);
    };
    expect(typedArraysMade(() => void new Float32Array(1).slice())).toBeGreaterThanOrEqual(2);
    run(100);
    expect(typedArraysMade(() => run(10))).toBe(0);
    run(1000);
    collectGarbage();
    const before = process.memoryUsage();
    run(10_000);
    collectGarbage();
    const after = process.memoryUsage();
    expect(after.heapUsed - before.heapUsed).toBeLessThan(1e6);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1e6);
    // The variable's value is that of the start of the run.
    const [last, old, updated] = step(batch, classes, 0.01) as NDArray[];
    expect([old!.item(), updated!.item()]).toEqual([11_110, 11_111]);
    expect(last!.item()).toBeLessThan(0.1);
  });

  test("gives the values that copies have", () => {
    const one = network({ backend });
    const two = network({ backend });
    const fetches = ({ loss, steps, counted, trainStep }: typeof one) => [loss, steps, counted, trainStep] as const;
    const feeds = ({ images, labels, rate }: typeof one) => [images, labels, rate];
    const copying = one.session.prepare(fetches(one), feeds(one));
    const viewing = two.session.prepare(fetches(two), feeds(two), { copy: false });
    for (let i = 0; i < 5; i++) {
      const values = (results: readonly (NDArray | null)[]) => results.map((value) => value?.toArray());
      expect(values(viewing(two.batch, two.classes, 0.1))).toEqual(values(copying(one.batch, one.classes, 0.1)));
    }
  });
});

describe.each(backends)("feeds of a prepared run on %s", (backend) => {
  function affine(options: SessionOptions = {}) {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch", 2]);
    const s = graph.placeholder("s", []);
    const z = x.mul(s, { name: "z" });
    return { graph, x, s, z, session: new Session(graph, { backend, ...options }) };
  }

  test("are written in place, and keep what was written", () => {
    const { session, x, s, z } = affine();
    const step = session.prepare(z, [x, s], { shapes: [[2, 2], []] });
    step.feeds[0]!.set([1, 2, 3, 4]);
    step.feeds[1]!.fill(10);
    expect(step().toArray()).toEqual([
      [10, 20],
      [30, 40],
    ]);
    step.feeds[1]!.fill(2);
    expect(step().toArray()).toEqual([
      [2, 4],
      [6, 8],
    ]);
    expect(step(step.feeds[0]!, 3).toArray()).toEqual([
      [3, 6],
      [9, 12],
    ]);
    // Another run with the same fetches and sizes has feeds of its own.
    session.run(z, {
      x: [
        [9, 9],
        [9, 9],
      ],
      s: 9,
    });
    expect(step().toArray()).toEqual([
      [3, 6],
      [9, 12],
    ]);
  });

  test("are known after a call, and follow the sizes of the last one", () => {
    const { session, x, s, z } = affine();
    const step = session.prepare(z, [x, s]);
    expect(() => step.feeds).toThrow('feeds: sizes of "x" are not known yet');
    step([[1, 2]], 3);
    expect(step.feeds.map((feed) => feed.length)).toEqual([2, 1]);
    expect(step().toArray()).toEqual([[3, 6]]);
    step(new Float32Array(6), 1);
    expect(step.feeds[0]!.length).toBe(6);
  });

  test("persist however many other plans are made", () => {
    const { session, x, s, z } = affine({ planLimit: 2 });
    const step = session.prepare(z, [x, s], { shapes: [[1, 2], []] });
    step.feeds[0]!.set([1, 2]);
    step.feeds[1]!.set([5]);
    for (let rows = 1; rows < 20; rows++) session.run(z, { x: new Float32Array(2 * rows).fill(7), s: 7 });
    void step.feeds;
    expect(step().toArray()).toEqual([[5, 10]]);
  });

  test("a prepared run whose plan was dropped makes another", () => {
    const { session, x, s, z } = affine({ planLimit: 1 });
    const step = session.prepare(z, [x, s], { copy: false });
    const value = Float32Array.of(1, 2);
    expect(step(value, 2).toArray()).toEqual([[2, 4]]);
    for (let rows = 2; rows < 5; rows++) session.run(z, { x: new Float32Array(2 * rows), s: 0 });
    expect(step(value, 3).toArray()).toEqual([[3, 6]]);
  });

  test("shapes that do not fit are refused by prepare", () => {
    const { session, x, s, z } = affine();
    expect(() => session.prepare(z, [x, s], { shapes: [[2, 2]] })).toThrow("prepare: 1 shape for 2 tensors");
    expect(() => session.prepare(z, [x, s], { shapes: [[2, 3], []] })).toThrow("axis 1 is 3, not 2");
  });

  test("are checked if the session checks feeds", () => {
    const { session, x, s, z } = affine({ checkFeeds: true });
    const step = session.prepare(z, [x, s], { shapes: [[1, 2], []] });
    step.feeds[0]!.set([1, Number.NaN]);
    expect(() => step()).toThrow('"x:0" holds NaN at [0, 1]');
  });

  test("a result that is a view may be fed to a plan that is new", () => {
    const { session, x, s, z, graph } = affine();
    const rows = 3000;
    const first = session.prepare(z, [x, s], { copy: false });
    const big = graph.placeholder("big", ["batch", 2]);
    const view = first(new Float32Array(2 * rows).fill(2), 3);
    expect(session.run(add(big, 1), [[big, view]]).at(rows - 1, 1)).toBe(7);
    const variable = graph.variable("variable", [rows, 2]);
    session.setValue(variable, first(new Float32Array(2 * rows).fill(2), 4));
    expect(session.value(variable).at(rows - 1, 1)).toBe(8);
  });
});

describe("views that have gone stale", () => {
  /** A session whose memory surely grows with the next plan. */
  function grown() {
    const graph = new Graph();
    const x = graph.placeholder("x", [4]);
    const session = new Session(graph);
    const step = session.prepare(x.add(1), [x], { copy: false });
    const feed = step.feeds[0]!;
    const result = step();
    const grow = () => session.run(graph.placeholder("big", [500_000]).add(1), { big: new Float32Array(500_000) });
    return { step, feed, result, grow };
  }

  test("a result says so when it is read, and when it is printed", () => {
    const { result, grow } = grown();
    expect(result.toArray()).toEqual([1, 1, 1, 1]);
    grow();
    expect(() => result.data).toThrow(StateError);
    expect(() => result.toArray()).toThrow("is a view of memory that the session has moved since");
    expect(() => result.item()).toThrow("fix: read results before the next run, or prepare without { copy: false }");
    expect(inspect(result)).toBe("[data: the array is a view of memory that the session has moved since]");
  });

  test("a feed written too late is noticed, and what was written before is still there", () => {
    const { step, feed, grow } = grown();
    feed.set([1, 2, 3, 4]);
    grow();
    expect(feed.length).toBe(0);
    expect(() => step()).toThrow(StateError);
    expect(() => step()).toThrow("fix: take step.feeds again, and write the values there");
    expect(() => step(feed)).toThrow('feed: the value for "x:0" is a view of memory');
    expect([...step.feeds[0]!]).toEqual([1, 2, 3, 4]);
    expect(step().toArray()).toEqual([2, 3, 4, 5]);
  });
});

describe.each(backends)("what does not fit on %s", (backend) => {
  test("the budget: refused before anything runs, with the largest owners", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch", 1000]);
    const w = graph.variable("w", [1000, 10]);
    const y = matmul(x, w);
    const session = new Session(graph, { backend, memoryBudget: 100_000 });
    session.run(graph.initializer);
    expect(session.run(y, { x: new Float32Array(1000) }).shape).toEqual([1, 10]);
    const error = caught(() => session.run(y, { x: new Float32Array(100_000) }));
    expect(error).toBeInstanceOf(MemoryError);
    expect(error.message).toMatch(
      /^session: 4\d\d,\d{3} bytes of memory are needed for this, and memoryBudget is 100,000 bytes\n/,
    );
    expect(error.message).toMatch(/ {2}in use by the session: \d\d,\d{3} bytes\n/);
    expect(error.message).toMatch(
      /the largest:\n {4}x: float32\[100, 1000\]: 400,000 bytes, made at test\/runtime\/memory\.test\.ts:\d+:\d+\n/,
    );
    expect(error.message).toMatch(/ {4}w: float32\[1000, 10\]: 40,000 bytes, made at test/);
    expect(error.message).toMatch(
      /\nat test\/runtime\/memory\.test\.ts:\d+:\d+\nfix: run with smaller batches, or raise memoryBudget$/,
    );
    // Nothing was lost by it.
    expect(session.run(y, { x: new Float32Array(1000) }).shape).toEqual([1, 10]);
    expect(() => new Session(graph, { backend, memoryBudget: 1000 }).setValue(w, new Float32Array(10_000))).toThrow(
      "40,000 bytes of memory are needed",
    );
  });

  test("plans that are not in use make room for others", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch"]);
    const y = x.add(1);
    const session = new Session(graph, { backend, memoryBudget: 200_000 });
    const step = session.prepare(y, [x], { shapes: [[100]] });
    step.feeds[0]!.fill(5);
    const other = session.prepare(y, [x], { copy: false });
    const value = new Float32Array(7000).fill(2);
    for (let rows = 8000; rows < 8050; rows++) {
      session.run(y, { x: new Float32Array(rows) });
      expect(other(value).at(6999)).toBe(3);
      void step.feeds; // Memory has grown.
      expect(step().at(99)).toBe(6);
    }
  });

  test("plans that are dropped give their memory back", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch"]);
    const y = x.add(1);
    const session = new Session(graph, { backend, memoryBudget: 200_000, planLimit: 2 });
    for (let rows = 8000; rows < 8050; rows++) session.run(y, { x: new Float32Array(rows) });
  });

  test("a tensor too large for any kernel: its name, shape, bytes and line", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [60_000]);
    const session = new Session(graph, { backend });
    const outer = x.reshape([60_000, 1]).mul(x, { name: "outer" });
    const error = caught(() => session.run(outer, { x: new Float32Array(60_000) }));
    expect(error).toBeInstanceOf(MemoryError);
    expect(error.message).toMatch(
      /^"outer" would have 14,400,000,000 bytes; one tensor may have 2,147,483,647 bytes\n {2}outer: float32\[60000, 60000\]\nat test\/runtime\/memory\.test\.ts:\d+:\d+\nfix: /,
    );
  });
});

test("WebAssembly: more than 4 GiB in all", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [20_000]);
  const outer = x.reshape([20_000, 1]).mul(x, { name: "outer" });
  const three = [outer, outer.add(1), outer.add(2)];
  const error = caught(() => new Session(graph, { backend: "wasm" }).run(three, { x: new Float32Array(20_000) }));
  expect(error).toBeInstanceOf(MemoryError);
  expect(error.message).toMatch(
    /4,8\d\d,\d{3},\d{3} bytes of memory .*, and the wasm backend can address 4,294,836,224 bytes/,
  );
  expect(error.message).toContain("    outer: float32[20000, 20000]: 1,600,000,000 bytes, made at ");
});

test("a machine that has no more memory: what was asked for, what is in use, and by whom", () => {
  class Small extends ArrayStorage {
    override reserve(bytes: number): number {
      return super.reserve(bytes > 1000 ? 2 ** 53 : bytes);
    }
  }
  const small: Backend = {
    name: "small",
    target: "scalar",
    open: () => new Small(),
    link: () => ({ source: "", run() {} }),
  };
  const graph = new Graph();
  const x = graph.placeholder("x", ["batch"]);
  const w = graph.variable("w", [100]);
  const session = new Session(graph, { backend: small });
  session.setValue(w, new Float32Array(100));
  const error = caught(() => session.run(x.add(1), { x: new Float32Array(500) }));
  expect(error).toBeInstanceOf(MemoryError);
  expect(error.message).toMatch(
    /^memory: there are no 9,007,199,254,740,992 bytes more to be had\n {2}\d{3} bytes are in use\n/,
  );
  expect(error.message).toMatch(/ {4}x: float32\[500\]: 2,000 bytes, made at test/);
  expect(error.message).toMatch(/\nfix: run with smaller batches, or close sessions that are not used any more$/);
});

function caught(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}
