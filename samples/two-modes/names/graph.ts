/** Why the lecture prints `add_2`: its cell had run three times, and each run added to the one default graph. */
import * as tf from "../../../src/tf1/index.ts";

const cell = () => {
  const a = tf.constant(5);
  const b = tf.constant(3);
  return tf.add(a, b);
};

console.log(cell());
console.log(cell());
console.log(cell());

// All of them are there still, under names that tell them apart, and can be fetched by name.
console.log(tf.getDefaultGraph().text());
console.log(`sum = ${new tf.Session().run("add_2:0")}`);

// A graph of one's own, or an empty one, counts from the start.
tf.resetDefaultGraph();
console.log(cell());
