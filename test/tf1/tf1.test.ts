/** The lecture's TensorFlow 1.x programs and their traps. Names and prints were compared with tf.compat.v1 of 2.21. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import * as tf from "../../src/tf1/index.ts";
import { messageOf } from "../support/source-lines.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);

beforeEach(() => {
  tf.resetDefaultGraph();
});

describe("row 68: graphs", () => {
  test("asDefault decides where sources go, and hands on the result", () => {
    const g = new tf.Graph({ name: "g" });
    const c = g.asDefault(() => {
      const inner = new tf.Graph({ name: "inner" });
      expect(inner.asDefault(() => tf.getDefaultGraph())).toBe(inner);
      return tf.constant(1);
    });
    expect(c.graph).toBe(g);
    expect(tf.constant(1).graph).toBe(tf.getDefaultGraph());
    expect(tf.getDefaultGraph().name).toBe("default");
  });

  test("the default graph comes back when building fails", () => {
    const g = new tf.Graph();
    expect(() => g.asDefault(() => tf.placeholder(tf.float32, null, { name: "my x" }))).toThrow();
    expect(tf.getDefaultGraph()).not.toBe(g);
  });

  test("mixing graphs is an error that names both", () => {
    const a = new tf.Graph({ name: "first" }).asDefault(() => tf.constant(5)); // [a]
    const b = new tf.Graph({ name: "second" }).asDefault(() => tf.constant(3)); // [b]
    expect(message(() => tf.add(a, b))) // [mix]
      .toBe(`add: tensor "Const:0" belongs to graph "second", not to graph "first"
  "Const:0" was made at tf1.test.ts[b]
at tf1.test.ts[mix]
fix: build both operands in one graph; a value crosses graphs only by fetching it here and feeding it there`);
    const sess = new tf.Session(); // of the default graph
    expect(message(() => sess.run(a))) // [run]
      .toBe(`run: "Const:0" belongs to graph "first", this session runs graph "default"
  "Const" was made at tf1.test.ts[a]
at tf1.test.ts[run]
fix: fetch it from a session of its own graph`);
  });

  test("resetDefaultGraph throws everything away, but not inside of asDefault", () => {
    const before = tf.getDefaultGraph();
    tf.resetDefaultGraph();
    expect(tf.getDefaultGraph()).not.toBe(before);
    const g = new tf.Graph({ name: "mine" });
    expect(message(() => g.asDefault(() => tf.resetDefaultGraph()))) // [reset]
      .toBe(`resetDefaultGraph: graph "mine" is the default here, and not to be thrown away
at tf1.test.ts[reset]
fix: call it outside of asDefault, or build in a new tf.Graph()`);
  });
});

describe("row 69: constants", () => {
  test("5 is int32, 5.5 float32", () => {
    expect(tf.constant(5).dtype).toBe("int32");
    expect(tf.constant(5.5).dtype).toBe("float32");
    expect(tf.constant([1, 2]).dtype).toBe("int32");
    expect(tf.constant([1, 2.5]).dtype).toBe("float32");
    expect(tf.constant(true).dtype).toBe("bool");
    expect(tf.constant(5, tf.float32).dtype).toBe("float32");
    expect(tf.constant(5, { dtype: tf.float64, name: "five" }).toString()).toBe(
      'Tensor("five:0", shape=(), dtype=float64)',
    );
    expect(tf.constant(0, { shape: [2, 3] }).shape).toEqual([2, 3]);
  });
});

describe("row 70: a sum is symbolic", () => {
  test("the first is add, the third add_2; printed as TensorFlow does", () => {
    const a = tf.constant(5);
    const b = tf.constant(3);
    expect(String(tf.add(a, b))).toBe('Tensor("add:0", shape=(), dtype=int32)');
    expect(String(tf.add(a, b))).toBe('Tensor("add_1:0", shape=(), dtype=int32)');
    expect(String(tf.add(a, b))).toBe('Tensor("add_2:0", shape=(), dtype=int32)');
  });

  test("the lecture's add_2: the cell ran three times in one default graph", () => {
    const cell = () => tf.add(tf.constant(5), tf.constant(3));
    expect([cell(), cell(), cell()].map(({ name }) => name)).toEqual(["add:0", "add_1:0", "add_2:0"]);
    tf.resetDefaultGraph();
    expect(cell().name).toBe("add:0");
  });

  test("names are TensorFlow's", () => {
    const names = [
      tf.constant(1),
      tf.constant(2),
      tf.subtract(1, 2),
      tf.multiply(1, 2),
      tf.divide(1.5, 2),
      tf.negative(1),
      tf.matmul(tf.zeros([2, 3]), tf.ones([3, 4])),
      tf.placeholder(tf.float32),
      tf.placeholder(tf.float32),
      tf.Variable(1),
      tf.Variable(1),
      tf.square(2),
      tf.exp(1.5),
      tf.reduceSum(tf.zeros([2])),
      tf.reduceMean(tf.zeros([2])),
      tf.nn.relu(tf.zeros([2])),
      tf.nn.softmax(tf.zeros([2])),
      tf.identity(1),
      tf.cast(tf.constant(1), tf.float32),
    ].map(({ op }) => op.name);
    expect(names).toEqual(
      (
        "Const Const_1 sub mul truediv Neg MatMul Placeholder Placeholder_1 Variable Variable_1 Square Exp Sum Mean " +
        "Relu Softmax Identity Cast"
      ).split(" "),
    );
    expect(tf.globalVariablesInitializer().name).toBe("init");
    expect(tf.globalVariablesInitializer().name).toBe("init_1");
  });

  test("bare numbers become constants beside the op, in the default graph", () => {
    const sum = tf.add(5, 3);
    expect(tf.getDefaultGraph().operations.map(({ name }) => name)).toEqual(["add/x", "add/y", "add"]);
    expect(sum.dtype).toBe("int32");
    expect(new tf.Session().run(sum)).toBe(8);
    expect(tf.add(5, 3.5).dtype).toBe("float32");
    // Beside a tensor they take its dtype.
    expect(tf.multiply(tf.constant(2.5), 2).op.inputs.map(({ name, dtype }) => `${name} ${dtype}`)).toEqual([
      "Const:0 float32",
      "mul/y:0 float32",
    ]);
  });

  test("scopes prefix names; one used twice gets a number", () => {
    const name = () => tf.nameScope("layer", () => tf.add(1, 2).name);
    expect([name(), name()]).toEqual(["layer/add:0", "layer_1/add:0"]);
  });

  test("shapes print as in TensorFlow 1", () => {
    expect(String(tf.placeholder(tf.float32, null, { name: "x" }))).toBe(
      'Tensor("x:0", shape=<unknown>, dtype=float32)',
    );
    expect(String(tf.placeholder(tf.float32))).toBe('Tensor("Placeholder:0", shape=<unknown>, dtype=float32)');
    expect(String(tf.placeholder(tf.float32, [null, 784], { name: "img" }))).toBe(
      'Tensor("img:0", shape=(?, 784), dtype=float32)',
    );
    expect(String(tf.placeholder({ dtype: tf.int32, shape: [null], name: "v" }))).toBe(
      'Tensor("v:0", shape=(?,), dtype=int32)',
    );
    expect(String(tf.placeholder(tf.bool, [], { name: "s" }))).toBe('Tensor("s:0", shape=(), dtype=bool)');
  });
});

describe("sessions", () => {
  test("row 71: sess.run(c) is 8", () => {
    const c = tf.add(tf.constant(5), tf.constant(3));
    const sess = new tf.Session();
    expect(sess.run(c)).toBe(8);
    expect(`${sess.run(c)}`).toBe("8");
    sess.close();
    expect(() => sess.run(c)).toThrow("session: run after close");
  });

  test("scalars are numbers, the rest arrays; so say the types", () => {
    const sess = new tf.Session();
    const vector = tf.constant([1.5, 2], tf.float32);
    const values = sess.run({ sum: tf.reduceSum(vector), both: [vector, tf.constant(1)], none: tf.group(vector) });
    expect(values.sum).toBe(3.5);
    expect(String(values.both[0])).toBe("[1.5, 2]");
    expect(values.both[1]).toBe(1);
    expect(values.none).toBeNull();
    const x = tf.placeholder(tf.float32, [null, 3]);
    const types = () => {
      expectTypeOf(sess.run(tf.add(tf.constant(5), tf.constant(3)))).toEqualTypeOf<number>();
      expectTypeOf(sess.run(tf.multiply(tf.Variable(2), 3))).toEqualTypeOf<number>();
      expectTypeOf(sess.run(tf.placeholder(tf.float32))).toEqualTypeOf<number | tf.NDArray>();
      expectTypeOf(sess.run([x])).toEqualTypeOf<[tf.NDArray<readonly [null, 3]>]>();
      // @ts-expect-error the class has a capital letter
      tf.session();
    };
    expect(types).toBeTypeOf("function");
  });

  test("the lower-case session of the lecture says what to write", () => {
    const lower = tf.session as unknown as () => void; // As a program without types would.
    expect(message(() => lower())) // [lower]
      .toBe(`tf.session: there is no such thing in any version of TensorFlow; the class has a capital letter
at tf1.test.ts[lower]
fix: write new tf.Session()`);
  });

  test("row 72: a value needs no session", () => {
    const sess = new tf.Session();
    expect(message(() => sess.run(8 as never))) // [value]
      .toBe(`run: 8 is a value already, there is nothing to run
at tf1.test.ts[value]
fix: use it as it is; graph.constant(value) makes a tensor of it that can be fetched`);
  });

  test("of a graph, in both spellings", () => {
    const g = new tf.Graph();
    const c = g.asDefault(() => tf.constant(1));
    expect(new tf.Session(g).run(c)).toBe(1);
    expect(new tf.Session({ graph: g }).run(c)).toBe(1);
    expect(new tf.Session().graph).toBe(tf.getDefaultGraph());
  });
});

describe("placeholders and variables", () => {
  test("row 74: an unfed placeholder is named, with its line and the fetch that needs it", () => {
    const x = tf.placeholder(tf.float32, null, { name: "x" }); // [x]
    const z = tf.multiply(x, 2, { name: "z" }); // [z]
    expect(message(() => new tf.Session().run(z))) // [unfed]
      .toBe(`run: you must feed a value for placeholder x: float32<unknown>
  placeholder "x" was made at tf1.test.ts[x]
  "z", which is fetched, needs it (made at tf1.test.ts[z])
at tf1.test.ts[unfed]
fix: pass a value: run(…, { x: value })`);
  });

  test("row 74: shape None takes every rank, [null] is a vector of any length", () => {
    const sess = new tf.Session();
    const any = tf.placeholder(tf.float32);
    expect(sess.run(any, [[any, 1]])).toBe(1);
    expect(String(sess.run(any, [[any, [[1, 2]]]]))).toBe("[[1, 2]]");
    const vector = tf.placeholder(tf.float32, [null], { name: "v" });
    expect(String(sess.run(vector, { v: [1, 2, 3] }))).toBe("[1, 2, 3]");
    expect(() => sess.run(vector, { v: 1 })).toThrow("rank 0 does not fit rank 1");
  });

  test("row 75: state lives in the session", () => {
    const w = tf.Variable(2.0, { name: "weight" });
    const double = tf.assign(w, tf.multiply(w, 2));
    const init = tf.globalVariablesInitializer();
    const [first, second] = [new tf.Session(), new tf.Session()];
    first.run(init);
    second.run(init);
    expect(first.run(double)).toBe(4);
    expect(first.run(double)).toBe(8);
    expect([first.run(w), second.run(w)]).toEqual([8, 2]);
  });

  test("row 75: dtypes of variables", () => {
    expect(tf.Variable(2.0).dtype).toBe("float32");
    expect(tf.Variable([1, 2]).dtype).toBe("float32");
    expect(tf.Variable(2, { dtype: tf.int32 }).dtype).toBe("int32");
    expect(tf.Variable(Float64Array.of(1)).dtype).toBe("float64");
    expect(tf.Variable(tf.zeros([2, 3])).shape).toEqual([2, 3]);
    expect(tf.Variable(0, { trainable: false }).trainable).toBe(false);
  });

  test("row 76: one grouped initializer; a variable used before it is named", () => {
    const w = tf.Variable(2.0, { name: "weight" }); // [w]
    const b = tf.Variable(0.7, { name: "bias" });
    const z = tf.add(tf.multiply(w, 3.0), b);
    const init = tf.globalVariablesInitializer();
    expect(init.controls).toEqual([w.initializer, b.initializer]);
    const sess = new tf.Session();
    expect(message(() => sess.run(z))) // [uninitialised]
      .toBe(`run: variable "weight" is not initialised in this session
  "weight" was made at tf1.test.ts[w]
  "add", which is fetched, needs it
at tf1.test.ts[uninitialised]
fix: run the initializer first: session.run(graph.initializer)`);
    expect(sess.run(init)).toBeNull();
    expect(sess.run(z)).toBeCloseTo(6.7, 6);
    tf.resetDefaultGraph();
    expect(new tf.Session().run(tf.globalVariablesInitializer())).toBeNull();
  });

  test("row 77: fetch and feed by tensor or name, nested, anything overridden", () => {
    const x = tf.placeholder(tf.float32, null, { name: "x" });
    const w = tf.Variable(2.0, { name: "weight" });
    const product = tf.multiply(w, x);
    const z = tf.add(product, 0.5, { name: "z" });
    const sess = new tf.Session();
    sess.run(tf.globalVariablesInitializer());
    expect(sess.run(z, new Map([[x, 1]]))).toBe(2.5);
    expect(sess.run("z:0", [["x:0", 1]])).toBe(2.5);
    expect(sess.run("z", { x: 1 })).toBe(2.5);
    expect(sess.run({ a: z, b: [product, { c: w }] }, { x: 1 })).toEqual({ a: 2.5, b: [2, { c: 2 }] });
    expect(sess.run(z, [[product, 10]])).toBe(10.5);
    expect(sess.run(z, { weight: 5, x: 1 })).toBe(5.5);
  });
});

describe("training", () => {
  test.each([
    ["GradientDescent", () => new tf.train.GradientDescentOptimizer(0.1), 0.8],
    ["Momentum", () => new tf.train.MomentumOptimizer(0.1, 0.9), 0.8],
    ["Adam", () => new tf.train.AdamOptimizer(0.1), 0.9],
  ] as const)("tf.train.%sOptimizer", (name, make, wanted) => {
    const w = tf.Variable(1.0);
    const train = make().minimize(tf.square(w));
    const sess = new tf.Session();
    sess.run(tf.globalVariablesInitializer());
    sess.run(train);
    expect(sess.run(w)).toBeCloseTo(wanted, 6);
    expect(train.name).toBe(`${name}/update`);
  });

  test("gradients and losses", () => {
    const logits = tf.Variable([[1, 2, 3]]);
    const labels = tf.placeholder(tf.float32, [null, 3], { name: "labels" });
    const loss = tf.nn.softmaxCrossEntropyWithLogits({ labels, logits });
    const [gradient] = tf.gradients(loss, [logits]);
    const sess = new tf.Session();
    sess.run(tf.globalVariablesInitializer());
    const values = sess.run({ loss, gradient: gradient! }, { labels: [[0, 0, 1]] }) as Record<string, tf.NDArray>;
    expect(values.loss!.at(0)).toBeCloseTo(0.407606, 6);
    expect(Array.from(values.gradient!.data, (value) => value.toFixed(5))).toEqual(["0.09003", "0.24473", "-0.33476"]);
    const sparse = tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: tf.constant([2]), logits });
    expect(sess.run(sparse)).toEqual(values.loss);
  });
});

describe("the lecture's programs print what the lecture says", () => {
  const tsx = fileURLToPath(new URL("../../node_modules/tsx/dist/cli.mjs", import.meta.url));
  const output = (sample: string): string => {
    const file = fileURLToPath(new URL(`../../samples/seed/${sample}`, import.meta.url));
    const { stdout, stderr, status } = spawnSync(process.execPath, [tsx, file], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
    return stdout;
  };

  test("row 71: five plus three", () => {
    expect(output("five-plus-three.ts")).toBe("8\n");
  });
  test("row 78: z = w x + b", () => {
    expect(output("affine-session.ts")).toBe("x= 1.0 --> z= 2.7\nx= 0.6 --> z= 1.9\nx=-1.8 --> z=-2.9\n");
  });
});
