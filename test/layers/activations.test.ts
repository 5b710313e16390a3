import { describe, expect, test } from "vitest";
import { type EagerTensor, GradientTape, tensor } from "../../src/eager/index.ts";
import { activationFrom } from "../../src/layers/activation-names.ts";
import { Activation, LeakyReLU, Maxout, PReLU, ReLU } from "../../src/layers/activations.ts";
import { activationNames } from "../../src/ops/activation.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const kinds = ["Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"];
/** Slopes of the lecture instead of Keras', and what is not there. */
const different = ["activation: leaky_relu", "leaky relu", "activation: sparsemax"];

describe("as Keras computes them", () => {
  for (const one of kerasFile("layers").cases.filter(({ layer }) => kinds.includes(layer))) {
    if (!different.includes(one.name)) test(one.name, () => checkCase(one));
  }
});

const x = tensor([[-2, -0.5, 0, 0.5, 2]], { dtype: "float32" });

test("row 16: leaky ReLU has the slope 0.1", () => {
  const wanted = [-0.2, -0.05, 0, 0.5, 2].map(Math.fround);
  expect([...(new LeakyReLU()(x) as EagerTensor).data]).toEqual(wanted);
  expect([...(new Activation("leakyRelu")(x) as EagerTensor).data]).toEqual(wanted);
});

test("all names of ops are names of layers, in both spellings", () => {
  for (const name of activationNames()) expect(activationFrom(name)).toBeTypeOf("function");
  expect(activationFrom("hard_sigmoid")).toBe(activationFrom("hardSigmoid"));
});

test("row 17: Maxout is the larger of affine maps; the winner alone has a gradient, the first of equals", () => {
  const layer = new Maxout(1);
  const given = tensor(
    [
      [1, 2],
      [-1, 1],
      [1, 1],
    ],
    { dtype: "float32" },
  );
  layer(given);
  const [firstKernel, firstBias, secondKernel, secondBias] = layer.variables;
  firstKernel!.replace(Float32Array.of(1, 1));
  firstBias!.replace(Float32Array.of(0));
  secondKernel!.replace(Float32Array.of(-1, 2));
  secondBias!.replace(Float32Array.of(1));
  // First: 3, 0, 2. Second: 4, 4, 2.
  const tape = new GradientTape();
  const y = layer(given);
  expect([...(y as EagerTensor).data]).toEqual([4, 4, 2]);
  const gradients = tape.gradient(y, layer.variables) as readonly EagerTensor[];
  expect(gradients.map(({ data }) => [...data])).toEqual([[1, 1], [1], [0, 3], [2]]);
});

test("PReLU has a slope for each element, or shared ones", () => {
  const images = tensor(new Float32Array(12).fill(-1), { shape: [1, 2, 3, 2] });
  const shapes = [new PReLU(), new PReLU({ sharedAxes: [1, 2] })].map((layer) => {
    layer(images);
    return layer.variables[0]!.shape;
  });
  expect(shapes).toEqual([
    [2, 3, 2],
    [1, 1, 2],
  ]);
});

describe("what is wrong", () => {
  test("names", () => {
    // @ts-expect-error: no such name
    expect(messageOf(() => new Activation("softmacks"))).toBe(
      'activation: there is none called "softmacks"\nat test/layers/activations.test.ts:L:C\nfix: near names: softmax, softplus',
    );
  });
  test("limits", () => {
    expect(messageOf(() => new ReLU({ maxValue: -1 }))).toContain("ReLU: maxValue can not be -1");
    expect(messageOf(() => new Maxout(2, { pieces: 1 }))).toContain("Maxout: pieces can not be 1");
  });
});
