import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type EagerTensor, func, tensor } from "../../src/eager/index.ts";
import { mean, type Tensor, variance } from "../../src/functional.ts";
import { NDArray } from "../../src/index.ts";
import { BatchNormalization } from "../../src/layers/batch-normalization.ts";
import { camelCase } from "../../src/layers/catalogue.ts";
import { input } from "../../src/layers/core/input.ts";
import { Dense, loadModel, sequential } from "../../src/layers/index.ts";
import { GroupNormalization, LayerNormalization } from "../../src/layers/normalization.ts";
import { Normalization } from "../../src/layers/normalization-adapted.ts";
import { checkCase, type KerasTensor, kerasFile, tensorOf } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const kinds = ["BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization", "Normalization"];

describe("as Keras computes them", () => {
  for (const one of kerasFile("layers").cases.filter(({ layer }) => kinds.includes(layer))) {
    test(one.name, () => checkCase(one));
  }
});

const batch = tensor(
  [
    [1, 2],
    [3, 6],
    [5, 10],
    [-1, 4],
  ],
  { dtype: "float32" },
);
const numbers = (value: Tensor): number[] => [...(value as EagerTensor).data];

describe("BatchNormalization", () => {
  test("looks at the batch in training only, and remembers", () => {
    const layer = new BatchNormalization({ momentum: 0.5, epsilon: 0 });
    expect(numbers(layer(batch))).toEqual(numbers(batch));
    const [, , movingMean, movingVariance] = layer.variables;
    const y = layer(batch, { training: true });
    expect(numbers(mean(y, { axis: 0 })).every((value) => Math.abs(value) < 1e-6)).toBe(true);
    expect(numbers(variance(y, { axis: 0 })).every((value) => Math.abs(value - 1) < 1e-5)).toBe(true);
    // 0.5 · 0 + 0.5 · [2, 5.5] and 0.5 · 1 + 0.5 · [5, 8.75]
    expect([numbers(movingMean!), numbers(movingVariance!)]).toEqual([
      [1, 2.75],
      [3, 4.875],
    ]);
    layer(batch);
    expect(numbers(movingMean!)).toEqual([1, 2.75]);
  });

  test("frozen it runs with the moving statistics, in training too", () => {
    const layer = new BatchNormalization();
    layer(batch);
    layer.trainable = false;
    const before = layer.variables.map(numbers);
    expect(numbers(layer(batch, { training: true }))).toEqual(numbers(layer(batch)));
    expect(layer.variables.map(numbers)).toEqual(before);
    expect(layer.trainableVariables).toEqual([]);
  });

  test("called twice in one traced step, the second call goes on from the first", () => {
    const results = [true, false].map((isTraced) => {
      const layer = new BatchNormalization({ momentum: 0.5 });
      const step = (a: Tensor, b: Tensor) => [layer(a, { training: true }), layer(b, { training: true })];
      const run = isTraced ? func(step) : step;
      const other = tensor(
        [
          [10, 20],
          [30, 60],
        ],
        { dtype: "float32" },
      );
      return [...run(batch, other), ...layer.variables].map((value) => numbers(value as Tensor));
    });
    expect(results[0]).toEqual(results[1]);
    // ½ (½ · 0 + ½ · 2) + ½ · 20
    expect(results[0]![4]).toEqual([10.5, 21.375]);
  });

  test("the moving variance of what never changes ends at 0, not among the subnormal numbers", () => {
    const layer = new BatchNormalization({ momentum: 0 });
    layer(tensor([[3], [3]], { dtype: "float32" }), { training: true });
    const [, , , movingVariance] = layer.variables;
    movingVariance!.replace(Float32Array.of(1e-39));
    const half = new BatchNormalization({ momentum: 0.5 });
    half(tensor([[3], [3]], { dtype: "float32" }));
    half.variables[3]!.replace(Float32Array.of(1.5e-38));
    half(tensor([[3], [3]], { dtype: "float32" }), { training: true });
    expect(numbers(half.variables[3]!)).toEqual([0]);
  });
});

describe("Normalization learns from data: row 144", () => {
  interface Adapted {
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly data: KerasTensor;
    readonly mean: KerasTensor;
    readonly variance: KerasTensor;
    readonly inputs: KerasTensor;
    readonly outputs: KerasTensor;
  }
  const file = new URL("../oracles/keras/layers.json", import.meta.url);
  const { adapt } = JSON.parse(readFileSync(file, "utf8")) as { readonly adapt: readonly Adapted[] };
  const close = (got: Tensor, wanted: KerasTensor) =>
    wanted.data.map(Number).forEach((value, i) => {
      expect(Math.abs(numbers(got)[i]! - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });

  test.each(adapt.map((one) => [one.name, one] as const))("as Keras does: %s", (_name, one) => {
    const args = Object.fromEntries(Object.entries(one.arguments).map(([name, value]) => [camelCase(name), value]));
    const layer = new Normalization(args);
    layer.adapt(tensorOf(one.data));
    const [learntMean, learntVariance] = layer.variables;
    close(learntMean!, one.mean);
    close(learntVariance!, one.variance);
    close(layer(tensorOf(one.inputs)), one.outputs);
  });

  const rows = [
    [1, 10],
    [2, 30],
    [3, 20],
    [6, 100],
  ];
  const learnt = (adaptTo: (layer: Normalization) => void): number[][] => {
    const layer = new Normalization();
    adaptTo(layer);
    return layer.variables.map(numbers);
  };
  test("from a list, an array, a tensor, or batches of them, with the same result", () => {
    const flat = Float32Array.from(rows.flat());
    const wanted = [
      [3, 40],
      [3.5, 1250],
    ];
    expect(learnt((layer) => layer.adapt(rows))).toEqual(wanted);
    expect(learnt((layer) => layer.adapt(new NDArray(flat, [4, 2])))).toEqual(wanted);
    expect(learnt((layer) => layer.adapt(tensor(flat, { shape: [4, 2] })))).toEqual(wanted);
    const batches = [new NDArray(flat.slice(0, 6), [3, 2]), new NDArray(flat.slice(6), [1, 2])];
    expect(learnt((layer) => layer.adapt(batches))).toEqual(wanted);
    expect(learnt((layer) => layer.adapt(new Set(batches)))).toEqual(wanted);
  });
  test("from batches that are waited for", async () => {
    const layer = new Normalization();
    await layer.adapt(
      (async function* () {
        yield rows.slice(0, 1);
        yield rows.slice(1);
      })(),
    );
    expect(layer.variables.map(numbers)).toEqual([
      [3, 40],
      [3.5, 1250],
    ]);
  });
  test("in float64: numbers far from 0 keep their variance", () => {
    const layer = new Normalization();
    layer.adapt(new NDArray(Float64Array.of(1e9, 1e9 + 1, 1e9 + 2), [3, 1]));
    expect(numbers(layer.variables[1]!)[0]).toBeCloseTo(2 / 3, 6);
  });
  test("what it learnt is not trained, and is forgotten by the next adapt", () => {
    const layer = new Normalization();
    layer.adapt(rows);
    layer.adapt([
      [0, 0],
      [2, 4],
    ]);
    expect(layer.variables.map(numbers)).toEqual([
      [1, 2],
      [1, 4],
    ]);
    expect(layer.trainableVariables).toEqual([]);
    expect(layer.variables.map(({ op }) => op.name)).toEqual(["normalization/mean", "normalization/variance"]);
  });
  test("inverted it gives back what was normalised", () => {
    const forth = new Normalization();
    forth.adapt(rows);
    const back = new Normalization({ invert: true });
    back.adapt(rows);
    const there = back(forth(tensor(rows, { dtype: "float32" })));
    rows.flat().forEach((value, i) => void expect(numbers(there)[i]).toBeCloseTo(value, 4));
  });

  test("what it learnt is saved with the model", () => {
    const layer = new Normalization();
    layer.adapt(rows);
    const network = sequential([input([2]), layer, new Dense(1)]);
    const loaded = loadModel(network.save());
    const x = tensor(rows, { dtype: "float32" });
    expect(loaded.variables.slice(0, 2).map(numbers)).toEqual([
      [3, 40],
      [3.5, 1250],
    ]);
    expect(numbers(loaded(x) as Tensor)).toEqual(numbers(network(x)));
  });

  test("what is wrong", () => {
    expect(messageOf(() => new Normalization({ mean: 1 }))).toContain(
      "give mean and variance, or neither and call adapt(data)",
    );
    expect(messageOf(() => new Normalization({ mean: 1, variance: 1 }).adapt(rows))).toContain(
      "leave mean and variance out",
    );
    expect(messageOf(() => new Normalization().adapt([1.5, 2]))).toContain("that is the axis of the batch");
    expect(messageOf(() => new Normalization().adapt(input([2])))).toContain("adapt takes data");
    const layer = new Normalization();
    layer.adapt(rows);
    expect(messageOf(() => layer.adapt([[1, 2, 3]]))).toContain(
      "normalization: adapt was given data with features [3], the layer has [2]\n  data  [1, »3«]",
    );
    expect(messageOf(() => layer.adapt([]))).toContain("adapt(data) takes at least one example");
  });
});

describe("what is wrong", () => {
  test("axes that are none", () => {
    expect(messageOf(() => new LayerNormalization({ axis: 3 })(input([2])))).toContain(
      "layer_normalization: axis 3 does not exist in rank 2\n  input  [batch, 2]",
    );
    expect(messageOf(() => new BatchNormalization({ axis: -3 })(input([2])))).toContain(
      "axis -3 does not exist in rank 2",
    );
  });
  test("groups and momentum", () => {
    expect(messageOf(() => new GroupNormalization()(input([4, 48])))).toContain(
      "group_normalization: groups can not be 32",
    );
    expect(messageOf(() => new GroupNormalization()(input([4, 48])))).toContain("divides the 48 channels: groups: 24");
    expect(messageOf(() => new BatchNormalization({ momentum: 2 }))).toContain(
      "BatchNormalization: momentum can not be 2",
    );
  });
  test("another number of features", () => {
    const layer = new BatchNormalization();
    layer(input([4]));
    expect(messageOf(() => layer(input([5])))).toContain("batch_normalization: takes 4 features, got 5");
  });
});
