import { describe, expect, test } from "vitest";
import {
  add,
  conv2d,
  customGradient,
  exp,
  GradientError,
  Graph,
  gradients,
  identity,
  matmul,
  mean,
  mul,
  type NDArray,
  relu,
  Session,
  softmax,
  square,
  squaredDifference,
  sub,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { chainRule, checkGradients, debugPrint, explain, flopsOf, stats } from "../../src/inspect/index.ts";

function layer() {
  const graph = new Graph();
  const x = graph.placeholder("x", ["batch", 3]);
  const w = graph.variable("w", [3, 2]);
  const b = graph.variable("b", [2]);
  const h = relu(add(matmul(x, w), b), { name: "h" });
  return { graph, x, w, b, h };
}

describe("debugPrint", () => {
  test("a tree with numbers, shapes and lines", () => {
    const { h } = layer();
    const text = debugPrint(h).replace(/ {2,}\S*debug\.test\.ts:\d+:\d+/g, "  LINE");
    expect(text.split("\n")).toEqual([
      'relu "h" #9: float32[batch, 2]  LINE',
      "└─ add #8: float32[batch, 2]  LINE",
      "   ├─ matmul #7: float32[batch, 2]  LINE",
      '   │  ├─ placeholder "x" #0: float32[batch, 3]  LINE',
      '   │  └─ variable "w" #1: float32[3, 2]  LINE',
      '   └─ variable "b" #4: float32[2]  LINE',
    ]);
  });

  test("what is shared is printed once and referred to", () => {
    const { h } = layer();
    const text = debugPrint(sub(h, mul(h, 2)), { lines: false, depth: 2 });
    expect(text.split("\n")).toEqual([
      "sub #12: float32[batch, 2]",
      '├─ relu "h" #9: float32[batch, 2]',
      "│  └─ add #8: float32[batch, 2]",
      "│     └─ …",
      "└─ mul #11: float32[batch, 2]",
      '   ├─ ↑ relu "h" #9',
      "   └─ constant = 2 #10: float32[]",
    ]);
  });

  test("a chain of 20,000 operations", () => {
    const graph = new Graph();
    let x: Tensor = graph.placeholder("x", []);
    for (let i = 0; i < 20_000; i++) x = identity(x);
    expect(debugPrint(x, { lines: false, depth: 5 }).split("\n")).toHaveLength(7);
    expect(explain(x)).toHaveLength(20_000 * "identity()".length + 1);
  });
});

describe("explain", () => {
  const graph = new Graph();
  const a = graph.placeholder("a", [3]);
  const b = graph.placeholder("b", [3]);
  const s = graph.placeholder("s", []);
  const m = graph.placeholder("m", [3, 3]);
  test.each<[string, () => Tensor]>([
    ["relu(x·w + b)", () => layer().h],
    ["a + b + s", () => add(add(a, b), s)],
    ["a - (b - s)", () => sub(a, sub(b, s))],
    ["(a + b) ⊙ b", () => mul(add(a, b), b)],
    ["s·a", () => mul(s, a)],
    ["(a - b)²", () => square(sub(a, b))],
    ["(a - b)² ⊙ b", () => mul(squaredDifference(a, b), b)],
    ["-(a + b)", () => add(a, b).neg()],
    ["mᵀ·m", () => matmul(m, m, { transposeA: true })],
    ["exp(a) / (b / 2)", () => exp(a).div(b.div(2))],
    ["softmax(a, axis: -1)", () => softmax(a)],
    ["mean(a)", () => mean(a)],
    ["sum(m, axes: [1], keepDims: true)", () => sum(m, { axis: 1, keepDims: true })],
  ])("%s", (text, build) => {
    expect(explain(build())).toBe(text);
  });

  test("what is used twice stands in a line of its own", () => {
    const { h } = layer();
    const e = exp(h, { name: "e" });
    expect(explain(mul(e, add(e, h)))).toBe("e ⊙ (e + h)\n  where e = exp(h)\n  where h = relu(x·w + b)");
  });
});

describe("stats", () => {
  test("by scope, with formulas or numbers", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch", 784]);
    const h = graph.scope("dense", () => {
      const w = graph.variable("w", [784, 64]);
      return relu(add(matmul(x, w), graph.variable("b", [64])));
    });
    const y = graph.scope("head", () => matmul(h, graph.variable("w", [64, 10])));
    expect(stats(y).rows.map(({ key, flops, bytes }) => `${key}: ${flops}, ${bytes}`)).toEqual([
      ": 0, 3136*batch",
      "dense: 100480*batch, 768*batch + 200960",
      "head: 1280*batch, 40*batch + 2560",
    ]);
    const { total, rows } = stats(y, { sizes: { batch: 10 } });
    expect(total).toEqual({ key: "total", ops: 8, parameters: 50_880, flops: 1_017_600, bytes: 242_960 });
    expect(rows.map(({ key, flops }) => [key, flops])).toEqual([
      ["", 0],
      ["dense", 1_004_800],
      ["head", 12_800],
    ]);
    expect(stats(graph, { by: "op" }).rows.find(({ key }) => key === "matmul")).toMatchObject({
      ops: 2,
      parameters: 0,
    });
    expect(String(stats(y, { sizes: { batch: 10 } }))).toBe(
      [
        "scope       ops  parameters      FLOPs    bytes",
        "(no scope)    1           0          0   31,360",
        "dense         5      50,240  1,004,800  208,640",
        "head          2         640     12,800    2,960",
        "total         8      50,880  1,017,600  242,960",
      ].join("\n"),
    );
  });

  test("convolutions and their gradients do the same products; composites are the sum of their parts", () => {
    const graph = new Graph();
    const image = graph.placeholder("image", ["n", 8, 8, 3]);
    const filters = graph.variable("filters", [3, 3, 3, 16]);
    const y = conv2d(image, filters, { padding: "same" });
    const wanted = "55296*n";
    expect(String(flopsOf(y.op))).toBe(wanted);
    for (const gradient of gradients(sum(y), [image, filters])) expect(String(flopsOf(gradient.op))).toBe(wanted);
    const row = softmax(graph.placeholder("row", [10]));
    expect(Number(flopsOf(row.op))).toBeGreaterThan(30);
    expect(graph.operations.some(({ name }) => name.includes("logSumExp"))).toBe(false);
  });
});

describe("checkGradients", () => {
  test("agrees, in float64, for variables, placeholders and what lies between; the graph stays as it was", () => {
    const { graph, x, w, b, h } = layer();
    const z = softmax(h, { name: "z" });
    const before = graph.text();
    const session = new Session(graph);
    session.run(graph.initializer);
    session.setValue(w, [
      [0.3, -0.2],
      [0.5, 0.7],
      [-0.4, 0.1],
    ]);
    const after = graph.text();
    const report = checkGradients(
      z,
      [w, b, x, h],
      {
        x: [
          [1, 2, 3],
          [0.5, -1, 2],
        ],
      },
      { session },
    );
    expect(String(report)).toMatch(/^gradients of "z" agree with finite differences at 18 elements, to \d\.\de-\d+$/);
    expect(report.passed).toBe(true);
    expect(graph.text()).toBe(after);
    expect(after.startsWith(before.slice(0, -2))).toBe(true);
    const narrow = checkGradients(z, [w], { x: [[1, 2, 3]] }, { session, precision: "graph", samples: 3 });
    expect(narrow.passed).toBe(true);
    expect(narrow.entries).toHaveLength(3);
  });

  test("finds a wrong rule and says where", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [3]);
    const y = customGradient(
      [x],
      (v) => square(v),
      (dy, [v]) => [mul(dy, v!)],
    );
    const report = checkGradients(y, [x], { x: [1, 2, 0] });
    expect(report.passed).toBe(false);
    expect(String(report)).toMatch(
      /differ from finite differences at 2 of 3 elements\n {2}x\[[01]\]: gradient [\d.]+, difference [\d.]+, error/,
    );
    expect(() => checkGradients(y, [graph.constant(1)])).toThrow(GradientError);
  });
});

describe("chainRule", () => {
  /** The slide's network, one unit per layer: n1 = w1 x, h = ReLU(n1), n = w2 h, y = Identity(n), J = (y - t)². */
  function slide() {
    const graph = new Graph();
    const x = graph.placeholder("x", []);
    const t = graph.placeholder("t", []);
    const w1 = graph.variable("w1", [], { initial: 0.5 });
    const w2 = graph.variable("w2", [], { initial: 2 });
    const h = relu(mul(w1, x, { name: "n1" }), { name: "h" });
    const y = identity(mul(w2, h, { name: "n" }), { name: "y" });
    const J = squaredDifference(y, t, { name: "J" });
    return { graph, J, w1, w2, h };
  }

  test("row 64: the five factors of the slide, 4·1·2·1·3 = 24, and the gradient that is fetched", () => {
    const { graph, J, w1 } = slide();
    const rule = chainRule(J, w1, { x: 3, t: 1 });
    expect(String(rule)).toBe(
      [
        "∂J/∂w1 = ∂J/∂y · ∂y/∂n · ∂n/∂h · ∂h/∂n1 · ∂n1/∂w1",
        "       = 4 · 1 · 2 · 1 · 3",
        "       = 24",
        "gradients(J, [w1]) gives 24",
      ].join("\n"),
    );
    expect(rule.paths[0]!.factors.map(({ value }) => value)).toEqual([4, 1, 2, 1, 3]);
    const session = new Session(graph);
    session.run(graph.initializer);
    const [gradient] = gradients(J, [w1]);
    expect((session.run(gradient!, { x: 3, t: 1 }) as NDArray).item()).toBe(24);
    expect(rule.gradient).toBe(24);
  });

  test("several paths are added up", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", []);
    const a = mul(x, 2, { name: "a" });
    const J = sub(mul(a, a, { name: "b" }), a, { name: "J" });
    expect(String(chainRule(J, x, { x: 3 }))).toBe(
      [
        "∂J/∂x = ∂J/∂b · ∂b/∂a · ∂a/∂x",
        "      + ∂J/∂b · ∂b/∂a · ∂a/∂x",
        "      + ∂J/∂a · ∂a/∂x",
        "      = 1 · 6 · 2",
        "      + 1 · 6 · 2",
        "      + (-1) · 2",
        "      = 12 + 12 + (-2)",
        "      = 22",
        "gradients(J, [x]) gives 22",
      ].join("\n"),
    );
  });

  test("what it can not write as a product of numbers", () => {
    const { graph, h, J, w2 } = slide();
    const refused = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        return (error as Error).message;
      }
      return "";
    };
    expect(refused(() => chainRule(h, w2, { x: 3 }))).toMatch(/no derivative leads from "h" to "w2"/);
    const v = graph.placeholder("v", [2]);
    expect(refused(() => chainRule(sum(square(v)), v, { v: [1, 2] }))).toMatch(
      /"square" is float32\[2\], and a product/,
    );
    let deep: Tensor = J;
    for (let i = 0; i < 8; i++) deep = mul(deep, deep);
    expect(refused(() => chainRule(deep, w2, { x: 3, t: 1 }))).toMatch(/256 paths lead from "w2"/);
  });
});
