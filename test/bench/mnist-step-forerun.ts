import { add, Graph, matmul, relu, Session, sparseSoftmaxCrossEntropy, type Tensor } from "../../src/index.ts";
import { Adam } from "../../src/train/index.ts";
import { layers, serve, weights } from "./protocol.ts";

const graph = new Graph();
const images = graph.placeholder("images", ["batch", 784]);
const labels = graph.placeholder("labels", ["batch"], { dtype: "int32" });
let x: Tensor = images;
for (let layer = 0; layer < 3; layer++) {
  const kernel = graph.variable(`kernel_${layer}`, [layers[layer]!, layers[layer + 1]!], { initial: weights(layer) });
  const bias = graph.variable(`bias_${layer}`, [layers[layer + 1]!]);
  x = add(matmul(x, kernel), bias);
  if (layer < 2) x = relu(x);
}
const loss = sparseSoftmaxCrossEntropy(labels, x);
const session = new Session(graph);
const trainStep = new Adam(0.001).minimize(loss);
session.run(graph.initializer);
const step = session.prepare([loss, trainStep], [images, labels], { copy: false });
await serve({ name: "forerun javascript", version: "0.1.0", step: (pixels, digits) => step(pixels, digits)[0].item() });
