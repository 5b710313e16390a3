import { afterEach, describe, expect, test } from "vitest";
import {
  configureEager,
  type EagerTensor,
  eager,
  func,
  GradientTape,
  tensor,
  variable,
} from "../../src/eager/index.ts";
import { add, conv2d, matmul, meanSquaredError, mul, reduceEuclideanNorm, sum, type Tensor } from "../../src/index.ts";

afterEach(() => configureEager({}));

describe("gradients nobody asks for", () => {
  const ran = (build: () => Tensor): readonly string[] =>
    eager.recorded(() => [build()]).ops.map(({ def }) => def.name);
  const wideTensor = (shape: readonly [number, number, number, number]): Tensor =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i % 5),
      { shape },
    );

  test("of a matrix product are not computed", () => {
    const x = tensor([
      [1.5, 2],
      [3, 4],
    ]);
    const w = variable([[1], [2]]);
    const tape = new GradientTape({ persistent: true });
    const y = sum(matmul(x, w));
    const names = ran(() => tape.gradient(y, w));
    expect(names.filter((name) => name === "matmul")).toHaveLength(1);
    tape.end();

    const both = new GradientTape({ persistent: true });
    both.watch(x);
    const z = sum(matmul(x, w));
    const all = ran(() => both.gradient(z, [x, w])[0]!);
    expect(all.filter((name) => name === "matmul")).toHaveLength(2);
    expect((both.gradient(z, w) as EagerTensor).toArray()).toEqual([[4.5], [6]]);
    both.end();
  });

  test("of a convolution are not computed", () => {
    const x = wideTensor([1, 4, 4, 1]);
    const filters = variable(wideTensor([3, 3, 1, 2]));
    const tape = new GradientTape();
    const y = sum(conv2d(x, filters, { padding: "same" }));
    const names = ran(() => tape.gradient(y, filters));
    expect(names.filter((name) => /conv2d/i.test(name))).toEqual(["conv2dFilterGradient"]);
  });
});

describe("lines of tensors", () => {
  test("are those of the user, also of functions made of many ops", () => {
    const x = tensor([1.5, 2]);
    for (const y of [add(x, 1), meanSquaredError(x, x), reduceEuclideanNorm(x), variable([1, 2])])
      expect(y.op.line).toMatch(/^test\/eager\/cost\.test\.ts:\d+:\d+$/);
  });

  test("are left out on demand", () => {
    configureEager({ lines: false });
    expect(add(tensor(1), 1).op.line).toBeNull();
  });
});

test("a tape makes functions run step by step only if it follows what they use", () => {
  const [w, other, fixed] = [variable(2.5), variable(1), variable(3, { trainable: false })];
  const watched = tensor(1.5);
  const calls: Record<string, number> = {};
  const counted = (name: string, use: (x: Tensor) => Tensor) =>
    func((x: Tensor) => {
      calls[name] = (calls[name] ?? 0) + 1;
      return use(x);
    });
  const functions = {
    alone: counted("alone", (x) => add(x, 1)),
    fixed: counted("fixed", (x) => mul(x, fixed)),
    weights: counted("weights", (x) => mul(x, w)),
    captured: counted("captured", (x) => mul(x, watched)),
  };
  const tape = new GradientTape({ persistent: true });
  tape.watch(watched);
  const x = tensor(4.5);
  for (let i = 0; i < 3; i++) for (const f of Object.values(functions)) f(x);
  // Traced, to see what it uses, and then run three times.
  expect(calls).toEqual({ alone: 1, fixed: 1, weights: 4, captured: 4 });
  expect(tape.gradient(functions.weights(x), w).item()).toBe(4.5);
  expect(tape.gradient(functions.captured(x), watched).item()).toBe(4.5);
  expect(tape.gradient(functions.alone(watched), watched).item()).toBe(1);
  expect(tape.gradient(mul(functions.alone(x), other), other).item()).toBe(5.5);
  tape.end();
  functions.weights(x);
  expect(calls.weights).toBe(5);
  for (const f of Object.values(functions)) f.close();
});
