/** TensorFlow 1.x: z = w * x + b 구현. (The lecture's program, line by line.) */
import * as tf from "../../src/tf1/index.ts";

// 그래프 정의 (define the graph)
const g = new tf.Graph();
const { x, z, init } = g.asDefault(() => {
  // shape=(None)은 None과 같다: 차원 수를 모른다. (shape=(None) is just None: unknown rank.)
  const x = tf.placeholder({ dtype: tf.float32, shape: null, name: "x" });
  const w = tf.Variable(2.0, { name: "weight" });
  const b = tf.Variable(0.7, { name: "bias" });
  const z = tf.add(tf.multiply(w, x), b); // w * x + b
  const init = tf.globalVariablesInitializer();
  return { x, z, init };
});

// '%4.1f'
const format = (value: unknown): string => Number(value).toFixed(1).padStart(4);

// 세션 생성 및 그래프 g 전달 (make a session of graph g)
new tf.Session({ graph: g }).with((sess) => {
  // w와 b 초기화 (initialise w and b)
  sess.run(init);
  // z 평가 (evaluate z)
  for (const t of [1.0, 0.6, -1.8]) {
    console.log(`x=${format(t)} --> z=${format(sess.run(z, [[x, t]]))}`);
  }
});
