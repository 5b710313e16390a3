/**
 * Define and Run: 먼저 그래프를 정의하고, 세션에서 실행한다. (First define a graph, then run it in a session.)
 *
 *     a = tf.constant(5)
 *     b = tf.constant(3)
 *     c = a + b
 *     with tf.session() as sess:
 *         print(sess.run(c))
 */
import * as tf from "../../src/tf1/index.ts";

const a = tf.constant(5);
const b = tf.constant(3);

// TypeScript에는 연산자 오버로딩이 없다. (There is no operator overloading: a + b is a function.)
const c = tf.add(a, b);

// 강의의 tf.session()은 소문자라서 어느 버전에서도 오류이다. (The lecture's lower case is an error in any version.)
new tf.Session().with((sess) => {
  console.log(sess.run(c));
});
