import { describe, expect, test } from "vitest";
import { input } from "../../src/layers/core/input.ts";
import { GlobalAveragePooling2D, MaxPooling2D } from "../../src/layers/pooling.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

describe("as Keras computes them", () => {
  const isMine = /Pooling[12]D$/;
  for (const one of kerasFile("convolution").cases.filter(({ layer }) => isMine.test(layer))) {
    test(one.name, () => checkCase(one));
  }
});

describe("what is wrong", () => {
  test("windows", () => {
    expect(messageOf(() => new MaxPooling2D(0))).toContain("MaxPooling2D: poolSize can not be 0");
    // @ts-expect-error: no such padding
    expect(messageOf(() => new MaxPooling2D(2, { padding: "full" }))).toContain('fix: give one of "valid", "same"');
  });
  test("images that are none", () => {
    expect(messageOf(() => new MaxPooling2D()(input([28, 28])))).toContain("max_pooling2d: takes rank 4, got rank 3");
    expect(messageOf(() => new GlobalAveragePooling2D()(input([8])))).toContain("takes rank 4, got rank 2");
    expect(messageOf(() => new MaxPooling2D(5)(input([4, 4, 1])))).toContain(
      'layer "max_pooling2d" (MaxPooling2D) was made at',
    );
  });
});
