/** Vectors of numbers, and masks of what fills sequences up. */
import { describe, expect, test } from "vitest";
import { type EagerTensor, func, GradientTape, tensor } from "../../src/eager/index.ts";
import { sum, type Tensor } from "../../src/functional.ts";
import { maskOf } from "../../src/layers/core/context.ts";
import { Embedding } from "../../src/layers/embedding.ts";
import { Dense, input, model, sequential } from "../../src/layers/index.ts";
import { Masking } from "../../src/layers/masking.ts";
import { LSTM } from "../../src/layers/recurrent/index.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const { cases } = kerasFile("layers");
const bitsOf = (value: unknown): number[] => Array.from((value as EagerTensor).data);

describe("as Keras computes them", () => {
  for (const one of cases.filter(({ layer }) => layer === "Embedding" || layer === "Masking")) {
    test(one.name, () => checkCase(one));
  }
});

describe("Embedding", () => {
  test("takes whole numbers, and floating-point ones as such", () => {
    const layer = new Embedding(5, 2);
    const whole = layer(tensor([[0, 4, 1]], { dtype: "int32" }));
    expect(whole.shape).toEqual([1, 3, 2]);
    expect(bitsOf(layer(tensor([[0, 4, 1]], { dtype: "float32" })))).toEqual(bitsOf(whole));
  });

  test("the gradient adds up what was looked up twice, and leaves the rest at 0", () => {
    const layer = new Embedding(4, 2);
    const ids = tensor([[1, 3, 1]], { dtype: "int32" });
    layer(ids);
    const tape = new GradientTape();
    const [gradient] = tape.gradient(sum(layer(ids)), layer.trainableVariables);
    expect(bitsOf(gradient)).toEqual([0, 0, 2, 2, 0, 0, 1, 1]);
  });

  test("begins uniform in ±0.05, or as told", () => {
    const layer = new Embedding(50, 4);
    layer(tensor([0], { dtype: "int32" }));
    const values = bitsOf(layer.variables[0]);
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.05);
    const ones = new Embedding(3, 1, { embeddingsInitializer: "ones", embeddingsRegularizer: { name: "l2", l2: 0.5 } });
    ones(tensor([0], { dtype: "int32" }));
    expect(ones.regularizationLosses.map((loss) => (loss as EagerTensor).item())).toEqual([1.5]);
  });

  test("a mask of zeros goes through models, to layers over time", () => {
    const words = input([null], { name: "words", dtype: "int32" });
    const vectors = new Embedding(6, 3, { maskZero: true })(words);
    const network = model(words, new LSTM(2)(new Dense(3)(vectors)), { seed: 2 });
    const padded = network(tensor([[3, 1, 0, 0]], { dtype: "int32" }));
    expect(bitsOf(padded)).toEqual(bitsOf(network(tensor([[3, 1]], { dtype: "int32" }))));
    const traced = func((x: Tensor) => network(x));
    expect(bitsOf(traced(tensor([[3, 1, 0, 0]], { dtype: "int32" })))).toEqual(bitsOf(padded));
    traced.close();
  });

  test("tells its arguments", () => {
    const layer = new Embedding(6, 3, { maskZero: true, name: "words" });
    expect(layer.getConfig()).toEqual({
      inputDim: 6,
      outputDim: 3,
      embeddingsInitializer: "uniform",
      maskZero: true,
      name: "words",
    });
    expect(Embedding.fromConfig(layer.getConfig()!).getConfig()).toEqual(layer.getConfig());
    expect(messageOf(() => new Embedding(0, 3))).toContain("Embedding: inputDim can not be 0");
    expect(messageOf(() => new Embedding(3, 1.5))).toContain("Embedding: outputDim can not be 1.5");
  });
});

describe("Masking", () => {
  const x = tensor(
    [
      [
        [1, 2],
        [-1, -1],
        [-1, 3],
      ],
    ],
    { dtype: "float32" },
  );

  test("steps that are all the value become 0, and layers behind pass over them", () => {
    const y = new Masking({ maskValue: -1 })(x);
    expect(y.toArray()).toEqual([
      [
        [1, 2],
        [0, 0],
        [-1, 3],
      ],
    ]);
    expect(bitsOf(maskOf(y))).toEqual([1, 0, 1]);
    const network = sequential([new Masking({ maskValue: -1 }), new LSTM(3)], { seed: 1 });
    const without = network(
      tensor(
        [
          [
            [1, 2],
            [-1, 3],
          ],
        ],
        { dtype: "float32" },
      ),
    );
    expect(bitsOf(network(x))).toEqual(bitsOf(without));
  });

  test("tells its arguments, and takes sequences", () => {
    expect(Masking.fromConfig(new Masking().getConfig()!).getConfig()).toEqual({ maskValue: 0 });
    expect(messageOf(() => new Masking()(tensor([[1, 2]], { dtype: "float32" })))).toContain(
      "masking: takes rank 3 or more, got rank 2",
    );
  });
});
