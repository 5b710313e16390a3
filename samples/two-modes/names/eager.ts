/** Values need no names: nothing keeps them, nothing looks them up, and the third run is like the first. */
import * as tf from "../../../src/tf1/index.ts";

tf.enableEagerExecution();

const cell = () => {
  const a = tf.constant(5);
  const b = tf.constant(3);
  return tf.add(a, b);
};

console.log(cell());
console.log(cell());
console.log(cell());

console.log(`sum = ${Number(cell())}`);

// The default graph has seen none of this.
console.log(`operations in the default graph: ${tf.getDefaultGraph().operations.length}`);
