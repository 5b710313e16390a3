/** The same two programs under TensorFlow 2: a sum is a value, and there is nothing a session could run. */
import * as tf from "../../../src/tf1/index.ts";
import { attempt } from "../../support/attempt.ts";

tf.enableEagerExecution();

const a = tf.constant(5);
const b = tf.constant(3);
const c = tf.add(a, b);

// print(c)
console.log(c);
console.log(`c = ${Number(c)}`);

// print(sess.run(c))
attempt("session code", () => {
  new tf.Session().with((sess) => sess.run(c));
});
