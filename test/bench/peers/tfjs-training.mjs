// The training step of the MLP in TensorFlow.js, with the optimizer of its core: faster than `trainOnBatch` of its layers.
import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients.js";
import { ADAM, BATCHES, batches, checkedSteps, mlpParameters } from "../cases.ts";
import { CannotError } from "../protocol.ts";

export async function useWasm(threads) {
  setThreadsCount(threads);
  await tf.setBackend("wasm");
  await tf.ready();
}

/** A session of training; `count` distinct batches are made. */
export async function training(wanted, count = BATCHES) {
  if (wanted.network === "cnn")
    throw new CannotError("its WebAssembly backend has no gradient kernels of convolutions");
  await useWasm(wanted.threads);
  const [w1, b1, w2, b2, w3, b3] = mlpParameters().map(({ shape, values }) => tf.variable(tf.tensor(values, shape)));
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const optimizer = tf.train.adam(learningRate, beta1, beta2, epsilon);
  const data = batches(wanted.batch, count);
  const layer = (x, w, b) => tf.add(tf.matMul(x, w), b);
  const call = (turn) => {
    const { images, labels } = data[turn % count];
    const loss = tf.tidy(() => {
      const x = tf.tensor2d(images, [wanted.batch, 784]);
      const wantedClasses = tf.oneHot(tf.tensor1d(labels, "int32"), 10);
      return optimizer.minimize(() => {
        const logits = layer(tf.relu(layer(tf.relu(layer(x, w1, b1)), w2, b2)), w3, b3);
        return tf.losses.softmaxCrossEntropy(wantedClasses, logits);
      }, true);
    });
    const [value] = loss.dataSync();
    loss.dispose();
    return value;
  };
  return { check: () => Array.from({ length: checkedSteps(wanted) }, (_, turn) => call(turn)), call };
}
