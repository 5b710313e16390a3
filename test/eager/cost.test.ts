import { afterEach, describe, expect, test } from "vitest";
import { configureEager, type EagerTensor, eager, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import { add, conv2d, matmul, meanSquaredError, reduceEuclideanNorm, sum, type Tensor } from "../../src/index.ts";

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
