/** The lecture's two programs under TensorFlow 1: a sum is a symbol, and a session says what it is worth. */
import * as tf from "../../../src/tf1/index.ts";

const a = tf.constant(5);
const b = tf.constant(3);
const c = tf.add(a, b);

// print(c)
console.log(c);

// print(sess.run(c))
new tf.Session().with((sess) => {
  console.log(`c = ${sess.run(c)}`);
});
