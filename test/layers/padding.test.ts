import { describe, expect, test } from "vitest";
import { input } from "../../src/layers/core/input.ts";
import {
  Cropping1D,
  Cropping2D,
  UpSampling1D,
  UpSampling2D,
  ZeroPadding1D,
  ZeroPadding2D,
} from "../../src/layers/padding.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const isMine = /^(ZeroPadding|Cropping|UpSampling)/;

describe("as Keras computes them", () => {
  for (const one of kerasFile("convolution").cases.filter(({ layer }) => isMine.test(layer))) {
    test(one.name, () => checkCase(one));
  }
});

test("height and width may be open", () => {
  const images = input(["height", "width", 3]);
  const texts = [new ZeroPadding2D(2), new Cropping2D(1), new UpSampling2D(2)].map((layer) =>
    layer(images).shape!.map(String),
  );
  expect(texts).toEqual([
    ["batch", "height + 4", "width + 4", "3"],
    ["batch", "height - 2", "width - 2", "3"],
    ["batch", "2*height", "2*width", "3"],
  ]);
});

describe("what is wrong", () => {
  test("amounts", () => {
    expect(messageOf(() => new ZeroPadding1D(-1))).toContain("ZeroPadding1D: padding can not be -1");
    expect(messageOf(() => new UpSampling1D(0.5))).toContain("UpSampling1D: size can not be 0.5");
    // @ts-expect-error: three axes
    expect(messageOf(() => new ZeroPadding2D([1, 2, 3]))).toContain(
      "fix: give a whole number, [height, width], or [[top, bottom], [left, right]]",
    );
    // @ts-expect-error: no such interpolation
    expect(messageOf(() => new UpSampling2D(2, { interpolation: "cubic" }))).toContain(
      'fix: give one of "nearest", "bilinear"',
    );
  });
  test("nothing is left", () => {
    expect(messageOf(() => new Cropping1D([2, 1])(input([3, 2], { name: "x" })))).toContain(
      "cropping1d: takes 2 and 1 away along axis 1, which has only 3",
    );
  });
  test("bilinear with sizes that are not known", () => {
    expect(messageOf(() => new UpSampling2D(2, { interpolation: "bilinear" })(input([null, 4, 1])))).toContain(
      'up_sampling2d: "bilinear" takes images whose height and width are known, got [batch, ?, 4, 1]',
    );
  });
});
