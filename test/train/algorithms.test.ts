/** First steps by hand, on J = θ² from θ = 1: the slope there is 2. */
import { describe, expect, test } from "vitest";
import { Graph, Session, square } from "../../src/index.ts";
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  GradientDescent,
  Lion,
  Momentum,
  Nadam,
  type Optimizer,
  optimizer,
  optimizerNames,
  RMSprop,
  SGD,
} from "../../src/train/index.ts";

function descend(made: Optimizer, dtype: "float32" | "float64" = "float64") {
  const graph = new Graph();
  const theta = graph.variable("theta", [], { initial: 1, dtype });
  const train = made.minimize(square(theta));
  const session = new Session(graph);
  session.run(graph.initializer);
  const step = (): number => {
    session.run(train);
    return session.value(theta).item();
  };
  return { graph, theta, session, step };
}

test("row 53: momentum 0.9 is at 0.46 after two steps, in Keras' form and in PyTorch's", () => {
  for (const made of [new SGD(0.1, { momentum: 0.9 }), new Momentum(0.1)]) {
    const { step } = descend(made);
    expect(step()).toBeCloseTo(0.8, 15);
    expect(step()).toBeCloseTo(0.46, 15);
  }
});

test("row 54: the first step of Adagrad is at 0.9012270", () => {
  const { step } = descend(new Adagrad(0.1));
  const first = step();
  expect(first).toBeCloseTo(0.901227, 7);
  expect(first).toBe(1 - 0.2 / Math.sqrt(4.1 + 1e-7));
  expect(descend(new Adagrad(0.1), "float32").step()).toBeCloseTo(0.901227, 6);
  expect(descend(new Adagrad(0.1, { initialAccumulatorValue: 0, epsilon: 0 })).step()).toBe(0.9);
});

test("row 55: the first step of RMSprop is at 0.6837723", () => {
  const first = descend(new RMSprop(0.1)).step();
  expect(first).toBeCloseTo(0.6837723, 7);
  expect(first).toBeCloseTo(1 - 0.2 / Math.sqrt(0.4 + 1e-7), 15);
  expect(descend(new RMSprop(0.1), "float32").step()).toBeCloseTo(0.6837723, 6);
  // The mean of gradients is 0.2, and 0.4 - 0.04 is left of the mean of squares.
  expect(descend(new RMSprop(0.1, { centered: true })).step()).toBeCloseTo(1 - 0.2 / Math.sqrt(0.36 + 1e-7), 15);
});

test("row 56: the first step of Adam and its kin moves by the learning rate", () => {
  for (const made of [
    new Adam(0.1, { epsilon: 0 }),
    new Adam(0.1, { amsgrad: true, epsilon: 0 }),
    new AdamW(0.1, { epsilon: 0, weightDecay: 0 }),
    new Adamax(0.1, { epsilon: 0 }),
    new Lion(0.1),
  ]) {
    expect(descend(made).step()).toBeCloseTo(0.9, 14);
  }
  expect(Math.abs(descend(new Adam(0.1)).step() - 0.9)).toBeLessThan(2e-7);
  // PyTorch's ε is 1e-8 of the slope that is left once the bias is out: of 2.
  expect(descend(new Adam(0.1, { epsilon: 1e-8, correctedEpsilon: true })).step()).toBeCloseTo(
    1 - 0.2 / (2 + 1e-8),
    14,
  );
});

test("the first step of Nadam looks ahead", () => {
  const [first, second] = [0.9 * (1 - 0.5 * 0.96), 0.9 * (1 - 0.5 * 0.96 ** 2)];
  const direction = (second * 0.2) / (1 - first * second) + ((1 - first) * 2) / (1 - first);
  expect(descend(new Nadam(0.1, { epsilon: 0 })).step()).toBeCloseTo(1 - (0.1 * direction) / 2, 14);
});

test("the first step of Adadelta is as long as ε lets it", () => {
  expect(descend(new Adadelta(1)).step()).toBeCloseTo(1 - (2 * Math.sqrt(1e-7)) / Math.sqrt(0.05 * 4 + 1e-7), 14);
});

describe("options", () => {
  test("weightDecay takes a share of the variable, times the learning rate, and leaves the gradient as it is", () => {
    expect(descend(new GradientDescent(0.1, { weightDecay: 0.5 })).step()).toBeCloseTo(1 - 0.05 - 0.2, 15);
    // Decoupled: Adam's step is 0.1 all the same.
    expect(descend(new AdamW(0.1, { epsilon: 0, weightDecay: 0.5 })).step()).toBeCloseTo(1 - 0.05 - 0.1, 14);
    expect(new AdamW().weightDecay).toBe(0.004);
    expect(descend(new SGD(0.1, { weightDecay: 0.5, decays: () => false })).step()).toBeCloseTo(0.8, 15);
  });

  test("clipValue, clipNorm and clipGlobalNorm", () => {
    const update = (options: object): readonly unknown[] => {
      const graph = new Graph();
      const [a, b] = [graph.variable("a", [2]), graph.variable("b", [])];
      const gradients = [
        graph.constant([3, -4], { dtype: "float32" }),
        graph.constant(12, { dtype: "float32" }),
      ] as const;
      const train = new GradientDescent(1, options).applyGradients([
        [gradients[0], a],
        [gradients[1], b],
      ]);
      using session = new Session(graph);
      session.run(graph.initializer);
      session.run(train);
      return session.run([a, b]).map((value) => value.toArray());
    };
    expect(update({ clipValue: 3.5 })).toEqual([[-3, 3.5], -3.5]);
    expect(update({ clipNorm: 2.5 })).toEqual([[-1.5, 2], -2.5]);
    expect(update({ clipGlobalNorm: 6.5 })).toEqual([[-1.5, 2], -6]);
  });

  test("useEma keeps means of the values, and the first step begins them", () => {
    const made = new GradientDescent(0.1, { useEma: true, emaMomentum: 0.5 });
    const { step, theta, session } = descend(made);
    const [first, second] = [step(), step()];
    expect(session.value(made.average(theta)).item()).toBeCloseTo(0.5 * first + 0.5 * second, 15);
    session.run(made.applyAverages());
    expect(session.value(theta).item()).toBeCloseTo(0.5 * first + 0.5 * second, 15);
    session.run(made.applyAverages([theta]));
  });
});

test("a mean of gradients that stay 0 becomes 0, not a subnormal number for ever", () => {
  for (const made of [
    new RMSprop(0.1, { centered: true, momentum: 0.5 }),
    new Lion(0.1),
    new Momentum(0.1),
    new Adadelta(1),
  ]) {
    const graph = new Graph();
    const w = graph.variable("w", []);
    const slope = graph.placeholder("slope");
    const train = made.applyGradients([[slope, w]]);
    using session = new Session(graph);
    session.run(graph.initializer);
    const step = session.prepare(train, [slope]);
    step(1e-18);
    for (let i = 0; i < 4000; i++) step(0);
    for (const [name, slot] of Object.entries(made.slots(w))) {
      const value = Math.abs(session.value(slot).item());
      expect(value === 0 || value >= 2 ** -126, `${made.name}/${name}: ${value}`).toBe(true);
    }
  }
});

describe("row 62: by name", () => {
  test("every name gives the algorithm with its defaults", () => {
    expect(optimizerNames()).toEqual([
      "adadelta",
      "adagrad",
      "adam",
      "adamax",
      "adamw",
      "gradientDescent",
      "lion",
      "momentum",
      "nadam",
      "rmsprop",
      "sgd",
    ]);
    for (const name of optimizerNames()) {
      expect(optimizer(name).name).toBe(name);
      expect(optimizer(name, 0.25).learningRate).toBe(0.25);
    }
  });

  test("names are written in one way; near ones are listed", () => {
    // @ts-expect-error not a name
    expect(() => optimizer("RMSprop")).toThrow(/called "RMSprop"\nat .*\nfix: near names: rmsprop/);
  });
});
