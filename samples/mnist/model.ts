import {
  add,
  argmax,
  cast,
  equal,
  Graph,
  matmul,
  mean,
  type Operation,
  relu,
  sparseSoftmaxCrossEntropy,
  type Tensor,
} from "../../src/index.ts";
import { Adam, glorotUniform } from "../../src/train/index.ts";
import { classCount, pixelsPerImage } from "./data.ts";

export interface Classifier {
  readonly graph: Graph;
  /** Fed: images [batch, 784] in [0, 1], the digits they show [batch], and the step size. */
  readonly images: Tensor;
  readonly labels: Tensor;
  readonly learningRate: Tensor;
  /** Fetched: mean cross entropy, share of digits recognised, scores [batch, 10]. */
  readonly loss: Tensor;
  readonly accuracy: Tensor;
  readonly logits: Tensor;
  /** Run to update every weight once. */
  readonly trainStep: Operation;
}

/**
 * The network of the lecture, 784-64-64-10, as a graph: nothing is computed here. The gradients and Adam's updates
 * are ordinary operations of the same graph.
 */
export function buildClassifier(seed = 1): Classifier {
  const graph = new Graph({ name: "mnist", seed });
  const images = graph.placeholder("images", ["batch", pixelsPerImage]);
  const labels = graph.placeholder("labels", ["batch"], { dtype: "int32" });
  const learningRate = graph.placeholder("learningRate");

  const dense = (x: Tensor, name: string, inputs: number, units: number): Tensor =>
    graph.scope(name, () => {
      const kernel = graph.variable("kernel", [inputs, units], { initial: glorotUniform });
      const bias = graph.variable("bias", [units]);
      return add(matmul(x, kernel), bias);
    });

  const hidden1 = relu(dense(images, "dense_1", pixelsPerImage, 64));
  const hidden2 = relu(dense(hidden1, "dense_2", 64, 64));
  const logits = dense(hidden2, "dense_3", 64, classCount);

  const loss = graph.scope("loss", () => sparseSoftmaxCrossEntropy(labels, logits));
  const accuracy = graph.scope("accuracy", () => mean(cast(equal(argmax(logits, 1), labels), "float32")));
  const trainStep = new Adam(learningRate).minimize(loss);
  return { graph, images, labels, learningRate, loss, accuracy, logits, trainStep };
}
