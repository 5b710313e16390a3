/** Backpropagation in numbers: what flows forward, the local gradient and what is passed back, on every edge. */
import { describe, expect, test } from "vitest";
import { buildClassifier } from "../../samples/mnist/model.ts";
import { graphviz } from "../../samples/support/graphviz.ts";
import { func, tensor, variable } from "../../src/eager/index.ts";
import {
  add,
  broadcastTo,
  cast,
  GradientError,
  Graph,
  gather,
  gradients,
  identity,
  matmul,
  mean,
  mul,
  type NDArray,
  relu,
  Session,
  scan,
  sigmoid,
  squaredDifference,
  sub,
  sum,
  type Tensor,
  tanh,
} from "../../src/index.ts";
import { type Backpropagation, backpropagation, pictureOf, toDot, toMermaid, toSvg } from "../../src/inspect/index.ts";
import { GradientDescent } from "../../src/train/index.ts";
import { expectGolden } from "../support/golden.ts";
import { RandomStream } from "../support/random.ts";
import { expectImage } from "./images.ts";

/** The slide's network, one unit per layer: n1 = w1 x, h = ReLU(n1), n = w2 h, y = Identity(n), J = (y - t)². */
function slide() {
  const graph = new Graph({ name: "slide" });
  const x = graph.placeholder("x", []);
  const t = graph.placeholder("t", []);
  const w1 = graph.variable("w1", [], { initial: 0.5 });
  const w2 = graph.variable("w2", [], { initial: 2 });
  const h = relu(mul(w1, x, { name: "n1" }), { name: "h" });
  const y = identity(mul(w2, h, { name: "n" }), { name: "y" });
  const J = squaredDifference(y, t, { name: "J" });
  return { graph, x, t, w1, w2, h, J };
}

/** Labels of edges by the names of what they connect: `w1 → n1`. */
function labels(subject: Backpropagation): Readonly<Record<string, string>> {
  const { nodes, edges } = pictureOf(subject);
  const names = new Map(nodes.map((node) => [node.id, /%([^:]+):/.exec(node.tooltip)?.[1] ?? node.title]));
  return Object.fromEntries(edges.map(({ from, to, label }) => [`${names.get(from)} → ${names.get(to)}`, label]));
}

describe("row 66: the figure of the slide, for any graph", () => {
  test("x = 3, w1 = 0.5, w2 = 2, t = 1: every edge shows value, local gradient and passed gradient", () => {
    expect(labels(backpropagation(slide().J, { x: 3, t: 1 }))).toEqual({
      "y → J": "value 3\nlocal 4\npassed 1 · 4 = 4",
      "t → J": "value 1\nlocal -4\npassed 1 · (-4) = -4",
      "n → y": "value 3\nlocal 1\npassed 4 · 1 = 4",
      "h → n": "value 1.5\nlocal 2\npassed 4 · 2 = 8",
      "w2 → n": "value 2\nlocal 1.5\npassed 4 · 1.5 = 6",
      "n1 → h": "value 1.5\nlocal 1\npassed 8 · 1 = 8",
      "w1 → n1": "value 0.5\nlocal 3\npassed 8 · 3 = 24",
      "x → n1": "value 3\nlocal 0.5\npassed 8 · 0.5 = 4",
    });
  });

  test("as a table, as DOT, Mermaid and SVG", async () => {
    const figure = backpropagation(slide().J, { x: 3, t: 1 });
    expect(String(figure).split("\n")).toEqual([
      "backpropagation of J = 4",
      "         value  local  passed",
      "t → J    1      -4     1 · (-4) = -4",
      "y → J    3      4      1 · 4 = 4",
      "n → y    3      1      4 · 1 = 4",
      "h → n    1.5    2      4 · 2 = 8",
      "w2 → n   2      1.5    4 · 1.5 = 6",
      "n1 → h   1.5    1      8 · 1 = 8",
      "x → n1   3      0.5    8 · 0.5 = 4",
      "w1 → n1  0.5    3      8 · 3 = 24",
    ]);
    expectGolden("inspect/backpropagation.dot", toDot(figure));
    expectGolden("inspect/backpropagation.mermaid", toMermaid(figure));
    expect(await toSvg(figure, { layout: graphviz })).toContain("passed 8 · 3 = 24");
    await expectImage("backpropagation.svg", figure);
  });

  test("the numbers behind it, from J back", () => {
    const { edges } = backpropagation(slide().J, { x: 3, t: 1 });
    const last = edges.at(-1)!;
    expect([last.of, last.by, last.operand]).toEqual(["n1", "w1", 0]);
    expect([last.value, last.local!, last.incoming, last.passed].map((array) => array.item())).toEqual([0.5, 3, 8, 24]);
  });

  test("the values of a session, and the graph as it was", () => {
    const { graph, J, w1 } = slide();
    const step = new GradientDescent(0.1).minimize(J);
    const session = new Session(graph);
    session.run(graph.initializer);
    session.run(step, { x: 3, t: 1 });
    const count = graph.operations.length;
    const { edges } = backpropagation(J, { x: 3, t: 1 }, { session });
    const now = (session.run(w1) as NDArray).item();
    expect(now).toBeCloseTo(0.5 - 0.1 * 24, 5);
    expect(edges.find(({ by }) => by === "w1")!.value.item()).toBe(now);
    expect(graph.operations).toHaveLength(count);
  });

  test("what is fed is where the picture ends", () => {
    const { h, J } = slide();
    const { edges } = backpropagation(J, [
      [h, 1.5],
      ["t", 1],
    ] as never);
    expect(edges.map(({ by }) => by)).not.toContain("w1");
    expect(edges.find(({ by }) => by === "h")!.passed.item()).toBe(8);
  });
});

describe("tensors", () => {
  const few = [
    [1, 2],
    [3, -4],
  ];
  function layer() {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch", 2]);
    const w = graph.variable("w", [2, 3], { initial: [0.5, -1, 2, 1, 0.25, -0.5] as never });
    const b = graph.variable("b", [3]);
    return { x, w, b, J: mean(relu(add(matmul(x, w), b)), { name: "J" }) };
  }

  test("few elements are written out, of more the shape and how large they are; rules stand for large derivatives", () => {
    const found = labels(backpropagation(layer().J, { x: few }));
    expect(found["x → matmul"]).toBe(
      "value [[1, 2], [3, -4]]\nlocal g·wᵀ\npassed [[0.4167, 0.08333], [0.3333, -0.08333]]",
    );
    expect(found["w → matmul"]).toMatch(/^value \[2, 3\], mean \|·\| \S+\nlocal xᵀ·g\npassed \[2, 3\], mean/);
    // Element by element: a bias counts once in each row, and what it is passed is the sum over the rows.
    expect(found["b → add"]).toMatch(/^value \[0, 0, 0\]\nlocal \[2, 3\], mean \|·\| 1\npassed \[/);
    expect(found["relu → J"]).toMatch(/\nlocal \[2, 3\], mean \|·\| 0.167\n/);
  });

  test("where no gradient flows there is only the value", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [3]);
    const i = graph.placeholder("i", [], { dtype: "int32" });
    const J = mul(gather(x, i, 0, { name: "row" }), cast(i, "float32", { name: "factor" }), { name: "J" });
    const figure = backpropagation(J, { x: [1, 2, 3], i: 2 });
    const found = labels(figure);
    expect(found["i → row"]).toBe("value 2");
    expect(found["row → J"]).toBe("value 3\nlocal 2\npassed 1 · 2 = 2");
    expect(pictureOf(figure).edges.map(({ kind }) => kind)).toContain("data");
  });

  test("a tensor used twice by one operation has an edge for each operand", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", []);
    const { edges } = pictureOf(backpropagation(mul(x, x), { x: 3 }));
    expect(edges.map(({ label }) => label)).toEqual(Array(2).fill("value 3\nlocal 3\npassed 1 · 3 = 3"));
  });

  test("a loop is one step of it", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [3]);
    const w = graph.variable("w", [], { initial: 0.5 });
    const [last] = scan((h: Tensor, row: Tensor) => [tanh(add(mul(h, w), row)), null], broadcastTo(w, []), x);
    const { edges } = backpropagation(last, { x: [1, 2, 3] });
    expect(edges.filter(({ of }) => of === "scan").map(({ localText }) => localText)).toContain("Jᵀ·g");
  });
});

test.each([1, 2, 3, 4, 5, 6])("what a tensor is passed adds up to its gradient: random graph %i", (seed) => {
  const random = new RandomStream(seed);
  const roll = (sides: number): number => random.whole(0, sides - 1);
  const graph = new Graph();
  const numbers = (n: number): number[] => Array.from({ length: n }, () => random.between(-1, 1));
  const square = graph.placeholder("x", [2, 2]);
  const pool: Tensor[] = [
    square,
    graph.variable("w", [2, 2], { initial: numbers(4) as never }),
    graph.variable("b", [2], { initial: numbers(2) }),
  ];
  const pick = (): Tensor => pool[roll(pool.length)]!;
  for (let i = 0; i < 12; i++) {
    const [a, b] = [pick(), pick()];
    const made = [() => add(a, b), () => mul(a, b), () => sub(a, b), () => tanh(a), () => sigmoid(a)][roll(5)]!();
    pool.push(roll(4) === 0 ? matmul(add(made, square), add(a, square)) : made);
  }
  const J = sum(
    pool.slice(-4).reduce((total: Tensor, next) => add(total, next)),
    { name: "J" },
  );
  const x = [
    [0.5, -0.25],
    [1, 0.75],
  ];
  const { edges } = backpropagation(J, { x });
  const totals = new Map<string, Float64Array>();
  for (const { by, passed } of edges) {
    const sums = totals.get(by) ?? new Float64Array(passed.data.length);
    passed.data.forEach((element: number, i: number) => {
      sums[i]! += element;
    });
    totals.set(by, sums);
  }
  const tensors = [...totals.keys()].map((name) => graph.operation(name).outputs[0]!);
  const session = new Session(graph);
  session.run(graph.initializer);
  const fetched = session.run(gradients(J, tensors), { x }) as readonly NDArray[];
  expect(totals.size).toBeGreaterThan(4);
  tensors.forEach((tensor, i) => {
    fetched[i]!.data.forEach((element: number, k: number) => {
      const error = Math.abs(totals.get(tensor.op.name)![k]! - element);
      expect(error, tensor.name).toBeLessThan(1e-5 * Math.max(1, Math.abs(element)));
    });
  });
  // And each is the incoming gradient times the local one, wherever both have the shape of the result.
  for (const { local, incoming, passed } of edges) {
    if (local?.data.length !== incoming.data.length || passed.data.length !== incoming.data.length) continue;
    passed.data.forEach(
      (element: number, k: number) => void expect(element).toBeCloseTo(incoming.data[k]! * local.data[k]!, 4),
    );
  }
});

describe("define-by-run", () => {
  test("the graph of a traced function", () => {
    const w = variable(0.5, { name: "w" });
    const loss = func((x: Tensor) => squaredDifference(mul(x, w, { name: "y" }), 1, { name: "J" }), { name: "loss" });
    const graph = loss.graph(tensor(3, { dtype: "float32" }) as never);
    const [x, traced] = ["placeholder", "variable"].map(
      (effect) => graph.operations.find(({ def }) => def.effect === effect)!.outputs[0]!,
    );
    const figure = backpropagation(graph.operations.at(-1)!.outputs[0]!, [
      [x!, 3],
      [traced!, w.value],
    ] as never);
    const edge = figure.edges.find(({ by }) => by === traced!.op.name)!;
    expect([edge.local!.item(), edge.passed.item()]).toEqual([3, 3]);
  });

  test("a value says how it can be drawn", () => {
    const J = mul(tensor(3, { dtype: "float32" }), 2);
    expect(() => backpropagation(J)).toThrow(
      /it does not know how it was computed[\s\S]*fix: .*func\(loss\)\.graph\(x\)/,
    );
  });
});

test("a classifier with its loss, and no node more than asked for", () => {
  const { graph, loss } = buildClassifier();
  const feeds = { images: new Float32Array(2 * 784).fill(0.5), labels: [3, 7] };
  const session = new Session(graph);
  session.run(graph.initializer);
  const figure = backpropagation(loss, feeds as never, { session });
  expect(figure.edges.length).toBeGreaterThan(10);
  expect(pictureOf(figure, { maxNodes: 10 }).nodes.length).toBeLessThanOrEqual(10);
});

test("what can not be drawn", () => {
  const { x } = slide();
  expect(() => backpropagation(x, { x: 1 })).toThrow(GradientError);
  expect(() => backpropagation(x, { x: 1 })).toThrow(/backpropagation: "x" is not computed from anything[\s\S]*fix:/);
});
