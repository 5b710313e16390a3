/** Both at once: written like the eager program, run like the graph. Only the first call executes the function's body. */
import * as tf from "../../../src/tf1/index.ts";

tf.enableEagerExecution();

const w = tf.Variable(2.0, { name: "weight" });
const b = tf.Variable(0.7, { name: "bias" });

// @tf.function
const affine = tf.function((x: ReturnType<typeof tf.constant>) => tf.add(tf.multiply(w, x), b));

// '%4.1f'
const format = (value: unknown): string => Number(value).toFixed(1).padStart(4);

for (const x of [1.0, 0.6, -1.8]) {
  const z = affine(tf.constant(x, tf.float32)); // a bare number would be part of the function, and traced again
  console.log(`x=${format(x)} --> z=${format(z)}`);
}
