/** A session in a worker does what a session does: same values, same order, same types. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataset } from "../../src/data/index.ts";
import {
  affine,
  createSession,
  customGradient,
  Graph,
  gradients,
  meanSquaredError,
  NDArray,
  relu,
  Session,
  setWarningHandler,
  type WorkerSession,
} from "../../src/index.ts";
import { Adam, glorotUniform } from "../../src/train/index.ts";

const inputs = Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1);
const targets = Float32Array.of(0, 1, 1, 0);

function network() {
  const graph = new Graph({ seed: 7 });
  const x = graph.placeholder("x", ["batch", 2]);
  const target = graph.placeholder("target", ["batch", 1]);
  const w1 = graph.variable("w1", [2, 8], { initial: glorotUniform });
  const hidden = relu(affine(x, w1, graph.variable("b1", [8])));
  const output = affine(hidden, graph.variable("w2", [8, 1], { initial: glorotUniform }), graph.variable("b2", [1]));
  const loss = meanSquaredError(target, output);
  return { graph, x, target, w1, hidden, output, loss, step: new Adam(0.05).minimize(loss) };
}

const bits = ({ data }: NDArray) => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];

describe("a session in a worker", () => {
  const net = network();
  let remote: WorkerSession;
  let local: Session;

  beforeAll(async () => {
    remote = createSession(net.graph, { worker: true });
    local = createSession(net.graph);
    expect(local).toBeInstanceOf(Session);
    await remote.run(net.graph.initializer);
    local.run(net.graph.initializer);
  });
  afterAll(() => remote.close());

  test("gives the same bits and the same structure", async () => {
    const fetches = {
      outputs: [net.output, "w1"],
      nothing: net.step.graph.operation("w1/initialize"),
      loss: net.loss,
    } as const;
    const feeds = { x: inputs, target: targets };
    const found = await remote.run(fetches, feeds);
    const expected = local.run(fetches, feeds);
    expect(found).toEqual(expected);
    expect(found.outputs[0]).toBeInstanceOf(NDArray);
    expect(bits(found.loss)).toEqual(bits(expected.loss));
    expect(found.nothing).toBeNull();
    const shape: readonly number[] = found.outputs[0].shape;
    expect(shape).toEqual([4, 1]);
  });

  test("trains to the same bits, run by run, prepared, and ahead", async () => {
    const feeds = { x: inputs, target: targets };
    for (let i = 0; i < 3; i++) {
      const [loss] = await remote.run([net.loss, net.step], feeds);
      expect(bits(loss)).toEqual(bits(local.run([net.loss, net.step], feeds)[0]));
    }
    const step = await remote.prepare([net.loss, net.step], [net.x, net.target]);
    const localStep = local.prepare([net.loss, net.step], [net.x, net.target]);
    for (let i = 0; i < 3; i++) {
      const [loss, none] = await step(inputs, targets);
      expect(bits(loss)).toEqual(bits(localStep(inputs, targets)[0]));
      expect(none).toBeNull();
    }
    let runs = 0;
    for await (const loss of remote.runEach(net.loss, Array(5).fill(feeds))) {
      expect(bits(loss)).toEqual(bits(local.run(net.loss, feeds)));
      runs++;
    }
    expect(runs).toBe(5);
    expect(bits(await remote.value(net.w1))).toEqual(bits(local.value(net.w1)));
  });

  test("runEach takes the batches of a data set", async () => {
    const samples = dataset({ x: { data: inputs, shape: [4, 2] }, target: { data: targets, shape: [4, 1] } }).batch(2);
    const found: number[] = [];
    for await (const loss of remote.runEach(net.loss, samples)) found.push(loss.item());
    const expected: number[] = [];
    for (const feeds of samples) expected.push(local.run(net.loss, feeds).item());
    expect(found).toEqual(expected);
    expect(found).toHaveLength(2);
  });

  test("feeds are copied at the call", async () => {
    const x = inputs.slice();
    const part = new Float32Array(16).fill(1).subarray(4, 12);
    const shared = new Float32Array(new SharedArrayBuffer(32)).fill(1);
    const double = net.graph.placeholder("plain", [null]).mul(2);
    const answers = [x, part, shared].map((array) => {
      const answer = remote.run(double, { plain: array });
      array.fill(9);
      return answer;
    });
    const [first, second, third] = await Promise.all(answers);
    expect([...first!.data]).toEqual([...inputs].map((value) => 2 * value));
    expect([...second!.data]).toEqual(Array(8).fill(2));
    expect([...third!.data]).toEqual(Array(8).fill(2));
    const step = await remote.prepare(double, ["plain"]);
    const array = inputs.slice();
    const answer = step(array);
    array.fill(9);
    expect([...(await answer).data]).toEqual([...inputs].map((value) => 2 * value));
  });

  test("transfer moves whole arrays, and copies parts", async () => {
    const sum = net.graph.placeholder("moved", [null]).sum();
    const step = await remote.prepare(sum, ["moved"], { transfer: true });
    const whole = Float32Array.of(1, 2, 3);
    const part = Float32Array.of(1, 2, 3, 4).subarray(1);
    expect((await step(whole)).item()).toBe(6);
    expect(whole).toHaveLength(0);
    expect((await step(part)).item()).toBe(9);
    expect(part).toHaveLength(3);
    await expect(step(whole)).rejects.toThrow('feed: the value for "moved:0" is a view of memory');
  });

  test("a graph that grows keeps its variables' values", async () => {
    const before = bits(await remote.value(net.w1));
    const { graph } = net;
    const added = graph.variable("added", [2], { initial: [3, 4] });
    const scaled = net.w1.mul(2);
    await remote.run(added.initializer);
    local.run(added.initializer);
    expect(bits(await remote.value(net.w1))).toEqual(before);
    expect(await remote.run([added, scaled])).toEqual(local.run([added, scaled]));
  });

  test("open sizes nobody named stay the same size when the graph grows", async () => {
    const graph = new Graph();
    const a = graph.placeholder("a", [null, 2]);
    await using session = createSession(graph, { worker: true });
    expect((await session.run(a.add(1), { a: [[1, 2]] })).toArray()).toEqual([[2, 3]]);
    const b = a.mul(2).add(a);
    expect((await session.run(b, { a: [[1, 2]] })).toArray()).toEqual([[3, 6]]);
  });

  test("derivatives built with customGradient cross as what they are: ops", async () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [3]);
    const y = customGradient(
      [x],
      (input) => input.mul(2),
      (dy) => [dy.mul(10)],
    );
    const [derivative] = gradients(y.sum(), [x]);
    await using session = createSession(graph, { worker: true });
    const feeds = { x: [1, 2, 3] };
    expect(await session.run([y, derivative!], feeds)).toEqual(new Session(graph).run([y, derivative!], feeds));
  });

  test("setValue and value", async () => {
    const value = NDArray.of(
      [1, 2, 3, 4, 5, 6, 7, 8].map((x) => x / 3),
      { shape: [8] },
    );
    const b1 = net.graph.variables().find(({ name }) => name === "b1")!.variable;
    await remote.setValue(b1, value);
    expect(await remote.value(b1)).toEqual(value);
  });

  test("calls are answered in order", async () => {
    const order: number[] = [];
    const answers = [0, 1, 2, 3].map((i) => remote.run(net.output, { x: inputs }).then(() => order.push(i)));
    await Promise.all(answers);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  test("plan tells what is plain data", async () => {
    const { kernels, source, arenaBytes, liveBytes, totalBytes, passes } = await remote.plan(net.output, { x: inputs });
    const expected = local.plan(net.output, { x: inputs });
    expect(kernels).toEqual(expected.steps.map(({ kernel }) => kernel.name));
    expect(source).toBe(expected.source);
    expect({ arenaBytes, liveBytes, totalBytes }).toEqual({
      arenaBytes: expected.arenaBytes,
      liveBytes: expected.liveBytes,
      totalBytes: expected.totalBytes,
    });
    expect(passes.map(({ name }) => name)).toEqual(expected.trace.map(({ name }) => name));
  });

  test("two sessions on one graph are independent", async () => {
    await using other = createSession(net.graph, { worker: true, backend: "javascript" });
    await expect(other.value(net.w1)).rejects.toThrow("is not initialised in this session");
    await other.setValue(net.w1, NDArray.of(0, { dtype: "float32", shape: [2, 8] }));
    expect((await other.value(net.w1)).data.every((x) => x === 0)).toBe(true);
    expect((await remote.value(net.w1)).data.every((x) => x === 0)).toBe(false);
  });

  test("options cross: what is compiled, how many threads, how much memory", async () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [64, 64]);
    const y = x.matmul(x);
    const feeds = { x: new Float32Array(4096).fill(0.5) };
    await using threaded = createSession(graph, { worker: true, threads: 2, compile: { disable: ["simplify"] } });
    const { passes } = await threaded.plan(y, feeds);
    expect(passes.find(({ name }) => name === "simplify")!.skipped).toBe(true);
    expect(bits(await threaded.run(y, feeds))).toEqual(bits(new Session(graph).run(y, feeds)));
    await using small = createSession(graph, { worker: true, memoryBudget: 1000, checkFeeds: true });
    await expect(small.run(y, feeds)).rejects.toThrow("and memoryBudget is 1,000 bytes");
    await expect(small.run(y, { x: new Float32Array(4096).fill(Number.NaN) })).rejects.toThrow(
      '"x:0" holds NaN at [0, 0]',
    );
  });

  test("warnings come to this thread, with this thread's lines", async () => {
    const graph = new Graph();
    const y = graph.placeholder("x", [2, 3]).softmax().log();
    const warnings: string[] = [];
    const previous = setWarningHandler((text) => void warnings.push(text));
    try {
      await using session = createSession(graph, { worker: true });
      await session.run(y, { x: new Float32Array(6) });
    } finally {
      setWarningHandler(previous);
    }
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/log.*\nat test\/remote\/session\.test\.ts:\d+:\d+\nfix: /s);
  });
});
