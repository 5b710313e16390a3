import { describe, expect, test } from "vitest";
import { Graph, type Initializer, Session } from "../../src/index.ts";
import {
  constant,
  fansOf,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  ones,
  randomNormal,
  randomUniform,
  withSeed,
  zeros,
} from "../../src/train/index.ts";

function valuesOf(
  initial: Initializer,
  shape: readonly number[],
  options: { readonly seed?: number; readonly dtype?: "float32" | "float64" } = {},
): number[] {
  const { seed = 7, dtype = "float32" } = options;
  const graph = new Graph({ seed });
  const variable = graph.variable("w", shape, { initial, dtype });
  const session = new Session(graph);
  session.run(graph.initializer);
  return Array.from(session.value(variable).data);
}
const mean = (x: readonly number[]): number => x.reduce((total, value) => total + value, 0) / x.length;
const variance = (x: readonly number[]): number => mean(x.map((value) => (value - mean(x)) ** 2));

test("constants", () => {
  expect(valuesOf(zeros, [2, 2])).toEqual([0, 0, 0, 0]);
  expect(valuesOf(ones, [3])).toEqual([1, 1, 1]);
  expect(valuesOf(constant(0.1), [2], { dtype: "float64" })).toEqual([0.1, 0.1]);
});

test("fans are counted as in Keras", () => {
  expect(fansOf([])).toEqual({ fanIn: 1, fanOut: 1 });
  expect(fansOf([5])).toEqual({ fanIn: 5, fanOut: 5 });
  expect(fansOf([784, 64])).toEqual({ fanIn: 784, fanOut: 64 });
  expect(fansOf([3, 3, 8, 16])).toEqual({ fanIn: 72, fanOut: 144 });
  expect(fansOf([5, 8, 16])).toEqual({ fanIn: 40, fanOut: 80 });
});

describe("distributions", () => {
  test.each([
    ["glorotUniform", glorotUniform, [60, 40], Math.sqrt(6 / 100), 2 / 100],
    ["heUniform", heUniform, [60, 40], Math.sqrt(6 / 60), 2 / 60],
    ["glorotUniform of a convolution", glorotUniform, [3, 3, 16, 16], Math.sqrt(6 / 288), 2 / 288],
    ["glorotNormal", glorotNormal, [60, 40], (2 * Math.sqrt(2 / 100)) / 0.87962566103423978, 2 / 100],
    ["heNormal", heNormal, [60, 40], (2 * Math.sqrt(2 / 60)) / 0.87962566103423978, 2 / 60],
    ["heNormal of a convolution", heNormal, [3, 3, 16, 16], (2 * Math.sqrt(2 / 144)) / 0.87962566103423978, 2 / 144],
    ["randomUniform", randomUniform(), [2400], 0.05, 0.1 ** 2 / 12],
    ["randomNormal", randomNormal(), [2400], Number.POSITIVE_INFINITY, 0.05 ** 2],
  ] as const)("%s has its limit, mean and variance", (_, initial, shape, limit, wanted) => {
    for (const dtype of ["float32", "float64"] as const) {
      const values = valuesOf(initial, shape, { dtype });
      const size = Math.max(...values.map(Math.abs));
      expect(size).toBeLessThanOrEqual(limit * (1 + 1e-6));
      if (Number.isFinite(limit)) expect(size).toBeGreaterThan(0.97 * limit);
      expect(Math.abs(mean(values))).toBeLessThan(4 * Math.sqrt(wanted / values.length));
      expect(variance(values) / wanted).toBeGreaterThan(0.9);
      expect(variance(values) / wanted).toBeLessThan(1.1);
    }
  });

  test("options", () => {
    const values = valuesOf(randomUniform({ minimum: 2, maximum: 3 }), [500]);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(2);
    expect(Math.max(...values)).toBeLessThan(3);
    expect(mean(valuesOf(randomNormal({ mean: 10, deviation: 0.1 }), [500]))).toBeCloseTo(10, 1);
  });
});

test("values follow from the seed of the graph and the order of variables", () => {
  const two = (seed: number): number[][] => {
    const graph = new Graph({ seed });
    const variables = ["a", "b"].map((name) => graph.variable(name, [4], { initial: glorotUniform }));
    const session = new Session(graph);
    session.run(graph.initializer);
    return session.run(variables).map((value) => Array.from(value.data));
  };
  expect(two(1)).toEqual(two(1));
  expect(two(1)[0]).not.toEqual(two(1)[1]);
  expect(two(1)[0]).not.toEqual(two(2)[0]);
  expect(valuesOf(withSeed(glorotUniform, 5), [4], { seed: 1 })).toEqual(
    valuesOf(withSeed(glorotUniform, 5), [4], { seed: 2 }),
  );
});
