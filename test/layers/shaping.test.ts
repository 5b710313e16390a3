import { describe, expect, test } from "vitest";
import { type EagerTensor, tensor } from "../../src/eager/index.ts";
import { add, mul, type Tensor } from "../../src/functional.ts";
import { input } from "../../src/layers/core/input.ts";
import { Flatten, Lambda, Permute, RepeatVector, Rescaling, Reshape } from "../../src/layers/shaping.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const kinds = ["Flatten", "Reshape", "Permute", "RepeatVector", "Identity", "Rescaling"];

describe("as Keras computes them", () => {
  for (const one of kerasFile("layers").cases.filter(({ layer }) => kinds.includes(layer))) {
    // Channels come last here.
    if (!one.name.includes("channels_first")) test(one.name, () => checkCase(one));
  }
});

test("row 11: Flatten makes [batch, 784] of images, and the editor knows", () => {
  const flat: Tensor<readonly ["batch", 784]> = new Flatten()(input([28, 28]));
  expect(flat.shape!.map(String)).toEqual(["batch", "784"]);
});

test("sizes that nobody knows yet", () => {
  expect(String(new Reshape([-1, 2])(input(["steps", 6])))).toContain("shape=(?, ?, 2)");
  expect(String(new RepeatVector(2)(input([3])))).toContain("shape=(?, 2, 3)");
});

test("whole numbers are scaled as floating point", () => {
  const y = new Rescaling(1 / 255)(tensor([[0, 51, 255]])) as EagerTensor;
  expect(y.dtype).toBe("float32");
  [0, 0.2, 1].forEach((value, i) => void expect(y.data[i]).toBeCloseTo(value, 6));
});

test("Lambda is a function of one tensor, or of several", () => {
  const twice = new Lambda((x) => mul(x, 2));
  expect(String(twice(input([3])))).toContain("shape=(?, 3)");
  const both = new Lambda(([a, b]: readonly [Tensor, Tensor]) => add(a, b), { name: "both" });
  expect([...(both([tensor([[1.5]]), tensor([[2.5]])]) as EagerTensor).data]).toEqual([4]);
});

describe("what is wrong", () => {
  test("elements that do not fit", () => {
    const text = messageOf(() => new Reshape([5, -1])(input([3, 4])));
    expect(text).toContain("reshape: the 12 elements of [3, 4] can not be laid out as [5, -1]");
    expect(text).toContain('layer "reshape" (Reshape) was made at test/layers/shaping.test.ts:L:C');
    expect(text).toContain(
      "fix: the product of the sizes must be 12: the batch does not count, and one size may be -1",
    );
    expect(messageOf(() => new Reshape([5])(input([3, 4])))).toContain(
      "the 12 elements of [3, 4] can not be laid out as [5]",
    );
    expect(messageOf(() => new Reshape([-1, -1]))).toContain("Reshape: targetShape can not be [-1,-1]");
  });
  test("axes", () => {
    expect(messageOf(() => new Permute([0, 1]))).toContain("fix: give each axis once, counted from 1: [2, 1]");
    expect(messageOf(() => new Permute([2, 1])(input([3])))).toContain("permute: takes rank 3, got rank 2");
    expect(messageOf(() => new RepeatVector(0))).toContain("RepeatVector: n can not be 0");
  });
});
