import { describe, expect, test } from "vitest";
import {
  Graph,
  gradients,
  type Operation,
  Session,
  square,
  stopGradient,
  type Tensor,
  type Variable,
} from "../../src/index.ts";
import { Adam, GradientDescent, type Optimizer, SGD } from "../../src/train/index.ts";

/** The slide's reference problem, J = θ² from θ = 1, and what an optimizer makes of it. */
function descend(make: (graph: Graph) => Optimizer, dtype: "float32" | "float64" = "float64") {
  const graph = new Graph();
  const theta = graph.variable("theta", [], { initial: 1, dtype });
  const loss = square(theta);
  const train = make(graph).minimize(loss);
  const session = new Session(graph);
  session.run(graph.initializer);
  const step = (feeds = {}): number => {
    session.run(train, feeds);
    return session.value(theta).item();
  };
  return { graph, theta, loss, train, session, step };
}

describe("the formulas on J = θ², θ = 1, α = 0.1", () => {
  test("row 49: one step of gradient descent gives 0.8", () => {
    expect(descend(() => new GradientDescent(0.1)).step()).toBeCloseTo(0.8, 15);
    expect(descend(() => new GradientDescent(0.1), "float32").step()).toBe(Math.fround(1 - Math.fround(0.1) * 2));
    expect(descend(() => new SGD(0.1)).step()).toBeCloseTo(0.8, 15);
  });

  test("row 50: too large a step diverges; the step size is fed, without a new plan", () => {
    const { step, session, train } = descend((graph) => new GradientDescent(graph.placeholder("rate")));
    expect(step({ rate: 0.1 })).toBeCloseTo(0.8, 7);
    expect(step({ rate: 0.5 })).toBeCloseTo(0, 7);

    const wild = descend((graph) => new GradientDescent(graph.placeholder("rate")));
    const path = Array.from({ length: 20 }, () => Math.abs(wild.step({ rate: 1.1 })));
    // Each step multiplies θ by 1 - 2 · 1.1.
    path.forEach((size, i) => {
      expect(size / 1.2 ** (i + 1)).toBeCloseTo(1, 5);
    });

    const first = session.plan(train, { rate: 0.1 });
    expect(session.plan(train, { rate: 1.1 }).steps).toBe(first.steps);
  });

  test("row 53: momentum 0.9 is at 0.46 after two steps", () => {
    const { step } = descend(() => new SGD(0.1, { momentum: 0.9 }));
    expect(step()).toBeCloseTo(0.8, 15);
    expect(step()).toBeCloseTo(0.46, 15);
  });

  test("Nesterov momentum looks one move ahead", () => {
    const { step } = descend(() => new SGD(0.1, { momentum: 0.9, nesterov: true }));
    // v = -0.2, θ = 1 + 0.9 v - 0.2 = 0.62; then g = 1.24, v = -0.18 - 0.124, θ = 0.62 + 0.9 v - 0.124.
    expect(step()).toBeCloseTo(0.62, 15);
    expect(step()).toBeCloseTo(0.2224, 15);
  });

  test("row 56: the first step of Adam moves by α, whatever the slope", () => {
    const small = descend(() => new Adam(0.1, { epsilon: 1e-8 }));
    expect(Math.abs(small.step() - 0.9)).toBeLessThan(1e-7);
    const single = descend(() => new Adam(0.1, { epsilon: 1e-8 }), "float32");
    expect(Math.abs(single.step() - 0.9)).toBeLessThan(1e-7);
    // Keras' larger ε is not scaled with the bias correction: 0.1 · ε / √(0.001 · 4) is seen in the seventh digit.
    const keras = descend(() => new Adam(0.1));
    expect(keras.step()).toBeCloseTo(1 - 0.1 / (1 + 1e-7 / Math.sqrt(0.004)), 14);
    const steep = descend(() => new Adam(0.1, { epsilon: 0 }));
    expect(steep.step()).toBeCloseTo(0.9, 14);
  });

  test("Adam follows its formula for many steps", () => {
    const { step } = descend(() => new Adam(0.1));
    let [theta, m, v] = [1, 0, 0];
    for (let t = 1; t <= 50; t++) {
      const g = 2 * theta;
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      theta -= (0.1 * Math.sqrt(1 - 0.999 ** t) * m) / (1 - 0.9 ** t) / (Math.sqrt(v) + 1e-7);
      expect(Math.abs(step() - theta)).toBeLessThan(1e-13);
    }
  });

  test("a fed learning rate works for every optimizer, in both dtypes", () => {
    for (const dtype of ["float32", "float64"] as const) {
      const makes = [
        (rate: number | Tensor) => new GradientDescent(rate),
        (rate: number | Tensor) => new SGD(rate, { momentum: 0.9, nesterov: true }),
        (rate: number | Tensor) => new Adam(rate),
      ];
      for (const make of makes) {
        const fed = descend((graph) => make(graph.placeholder("rate")), dtype);
        const fixed = descend(() => make(0.25), dtype);
        for (let i = 0; i < 3; i++) expect(fed.step({ rate: 0.25 })).toBe(fixed.step());
      }
    }
  });
});

describe("in the graph", () => {
  const typesOf = (train: Operation): readonly string[] => train.controls.map((op) => op.def.name);

  test("row 48: minimize adds update nodes, and nothing to the operations that were there", () => {
    const graph = new Graph();
    const w = graph.variable("w", [2]);
    const loss = square(w).sum();
    const before = graph.text().split("\n").slice(1, -1);
    const train = new Adam().minimize(loss);
    const after = graph.text().split("\n").slice(1, -1);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(train.name).toBe("adam/update");
    expect(train.controls.map((op) => op.name)).toEqual([
      "adam/step/update",
      "adam/w/m/update",
      "adam/w/v/update",
      "adam/w/update",
    ]);
    expect(new Set(typesOf(train))).toEqual(new Set(["assign"]));
    const added = graph.operations.slice(before.length);
    expect(added.every((op) => op.name.startsWith("adam/"))).toBe(true);
  });

  test("slots have the names, shapes and dtypes of their variables, and stand in graph.variables()", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["batch", 3], { dtype: "float64" });
    const kernel = graph.variable("dense/kernel", [3, 2], { dtype: "float64" });
    const bias = graph.variable("dense/bias", [2], { dtype: "float64" });
    const loss = x.matmul(kernel).add(bias).square().sum();
    const adam = new Adam();
    adam.minimize(loss);
    const text = ({ name, shape, dtype, trainable }: ReturnType<Graph["variables"]>[number]): string =>
      `${name} ${dtype}[${shape}]${trainable ? " trainable" : ""}`;
    expect(graph.variables().map(text)).toEqual([
      "dense/kernel float64[3,2] trainable",
      "dense/bias float64[2] trainable",
      "adam/step int32[]",
      "adam/dense/kernel/m float64[3,2]",
      "adam/dense/kernel/v float64[3,2]",
      "adam/dense/bias/m float64[2]",
      "adam/dense/bias/v float64[2]",
    ]);
    expect(adam.slots(kernel).m).toBe(graph.tensor("adam/dense/kernel/m"));
  });

  test("the initializer of the graph zeroes slots and counter", () => {
    const { graph, session, step } = descend(() => new Adam(0.1));
    const first = step();
    step();
    expect(session.run("adam/step").item()).toBe(2);
    session.run(graph.initializer);
    expect(session.run(["adam/step", "adam/theta/m", "adam/theta/v"]).map((value) => value.item())).toEqual([0, 0, 0]);
    expect(step()).toBe(first);
  });

  test("the loss fetched with the update is the one before it", () => {
    const { session, loss, train } = descend(() => new GradientDescent(0.1));
    const losses = Array.from({ length: 3 }, () => session.run([loss, train])[0].item());
    expect(losses[0]).toBe(1);
    expect(losses[1]).toBeCloseTo(0.64, 15);
    expect(losses[2]).toBeCloseTo(0.64 * 0.64, 15);
  });

  test("two optimizers on one graph keep their states apart", () => {
    const graph = new Graph();
    const [v, w] = [graph.variable("v", [], { initial: 1 }), graph.variable("w", [], { initial: 1 })];
    const loss = v.mul(w);
    const train = new Adam(0.1).minimize(loss, { variables: [v] });
    const other = new Adam(0.2).minimize(loss, { variables: [w] });
    const third = new SGD(0.1, { momentum: 0.5 }).minimize(loss);
    expect([train, other, third].map((op) => op.name)).toEqual(["adam/update", "adam_1/update", "sgd/update"]);
    const session = new Session(graph);
    session.run(graph.initializer);
    session.run(train);
    expect(session.run([v, w]).map((value) => value.item())).toEqual([expect.closeTo(0.9, 5), 1]);
    session.run([train, other]);
    expect(session.run(["adam/step", "adam_1/step"]).map((value) => value.item())).toEqual([2, 1]);
    session.run(third);
    expect(session.run("sgd/w/velocity").item()).toBeLessThan(0);
  });

  test("one optimizer that minimises twice keeps one state", () => {
    const graph = new Graph();
    const w = graph.variable("w", [], { initial: 1 });
    const adam = new Adam(0.1);
    adam.minimize(square(w));
    const second = adam.minimize(square(w), { name: "train" });
    expect(second.name).toBe("train");
    expect(graph.variables().map(({ name }) => name)).toEqual(["w", "adam/step", "adam/w/m", "adam/w/v"]);
  });

  test("both halves of minimize, with something done to the gradients between", () => {
    const graph = new Graph();
    const w = graph.variable("w", [2], { initial: [3, -4] });
    const descent = new GradientDescent(1);
    const pairs = descent.computeGradients(square(w).sum());
    const train = descent.applyGradients(pairs.map(([gradient, variable]) => [gradient.mul(0.25), variable] as const));
    const session = new Session(graph);
    session.run(graph.initializer);
    session.run(train);
    expect(session.value(w).toArray()).toEqual([1.5, -2]);
  });

  test("every operation of an update points at the line with minimize", () => {
    const graph = new Graph();
    const w = graph.variable("w", []);
    const loss = square(w);
    const train = new Adam().minimize(loss);
    const lines = new Set(
      graph.operations
        .filter(({ name }) => name.startsWith("adam/") && !name.includes("gradients"))
        .map((op) => op.line),
    );
    expect([...lines]).toEqual([train.line]);
    expect(train.line).toMatch(/^test\/train\/optimizers\.test\.ts:\d+:\d+$/);
  });

  test("variables the loss does not reach, frozen ones and ones behind stopGradient are left out", () => {
    const graph = new Graph();
    const used = graph.variable("used", []);
    const frozen = graph.variable("frozen", [], { trainable: false });
    graph.variable("unused", []);
    const behind = graph.variable("behind", []);
    const train = new GradientDescent(0.1).minimize(square(used.mul(frozen).mul(stopGradient(behind))));
    expect(train.controls.map((op) => op.name)).toEqual(["gradientDescent/used/update"]);
    // Named explicitly, a frozen variable is updated.
    const explicit = new GradientDescent(0.1).minimize(square(used.mul(frozen)), { variables: [frozen] });
    expect(explicit.controls.map((op) => op.name)).toEqual(["gradientDescent_1/frozen/update"]);
  });
});

describe("row 6: learning finds θ", () => {
  const train = (make: () => Optimizer, steps: number): readonly [w: number, b: number] => {
    const graph = new Graph();
    const [x, t] = [graph.placeholder("x", ["n"]), graph.placeholder("t", ["n"])];
    const w: Variable = graph.variable("w", []);
    const b: Variable = graph.variable("b", []);
    const loss = x.mul(w).add(b).sub(t).square().mean();
    const update = make().minimize(loss);
    const session = new Session(graph);
    session.run(graph.initializer);
    const points = Float32Array.from({ length: 21 }, (_, i) => -1 + i / 10);
    const step = session.prepare(update, [x, t]);
    for (let i = 0; i < steps; i++)
      step(
        points,
        points.map((point) => 2 * point + 0.7),
      );
    return [session.value(w).item(), session.value(b).item()];
  };

  test.each([
    ["gradient descent", () => new GradientDescent(0.5), 60],
    ["momentum", () => new SGD(0.1, { momentum: 0.9 }), 200],
    ["Nesterov", () => new SGD(0.1, { momentum: 0.9, nesterov: true }), 100],
    ["Adam", () => new Adam(0.05), 400],
  ] as const)("y = 2x + 0.7 by %s", (_, make, steps) => {
    const [w, b] = train(make, steps);
    expect(Math.abs(w - 2)).toBeLessThan(1e-3);
    expect(Math.abs(b - 0.7)).toBeLessThan(1e-3);
  });
});

test("row 5: the parameters of 784-64-64-10 are named, listed and counted", () => {
  const graph = new Graph();
  const sizes = [784, 64, 64, 10] as const;
  for (let layer = 1; layer < sizes.length; layer++) {
    graph.variable(`dense_${layer}/kernel`, [sizes[layer - 1]!, sizes[layer]!]);
    graph.variable(`dense_${layer}/bias`, [sizes[layer]!]);
  }
  expect(graph.variables().map(({ name, shape, dtype, count }) => [name, shape, dtype, count])).toEqual([
    ["dense_1/kernel", [784, 64], "float32", 50_176],
    ["dense_1/bias", [64], "float32", 64],
    ["dense_2/kernel", [64, 64], "float32", 4_096],
    ["dense_2/bias", [64], "float32", 64],
    ["dense_3/kernel", [64, 10], "float32", 640],
    ["dense_3/bias", [10], "float32", 10],
  ]);
  expect(graph.variables().reduce((total, { count }) => total + count, 0)).toBe(55_050);
});

test("the gradients an optimizer uses are those of gradients()", () => {
  const graph = new Graph();
  const w = graph.variable("w", [], { initial: 3 });
  const loss = square(w);
  const [[used]] = new Adam().computeGradients(loss) as [readonly [Tensor, Variable]];
  const [plain] = gradients(loss, [w]);
  const session = new Session(graph);
  session.run(graph.initializer);
  expect(session.run([used, plain!]).map((value) => value.item())).toEqual([6, 6]);
});
