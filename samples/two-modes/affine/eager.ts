/** TensorFlow 2.x: z = w * x + b, with neither graph nor session. (The lecture's second program, line by line.) */
import * as tf from "../../../src/tf1/index.ts";

tf.enableEagerExecution();

const w = tf.Variable(2.0, { name: "weight" });
const b = tf.Variable(0.7, { name: "bias" });

// '%4.1f'
const format = (value: unknown): string => Number(value).toFixed(1).padStart(4);

// z 평가 (evaluate z)
for (const x of [1.0, 0.6, -1.8]) {
  const z = tf.add(tf.multiply(w, x), b); // w * x + b
  console.log(`x=${format(x)} --> z=${format(z)}`);
}
