/** The lecture's own numbers, by row of the list of what must work. */
import { describe, expect, test } from "vitest";
import * as fr from "../../src/index.ts";
import { expectSameBits } from "../support/run-op.ts";

const VECTOR = [-2, -0.5, 0, 0.5, 2];

/** Value of a function of one vector, and the derivative of the sum of it, in float64. */
function valueAndSlope(f: (x: fr.Tensor) => fr.Tensor, at: readonly number[]) {
  const graph = new fr.Graph();
  const x = graph.placeholder("x", [at.length], { dtype: "float64" });
  const y = f(x);
  const [slope] = fr.gradients(y, [x]);
  const found = new fr.Session(graph).run({ y, slope: slope! }, { x: at });
  return { y: [...found.y.data], slope: [...found.slope.data] };
}

/** Seven decimals, as the lecture prints. */
function expectClose(actual: ArrayLike<number>, wanted: readonly number[], within = 5e-8): void {
  expect(actual.length).toBe(wanted.length);
  wanted.forEach((x, i) => {
    expect(Math.abs(actual[i]! - x), `[${i}] is ${actual[i]}, wanted ${x}`).toBeLessThanOrEqual(within);
  });
}

const message = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error("nothing was thrown");
};

describe("networks as functions", () => {
  test("row 1: the threshold neuron fires above 0, and its gradient is 0 everywhere", () => {
    const { y, slope } = valueAndSlope(fr.step, [-1, 0, 1]);
    expect(y).toEqual([0, 0, 1]);
    expect(slope).toEqual([0, 0, 0]);
  });

  test("row 2: affine", () => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", [2], { dtype: "float64" });
    const w = graph.placeholder("w", [2, 2], { dtype: "float64" });
    const b = graph.placeholder("b", [2], { dtype: "float64" });
    const y = fr.affine(x, w, b);
    const loss = fr.sum(fr.square(y));
    const slopes = fr.gradients(loss, [x, w, b]);
    const session = new fr.Session(graph);
    const at = [Float64Array.of(1, 2), Float64Array.of(1, 0, 0, 1), Float64Array.of(0.5, -0.5)] as const;
    const feeds = (values: readonly Float64Array[]) => [x, w, b].map((tensor, i) => [tensor, values[i]!] as const);
    expect(session.run(y, feeds(at)).toArray()).toEqual([1.5, 1.5]);
    const found = session.run(slopes, feeds(at));
    at.forEach((values, which) => {
      values.forEach((_, e) => {
        const moved = (step: number) => {
          const shifted = at.map((array) => array.slice());
          shifted[which]![e]! += step;
          return session.run(loss, feeds(shifted)).item();
        };
        const difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        expect(Math.abs(found[which]!.data[e]! - difference)).toBeLessThan(1e-6);
      });
    });
  });

  test("row 4: compose(f, g, h)(x) and the fused plan give the same bits", () => {
    type Layer = (x: fr.Tensor) => fr.Tensor;
    const compose =
      (...layers: readonly Layer[]): Layer =>
      (x) =>
        layers.reduce((value, layer) => layer(value), x);
    const layers = (graph: fr.Graph): readonly Layer[] => {
      const random = (seed: number, shape: readonly number[]) => fr.randomNormal(fr.randomKey(graph, seed), shape);
      return [
        (x) => fr.relu(fr.affine(x, random(1, [3, 4]), random(2, [4]))),
        (x) => fr.sigmoid(fr.affine(x, random(3, [4, 2]), random(4, [2]))),
        (x) => fr.softmax(x),
      ];
    };
    const value = fr.NDArray.of([0.3, -1.2, 0.7, 2, 0, -0.1], { shape: [2, 3], dtype: "float32" });
    const whole = new fr.Graph();
    const x = whole.placeholder("x", [2, 3]);
    const composed = compose(...layers(whole))(x);
    const fused = new fr.Session(whole).run(composed, [[x, value]]);
    // Each function in a graph and a session of its own, values handed from one to the next.
    let current: fr.NDArray = value;
    for (const which of [0, 1, 2]) {
      const graph = new fr.Graph();
      const input = graph.placeholder("x", current.shape);
      current = new fr.Session(graph).run(layers(graph)[which]!(input), [[input, current]]);
    }
    expectSameBits([fused], [current], "composition");
  });

  test("row 11: flatten keeps the batch and lays out the rest", () => {
    const graph = new fr.Graph();
    const images = graph.placeholder("images", ["N", 28, 28]);
    const flat = fr.flatten(images);
    expect(String(flat.shape)).toBe("N,784");
    const value = new fr.NDArray(
      Float32Array.from({ length: 2 * 784 }, (_, i) => i),
      [2, 28, 28],
    );
    expect(new fr.Session(graph).run(flat, { images: value }).shape).toEqual([2, 784]);
  });
});

describe("activations", () => {
  test("row 13: sigmoid", () => {
    const { y, slope } = valueAndSlope(fr.sigmoid, VECTOR);
    expectClose(y, [0.1192029, 0.3775407, 0.5, 0.6224593, 0.8807971]);
    expectClose(
      slope,
      y.map((s) => s * (1 - s)),
      1e-15,
    );
    const extreme = valueAndSlope(fr.sigmoid, [-1000, 1000]);
    expect(extreme).toEqual({ y: [0, 1], slope: [0, 0] });
  });

  test("row 14: tanh", () => {
    expectClose(valueAndSlope(fr.tanh, VECTOR).y, [-0.9640276, -0.4621172, 0, 0.4621172, 0.9640276]);
  });

  test("row 15: ReLU, whose gradient at 0 is 0", () => {
    expect(valueAndSlope(fr.relu, VECTOR)).toEqual({ y: [0, 0, 0, 0.5, 2], slope: [0, 0, 0, 1, 1] });
  });

  test("row 16: leaky ReLU, with the slope 0.1 of the lecture unless said otherwise", () => {
    const { y, slope } = valueAndSlope((x) => fr.leakyRelu(x), VECTOR);
    expectClose(y, [-0.2, -0.05, 0, 0.5, 2], 1e-16);
    expect(slope).toEqual([0.1, 0.1, 0.1, 1, 1]);
    expectClose(valueAndSlope((x) => fr.leakyRelu(x, { slope: 0.3 }), VECTOR).y, [-0.6, -0.15, 0, 0.5, 2], 1e-15);
  });

  test("row 17: maxout: only the winning branch learns, and a tie goes to the first", () => {
    const graph = new fr.Graph();
    const x = graph.constant([[1, 2]], { dtype: "float32" });
    const columns = [
      [[3], [0]],
      [[0], [2]],
      [[1], [1]],
    ];
    const weights = columns.map((column) => graph.constant(column, { dtype: "float32" }));
    const branches: readonly fr.Tensor[] = weights.map((w) => fr.matmul(x, w));
    const [first, second, third] = branches as [fr.Tensor, fr.Tensor, fr.Tensor];
    const gradientsOf = (...of: readonly [fr.Tensor, fr.Tensor, ...fr.Tensor[]]) => {
      const y = fr.maxout(...of);
      return new fr.Session(graph).run([y, ...fr.gradients(y, of)]).map((value) => value.toArray());
    };
    // The branches are 3, 4 and 3.
    expect(gradientsOf(first, second)).toEqual([[[4]], [[0]], [[1]]]);
    expect(gradientsOf(first, third)).toEqual([[[3]], [[1]], [[0]]]);
    expect(gradientsOf(third, first)).toEqual([[[3]], [[1]], [[0]]]);
    expect(gradientsOf(first, second, third)).toEqual([[[4]], [[0]], [[1]], [[0]]]);
  });

  test("row 18: ELU, smooth at 0 for α = 1", () => {
    expectClose(valueAndSlope((x) => fr.elu(x), VECTOR).y, [-0.8646647, -0.3934693, 0, 0.5, 2]);
    expectClose(valueAndSlope((x) => fr.elu(x, { alpha: 2 }), VECTOR).y, [-1.7293294, -0.7869387, 0, 0.5, 2]);
    expectClose(valueAndSlope((x) => fr.elu(x), [-1e-9, 0, 1e-9]).slope, [1, 1, 1], 2e-9);
  });

  test("row 20: activations by name; a wrong name is an error that lists near ones", () => {
    expect(valueAndSlope(fr.activation("relu"), VECTOR).y).toEqual([0, 0, 0, 0.5, 2]);
    expect(fr.activation(fr.tanh)).toBe(fr.tanh);
    // @ts-expect-error "rellu" is no name the editor knows
    const text = message(() => fr.activation("rellu"));
    expect(text).toMatch(/^activation: there is none called "rellu"\nat .*\nfix: near names: relu, /);
  });
});

describe("outputs", () => {
  test("row 26: softmax, the same for logits that differ by a constant", () => {
    const wanted = [0.0900306, 0.2447285, 0.665241];
    expectClose(valueAndSlope((x) => fr.softmax(x), [1, 2, 3]).y, wanted);
    expect(valueAndSlope((x) => fr.softmax(x), [1000, 1001, 1002]).y).toEqual(
      valueAndSlope((x) => fr.softmax(x), [1, 2, 3]).y,
    );
  });

  test("row 27: one-hot", () => {
    const graph = new fr.Graph();
    const y = fr.oneHot(graph.constant([0, 2]), 3);
    expect(new fr.Session(graph).run(y).toArray()).toEqual([
      [1, 0, 0],
      [0, 0, 1],
    ]);
  });

  test("row 29: an identity output is its input's buffer: the plan holds no copy", () => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", [4, 3]);
    const h = fr.affine(x, graph.constant([[1], [2], [3]], { dtype: "float32" }), [0.5]);
    const y = fr.identity(h, { name: "output" });
    const session = new fr.Session(graph);
    const value = new fr.NDArray(
      Float32Array.from({ length: 12 }, (_, i) => i),
      [4, 3],
    );
    const both = session.plan([h, y], { x: value });
    expect(both.steps.length).toBe(1);
    expect(both.results[1]).toBe(both.results[0]);
    const passed = session.plan(fr.identity(x), { x: value });
    expect(passed.steps.length).toBe(0);
    expect(passed.arrays[passed.results[0]!]!.region).toBe("feed");
    expect(session.run(y, { x: value }).toArray()).toEqual([[8.5], [26.5], [44.5], [62.5]]);
  });
});

describe("losses", () => {
  const onPair = (loss: (t: fr.Tensor, f: fr.Tensor) => fr.Tensor, labels: number[], predictions: number[]) => {
    const graph = new fr.Graph();
    const t = graph.placeholder("t", [labels.length], { dtype: "float64" });
    const f = graph.placeholder("f", [labels.length], { dtype: "float64" });
    const value = loss(t, f);
    const [slope] = fr.gradients(value, [f]);
    const found = new fr.Session(graph).run([value, slope!], { t: labels, f: predictions });
    return { value: found[0]!.item(), slope: [...found[1]!.data] };
  };

  test("row 41: mean squared error, gradient 2 (f - t) / n", () => {
    expect(onPair((t, f) => fr.meanSquaredError(t, f), [1, 2], [0, 4])).toEqual({ value: 2.5, slope: [-1, 2] });
  });

  test("row 42: mean absolute error, gradient 0 at equality", () => {
    expect(onPair((t, f) => fr.meanAbsoluteError(t, f), [1, 2], [0, 4])).toEqual({ value: 1.5, slope: [-0.5, 0.5] });
    expect(onPair((t, f) => fr.meanAbsoluteError(t, f), [1, 2], [1, 4]).slope).toEqual([0, 0.5]);
  });

  test("row 43: categorical cross entropy; a probability of 0 is clipped, or the logits are used", () => {
    const labels = [0, 0, 1];
    const ofSoftmax = onPair((t, f) => fr.categoricalCrossEntropy(t, fr.softmax(f)), labels, [1, 2, 3]);
    const ofLogits = onPair((t, f) => fr.categoricalCrossEntropy(t, f, { fromLogits: true }), labels, [1, 2, 3]);
    expectClose([ofSoftmax.value, ofLogits.value], [0.407606, 0.407606]);
    const clipped = onPair((t, f) => fr.categoricalCrossEntropy(t, f), labels, [0.5, 0.5, 0]);
    expectClose([clipped.value], [-Math.log(1e-7)]);
    const far = onPair((t, f) => fr.categoricalCrossEntropy(t, f, { fromLogits: true }), labels, [1000, 0, -1000]);
    expect(far).toEqual({ value: 2000, slope: [1, 0, -1] });
  });

  test("row 44: the sparse form has the bits of the one-hot form, and warns of a softmax", () => {
    const graph = new fr.Graph();
    const logits = graph.placeholder("logits", ["n", 5]);
    const classes = graph.placeholder("classes", ["n"], { dtype: "int32" });
    const hot = fr.oneHot(classes, 5);
    const values = new fr.NDArray(
      Float32Array.from({ length: 35 }, (_, i) => 5 * Math.sin(3 * i)),
      [7, 5],
    );
    const feeds = { logits: values, classes: [0, 4, 2, 2, 1, 3, 0] };
    for (const fromLogits of [true, false]) {
      const scores = fromLogits ? logits : fr.softmax(logits);
      const sparse = fr.sparseCategoricalCrossEntropy(classes, scores, { fromLogits, reduction: "none" });
      const dense = fr.categoricalCrossEntropy(hot, scores, { fromLogits, reduction: "none" });
      const fetches = [sparse, ...fr.gradients(sparse, [logits])];
      const wanted = [dense, ...fr.gradients(dense, [logits])];
      const session = new fr.Session(graph);
      expectSameBits(session.run(fetches, feeds), session.run(wanted, feeds), "sparse against one-hot");
    }
    const warnings: string[] = [];
    const before = fr.setWarningHandler((text) => void warnings.push(text));
    try {
      fr.sparseCategoricalCrossEntropy(classes, logits, { fromLogits: true });
      expect(warnings).toEqual([]);
      fr.sparseCategoricalCrossEntropy(classes, fr.softmax(logits, { name: "scores" }), { fromLogits: true });
    } finally {
      fr.setWarningHandler(before);
    }
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toContain('the logits "scores" are already a softmax, which would be applied twice');
    expect(warnings[0]).toContain("rows.test.ts:");
  });

  test("row 45: binary cross entropy is minus the log-likelihood of a Bernoulli distribution", () => {
    // log p(x; μ) = x log μ + (1 - x) log (1 - μ); row 23 has both values for μ = 0.8.
    for (const [x, wanted] of [
      [1, 0.2231436],
      [0, 1.6094379],
    ] as const) {
      expectClose([onPair((t, f) => fr.binaryCrossEntropy(t, f), [x], [0.8]).value], [wanted]);
    }
    const [labels, chances] = [
      [1, 0, 1, 1],
      [0.9, 0.2, 0.4, 0.999],
    ];
    const likelihood = labels.map((x, i) => Math.log(chances[i]! ** x * (1 - chances[i]!) ** (1 - x)));
    const mean = -likelihood.reduce((sum, log) => sum + log) / labels.length;
    expectClose([onPair((t, f) => fr.binaryCrossEntropy(t, f), labels, chances).value], [mean], 1e-15);
    const logits = chances.map((p) => Math.log(p / (1 - p)));
    const fromLogits = onPair((t, f) => fr.binaryCrossEntropy(t, f, { fromLogits: true }), labels, logits);
    expectClose([fromLogits.value], [mean], 1e-14);
  });
});

describe("differentiation", () => {
  test("row 65: gradients are tensors of the same graph: fetched, fused, differentiated again", () => {
    const graph = new fr.Graph();
    const w = graph.placeholder("w", [3]);
    const loss = fr.sum(fr.mul(w, fr.square(w)));
    const [first] = fr.gradients(loss, [w]);
    expect(first!.graph).toBe(graph);
    expect(first!.shape).toEqual([3]);
    const [second] = fr.gradients(first!, [w]);
    const [third] = fr.gradients(second!, [w]);
    const session = new fr.Session(graph);
    const found = session.run([first!, second!, third!], { w: [1, -2, 3] });
    expect(found.map((value) => value.toArray())).toEqual([
      [3, 12, 27],
      [6, -12, 18],
      [6, 6, 6],
    ]);
    // 3 w² has several operations, and all of them are one kernel.
    expect(session.plan(first!, { w: [1, -2, 3] }).steps.length).toBe(1);
  });

  test("row 67: gradients of J(z) in x, y and z in one run", () => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", [2], { dtype: "float64" });
    const y = graph.placeholder("y", [2], { dtype: "float64" });
    const z = fr.add(fr.mul(x, fr.sin(y)), fr.square(y));
    const loss = fr.sum(fr.exp(fr.mul(z, 0.5)));
    const slopes = fr.gradients(loss, [x, y, z]);
    const session = new fr.Session(graph);
    const at = new Map<fr.Tensor, readonly number[]>([
      [x, [0.3, -1.1]],
      [y, [0.7, 0.2]],
    ]);
    const found = session.run({ slopes, z }, at);
    // A run may feed z itself in the place of what computes it.
    const cases = [
      [x, at],
      [y, at],
      [z, new Map([[z, [...found.z.data]]])],
    ] as const;
    cases.forEach(([tensor, values], which) => {
      [0, 1].forEach((e) => {
        const moved = (step: number) => {
          const shifted = values.get(tensor)!.map((value, i) => (i === e ? value + step : value));
          return session.run(loss, new Map([...values, [tensor, shifted]])).item();
        };
        const difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
        expect(Math.abs(found.slopes[which]!.data[e]! - difference)).toBeLessThan(1e-8);
      });
    });
  });
});

describe("TensorFlow's names", () => {
  test("row 141: reductions take axes and keepDims; no axes at all leave the value as it is", () => {
    const graph = new fr.Graph();
    const x = graph.constant(
      [
        [1, 2, 3],
        [4, 5, 9],
      ],
      { dtype: "float32" },
    );
    const session = new fr.Session(graph);
    const of = (options: Parameters<typeof fr.mean>[1]) => session.run(fr.mean(x, options)).toArray();
    expect(of({})).toBe(4);
    expect(of({ axis: 0 })).toEqual([2.5, 3.5, 6]);
    expect(of({ axis: -1 })).toEqual([2, 6]);
    expect(of({ axis: 1, keepDims: true })).toEqual([[2], [6]]);
    expect(of({ axis: [0, 1], keepDims: true })).toEqual([[4]]);
    expect(of({ axis: [] })).toEqual([
      [1, 2, 3],
      [4, 5, 9],
    ]);
    // Over nothing: a sum is 0, a mean is not a number.
    const empty = graph.constant([], { dtype: "float32", shape: [2, 0] });
    expect(session.run(fr.sum(empty, { axis: 1 })).toArray()).toEqual([0, 0]);
    expect(session.run(fr.mean(empty, { axis: 1 })).toArray()).toEqual([NaN, NaN]);
    // @ts-expect-error sum: axis 2 does not exist in rank 2
    expect(message(() => fr.sum(x, { axis: 2 }))).toContain("sum: axis 2 does not exist in rank 2");
    // @ts-expect-error sum: axis 0 is named twice
    expect(message(() => fr.sum(x, { axis: [0, -2] }))).toContain("axis 0 is named twice");
  });

  test("row 142: matmul, and the error when sizes do not fit", () => {
    const graph = new fr.Graph();
    const x = graph.constant(
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      { dtype: "float32", name: "X" },
    );
    const w = graph.constant(
      Float32Array.from({ length: 12 }, (_, i) => i),
      { shape: [3, 4], name: "W" },
    );
    const product = fr.matmul(x, w);
    expect(product.shape).toEqual([2, 4]);
    expect(new fr.Session(graph).run(product).toArray()).toEqual([
      [32, 38, 44, 50],
      [68, 83, 98, 113],
    ]);
    const wrong = graph.placeholder("V", [4, 3]);
    const text = message(() => fr.matmul(x, wrong as fr.Tensor));
    const [what, left, right, at, fix] = text.split("\n");
    expect(what).toBe("matmul: inner sizes differ, 3 (left) against 4 (right)");
    expect(left).toMatch(/^ {2}left {3}X: float32\[2, »3«\] {2}made at \S*rows\.test\.ts:\d+:\d+$/);
    expect(right).toMatch(/^ {2}right {2}V: float32\[»4«, 3\] {2}made at \S*rows\.test\.ts:\d+:\d+$/);
    expect(at).toMatch(/^at \S*rows\.test\.ts:\d+:\d+$/);
    expect(fix).toMatch(/^fix: /);
    const lines = [left, right, at].map((line) => Number(/rows\.test\.ts:(\d+):/.exec(line!)![1]));
    expect(lines[0]).toBeLessThan(lines[1]!);
    expect(lines[1]).toBeLessThan(lines[2]!);
    // Sizes in the type are compared in the editor.
    const typed = graph.placeholder("U", [2, 3]);
    // @ts-expect-error 3 (left) against 4 (right)
    expect(() => fr.matmul(typed, wrong)).toThrow(fr.ShapeError);
  });
});
