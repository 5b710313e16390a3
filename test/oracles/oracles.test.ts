import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { loadMnist, pixelsPerImage } from "../../samples/mnist/data.ts";
import { initialMnistMlpWeights, loadMnistMlp } from "./mnist-mlp.ts";
import { loadOptimizers } from "./optimizers.ts";
import {
  gradientGroups,
  loadGradientCases,
  loadSecondOrder,
  loadTraining,
  type OracleArray,
  ownGradientGroups,
} from "./shared.ts";

const elementCount = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

function expectFilled({ shape, data }: OracleArray): void {
  expect(data.length).toBe(elementCount(shape));
  expect(data.every(Number.isFinite)).toBe(true);
}

describe("the shared oracles are whole", () => {
  test.each([...gradientGroups, ...ownGradientGroups])("gradients: %s", (group) => {
    const cases = loadGradientCases(group);
    expect(cases.length).toBeGreaterThan(0);
    for (const { in: inputs, out, cot, grad } of cases) {
      Object.values(inputs).forEach(expectFilled);
      out.forEach(expectFilled);
      expect(cot.map((values) => values?.length ?? null)).toEqual(
        out.map(({ dtype, data }) => (dtype === "float" ? data.length : null)),
      );
      for (const [input, values] of Object.entries(grad)) expect(values.length).toBe(inputs[input]?.data.length);
    }
  });

  test("second order", () => {
    const { cases, higher } = loadSecondOrder();
    for (const { in: inputs, wrt, grad, v, hvp, hessian } of cases) {
      const side = wrt.reduce((sum, name) => sum + inputs[name]!.data.length, 0);
      expect(elementCount(hessian.shape)).toBe(side * side);
      for (const tensors of [grad, v, hvp]) expect(Object.keys(tensors).sort()).toEqual([...wrt].sort());
    }
    expect(higher.map(({ derivatives_0_to_5 }) => derivatives_0_to_5.length)).toEqual([6, 6]);
  });

  test("training runs", () => {
    const { init, batches, runs } = loadTraining();
    Object.values(init).forEach(expectFilled);
    expect(batches.length).toBe(4);
    expect(runs.length).toBe(13);
    for (const { losses, weights } of runs) {
      expect(losses.length).toBe(20);
      Object.values(weights.after_20).forEach(expectFilled);
    }
  });
});

test("the optimizer oracle is whole", () => {
  const { data, keras, torch } = loadOptimizers();
  Object.values(data).forEach(expectFilled);
  expect([keras.runs.length, torch.runs.length]).toEqual([27, 14]);
  for (const { losses, weights, averages, options } of [...keras.runs, ...torch.runs]) {
    expect([losses.length, weights.length, averages.length]).toEqual([20, 8, options.use_ema ? 8 : 0]);
    expect([...losses, ...weights, ...averages].every(Number.isFinite)).toBe(true);
  }
  const schedules = [...keras.schedules.map(({ values }) => values), ...Object.values(torch.schedules)];
  expect(schedules.length).toBe(21);
  for (const values of schedules) expect(values.length >= 20 && values.every(Number.isFinite)).toBe(true);
});

describe("the MNIST training oracle", () => {
  const oracle = loadMnistMlp();

  test("has 100 losses and the 55,050 weights it was written with", () => {
    expect(oracle.losses.length).toBe(100);
    expect(oracle.finalWeights.map(({ name, shape }) => [name, ...shape])).toEqual(
      initialMnistMlpWeights().map(({ name, shape }) => [name, ...shape]),
    );
    expect(oracle.finalWeights.reduce((sum, { values }) => sum + values.length, 0)).toBe(55_050);

    const read = (file: string) => readFileSync(new URL(`training/${file}`, import.meta.url));
    const { finalWeights } = JSON.parse(read("mnist-mlp.json").toString("utf8")) as {
      finalWeights: { sha256: string };
    };
    expect(createHash("sha256").update(read("mnist-mlp-weights.bin")).digest("hex")).toBe(finalWeights.sha256);
  });

  test("starts from the weights this formula gives: the first loss agrees", () => {
    const { train } = loadMnist();
    const [w1, , w2, , w3] = initialMnistMlpWeights().map(({ values }) => values);
    const relu = (values: number[]) => values.map((value) => Math.max(value, 0));
    let sum = 0;
    for (let image = 0; image < oracle.batchSize; image++) {
      const pixels = train.images.subarray(image * pixelsPerImage, (image + 1) * pixelsPerImage);
      const logits = timesMatrix(relu(timesMatrix(relu(timesMatrix(pixels, w1!, 64)), w2!, 64)), w3!, 10);
      const logSumExp = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
      sum += logSumExp - logits[train.labels[image]!]!;
    }
    expect(sum / oracle.batchSize).toBeCloseTo(oracle.losses[0]!, 13);
  });
});

function timesMatrix(row: ArrayLike<number>, matrix: Float32Array, columns: number): number[] {
  const product = new Array<number>(columns).fill(0);
  for (let k = 0; k < row.length; k++) {
    for (let column = 0; column < columns; column++) product[column]! += row[k]! * matrix[k * columns + column]!;
  }
  return product;
}
