/** Rows of the mission that have no test of their own elsewhere: 95, 101, 106, 144. */
import { describe, expect, test } from "vitest";
import { tensor } from "../../src/eager/index.ts";
import { NDArray } from "../../src/functional.ts";
import { Dense, input, loadModel, model, Normalization, sequential } from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";

/** Points on a plane: x [40, 3], y [40, 1]. */
const x = new NDArray(
  Float32Array.from({ length: 120 }, (_, i) => Math.sin(7 * i)),
  [40, 3],
);
const y = new NDArray(
  Float32Array.from({ length: 40 }, (_, i) => x.data[3 * i]! - 2 * x.data[3 * i + 1]! + 0.5),
  [40, 1],
);
const bitsOf = (network: { readonly variables: readonly { readonly data: ArrayLike<number> }[] }) =>
  network.variables.map(({ data }) => Array.from(data));
const listed = () => sequential([input([3]), new Dense(6, { activation: "relu" }), new Dense(1)], { seed: 4 });

test("row 95: compile, fit, evaluate and predict, one after another", async () => {
  const network = listed();
  expect(network.isCompiled).toBe(false);
  network.compile({ optimizer: new Adam(0.02), loss: "mse", metrics: ["mae"] });
  const before = await network.evaluate(x, y);
  const { history } = await network.fit(x, y, { epochs: 15, verbose: 0 });
  const after = await network.evaluate(x, y);
  const predicted = await network.predict(x);
  expect(network.isCompiled).toBe(true);
  expect(after.loss).toBeLessThan(before.loss! / 2);
  expect(history.mae).toHaveLength(15);
  expect(predicted.shape).toEqual([40, 1]);
  // What evaluate says is what predict gives.
  const error =
    Array.from(predicted.data as Float32Array).reduce((sum, value, i) => sum + Math.abs(value - y.data[i]!), 0) / 40;
  expect(after.mae).toBeCloseTo(error, 5);
});

test("row 101: a functional model and a sequential one have the same weights and outputs, before and after training", async () => {
  const given = input([3]);
  const hidden = new Dense(6, { activation: "relu" })(given);
  const drawn = model(given, new Dense(1)(hidden), { seed: 4 });
  const list = listed();
  expect(bitsOf(drawn)).toEqual(bitsOf(list));
  expect(drawn(tensor(x)).toArray()).toEqual(list(tensor(x)).toArray());
  for (const network of [drawn, list]) {
    network.compile({ optimizer: "adam", loss: "mse" });
    await network.fit(x, y, { epochs: 2, verbose: 0 });
  }
  expect(bitsOf(drawn)).toEqual(bitsOf(list));
  expect((await drawn.predict(x)).data).toEqual((await list.predict(x)).data);
});

test("row 106: the gradients of all calls of a shared layer add up, and it is trained once a step", async () => {
  const shared = new Dense(1, { useBias: false });
  const [a, b] = [input([3], { name: "a" }), input([3], { name: "b" })];
  const network = model([a, b], [shared(a), shared(b)]);
  network.compile({ optimizer: "sgd", loss: "mse" });
  expect(network.variables).toHaveLength(1);
  const [other] = [new NDArray(x.data.map((value) => 1 - (value as number)) as Float32Array, [40, 3])];
  const kernel = () => Array.from(network.variables[0]!.data);
  const first = kernel();
  network.trainOnBatch([x, other], [y, y]);
  const changes = kernel().map((value, i) => value - first[i]!);
  /** d mse / d kernel = 2/n Σ (x·k - y) x, by hand, of one call. */
  const slope = ({ data }: NDArray): number[] => {
    const sum = [0, 0, 0];
    for (let row = 0; row < 40; row++) {
      const point = [0, 1, 2].map((j) => data[3 * row + j] as number);
      const error = point.reduce((dot, value, j) => dot + value * first[j]!, 0) - (y.data[row] as number);
      for (let j = 0; j < 3; j++) sum[j]! += (2 / 40) * error * point[j]!;
    }
    return sum;
  };
  const [ofA, ofB] = [slope(x), slope(other!)];
  for (const [j, change] of changes.entries()) expect(change).toBeCloseTo(-0.01 * (ofA[j]! + ofB[j]!), 6);
});

describe("row 144: normalised training data", () => {
  test("mean and variance are of the data, in the model, and in its file", async () => {
    const cars = new NDArray(x.data.map((value, i) => 10 * (i % 3) + 100 * (value as number)) as Float32Array, [40, 3]);
    const normalization = new Normalization();
    normalization.adapt(cars);
    const network = sequential([input([3]), normalization, new Dense(1)], { seed: 2 });
    const normed = normalization(tensor(cars)).value;
    for (let column = 0; column < 3; column++) {
      const values = Array.from({ length: 40 }, (_, row) => normed.data[3 * row + column] as number);
      const mean = values.reduce((sum, value) => sum + value, 0) / 40;
      expect(mean).toBeCloseTo(0, 5);
      expect(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 40).toBeCloseTo(1, 5);
    }
    const again = await loadModel(network.save());
    expect((await again.predict(cars)) as NDArray).toEqual(await network.predict(cars));
    // They are no part of what is learnt.
    expect(network.trainableVariables.map(({ op }) => op.name)).toEqual(["dense/kernel", "dense/bias"]);
  });
});
