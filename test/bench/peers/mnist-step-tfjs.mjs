// JavaScript, since the peers and so their types are installed apart: npm run bench:install.
import * as tf from "@tensorflow/tfjs";
import { BATCH, layers, serve, weights } from "../protocol.ts";

await tf.setBackend("cpu");
const kernels = [0, 1, 2].map((i) => tf.variable(tf.tensor2d(weights(i), [layers[i], layers[i + 1]])));
const biases = [0, 1, 2].map((i) => tf.variable(tf.zeros([layers[i + 1]])));
const optimizer = tf.train.adam(0.001);
await serve({
  name: "tfjs cpu",
  version: tf.version.tfjs,
  step(pixels, digits) {
    const loss = tf.tidy(() => {
      const x = tf.tensor2d(pixels, [BATCH, 784]);
      const labels = tf.oneHot(tf.tensor1d(digits, "int32"), 10);
      return optimizer.minimize(() => {
        let h = x;
        for (let i = 0; i < 3; i++) {
          h = tf.add(tf.matMul(h, kernels[i]), biases[i]);
          if (i < 2) h = tf.relu(h);
        }
        return tf.losses.softmaxCrossEntropy(labels, h);
      }, true);
    });
    const [value] = loss.dataSync();
    loss.dispose();
    return value;
  },
});
