/** One hundred Adam steps of a digit classifier against PyTorch's in float64: see `test/oracles/README.md`. */
import { expect, test } from "vitest";
import { loadMnist, pixelsPerImage } from "../../samples/mnist/data.ts";
import {
  Graph,
  mean,
  relu,
  Session,
  sparseSoftmaxCrossEntropy,
  type TypedArray,
  type Variable,
} from "../../src/index.ts";
import { Adam } from "../../src/train/index.ts";
import { initialMnistMlpWeights, loadMnistMlp } from "../oracles/mnist-mlp.ts";

const oracle = loadMnistMlp();
const { train: digits } = loadMnist();

function trainIn(dtype: "float32" | "float64") {
  const graph = new Graph();
  const images = graph.placeholder("images", ["batch", pixelsPerImage], { dtype });
  const labels = graph.placeholder("labels", ["batch"], { dtype: "int32" });
  const variables: readonly Variable[] = initialMnistMlpWeights().map(({ name, shape, values }) =>
    graph.variable(name, shape, { initial: values, dtype }),
  );
  const [w1, b1, w2, b2, w3, b3] = variables;
  const hidden = relu(relu(images.matmul(w1!).add(b1!)).matmul(w2!).add(b2!));
  const loss = mean(sparseSoftmaxCrossEntropy(labels, hidden.matmul(w3!).add(b3!)));
  const { learningRate, beta1, beta2, epsilon } = oracle.adam;
  const update = new Adam(learningRate, { beta1, beta2, epsilon }).minimize(loss);

  const session = new Session(graph);
  session.run(graph.initializer);
  const step = session.prepare([loss, update], [images, labels]);
  const { batchSize } = oracle;
  const losses: number[] = [];
  const started = performance.now();
  for (let i = 0; i < oracle.steps; i++) {
    const [first, end] = [i * batchSize, (i + 1) * batchSize];
    const pixels: TypedArray = digits.images.subarray(first * pixelsPerImage, end * pixelsPerImage);
    const [value] = step(dtype === "float32" ? pixels : Float64Array.from(pixels), digits.labels.subarray(first, end));
    losses.push(value.item());
  }
  const seconds = (performance.now() - started) / 1000;
  return { losses, weights: session.run(variables), seconds };
}

const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
};

test.each([
  ["float32", 1e-4],
  ["float64", 1e-10],
] as const)("784-64-64-10 in %s ends within %d of PyTorch's float64 weights", (dtype, tolerance) => {
  const { losses, weights, seconds } = trainIn(dtype);
  const difference = Math.max(...oracle.finalWeights.map(({ values }, i) => farthest(weights[i]!.data, values)));
  const lossDifference = farthest(losses, oracle.losses);
  console.log(
    `${dtype}: largest weight difference ${difference.toExponential(2)}, ` +
      `largest loss difference ${lossDifference.toExponential(2)}, ${oracle.steps} steps in ${seconds.toFixed(2)} s`,
  );
  expect(difference).toBeLessThanOrEqual(tolerance);
  expect(lossDifference).toBeLessThanOrEqual(tolerance);
});
