import { describe, expect, test } from "vitest";
import { type EagerTensor, tensor } from "../../src/eager/index.ts";
import type { Tensor } from "../../src/functional.ts";
import { input } from "../../src/layers/core/input.ts";
import { Dense } from "../../src/layers/dense.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

describe("as Keras computes it", () => {
  for (const one of kerasFile("layers").cases.filter(({ layer }) => layer === "Dense")) {
    test(one.name, () => checkCase(one));
  }
});

test("the editor follows: the last axis becomes the units", () => {
  const y: Tensor<readonly ["batch", 10]> = new Dense(10)(input([784]));
  // @ts-expect-error: 10 features, not 11
  const wrong: Tensor<readonly ["batch", 11]> = new Dense(10)(input([784]));
  const steps: Tensor<readonly ["batch", 5, 10]> = new Dense(10)(input([5, 784]));
  expect([y, wrong, steps].map(({ shape }) => shape!.map(String).join())).toEqual([
    "batch,10",
    "batch,10",
    "batch,5,10",
  ]);
});

test("a frozen layer has a penalty no more, and computes the same", () => {
  const x = tensor([[1, 2]], { dtype: "float32" });
  const layer = new Dense(2, { kernelRegularizer: "l2" });
  const before = [...(layer(x) as EagerTensor).data];
  expect(layer.losses.length).toBe(1);
  layer.trainable = false;
  expect([...(layer(x) as EagerTensor).data]).toEqual(before);
  expect(layer.losses).toEqual([]);
  expect(layer.getConfig()).toMatchObject({ trainable: false });
});

describe("what is wrong", () => {
  test("units", () => {
    expect(messageOf(() => new Dense(2.5))).toBe(
      "Dense: units can not be 2.5\nat test/layers/dense.test.ts:L:C\nfix: give a whole number from 1 on",
    );
  });
  test("an activation that is none, already where the layer is made", () => {
    // @ts-expect-error: no such name
    expect(messageOf(() => new Dense(2, { activation: "rellu" }))).toBe(
      'activation: there is none called "rellu"\nat test/layers/dense.test.ts:L:C\nfix: near names: relu, elu, celu',
    );
  });
  test("features", () => {
    const layer = new Dense(2);
    layer(input([4]));
    expect(messageOf(() => layer(input([3], { name: "x" })))).toContain("dense: takes 4 features, got 3");
    expect(messageOf(() => new Dense(2)(input([null])))).toContain(
      'dense: the weight "kernel" can not have a size that is not known: axis 0 is ?',
    );
  });
});
