/** The lecture's output distributions, and numbers drawn from distributions that depend on a tensor. */
import { describe, expect, test } from "vitest";
import * as fr from "../../src/index.ts";

const resultOf = (build: (graph: fr.Graph) => fr.Tensor): fr.NDArray => {
  const graph = new fr.Graph();
  return new fr.Session(graph, { compile: { verify: true } }).run(build(graph));
};
const numbersOf = (build: (graph: fr.Graph) => fr.Tensor): number[] => [...resultOf(build).data];

function expectClose(actual: ArrayLike<number>, wanted: readonly number[], within = 5e-8): void {
  expect(actual.length).toBe(wanted.length);
  wanted.forEach((x, i) => {
    expect(Math.abs(actual[i]! - x), `[${i}] is ${actual[i]}, wanted ${x}`).toBeLessThanOrEqual(within);
  });
}

function statistics(values: ArrayLike<number>): { readonly mean: number; readonly variance: number } {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  const mean = sum / values.length;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2;
  return { mean, variance: squares / values.length };
}

const doubles = (graph: fr.Graph, values: number[] | number[][]): fr.Tensor =>
  graph.constant(values, { dtype: "float64" });

describe("Bernoulli", () => {
  test("row 23: log-probabilities of 1 and 0 for 0.8", () => {
    const found = numbersOf((graph) => fr.bernoulliLogProbability([1, 0], doubles(graph, [0.8, 0.8])));
    expectClose(found, [-0.2231436, -1.6094379]);
  });

  test("row 23: the mean of 100,000 draws is within 0.005", () => {
    const drawn = resultOf((graph) => fr.randomBernoulli(fr.randomKey(graph, 23), 0.8, { shape: [100_000] }));
    expect(drawn.dtype).toBe("float32");
    expect([...new Set(drawn.data)].sort()).toEqual([0, 1]);
    expect(Math.abs(statistics(drawn.data).mean - 0.8)).toBeLessThan(0.005);
  });

  test("row 24: finite for logits of ±1000", () => {
    const found = numbersOf((graph) =>
      fr.bernoulliLogProbability([1, 0, 1, 0], doubles(graph, [1000, 1000, -1000, -1000]), { fromLogits: true }),
    );
    expectClose(found, [0, -1000, -1000, 0]);
  });

  test("never and always are never and always", () => {
    const found = numbersOf((graph) =>
      fr.randomBernoulli(fr.randomKey(graph, 1), graph.constant([0, 1], { dtype: "float32" }), {
        shape: [500, 2],
        dtype: "int32",
      }),
    );
    expect(found.every((x, i) => x === i % 2)).toBe(true);
  });
});

describe("categorical", () => {
  test("row 25: the log-probability of a one-hot vector is the logarithm of its parameter", () => {
    const parameters = [0.2, 0.3, 0.5];
    const oneHots = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 1],
    ];
    const found = numbersOf((graph) =>
      fr.categoricalLogProbability(doubles(graph, oneHots), doubles(graph, [parameters, parameters, parameters])),
    );
    expectClose(found, parameters.map(Math.log), 1e-15);
    const byNumber = numbersOf((graph) =>
      fr.categoricalLogProbability(graph.constant([0, 1, 2]), doubles(graph, [parameters, parameters, parameters])),
    );
    expect(byNumber).toEqual(found);
  });

  test("draws follow the softmax of the logits", () => {
    const wanted = [0.1, 0.6, 0.3];
    const drawn = resultOf((graph) =>
      fr.randomCategorical(fr.randomKey(graph, 5), graph.constant(wanted.map(Math.log)), { count: 50_000 }),
    );
    expect([drawn.dtype, ...drawn.shape]).toEqual(["int32", 50_000]);
    const counts = [0, 0, 0];
    for (const k of drawn.data) counts[k]! += 1;
    expectClose(
      counts.map((count) => count / 50_000),
      wanted,
      0.01,
    );
  });

  test("one draw per row, and none of what is impossible", () => {
    const drawn = resultOf((graph) => {
      const logits = fr.add(fr.fill(graph, [200, 3], 0), graph.constant([0, Number.NEGATIVE_INFINITY, 0]));
      return fr.randomCategorical(fr.randomKey(graph, 6), logits);
    });
    expect(drawn.shape).toEqual([200]);
    expect([...new Set(drawn.data)].sort()).toEqual([0, 2]);
  });
});

describe("normal", () => {
  test("row 28: densities", () => {
    const density = (x: number, mean: number, variance: number) =>
      numbersOf((graph) => fr.normalProbability(doubles(graph, [x]), mean, variance));
    expectClose(density(0, 0, 1), [0.3989423]);
    expectClose(density(1, 0, 4), [0.1760327]);
  });

  test("row 28: the gradient of the log-density in mean and standard deviation", () => {
    const graph = new fr.Graph();
    const [mean, deviation] = ["mean", "deviation"].map((name) => graph.placeholder(name, [], { dtype: "float64" }));
    const y = fr.normalLogProbability(1.5, mean!, fr.square(deviation!));
    const found = new fr.Session(graph).run(fr.gradients(y, [mean!, deviation!]), { mean: 0.25, deviation: 2 });
    const z = (1.5 - 0.25) / 2;
    expectClose(
      found.map((g) => g.item()),
      [z / 2, (z * z - 1) / 2],
      1e-15,
    );
  });
});

describe("gamma", () => {
  test.each([0.3, 1, 2.5, 40])("concentration %d: mean and variance of 20,000 draws", (concentration) => {
    const count = 20_000;
    const drawn = resultOf((graph) =>
      fr.randomGamma(fr.randomKey(graph, 17), concentration, { shape: [count], rate: 2, dtype: "float64" }),
    );
    expect(drawn.data.every((x) => x > 0)).toBe(true);
    const { mean, variance } = statistics(drawn.data);
    // Four standard errors: Var(mean) = σ²/n, and Var(variance) = σ⁴ (2 + 6/α)/n.
    const wanted = concentration / 4;
    expect(Math.abs(mean - concentration / 2)).toBeLessThan(4 * Math.sqrt(wanted / count));
    expect(Math.abs(variance - wanted)).toBeLessThan(4 * wanted * Math.sqrt((2 + 6 / concentration) / count));
  });
});

describe("shuffle", () => {
  test("holds every slice once, in the same order for equal keys", () => {
    const graph = new fr.Graph();
    const key = fr.randomKey(graph, 3);
    const x = fr.reshape(fr.range(graph, 40), [20, 2]);
    const session = new fr.Session(graph);
    const [first, second, columns] = session.run([fr.shuffle(x, key), fr.shuffle(x, key), fr.shuffle(x, key, 1)]);
    expect(first!.toArray()).toEqual(second!.toArray());
    const rows = first!.toArray() as number[][];
    expect(rows.toSorted((a, b) => a[0]! - b[0]!)).toEqual(Array.from({ length: 20 }, (_, i) => [2 * i, 2 * i + 1]));
    expect(rows.map(([even]) => even! / 2)).not.toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(columns!.shape).toEqual([20, 2]);
  });

  test("a named axis may be shuffled; an unknown rank may not", () => {
    const graph = new fr.Graph();
    const key = fr.randomKey(graph, 3);
    const x = graph.placeholder("x", ["batch", 2]);
    const drawn = new fr.Session(graph).run(fr.shuffle(x, key), { x: Float32Array.of(1, 2, 3, 4) });
    expect(drawn.shape).toEqual([2, 2]);
    const unknown = graph.placeholder("unknown", null);
    expect(() => fr.shuffle(unknown, key)).toThrow(/^shuffle: axis 0 of unknown is not known/);
  });
});

describe("dropout", () => {
  const graph = new fr.Graph();
  const key = fr.randomKey(graph, 9);
  const x = graph.placeholder("x", ["batch", 8]);
  const y = fr.dropout(x, key, 0.25);
  const [slope] = fr.gradients(y, [x]);
  const feeds = { x: new fr.NDArray(new Float32Array(8000).fill(3), [1000, 8], "float32") };
  const session = new fr.Session(graph, { compile: { verify: true } });

  test("keeps three of four, scaled, and so the mean", () => {
    const { data } = session.run(y, feeds);
    expect([...new Set(data)].sort()).toEqual([0, 4]);
    expect(Math.abs(statistics(data).mean - 3)).toBeLessThan(0.07);
  });

  test("the gradient passes exactly where the value does", () => {
    const [value, gradient] = session.run([y, slope!], feeds);
    const wanted = value!.data.map((element) => (element === 0 ? 0 : Math.fround(1 / 0.75)));
    expect([...gradient!.data]).toEqual([...wanted]);
  });

  test("the mask of the gradient is that of the value, drawn once", () => {
    const { trace } = session.plan([y, slope!], feeds);
    const events = trace.flatMap((record) => record.events);
    const merged = events.filter((event) => event.kind === "rewrite" && event.rule.startsWith("merge"));
    const masks = merged.filter((event) => event.kind === "rewrite" && event.before.def.name === "dropoutMask");
    expect(masks.length).toBe(1);
  });

  test("a rate of 1 is refused", () => {
    expect(() => fr.dropout(x, key, 1)).toThrow(/^dropout: 1 is not a rate\n(.*\n)*fix: give a number from 0 on/);
  });
});
