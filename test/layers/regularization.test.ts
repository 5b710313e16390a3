import { describe, expect, test } from "vitest";
import { type EagerTensor, GradientTape, tensor } from "../../src/eager/index.ts";
import type { Tensor } from "../../src/functional.ts";
import { input } from "../../src/layers/core/input.ts";
import { setSeed } from "../../src/layers/core/seeds.ts";
import {
  AlphaDropout,
  Dropout,
  GaussianDropout,
  GaussianNoise,
  SpatialDropout1D,
} from "../../src/layers/regularization.ts";
import { checkCase, kerasFile } from "./keras-cases.ts";
import { messageOf } from "./messages.ts";

const isMine = /Dropout|Noise|ActivityRegularization/;

describe("outside of training, as Keras", () => {
  for (const one of kerasFile("layers").cases.filter(({ layer }) => isMine.test(layer))) {
    test(one.name, () => checkCase(one));
  }
});

const ones = tensor(new Float32Array(20_000).fill(1), { shape: [100, 200] });
const train = { training: true };
const moments = (value: unknown) => {
  const data = [...(value as EagerTensor).data];
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length;
  const variance = data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length;
  return { mean, variance };
};

test("the editor knows that the shape stays", () => {
  const x = input([8, 3]);
  const layers = [new Dropout(0.5), new SpatialDropout1D(0.5), new GaussianNoise(1)] as const;
  const results: readonly Tensor<readonly ["batch", 8, 3]>[] = layers.map((layer) => layer(x));
  // @ts-expect-error: rank 3, not 2
  const wrong: Tensor<readonly ["batch", 8]> = new Dropout(0.5)(x);
  expect([...results, wrong].every(({ shape }) => String(shape) === "batch,8,3")).toBe(true);
});

describe("in training", () => {
  test("Dropout sets the share to 0 and keeps the mean; the gradient goes the same way", () => {
    const layer = new Dropout(0.25);
    const tape = new GradientTape();
    tape.watch(ones);
    const y = layer(ones, train) as EagerTensor;
    const values = new Set(y.data);
    expect([...values].sort()).toEqual([0, Math.fround(1 / 0.75)]);
    expect(y.data.filter((value) => value === 0).length / y.data.length).toBeCloseTo(0.25, 1);
    expect([...(tape.gradient(y, ones) as EagerTensor).data]).toEqual([...y.data]);
  });
  test("every call draws anew, and a seed draws the same", () => {
    const runs = [1, 1, 2].map((seed) => {
      setSeed(seed);
      const layer = new Dropout(0.5);
      return [layer(ones, train), layer(ones, train)].map((y) => [...(y as EagerTensor).data]);
    });
    expect(runs[0]).toEqual(runs[1]);
    expect(runs[0]![0]).not.toEqual(runs[0]![1]);
    expect(runs[0]![0]).not.toEqual(runs[2]![0]);
  });
  test("SpatialDropout and a noise shape drop whole channels", () => {
    const sequences = tensor(new Float32Array(600).fill(1), { shape: [3, 10, 20] });
    const layers = [new SpatialDropout1D(0.5), new Dropout(0.5, { noiseShape: [null, 1, null] })];
    for (const layer of layers) {
      const { data } = layer(sequences, train) as EagerTensor;
      for (let i = 0; i < 600; i++) expect(data[i]).toBe(data[Math.floor(i / 200) * 200 + (i % 20)]);
      expect(new Set(data)).toEqual(new Set([0, 2]));
    }
  });
  test("noise has the moments that were asked for", () => {
    const gaussian = moments(new GaussianNoise(0.5)(ones, train));
    expect(gaussian.mean).toBeCloseTo(1, 1);
    expect(gaussian.variance).toBeCloseTo(0.25, 1);
    const dropout = moments(new GaussianDropout(0.2)(ones, train));
    expect(dropout.mean).toBeCloseTo(1, 1);
    expect(dropout.variance).toBeCloseTo(0.25, 1);
  });
  test("AlphaDropout keeps mean 0 and variance 1", () => {
    setSeed(4);
    const normal = new GaussianNoise(1)(tensor(new Float32Array(20_000), { shape: [100, 200] }), train);
    const { mean, variance } = moments(new AlphaDropout(0.3)(normal, train));
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });
});

describe("what is wrong", () => {
  test("rates", () => {
    expect(messageOf(() => new Dropout(1))).toBe(
      "Dropout: rate can not be 1\nat test/layers/regularization.test.ts:L:C\n" +
        "fix: give the share that is dropped: a number from 0 on, below 1",
    );
    expect(messageOf(() => new AlphaDropout(-0.5))).toContain("AlphaDropout: rate can not be -0.5");
    expect(messageOf(() => new GaussianNoise(Number.NaN))).toContain("GaussianNoise: stddev can not be NaN");
  });
  test("sequences that are none", () => {
    expect(messageOf(() => new SpatialDropout1D(0.5)(ones))).toContain("spatial_dropout1d: takes rank 3, got rank 2");
  });
});
