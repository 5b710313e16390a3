/** The two networks of the seed's training examples, and their training on random data, as numbers to compare. */
import {
  add,
  conv2d,
  Graph,
  matmul,
  maxPool2d,
  relu,
  reshape,
  Session,
  type SessionOptions,
  sparseSoftmaxCrossEntropy,
  type Tensor,
  type TypedArray,
} from "../../src/index.ts";
import { Adam } from "../../src/train/index.ts";
import { RandomStream } from "./random.ts";

/** 784-128-64-10. */
export function dense(graph: Graph, images: Tensor): Tensor {
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
export function convolutional(graph: Graph, images: Tensor): Tensor {
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

/** A training on random data, the same in every place. */
export interface Training {
  readonly session: Session;
  /** One step. @returns the loss */
  step(): number;
  /** The same, by `runAsync`. */
  stepAsync(): Promise<number>;
  /** All variables, those of the optimiser among them. */
  variables(): readonly TypedArray[];
}

export function training(network: typeof dense, options: SessionOptions, batch: number): Training {
  const graph = new Graph();
  const images = graph.placeholder("images", [batch, 784]);
  const labels = graph.placeholder("labels", [batch], { dtype: "int32" });
  const loss = sparseSoftmaxCrossEntropy(labels, network(graph, images));
  const trainStep = new Adam(0.001).minimize(loss);
  const session = new Session(graph, options);
  const random = new RandomStream(7);
  session.run(graph.initializer);
  for (const { variable, trainable, count } of graph.variables()) {
    if (!trainable) continue;
    session.setValue(
      variable,
      Float32Array.from({ length: count }, () => random.between(-0.1, 0.1)),
    );
  }
  const prepared = session.prepare([loss, trainStep], [images, labels]);
  const pixels = new Float32Array(batch * 784);
  const digits = new Int32Array(batch);
  const next = (): void => {
    for (let i = 0; i < pixels.length; i++) pixels[i] = random.between(0, 1);
    for (let i = 0; i < digits.length; i++) digits[i] = random.whole(0, 9);
  };
  return {
    session,
    step() {
      next();
      return prepared(pixels, digits)[0].item();
    },
    async stepAsync() {
      next();
      const [value] = await session.runAsync(
        [loss, trainStep],
        [
          [images, pixels],
          [labels, digits],
        ],
      );
      return value.item();
    },
    variables: () => graph.variables().map(({ variable }) => session.value(variable).data),
  };
}

/** Losses and, in the end, all variables: as one list of numbers. */
export function train(network: typeof dense, options: SessionOptions, steps: number, batch: number): readonly number[] {
  const { session, step, variables } = training(network, options, batch);
  const numbers = Array.from({ length: steps }, step);
  for (const data of variables()) numbers.push(...data);
  session.close();
  return numbers;
}
