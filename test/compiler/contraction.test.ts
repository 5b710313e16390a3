import { describe, expect, test, vi } from "vitest";
import { lower } from "../../src/compiler/passes/lower.ts";
import { mayUpdateInPlace } from "../../src/compiler/passes/memory.ts";
import { contractKernel } from "../../src/compiler/schedule/contraction/schedule.ts";
import { allocate, isFloat, type TypedArray } from "../../src/core/dtype.ts";
import {
  add,
  conv1d,
  conv2d,
  conv3d,
  einsum,
  Graph,
  gradients,
  matmul,
  mul,
  relu,
  Session,
  sum,
  type Tensor,
  tanh,
  transpose,
} from "../../src/index.ts";
import { withFreshExpressions } from "../../src/kernel/expr.ts";
import { interpretKernel } from "../../src/kernel/interpret.ts";
import { printKernel } from "../../src/kernel/print.ts";
import type { Kernel } from "../../src/kernel/statement.ts";
import { verifyKernel } from "../../src/kernel/verify.ts";
import { RandomStream, seedOf } from "../support/random.ts";
import { differenceOfData } from "../support/run-op.ts";

type DType = "float32" | "float64";

/** Builds fetches from placeholders of the given shapes, and gives the lowered kernels. */
function kernelsOf(
  shapes: readonly (readonly number[])[],
  build: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  dtype: DType = "float32",
): readonly Kernel[] {
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.placeholder(`x${i}`, [...shape], { dtype }));
  const run = vi.spyOn(lower, "run");
  const feeds = inputs.map((input) => [input, allocate(dtype, size(input.shape as number[]))] as const);
  const built = build(...inputs);
  new Session(graph, {}).plan(Array.isArray(built) ? built : [built as Tensor], feeds);
  const { calls } = run.mock.results.at(-1)!.value as ReturnType<typeof lower.run>;
  run.mockRestore();
  return [...new Set(calls.flatMap((call) => (call.kind === "kernel" ? [call.kernel] : [])))];
}
const size = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

const schedule = (kernel: Kernel): Kernel => withFreshExpressions(() => contractKernel(kernel));

/** Runs a kernel on random values, some of them -0, infinite or NaN; what it wrote. */
function run(kernel: Kernel, like: Kernel): readonly TypedArray[] {
  const random = new RandomStream(seedOf(like.name));
  const arrays = like.buffers.map((buffer) => {
    const array = allocate(buffer.dtype, buffer.size);
    if (buffer.role !== "in") return array.fill(7);
    for (let i = 0; i < array.length; i++)
      array[i] = isFloat(buffer.dtype) ? random.between(-1, 1) : random.whole(0, 3);
    if (isFloat(buffer.dtype) && array.length > 40) {
      array[random.whole(0, array.length - 1)] = -0;
      array[random.whole(0, array.length - 1)] = Number.POSITIVE_INFINITY;
    }
    return array;
  });
  interpretKernel(kernel, arrays);
  return arrays.filter((_, i) => like.buffers[i]!.role === "out");
}

/** Schedules every kernel, compares bits, and gives the text of those that have changed. */
function check(kernels: readonly Kernel[]): readonly string[] {
  return kernels.flatMap((kernel) => {
    const scheduled = schedule(kernel);
    if (scheduled === kernel) return [];
    verifyKernel(scheduled);
    const [wanted, found] = [run(kernel, kernel), run(scheduled, kernel)];
    wanted.forEach((array, i) => {
      const problem = differenceOfData(found[i]!, array);
      if (problem) throw new Error(`${problem}\n${printKernel(kernel)}\n${printKernel(scheduled)}`);
    });
    return [printKernel(scheduled)];
  });
}

/** Lanes and number of sums side by side of the widest tile. */
function tileOf(text: string): string {
  const lanes = Math.max(...[...text.matchAll(/ < (\d+) in lanes/g)].map((match) => Number(match[1])));
  const rows = new Set([...text.matchAll(/var (sum\w*?_\d+) =/g)].map((match) => match[1])).size;
  return `${rows}x${lanes}`;
}

describe("matrix products", () => {
  const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17];
  test.each(sizes)("rows, columns and terms around %i", (n) => {
    for (const [m, k, columns] of [
      [n, 9, 17],
      [6, n, 10],
      [9, 8, n],
      [n, n, n],
    ] as const) {
      check(
        kernelsOf(
          [
            [m, k],
            [k, columns],
          ],
          (a, b) => matmul(a!, b!),
        ),
      );
    }
  });

  test.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])("transposed: %s, %s", (transposeA, transposeB) => {
    for (const [m, k, n] of [
      [9, 20, 12],
      [4, 100, 40],
      [33, 7, 5],
    ] as const) {
      const a = transposeA ? [k, m] : [m, k];
      const b = transposeB ? [n, k] : [k, n];
      const texts = check(kernelsOf([a, b], (x, y) => matmul(x!, y!, { transposeA, transposeB })));
      expect(texts.length, "the product is scheduled").toBe(1);
    }
  });

  test("tiles by the number of rows", () => {
    const tile = (m: number, dtype: DType) =>
      tileOf(
        check(
          kernelsOf(
            [
              [m, 20],
              [20, 64],
            ],
            (a, b) => matmul(a!, b!),
            dtype,
          ),
        )[0]!,
      );
    expect([tile(8, "float32"), tile(3, "float32"), tile(1, "float32")]).toEqual(["4x8", "3x8", "1x16"]);
    expect([tile(8, "float64"), tile(2, "float64"), tile(1, "float64")]).toEqual(["4x4", "2x8", "1x8"]);
  });

  test("bias, activation and gradient mask stay in the tile", () => {
    const [text] = check(
      kernelsOf([[6, 20], [20, 18], [18], [6, 18]], (a, b, bias, other) =>
        mul(relu(add(matmul(a!, b!), bias!)), add(other!, 1)),
      ),
    );
    expect(text).not.toContain("total");
    expect(tileOf(text!)).toBe("4x8");
  });

  test("an operand that is a formula", () => {
    check(
      kernelsOf(
        [
          [6, 20],
          [20, 18],
        ],
        (a, b) => matmul(relu(a!), add(b!, 1)),
      ),
    );
    check(
      kernelsOf(
        [
          [20, 6],
          [18, 20],
        ],
        (a, b) => matmul(transpose(relu(a!)), transpose(mul(b!, 2))),
      ),
    );
  });

  test("batches, and einsum over several axes", () => {
    check(
      kernelsOf(
        [
          [3, 5, 7],
          [3, 7, 9],
        ],
        (a, b) => matmul(a!, b!),
      ),
    );
    check(
      kernelsOf(
        [
          [2, 3, 5, 7],
          [2, 3, 9, 7],
        ],
        (a, b) => matmul(a!, b!, { transposeB: true }),
      ),
    );
    check(
      kernelsOf(
        [
          [2, 5, 3, 4],
          [2, 6, 3, 4],
        ],
        (q, k) => einsum("bqhd,bkhd->bhqk", q!, k!),
      ),
    );
    check(
      kernelsOf(
        [
          [2, 3, 5, 6],
          [2, 6, 3, 4],
        ],
        (w, v) => einsum("bhqk,bkhd->bqhd", w!, v!),
      ),
    );
    check(
      kernelsOf(
        [
          [4, 5, 6],
          [6, 5, 9],
        ],
        (a, b) => einsum("abc,cbd->ad", a!, b!),
      ),
    );
  });

  test("two sums in one kernel, as in the cell of a recurrent network", () => {
    const build = (x?: Tensor, w?: Tensor, h?: Tensor, u?: Tensor, bias?: Tensor) =>
      tanh(add(add(matmul(x!, w!), matmul(h!, u!)), bias!));
    const [text] = check(kernelsOf([[6, 9], [9, 18], [6, 18], [18, 18], [18]], build));
    expect(text).toContain("sum_kept");
  });

  test("sums of several chunks", () => {
    const kernels = kernelsOf(
      [
        [5, 4100],
        [4100, 9],
      ],
      (a, b) => matmul(a!, b!),
    );
    const [text] = check(kernels);
    expect(text).toContain("parts");
    check(
      kernelsOf(
        [
          [4098, 4],
          [4098, 8],
        ],
        (a, b) => matmul(a!, b!, { transposeA: true }),
        "float64",
      ),
    );
  });

  test("rows in blocks, where the vector operand is too large for the first-level cache", () => {
    const [text] = check(
      kernelsOf(
        [
          [200, 700],
          [700, 20],
        ],
        (a, b) => matmul(a!, b!),
      ),
    );
    expect(text).toContain("for block_0 <");
  });
});

describe("convolutions", () => {
  /** The convolution and both its gradients. */
  const all = (convolve: (x: Tensor, f: Tensor) => Tensor) => (x: Tensor, f: Tensor, c: Tensor) => {
    const y = convolve(x, f);
    return [y, ...gradients(sum(mul(y, c)), [x, f])] as Tensor[];
  };
  const shapeOf = (x: readonly number[], f: readonly number[], convolve: (x: Tensor, f: Tensor) => Tensor) => {
    const graph = new Graph();
    return convolve(graph.placeholder("x", [...x]), graph.placeholder("f", [...f])).shape as readonly number[];
  };
  const checkAll = (
    x: readonly number[],
    f: readonly number[],
    convolve: (x: Tensor, f: Tensor) => Tensor,
    dtype: DType = "float32",
  ): readonly string[] => {
    const c = shapeOf(x, f, convolve);
    return check(kernelsOf([x, f, c], all(convolve) as (...inputs: Tensor[]) => readonly Tensor[], dtype));
  };
  type Image = Tensor<[number, number, number, number]>;
  const two =
    (options: Parameters<typeof conv2d>[2]) =>
    (x: Tensor, f: Tensor): Tensor =>
      conv2d(x as Image, f as Image, options as { padding: "same" });

  test.each([
    ["padded", [2, 6, 6, 3], [3, 3, 3, 8], { padding: "same" }],
    ["valid", [2, 7, 5, 4], [3, 2, 4, 9], { padding: "valid" }],
    ["one channel in", [2, 8, 8, 1], [5, 5, 1, 8], { padding: "same" }],
    ["one channel out", [2, 8, 8, 5], [3, 3, 5, 1], { padding: "same" }],
    ["strides", [2, 8, 9, 3], [3, 3, 3, 8], { padding: "same", strides: 2 }],
    ["strides, not padded", [1, 9, 9, 4], [3, 3, 4, 6], { strides: [2, 3] }],
    ["dilations", [2, 9, 9, 3], [3, 3, 3, 8], { padding: "same", dilations: 2 }],
    [
      "strides and dilations",
      [1, 11, 11, 3],
      [3, 3, 3, 4],
      {
        padding: [
          [2, 1],
          [1, 0],
        ],
        strides: 2,
        dilations: 3,
      },
    ],
    ["strides and dilations with a common factor", [1, 12, 12, 3], [2, 3, 3, 4], { strides: 2, dilations: 2 }],
    ["groups", [2, 5, 5, 8], [3, 3, 4, 16], { padding: "same", groups: 2 }],
    ["depthwise", [2, 6, 6, 12], [3, 3, 1, 12], { padding: "same", groups: 12 }],
    ["depthwise with a multiplier", [1, 6, 6, 4], [3, 3, 1, 8], { padding: "same", groups: 4 }],
    ["one by one", [2, 5, 5, 8], [1, 1, 8, 12], {}],
  ] as const)("conv2d: %s", (_, x, f, options) => {
    const texts = checkAll(x, f, two(options as Parameters<typeof conv2d>[2]));
    expect(texts.length, "kernels scheduled").toBe(3);
  });

  test("conv1d, conv3d and float64", () => {
    checkAll([2, 12, 3], [4, 3, 8], (x, f) =>
      conv1d(x as Tensor<[number, number, number]>, f as Tensor<[number, number, number]>, {
        padding: "same",
        dilations: 2,
      }),
    );
    checkAll([1, 4, 5, 6, 2], [2, 3, 3, 2, 4], (x, f) =>
      conv3d(
        x as Tensor<[number, number, number, number, number]>,
        f as Tensor<[number, number, number, number, number]>,
        { padding: "same", strides: [1, 2, 1] },
      ),
    );
    checkAll([2, 6, 6, 3], [3, 3, 3, 8], two({ padding: "same" }), "float64");
  });

  test("a filter gradient of many images, in chunks", () => {
    const texts = checkAll([22, 14, 14, 2], [3, 3, 2, 8], two({ padding: "same" }));
    expect(texts.some((text) => text.includes("parts") && text.includes("chunk"))).toBe(true);
  });

  test("sums of several chunks, too many for an array for each chunk", () => {
    const [m, k, n] = [130, 4100, 256];
    const random = new RandomStream(seedOf("chunks"));
    const graph = new Graph();
    const [a, b] = [graph.placeholder("a", [m, k]), graph.placeholder("b", [k, n])];
    const y = matmul(a, b);
    const feeds = [a, b].map(
      (x) => [x, Float32Array.from({ length: size(x.shape as number[]) }, () => random.between(-1, 1))] as const,
    );
    const plan = new Session(graph).plan(y, feeds);
    expect(printKernel(plan.steps[0]!.kernel)).toContain("total");
    const [fast, plain] = (["wasm", "javascript"] as const).map((backend) =>
      new Session(graph, { backend }).run(y, feeds),
    );
    expect(differenceOfData(fast!.data, plain!.data)).toBeNull();
  });

  test("images too large to be packed at once", () => {
    const [text] = check(
      kernelsOf(
        [
          [3, 40, 40, 2],
          [3, 3, 2, 4],
        ],
        (x, f) => two({ padding: "same" })(x!, f!),
      ),
    );
    expect(text).toContain("_packed");
  });
});

test("small kernels and those that are no contraction stay as they are", () => {
  for (const kernels of [
    kernelsOf([[4, 5]], (x) => add(x!, 1)),
    kernelsOf([[64, 30]], (x) => sum(x!, { axis: 0 })),
    kernelsOf([[64, 30]], (x) => sum(mul(x!, x!), { axis: 0 })),
    kernelsOf(
      [
        [9, 8],
        [8, 2],
      ],
      (a, b) => matmul(a!, b!),
    ).filter((kernel) => kernel.buffers[0]!.size === 1),
  ]) {
    for (const kernel of kernels) expect(schedule(kernel)).toBe(kernel);
  }
});

test("an operand of the epilogue may still be updated in place, one of the sum may not", () => {
  const [kernel] = kernelsOf(
    [
      [8, 8],
      [8, 8],
      [8, 8],
    ],
    (a, b, c) => add(c!, matmul(a!, b!)),
  );
  const scheduled = schedule(kernel!);
  const [y, ...inputs] = scheduled.buffers;
  const may = inputs
    .filter(({ role }) => role === "in")
    .map((input) => [input.name, mayUpdateInPlace(scheduled, input, y!)]);
  expect(Object.fromEntries(may)).toEqual({ x0: false, x1: false, x2: true });
});
