/** What goes wrong in a session in a worker: its errors, calls that are called off, workers that are gone. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { spawnWorker, type WorkerHandle, workerUrl } from "../../src/core/workers.ts";
import {
  assignAdd,
  type Backend,
  createSession,
  FeedError,
  ForerunError,
  Graph,
  GraphError,
  type RunProgress,
  Session,
  StateError,
  type WorkerSession,
} from "../../src/index.ts";
import { WorkerSession as WorkerSessionClass } from "../../src/remote/worker-session.ts";

const file = "test/remote/failures.test.ts";

async function failure(promise: Promise<unknown>): Promise<ForerunError> {
  try {
    await promise;
  } catch (error) {
    return error as ForerunError;
  }
  throw new Error("no error");
}
function thrown(call: () => unknown): ForerunError {
  try {
    call();
  } catch (error) {
    return error as ForerunError;
  }
  throw new Error("no error");
}
/** The text without the line of the call: the calls on both sides stand on lines of their own. */
const comparable = (error: Error): string => error.message.replace(/(^|\] )at \S+:\d+:\d+$/gm, "$1at …");

/** A graph with a run that takes a while: the interpreter multiplies matrices. */
function slowGraph(size = 64) {
  const graph = new Graph();
  const x = graph.placeholder("x", [size, size]);
  const counter = graph.variable("counter", []);
  const slow = x.matmul(x).sum();
  return { graph, x, counter, slow, feeds: { x: new Float32Array(size * size).fill(1) } };
}

describe("errors of a session in a worker", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", ["batch", 3]);
  const wide = graph.placeholder("wide", ["n", "m"]);
  const v = graph.variable("v", [3]);
  const reads = x.mul(v);
  const foreign = new Graph().constant(1);
  let remote: WorkerSession;
  const local = new Session(graph);

  beforeAll(() => {
    remote = createSession(graph, { worker: true });
  });
  afterAll(() => remote.close());

  const cases: Readonly<Record<string, [kind: unknown, remote: () => Promise<unknown>, local: () => unknown]>> = {
    "of a placeholder that is not fed": [FeedError, () => remote.run(reads), () => local.run(reads)],
    "of a fed shape": [FeedError, () => remote.run(x, { x: [[1]] }), () => local.run(x, { x: [[1]] })],
    "of a fed value": [
      FeedError,
      () => remote.run(x, { x: ["a"] as never }),
      () => local.run(x, { x: ["a"] as never }),
    ],
    "of a variable without a value": [
      StateError,
      () => remote.run(reads, { x: [[1, 2, 3]] }),
      () => local.run(reads, { x: [[1, 2, 3]] }),
    ],
    "of sizes that do not fit at run time": [
      ForerunError,
      () => remote.run(wide.matmul(wide), { wide: [[1, 2, 3]] }),
      () => local.run(graph.tensor("matmul"), { wide: [[1, 2, 3]] }),
    ],
    "of a foreign tensor": [GraphError, () => remote.run(foreign), () => local.run(foreign)],
    "of a name": [GraphError, () => remote.run("nobody"), () => local.run("nobody")],
    "of setValue": [FeedError, () => remote.setValue(v, [1, 2]), () => local.setValue(v, [1, 2])],
    "of something that is no variable": [
      GraphError,
      () => remote.setValue(x as never, [1]),
      () => local.setValue(x as never, [1]),
    ],
  };
  test.each(Object.entries(cases))("%s: same class, same text, the caller's line", async (_, [kind, there, here]) => {
    const found = await failure(there());
    const expected = thrown(here);
    expect(found).toBeInstanceOf(kind);
    expect(found.constructor).toBe(expected.constructor);
    expect(comparable(found)).toBe(comparable(expected));
    if (expected.parts.at !== undefined) expect(found.parts.at).toMatch(new RegExp(`^${file}:\\d+:\\d+$`));
  });

  test("of a prepared run", async () => {
    const step = await remote.prepare(x, [x]);
    const localStep = local.prepare(x, [x]);
    for (const values of [[], [[[1, 2]]]] as const) {
      const found = await failure(step(...values));
      expect(comparable(found)).toBe(comparable(thrown(() => localStep(...values))));
      expect(found.parts.at).toContain(file);
    }
  });

  test("of runEach name the line that called it", async () => {
    const runs = remote.runEach(x, [{ x: [[1, 2, 3]] }, { x: [[1]] }]);
    expect((await runs.next()).value).toMatchObject({ shape: [1, 3] });
    const found = await failure(runs.next());
    expect(found).toBeInstanceOf(FeedError);
    expect(found.parts.at).toContain(file);
    expect(await runs.next()).toEqual({ done: true, value: undefined });
  });

  test("their stack is that of the call", async () => {
    const { stack } = await failure(remote.run(reads));
    expect(stack).toMatch(/^FeedError: run: you must feed [\s\S]*\n\s+at .*failures\.test\.ts/);
  });
});

describe("what can not cross", () => {
  test("a backend that is an object, and functions among the options", () => {
    const backend = { name: "mine" } as Backend;
    expect(thrown(() => createSession(new Graph(), { worker: true, backend })).message).toMatch(
      /^createSession: the backend "mine", which is an object, can not be sent to a worker\nat .*\nfix: name one of "wasm"/,
    );
    const compile = { onPass: () => {} };
    expect(() => createSession(new Graph(), { worker: true, compile })).toThrow(
      "createSession: compile.onPass, a function, can not be sent to a worker",
    );
    expect(() => createSession(new Graph(), { worker: true, workerUrl: "a b" })).toThrow(
      'createSession: workerUrl "a b" is not an absolute URL',
    );
  });

  test("options the worker refuses reject every call", async () => {
    const { graph, counter } = slowGraph();
    await using session = createSession(graph, { worker: true, backend: "gpu" as never });
    for (let i = 0; i < 2; i++)
      await expect(session.run(counter.initializer)).rejects.toThrow('session: there is no backend "gpu"');
  });
});

describe("calling off", () => {
  const { graph, counter, slow, feeds } = slowGraph(96);
  const count = assignAdd(counter, 1);
  let session: WorkerSession;

  beforeAll(async () => {
    session = createSession(graph, { worker: true, backend: "interpreter" });
    await session.run(graph.initializer);
  });
  afterAll(() => session.close());
  const counted = async () => (await session.value(counter)).item();

  test("an aborted signal rejects at once, with its reason", async () => {
    const reason = new Error("never mind");
    await expect(session.run(count, [], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await counted()).toBe(0);
  });

  test("a run that waits is never started, one under way is finished", async () => {
    await session.setValue(counter, 0);
    const stop = new AbortController();
    const settled: string[] = [];
    // It is under way when it is being compiled.
    const onProgress = () => stop.abort(new Error("enough"));
    const first = session.run([slow, count], feeds, { signal: stop.signal, onProgress });
    const second = session.run(count, [], { signal: stop.signal });
    const third = session.run(count).then(() => settled.push("third"));
    for (const run of [first, second]) run.catch((error) => settled.push(error.message));
    await third;
    expect(settled).toEqual(["enough", "enough", "third"]);
    expect(await counted()).toBe(2);
  });

  test("runEach stops, also where it waits for a batch", async () => {
    const stop = new AbortController();
    async function* batches() {
      yield {};
      await new Promise(() => {});
    }
    const runs = session.runEach(slow, endless(feeds), { signal: stop.signal });
    await runs.next();
    stop.abort(new Error("enough"));
    await expect(runs.next()).rejects.toThrow("enough");
    const other = new AbortController();
    const waiting = session.runEach(count, batches(), { signal: other.signal });
    expect((await waiting.next()).done).toBe(false);
    const next = waiting.next();
    other.abort(new Error("enough of that"));
    await expect(next).rejects.toThrow("enough of that");
    // Aborted while the reader has its turn, and no run is under way.
    const third = new AbortController();
    const one = session.runEach(count, batches(), { signal: third.signal, ahead: 1 });
    await one.next();
    third.abort(new Error("enough again"));
    await expect(one.next()).rejects.toThrow("enough again");
    await expect(session.runEach(count, [{}], { signal: third.signal }).next()).rejects.toThrow("enough again");
  });

  test("a reader of runEach that stops calls off what has not begun, and closes its batches", async () => {
    await session.setValue(counter, 0);
    let closed = false;
    function* batches() {
      try {
        for (;;) yield feeds;
      } finally {
        closed = true;
      }
    }
    for await (const _ of session.runEach([slow, count], batches(), { ahead: 4 })) break;
    expect(closed).toBe(true);
    expect(await counted()).toBeLessThanOrEqual(2);
  });

  test("runEach gives a result without waiting for the next batch", async () => {
    let give: (() => void) | null = null;
    async function* batches() {
      for (;;) {
        yield {};
        await new Promise<void>((resolve) => {
          give = resolve;
        });
      }
    }
    const runs = session.runEach(counter, batches(), { ahead: 3 });
    for (let i = 0; i < 3; i++) {
      expect((await runs.next()).done).toBe(false);
      give!();
    }
    const end = runs.return();
    give!();
    await end;
  });

  test("runEach refuses a number that is none", () => {
    expect(() => session.runEach(count, [], { ahead: 0 })).toThrow(/^runEach: ahead is 0\nat .*failures\.test\.ts/);
  });
});

function* endless<T>(value: T) {
  for (;;) yield value;
}

describe("progress", () => {
  test("counts passes while it compiles, and runs", async () => {
    const { graph, slow, feeds, x } = slowGraph(8);
    await using session = createSession(graph, { worker: true });
    const seen: RunProgress[] = [];
    const onProgress = (progress: RunProgress) => void seen.push(progress);
    await session.run(slow, feeds, { onProgress });
    const total = seen[0]!.total;
    expect(total).toBeGreaterThan(10);
    expect(seen).toEqual([
      ...Array.from({ length: total }, (_, i) => ({ stage: "compiling", done: i + 1, total })),
      { stage: "running", done: 1, total: 1 },
    ]);
    seen.length = 0;
    for await (const _ of session.runEach(slow, [feeds, feeds, feeds], { onProgress }));
    expect(seen).toEqual([1, 2, 3].map((done) => ({ stage: "running", done, total: 3 })));
    seen.length = 0;
    const step = await session.prepare(slow, [x], { onProgress });
    await step(feeds.x);
    expect(seen.at(-1)).toEqual({ stage: "running", done: 1, total: 1 });
  });
});

describe("a worker that is gone", () => {
  const fragile = () => {
    const made = slowGraph();
    const url = workerUrl(import.meta.url, "fragile-worker");
    return { ...made, session: createSession(made.graph, { worker: true, workerUrl: url, backend: "interpreter" }) };
  };

  test("because its file can not be loaded", async () => {
    const { graph, slow, feeds } = slowGraph();
    const session = createSession(graph, { worker: true, workerUrl: new URL("./nowhere.js", import.meta.url) });
    const error = await failure(session.run(slow, feeds));
    expect(error).toBeInstanceOf(StateError);
    expect(error.message).toMatch(
      /^session: its worker could not be started: .*nowhere\.js.*\n {2}1 call had no answer: run\nat .*failures\.test\.ts:\d+:\d+\nfix: workerUrl must lead to session-worker\.js/s,
    );
    await expect(session.run(slow, feeds)).rejects.toThrow("session: its worker could not be started");
    await session.close();
  });

  test("because it ended by itself", async () => {
    const { session, slow, feeds } = fragile();
    const errors = await Promise.all([session.plan(slow), session.run(slow, feeds)].map(failure));
    for (const error of errors) expect(error).toBeInstanceOf(StateError);
    expect(errors[1]!.message).toMatch(
      /^session: its worker ended with exit code 3\n {2}2 calls had no answer: plan, run\nat .*\nfix: open a new session/,
    );
    await expect(session.run(slow, feeds)).rejects.toThrow("session: its worker ended with exit code 3");
  });

  test("because something in it failed", async () => {
    const { session, slow, feeds } = fragile();
    const running = session.run(slow, feeds);
    const error = await failure(Promise.all([session.plan(slow, feeds), running, session.run(slow, feeds)]));
    expect(error.message).toContain("session: its worker failed: out of luck");
  });

  test("because it was closed, or ended from outside", async () => {
    const { graph, slow, feeds } = slowGraph();
    let worker: WorkerHandle | null = null;
    const open = () =>
      new WorkerSessionClass(graph, { backend: "interpreter" }, () => {
        worker = spawnWorker(workerUrl(new URL("../../src/remote/x.ts", import.meta.url).href, "session-worker"));
        return worker;
      });
    const closed = open();
    const running = failure(closed.run(slow, feeds));
    await closed.close();
    expect((await running).message).toMatch(
      /^session: closed before its worker had answered\n {2}1 call had no answer: run\nat /,
    );
    expect((await failure(closed.run(slow, feeds))).message).toMatch(
      /^session: run after close\nat .*failures\.test\.ts/,
    );
    await closed.close();
    const ended = open();
    const answer = failure(ended.run(slow, feeds));
    await worker!.terminate();
    expect((await answer).message).toContain("session: its worker ended with exit code ");
  });
});
