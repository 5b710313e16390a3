import { expect, test } from "vitest";
import {
  add,
  conv2d,
  Graph,
  matmul,
  maxPool2d,
  relu,
  reshape,
  Session,
  sparseSoftmaxCrossEntropy,
  type Tensor,
} from "../../src/index.ts";
import { Adam } from "../../src/train/index.ts";
import { RandomStream } from "../support/random.ts";

type Backend = "wasm" | "javascript" | "interpreter";

/** 784-128-64-10. */
function dense(graph: Graph, images: Tensor): Tensor {
  let x = images;
  for (const [i, [inputs, units]] of [
    [784, 128],
    [128, 64],
    [64, 10],
  ].entries()) {
    const kernel = graph.variable(`kernel_${i}`, [inputs!, units!]);
    x = add(matmul(x, kernel), graph.variable(`bias_${i}`, [units!]));
    if (i < 2) x = relu(x);
  }
  return x;
}

/** 28 x 28: two convolutions 5 x 5 with pooling, then a dense layer. */
function convolutional(graph: Graph, images: Tensor): Tensor {
  let x: Tensor = reshape(images, [-1, 28, 28, 1]);
  for (const [i, [inputs, channels]] of [
    [1, 8],
    [8, 16],
  ].entries()) {
    const filters = graph.variable(`filters_${i}`, [5, 5, inputs!, channels!]);
    const bias = graph.variable(`bias_${i}`, [channels!]);
    x = maxPool2d(relu(add(conv2d(x, filters, { padding: "same" }), bias)));
  }
  const flat = reshape(x, [-1, 784]);
  return add(matmul(flat, graph.variable("kernel", [784, 10])), graph.variable("bias", [10]));
}

/** Losses and, in the end, all variables: as one list of numbers. */
function train(network: typeof dense, backend: Backend, steps: number, batch: number): readonly number[] {
  const graph = new Graph();
  const images = graph.placeholder("images", [batch, 784]);
  const labels = graph.placeholder("labels", [batch], { dtype: "int32" });
  const loss = sparseSoftmaxCrossEntropy(labels, network(graph, images));
  const trainStep = new Adam(0.001).minimize(loss);
  const session = new Session(graph, { backend });
  const random = new RandomStream(7);
  session.run(graph.initializer);
  for (const { variable, trainable, count } of graph.variables()) {
    if (!trainable) continue;
    session.setValue(
      variable,
      Float32Array.from({ length: count }, () => random.between(-0.1, 0.1)),
    );
  }
  const step = session.prepare([loss, trainStep], [images, labels]);
  const numbers: number[] = [];
  for (let i = 0; i < steps; i++) {
    const pixels = Float32Array.from({ length: batch * 784 }, () => random.between(0, 1));
    const digits = Int32Array.from({ length: batch }, () => random.whole(0, 9));
    numbers.push(step(pixels, digits)[0].item());
  }
  for (const { variable } of graph.variables()) numbers.push(...session.value(variable).data);
  return numbers;
}

const differences = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((count, value, i) => count + (Object.is(value, b[i]) ? 0 : 1), Math.abs(a.length - b.length));

test.each([
  ["dense network", dense],
  ["convolutional network", convolutional],
] as const)(
  "100 training steps of the %s have the same bits in WebAssembly and JavaScript",
  (_, network) => {
    const wasm = train(network, "wasm", 100, 8);
    expect(wasm.every(Number.isFinite)).toBe(true);
    expect(wasm[99]).not.toBe(wasm[0]);
    expect(differences(train(network, "javascript", 100, 8), wasm)).toBe(0);
  },
  120_000,
);

test.each([
  ["dense network", dense, 5],
  ["convolutional network", convolutional, 1],
] as const)(
  "training steps of the %s have the interpreter's bits",
  (_, network, steps) => {
    expect(differences(train(network, "interpreter", steps, 1), train(network, "wasm", steps, 1))).toBe(0);
  },
  120_000,
);
