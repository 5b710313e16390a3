/** The two networks of the benchmark in forerun, for the measured side, the start, the plans and the profile. */
import {
  add,
  conv2d,
  Graph,
  matmul,
  maxPool2d,
  type Operation,
  relu,
  reshape,
  sparseSoftmaxCrossEntropy,
  type Tensor,
} from "../../src/functional.ts";
import { Adam } from "../../src/train/index.ts";
import { ADAM, cnnParameters, mlpParameters, type NetworkCase, PIXELS } from "./cases.ts";

export interface Network {
  readonly graph: Graph;
  readonly images: Tensor;
  readonly logits: Tensor;
}
export interface Trained extends Network {
  readonly labels: Tensor;
  readonly loss: Tensor;
  readonly trainStep: Operation;
}

/** 784-128-64-10 with relu between; the batch size is known, as in the peers' compiled models. */
function mlp(batch: number): Network {
  const graph = new Graph();
  const images = graph.placeholder("images", [batch, PIXELS]);
  const parameters = mlpParameters().map(({ name, shape, values }) => graph.variable(name, shape, { initial: values }));
  return { graph, images, logits: mlpLogits(images, parameters) };
}

/** The same in graphs and in define-by-run. */
export function mlpLogits(images: Tensor, [w1, b1, w2, b2, w3, b3]: readonly Tensor[]): Tensor {
  const layer = (x: Tensor, w: Tensor | undefined, b: Tensor | undefined): Tensor => add(matmul(x, w!), b!);
  return layer(relu(layer(relu(layer(images, w1, b1)), w2, b2)), w3, b3);
}

function cnn(batch: number): Network {
  const graph = new Graph();
  const images = graph.placeholder("images", [batch, 28, 28, 1]);
  const [f1, b1, f2, b2, w3, b3] = cnnParameters().map(({ name, shape, values }) =>
    graph.variable(name, shape, { initial: values }),
  ) as Tensor[];
  const block = (x: Tensor, filters: Tensor | undefined, bias: Tensor | undefined): Tensor =>
    maxPool2d(relu(add(conv2d(x, filters!, { padding: "same" }), bias!)));
  const features = block(block(images, f1, b1), f2, b2);
  return { graph, images, logits: add(matmul(reshape(features, [batch, 784]), w3!), b3!) };
}

export const network = ({ network, batch }: NetworkCase): Network => (network === "mlp" ? mlp(batch) : cnn(batch));

/** The network with its loss and one step of Adam. */
export function trained(wanted: NetworkCase): Trained {
  const made = network(wanted);
  const labels = made.graph.placeholder("labels", [wanted.batch], { dtype: "int32" });
  const loss = sparseSoftmaxCrossEntropy(labels, made.logits);
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const trainStep = new Adam(learningRate, { beta1, beta2, epsilon }).minimize(loss);
  return { ...made, labels, loss, trainStep };
}
