/** Row 80: `tf.enable_eager_execution()`, one switch that makes the spelling of TensorFlow 1 define-by-run. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EagerTensor, EagerVariable } from "../../src/eager/index.ts";
import * as tf from "../../src/tf1/index.ts";
import { messageOf } from "../support/source-lines.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);

beforeEach(() => {
  tf.resetDefaultGraph();
  tf.enableEagerExecution();
});
afterEach(() => {
  tf.disableEagerExecution();
});

describe("row 80: the switch", () => {
  test("is off at first, on from then on, and can be set again", () => {
    expect(tf.executingEagerly()).toBe(true);
    tf.enableEagerExecution();
    expect(tf.executingEagerly()).toBe(true);
    tf.disableEagerExecution();
    expect(tf.executingEagerly()).toBe(false);
    expect(String(tf.constant(5))).toBe('Tensor("Const:0", shape=(), dtype=int32)');
  });

  test("comes too late once the default graph has an operation", () => {
    tf.disableEagerExecution();
    tf.add(tf.constant(5), 3); // [first]
    expect(message(() => tf.enableEagerExecution())) // [switch]
      .toBe(`enableEagerExecution: too late, graph "default" is being built
  its first operation, "Const", was made at eager.test.ts[first]
at eager.test.ts[switch]
fix: call it at the start of the program, before any operation and outside of asDefault`);
    expect(tf.executingEagerly()).toBe(false);
    tf.resetDefaultGraph();
    tf.enableEagerExecution();
    expect(tf.executingEagerly()).toBe(true);
  });

  test("comes too late inside of asDefault, even in an empty graph", () => {
    tf.disableEagerExecution();
    const g = new tf.Graph({ name: "g" });
    expect(message(() => g.asDefault(() => tf.enableEagerExecution()))) // [inside]
      .toBe(`enableEagerExecution: too late, graph "g" is being built
at eager.test.ts[inside]
fix: call it at the start of the program, before any operation and outside of asDefault`);
  });
});

describe("eager tensors under TensorFlow's names", () => {
  test("row 73: constants and sums are values, printed as TensorFlow 2 does", () => {
    const c = tf.add(tf.constant(5), tf.constant(3));
    expect(c).toBeInstanceOf(EagerTensor);
    expect(String(c)).toBe("tf.Tensor(8, shape=(), dtype=int32)");
    expect(String(tf.add(5, 3))).toBe("tf.Tensor(8, shape=(), dtype=int32)");
    expect(String(tf.add(5, 3.5))).toBe("tf.Tensor(8.5, shape=(), dtype=float32)");
    expect(String(tf.reduceMean(tf.ones([2, 3]), { axis: 0 }))).toBe("tf.Tensor([1, 1, 1], shape=(3,), dtype=float32)");
    expect(String(tf.nn.relu(tf.constant([-1.5, 2])))).toBe("tf.Tensor([0, 2], shape=(2,), dtype=float32)");
  });

  test("nothing is added to the default graph", () => {
    tf.add(tf.constant(5), 3);
    expect(tf.getDefaultGraph().operations).toEqual([]);
  });

  test("names are still known, for errors", () => {
    expect(tf.add(5, 3).op.name).toBe("add");
    expect(tf.nameScope("layer", () => tf.add(5, 3, { name: "sum" })).op.name).toBe("sum");
    expect(message(() => tf.matmul(tf.zeros([2, 3]), tf.ones([4, 3])))) // [matmul]
      .toBe(`matmul: inner sizes differ, 3 (left) against 4 (right)
  left   zeros: float32[2, »3«]  made at eager.test.ts[matmul]
  right  ones: float32[»4«, 3]   made at eager.test.ts[matmul]
at eager.test.ts[matmul]
fix: transposeB: true would fit`);
  });

  test("row 79: variables have their values, no initializer", () => {
    const w = tf.Variable(2.0, { name: "weight" });
    const b = tf.Variable(0.7, { name: "bias" });
    expect(w).toBeInstanceOf(EagerVariable);
    expect(String(w)).toBe("<tf.Variable 'weight:0' shape=() dtype=float32, numpy=2>");
    expect([1.0, 0.6, -1.8].map((x) => Number(tf.add(tf.multiply(w, x), b)).toFixed(1))).toEqual([
      "2.7",
      "1.9",
      "-2.9",
    ]);
    tf.assign(w, 3);
    expect(Number(w)).toBe(3);
    expect(String(tf.Variable(tf.constant([1, 2])))).toBe(
      "<tf.Variable 'Variable:0' shape=(2,) dtype=int32, numpy=[1, 2]>",
    );
    expect(tf.globalVariablesInitializer().name).toBe("init");
  });

  test("inside of asDefault tensors are symbolic, and the graph runs in a session", () => {
    const g = new tf.Graph({ name: "g" });
    const c = g.asDefault(() => {
      expect(tf.executingEagerly()).toBe(false);
      return tf.add(tf.constant(5), 3);
    });
    expect(String(c)).toBe('Tensor("add:0", shape=(), dtype=int32)');
    expect(new tf.Session({ graph: g }).run(c)).toBe(8);
    expect(tf.executingEagerly()).toBe(true);
  });
});

describe("session code under eager execution", () => {
  test("row 72: there is nothing to run", () => {
    const c = tf.add(tf.constant(5), tf.constant(3)); // [sum]
    expect(message(() => new tf.Session().with((sess) => sess.run(c)))) // [run]
      .toBe(`run: "add:0" is a value already, there is nothing to run
  "add" was made at eager.test.ts[sum]
at eager.test.ts[run]
fix: in define-by-run there are no sessions: print it, or read x.item(), x.data or x.value`);
  });

  test("placeholders have nothing to wait for", () => {
    expect(message(() => tf.placeholder(tf.float32, [null, 784], { name: "images" }))) // [placeholder]
      .toBe(`placeholder "images": in define-by-run there is nothing to be fed later
at eager.test.ts[placeholder]
fix: use the value itself, tensor(value), or build a Graph and feed it through a Session`);
  });

  test("tf.gradients can not look back", () => {
    const w = tf.Variable(2.0, { name: "w" });
    expect(message(() => tf.gradients(tf.square(w), [w]))) // [gradients]
      .toBe(`gradients: Square: float32[] is a value: it does not know how it was computed
at eager.test.ts[gradients]
fix: record the computation: with a GradientTape, or grad((x) => …)(x), of forerun/eager`);
  });
});

describe("tapes and traced functions", () => {
  test("row 138: tf.GradientTape and tf.function, bit for bit", () => {
    type Step = () => unknown;
    const [eagerly, compiled] = [(step: Step): Step => step, (step: Step): Step => tf.function(step)].map((compile) => {
      const w = tf.Variable(2.0, { name: "weight" });
      const b = tf.Variable(0.7, { name: "bias" });
      const optimizer = new tf.train.AdamOptimizer(0.1);
      const step = compile(() => {
        const tape = new tf.GradientTape();
        const loss = tf.square(tf.subtract(tf.add(tf.multiply(w, 3), b), 1));
        const [dw, db] = tape.gradient(loss, [w, b]);
        optimizer.applyGradients([
          [dw, w],
          [db, b],
        ]);
        return loss;
      });
      const losses = Array.from({ length: 5 }, () => Number(step()));
      return { losses, w: Number(w), b: Number(b) };
    });
    expect(compiled).toEqual(eagerly);
    expect(eagerly!.losses[4]).toBeLessThan(eagerly!.losses[0]!);
  });

  test("minimize needs a graph: the one of tf.function will do", () => {
    const w = tf.Variable(2.0, { name: "w" });
    const optimizer = new tf.train.GradientDescentOptimizer(0.25);
    expect(message(() => optimizer.minimize(tf.square(w)))) // [minimize]
      .toBe(`minimize: the loss "Square" is a value: it does not know how it was computed
  it was made at eager.test.ts[minimize]
at eager.test.ts[minimize]
fix: record it with a GradientTape, and applyGradients([[gradient, variable], …]); or minimize in a traced function`);
    const step = tf.function(() => {
      const loss = tf.square(w);
      optimizer.minimize(loss);
      return loss;
    });
    expect([Number(step()), Number(step()), Number(w)]).toEqual([4, 1, 0.5]);
    expect(step.log).toHaveLength(1);
  });

  test("inside of tf.function tensors are symbolic, constants too; it is traced once", () => {
    const seen: string[] = [];
    const f = tf.function((x: EagerTensor) => {
      seen.push(String(tf.constant(1)), String(tf.executingEagerly()));
      return tf.add(tf.multiply(x, 2), 1);
    });
    const x = tf.constant([1, 2]) as EagerTensor;
    expect([String(f(x)), String(f(x))]).toEqual(Array(2).fill("tf.Tensor([3, 5], shape=(2,), dtype=int32)"));
    expect(seen).toEqual(['Tensor("trace/Const:0", shape=(), dtype=int32)', "false"]);
  });
});
