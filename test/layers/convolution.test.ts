import { describe, expect, test } from "vitest";
import { Conv1D, Conv2D, Conv3D } from "../../src/layers/convolution.ts";
import { SeparableConv2D } from "../../src/layers/convolution-separable.ts";
import { Conv2DTranspose } from "../../src/layers/convolution-transpose.ts";
import { input } from "../../src/layers/core/input.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

describe("as Keras computes them", () => {
  const isMine = /Conv\dD/;
  for (const one of kerasFile("convolution").cases.filter(({ layer }) => isMine.test(layer))) {
    test(one.name, () => checkCase(one));
  }
});

test("kernels as Keras shapes them", () => {
  const shapes = (layer: Conv2D | Conv3D | SeparableConv2D | Conv2DTranspose, shape: readonly number[]) => {
    layer(input(shape));
    return layer.variables.map(({ op, shape: own }) => `${op.name}[${own!.join()}]`);
  };
  expect(shapes(new Conv2D(6, [3, 2], { groups: 2 }), [8, 8, 4])).toEqual(["conv2d/kernel[3,2,2,6]", "conv2d/bias[6]"]);
  expect(shapes(new Conv3D(2, 1, { useBias: false }), [2, 2, 2, 3])).toEqual(["conv3d/kernel[1,1,1,3,2]"]);
  expect(shapes(new Conv2DTranspose(6, 3), [8, 8, 4])).toEqual([
    "conv2d_transpose/kernel[3,3,6,4]",
    "conv2d_transpose/bias[6]",
  ]);
  expect(shapes(new SeparableConv2D(6, 3, { depthMultiplier: 2 }), [8, 8, 4])).toEqual([
    "separable_conv2d/depthwise_kernel[3,3,4,2]",
    "separable_conv2d/pointwise_kernel[1,1,8,6]",
    "separable_conv2d/bias[6]",
  ]);
});

test("height and width may be open", () => {
  const images = input(["height", "width", 3]);
  const layers = [new Conv2D(2, 3), new Conv2D(2, 3, { padding: "same" }), new Conv2DTranspose(2, 2, { strides: 2 })];
  expect(layers.map((layer) => layer(images).shape!.map(String).join())).toEqual([
    "batch,height - 2,width - 2,2",
    "batch,height,width,2",
    "batch,2*height,2*width,2",
  ]);
});

describe("what is wrong", () => {
  test("arguments", () => {
    expect(messageOf(() => new Conv2D(0, 3))).toContain("Conv2D: filters can not be 0");
    // @ts-expect-error: three sizes
    expect(messageOf(() => new Conv2D(4, [3, 3, 3]))).toContain(
      "Conv2D: kernelSize can not be [3,3,3]\nat test/layers/convolution.test.ts:L:C\nfix: give one whole number or a list of 2, from 1 on",
    );
    // @ts-expect-error: for sequences only
    expect(messageOf(() => new Conv2D(4, 3, { padding: "causal" }))).toContain('Conv2D: padding can not be "causal"');
    expect(messageOf(() => new Conv1D(4, 3, { groups: 3 }))).toContain("fix: give a number that divides the 4 filters");
    expect(messageOf(() => new Conv2DTranspose(4, 3, { outputPadding: 1 }))).toContain(
      "fix: give less than the strides",
    );
  });
  test("channels", () => {
    expect(messageOf(() => new Conv1D(4, 3, { groups: 2 })(input([8, 3])))).toContain(
      "fix: give a number that divides the 3 channels",
    );
    const layer = new Conv2D(4, 3);
    layer(input([8, 8, 3]));
    expect(messageOf(() => layer(input([8, 8, 1])))).toContain("conv2d: takes 3 channels, got 1");
  });
  test("no channels: the axis that is missing", () => {
    expect(messageOf(() => new Conv2D(4, 3)(input([28, 28])))).toContain("conv2d: takes rank 4, got rank 3");
  });
});
