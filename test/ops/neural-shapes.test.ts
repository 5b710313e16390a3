/** Shapes, messages and types of the ops networks are made of. Values and gradients come from the records' examples. */
import { afterEach, describe, expect, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { knownShape, type Sizes, shapeText, specText } from "../../src/core/shape.ts";
import type { Shape } from "../../src/core/shape-types.ts";
import { namedSize } from "../../src/core/size.ts";
import { threefry, type Words } from "../../src/core/threefry.ts";
import { setWarningHandler } from "../../src/core/warnings.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { IndexFunction, KernelBuilder, LoopContext } from "../../src/graph/define.ts";
import type { Tensor } from "../../src/graph/operation.ts";
import { binary, bitcast, cast, constant, type Expr, int, select, unary } from "../../src/kernel/expr.ts";
import { mostOf } from "../../src/kernel/extent.ts";
import {
  type ActivationName,
  activation,
  activationNames,
  leakyRelu,
  maxout,
  sigmoid,
} from "../../src/ops/activation.ts";
import { affine, dot, matmul, matmulOp, outer } from "../../src/ops/contraction.ts";
import { conv2d, conv2dTranspose } from "../../src/ops/convolution.ts";
import {
  binaryCrossEntropy,
  categoricalCrossEntropy,
  meanSquaredError,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sparseCategoricalCrossEntropy,
  sparseSoftmaxCrossEntropy,
} from "../../src/ops/loss.ts";
import { layerNorm } from "../../src/ops/normalization.ts";
import { averagePool2d, maxPool2d, maxPool2dWinnersOp } from "../../src/ops/pooling.ts";
import {
  foldIn,
  foldInOp,
  randomBits,
  randomBitsOp,
  randomKey,
  randomNormal,
  randomPermutation,
  randomPermutationOp,
  randomUniform,
  randomUniformInt,
  splitKey,
} from "../../src/ops/random.ts";
import { logSoftmax, softmax } from "../../src/ops/softmax.ts";
import { placeholderOp } from "../../src/ops/state.ts";
import { apply } from "../../src/ops/support.ts";

const graph = new GraphBuilder("test");

/** A placeholder; names stand for named sizes. */
function input<const S extends Shape>(name: string, dims: S, dtype: DType = "float32"): Tensor<S> {
  const shape: Sizes = dims.map((dim) => (typeof dim === "number" ? dim : namedSize(String(dim))));
  return graph.apply(placeholderOp, [], { dtype, shape }, { name }).outputs[0] as Tensor<S>;
}
const unknownRank = (name: string, dtype: DType = "float32"): Tensor =>
  graph.apply(placeholderOp, [], { dtype, shape: null }, { name }).outputs[0]!;

const shapeOf = (tensor: Tensor): string => shapeText(tensor.shape);

/** The message of what `build` throws, without source lines. */
function messageOf(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    return (error as Error).message.replace(/ +made at \S+/g, "").replace(/\nat \S+/g, "");
  }
  throw new Error("nothing was thrown");
}

describe("matmul", () => {
  test("row 142: [2, 3] · [3, 4] is [2, 4]", () => {
    expect(shapeOf(matmul(input("a", [2, 3]), input("b", [3, 4])))).toBe("[2, 4]");
  });

  test("keeps named sizes and broadcasts batch axes", () => {
    expect(shapeOf(matmul(input("a", ["batch", 784]), input("b", [784, 10])))).toBe("[batch, 10]");
    expect(shapeOf(matmul(input("a", ["batch", "steps", 8]), input("b", [8, 4])))).toBe("[batch, steps, 4]");
    expect(shapeOf(matmul(input("a", [2, 1, 3, 5]), input("b", [4, 5, 7])))).toBe("[2, 4, 3, 7]");
  });

  test("reads either operand transposed", () => {
    const [a, b] = [input("a", [3, 2]), input("b", [4, 3])];
    expect(shapeOf(matmul(a, b, { transposeA: true, transposeB: true }))).toBe("[2, 4]");
    expect(shapeOf(matmul(input("a", [2, 3]), b, { transposeB: true }))).toBe("[2, 4]");
  });

  test("two names are compared once they are bound", () => {
    const { op } = matmul(input("a", [2, "left"]), input("b", ["right", 3]));
    expect(op.checks.map(({ left, right, why }) => `${left} = ${right}: ${why.split('"')[0]}`)).toEqual([
      "left = right: matmul ",
    ]);
  });

  test("row 142: the mismatch error shows both shapes and the axes at fault", () => {
    // @ts-expect-error the editor says so too
    expect(messageOf(() => matmul(input("x", ["batch", 784]), input("w", [100, 10])))).toBe(
      [
        "matmul: inner sizes differ, 784 (left) against 100 (right)",
        `  left   ${lastNamed("x")}: float32[batch, »784«]`,
        `  right  ${lastNamed("w")}: float32[»100«, 10]`,
        "fix: the columns of the left operand must be as many as the rows of the right one",
      ].join("\n"),
    );
  });

  test("row 142: … and the lines that made them", () => {
    const [x, w] = [input("x", [2, 3]), input("w", [4, 5])];
    const lines = /left .*made at test\/ops\/neural-shapes[^\n]*\n.*right .*made at test\/ops[^\n]*\nat test\/ops\//;
    expect(() => apply(matmulOp, [x, w], { transposeA: false, transposeB: false })).toThrow(lines);
  });

  test("names the transposition that would fit", () => {
    const [x, w]: Tensor[] = [input("x", [5, 3]), input("w", [7, 3])];
    expect(messageOf(() => matmul(x!, w!))).toMatch(/fix: transposeB: true would fit$/);
    const [y, v]: Tensor[] = [input("x", [3, 5]), input("w", [3, 7])];
    expect(messageOf(() => matmul(y!, v!))).toMatch(/fix: transposeA: true would fit$/);
  });

  test("refuses vectors", () => {
    const x: Tensor = input("x", [3]);
    expect(messageOf(() => matmul(x, input("w", [3, 2])))).toBe(
      [
        "matmul: the left operand needs rank 2 or more, not 1",
        `  left   ${lastNamed("x")}: float32[3]`,
        `  right  ${lastNamed("w")}: float32[3, 2]`,
        "fix: expandDims(x, 0) makes a row of a vector; affine(x, w, b) and dot(a, b) take vectors as they are",
      ].join("\n"),
    );
  });

  test("has a shape in the editor", () => {
    const product: Tensor<readonly ["batch", 10]> = matmul(input("x", ["batch", 784]), input("w", [784, 10]));
    const turned: Tensor<readonly [5, 7]> = matmul(input("x", [5, 3]), input("w", [7, 3]), { transposeB: true });
    // @ts-expect-error 3 columns, 7 rows
    expect(() => matmul(input("x", [5, 3]), input("w", [7, 3]))).toThrow();
    // @ts-expect-error 5 columns (transposed), 7 rows
    expect(() => matmul(input("x", [5, 3]), input("w", [7, 3]), { transposeA: true })).toThrow();
    const flag = Math.min(0, 1) === 1;
    const open: Tensor = matmul(input("x", [5, 3]), input("w", [3, 7]), { transposeA: flag });
    expect([product, turned, open].map(shapeOf)).toEqual(["[batch, 10]", "[5, 7]", "[5, 7]"]);
  });
});

/** The name the last placeholder that wished for this one was given. */
const lastNamed = (wish: string): string =>
  graph.operations.findLast(({ name }) => name === wish || name.startsWith(`${wish}_`))!.name;

describe("affine, dot, outer", () => {
  test("row 2: affine takes a vector or a batch", () => {
    const w = input("w", [784, 10]);
    const one: Tensor<readonly [10]> = affine(input("x", [784]), w, input("b", [10]));
    const many: Tensor<readonly ["batch", 10]> = affine(input("x", ["batch", 784]), w, input("b", [10]));
    expect([one, many].map(shapeOf)).toEqual(["[10]", "[batch, 10]"]);
    expect(shapeOf(affine([1, 2], input("w", [2, 2]), [0.5, -0.5]))).toBe("[2]");
    // @ts-expect-error 784 rows
    expect(() => affine(input("x", ["batch", 100]), w, input("b", [10]))).toThrow(/inner sizes differ/);
  });

  test("dot and outer take vectors", () => {
    expect(shapeOf(dot(input("a", [3]), input("b", [3])))).toBe("[]");
    expect(shapeOf(outer(input("a", [3]), input("b", [2])))).toBe("[3, 2]");
    // @ts-expect-error dot: takes two vectors, not rank 2
    expect(messageOf(() => dot(input("a", [3, 1]), [1, 2, 3]))).toMatch(
      /^dot: takes two vectors, not a\w*: \[3, 1\]\n[\s\S]*\nfix: use matmul/,
    );
  });
});

describe("conv2d", () => {
  const image = input("image", ["batch", 28, 28, 3]);
  const filters = input("filters", [3, 5, 3, 16]);

  test("valid, same, explicit padding, strides and dilations", () => {
    expect(shapeOf(conv2d(image, filters))).toBe("[batch, 26, 24, 16]");
    expect(shapeOf(conv2d(image, filters, { padding: "same" }))).toBe("[batch, 28, 28, 16]");
    expect(shapeOf(conv2d(image, filters, { padding: "same", strides: 3 }))).toBe("[batch, 10, 10, 16]");
    const padding = [
      [2, 1],
      [0, 3],
    ] as const;
    expect(shapeOf(conv2d(image, filters, { padding, strides: [2, 1] }))).toBe("[batch, 15, 27, 16]");
    expect(shapeOf(conv2d(image, filters, { dilations: [2, 3] }))).toBe("[batch, 24, 16, 16]");
  });

  test("height and width may be named", () => {
    const any = input("image", ["batch", "height", "width", 3]);
    expect(shapeOf(conv2d(any, filters))).toBe("[batch, height - 2, width - 4, 16]");
    expect(shapeOf(conv2d(any, filters, { padding: "same" }))).toBe("[batch, height, width, 16]");
    expect(shapeOf(conv2d(any, filters, { padding: "same", strides: 2 }))).toBe(
      "[batch, floor((height + 1)/(2)), floor((width + 1)/(2)), 16]",
    );
  });

  test("says which channels do not fit", () => {
    // @ts-expect-error conv2d: the image has 3 channels, the filters take 4
    expect(messageOf(() => conv2d(image, input("narrow", [3, 3, 4, 16])))).toBe(
      [
        "conv2d: the image has 3 channels, the filters take 4",
        "  x        image: float32[batch, 28, 28, »3«]",
        "  filters  narrow: float32[3, 3, »4«, 16]",
        "fix: axis 2 of the filters times the groups must be the number of channels, the last axis of the image",
      ].join("\n"),
    );
    expect(messageOf(() => conv2d(image, input("w", [3, 3, 1, 16]), { groups: 3 }))).toMatch(
      /16 output channels do not divide into 3 groups/,
    );
  });

  test("says when a window does not fit", () => {
    // @ts-expect-error conv2d: a window of 5 does not fit into height 4
    expect(messageOf(() => conv2d(input("tiny", [1, 4, 9, 3]), filters, { dilations: 2 }))).toMatch(
      /^conv2d: a window of 5 does not fit into height 4\n.*»4«.*\n.*\nfix: make the window smaller/,
    );
  });

  test("refuses other ranks, unknown ranks and bad options", () => {
    // @ts-expect-error conv2d: images need rank 4 [batch, height, width, channels], not rank 3
    expect(messageOf(() => conv2d(input("x", [28, 28, 3]), filters))).toMatch(
      /images need rank 4 \[batch, height, width, channels\], not rank 3/,
    );
    expect(messageOf(() => conv2d(unknownRank("x"), filters))).toMatch(/the rank of operand 1 is not known\n/);
    expect(messageOf(() => conv2d(image, filters, { strides: 0 }))).toBe(
      "conv2d: strides 0 are not whole numbers from 1 on\nfix: give one number, or [vertical, horizontal]",
    );
  });

  test("the transposed convolution is told its shape", () => {
    const x = input("x", [2, 14, 14, 16]);
    const options = { strides: 2, padding: "same" } as const;
    expect(shapeOf(conv2dTranspose(x, filters, [2, 28, 28, 3], options))).toBe("[2, 28, 28, 3]");
    expect(shapeOf(conv2dTranspose(x, filters, [2, 27, 28, 3], options))).toBe("[2, 27, 28, 3]");
    expect(messageOf(() => conv2dTranspose(x, filters, [2, 29, 28, 3], options))).toMatch(
      /the incoming gradient has size 14 along axis 1, not 15/,
    );
  });
});

describe("pooling", () => {
  test("strides are the window unless given", () => {
    const x = input("x", ["batch", 28, 27, 8]);
    expect(shapeOf(maxPool2d(x))).toBe("[batch, 14, 13, 8]");
    expect(shapeOf(maxPool2d(x, { padding: "same" }))).toBe("[batch, 14, 14, 8]");
    expect(shapeOf(averagePool2d(x, { window: 3, strides: 1 }))).toBe("[batch, 26, 25, 8]");
    const winners = apply(maxPool2dWinnersOp, [x], { window: [2, 2], strides: [2, 2], padding: "valid" });
    expect(specText(winners.spec)).toBe("int32[batch, 14, 13, 8]");
  });

  test("refuses padding that leaves a window with nothing in it", () => {
    const padding = [
      [2, 0],
      [0, 0],
    ] as const;
    expect(messageOf(() => maxPool2d(input("x", [1, 4, 4, 1]), { padding }))).toMatch(
      /^maxPool2d: padding of 2 with a window of 2\n/,
    );
  });
});

describe("activations", () => {
  test("row 20: by name", () => {
    const x = input("x", ["batch", 4]);
    for (const name of activationNames()) expect(shapeOf(activation(name)(x))).toBe("[batch, 4]");
    const typed: ActivationName = "leakyRelu";
    // @ts-expect-error no such name
    const wrong: ActivationName = "rleu";
    expect(activation(typed)(x).op.def.name).toBe("leakyRelu");
    expect(activation(sigmoid)).toBe(sigmoid);
    expect(messageOf(() => activation(wrong))).toBe(
      'activation: there is none called "rleu"\nfix: near names: relu, elu',
    );
  });

  test("row 16: the slope of leakyRelu is the lecture's 0.1", () => {
    expect(leakyRelu(input("x", [2])).op.attrs).toEqual({ slope: 0.1 });
  });

  test("row 17: maxout takes any number of branches", () => {
    const branch = () => input("branch", ["batch", 4]);
    expect(shapeOf(maxout(branch(), branch(), branch()))).toBe("[batch, 4]");
  });

  test("take floating point only", () => {
    expect(messageOf(() => sigmoid(input("x", [2], "int32")))).toMatch(
      /^sigmoid: takes floating point, not int32\n[\s\S]*fix: convert it first: cast\(x, "float32"\)$/,
    );
  });

  test("softmax needs its axis", () => {
    expect(shapeOf(softmax(input("x", ["batch", 4]), { axis: 0 }))).toBe("[batch, 4]");
    expect(softmax(unknownRank("x")).shape).toBeNull();
    // @ts-expect-error logSoftmax: axis 1 does not exist in rank 1
    expect(messageOf(() => logSoftmax(input("scores", [3]), { axis: 1 }))).toBe(
      [
        "logSoftmax: axis 1 does not exist in rank 1",
        `  x  ${lastNamed("scores")}: float32[3]`,
        "fix: axes run from -1 to 0",
      ].join("\n"),
    );
  });
});

describe("losses", () => {
  const logits = input("logits", ["batch", 10]);
  const oneHots = input("labels", ["batch", 10]);
  const classes = input("classes", ["batch"], "int32");

  test("are one number, or one per row or element", () => {
    expect(shapeOf(meanSquaredError(oneHots, logits))).toBe("[]");
    expect(shapeOf(meanSquaredError(oneHots, logits, { reduction: "none" }))).toBe("[batch, 10]");
    expect(shapeOf(softmaxCrossEntropy(oneHots, logits))).toBe("[]");
    expect(shapeOf(softmaxCrossEntropy(oneHots, logits, { reduction: "none" }))).toBe("[batch]");
    expect(shapeOf(sparseSoftmaxCrossEntropy(classes, logits, { reduction: "none" }))).toBe("[batch]");
    expect(shapeOf(binaryCrossEntropy(oneHots, logits, { reduction: "sum" }))).toBe("[]");
    const pixels = input("pixels", ["batch", 10, 8, 8]);
    const marks = input("marks", ["batch", 8, 8], "int32");
    expect(shapeOf(sparseSoftmaxCrossEntropy(marks, pixels, { axis: 1, reduction: "none" }))).toBe("[batch, 8, 8]");
  });

  test("fromLogits chooses the stable form", () => {
    const options = { fromLogits: true, reduction: "none" } as const;
    const made = [
      categoricalCrossEntropy(oneHots, logits, options),
      sparseCategoricalCrossEntropy(classes, logits, options),
      binaryCrossEntropy(oneHots, logits, options),
      sparseCategoricalCrossEntropy(classes, logits, { reduction: "none" }),
    ];
    expect(made.map(({ op }) => op.def.name)).toEqual([
      "softmaxCrossEntropy",
      "sparseSoftmaxCrossEntropy",
      "sigmoidCrossEntropy",
      "categoricalCrossEntropy",
    ]);
  });

  test("do not broadcast", () => {
    // @ts-expect-error meanSquaredError: labels and predictions have different ranks, 1 and 2
    expect(messageOf(() => meanSquaredError(input("t", ["batch"]), input("f", ["batch", 1])))).toBe(
      [
        "squaredError: labels and predictions have different ranks, 1 and 2",
        "  labels       t: float32[batch]",
        "  predictions  f: float32[batch, 1]",
        "fix: a loss does not broadcast; reshape one of them so that both have the same shape",
      ].join("\n"),
    );
    // @ts-expect-error meanSquaredError: labels and predictions differ along axis 0, 3 against 1
    expect(messageOf(() => meanSquaredError(input("t", [3]), input("f", [1])))).toMatch(
      /labels and predictions differ along axis 0, 3 against 1\n.*»3«\].*\n.*»1«\]/,
    );
  });

  test("row 44: labels of the wrong kind are sent to the other variant", () => {
    // @ts-expect-error softmaxCrossEntropy: labels and logits have different ranks, 1 and 2
    expect(messageOf(() => softmaxCrossEntropy(classes, logits))).toMatch(
      /^softmaxCrossEntropy: labels are int32, scores float32\n[\s\S]*fix: .*sparse variant: sparseSoftmaxCrossEntropy;/,
    );
    // @ts-expect-error softmaxCrossEntropy: labels and logits have different ranks, 1 and 2
    expect(messageOf(() => softmaxCrossEntropy(input("t", ["batch"]), logits))).toMatch(
      /labels have rank 1, logits rank 2\n[\s\S]*fix: .*sparse variant: sparseSoftmaxCrossEntropy$/,
    );
    // @ts-expect-error sparseSoftmaxCrossEntropy: labels and rows of scores have different ranks, 2 and 1
    expect(messageOf(() => sparseSoftmaxCrossEntropy(oneHots, logits))).toMatch(
      /labels are float32, not class numbers \(int32\)\n[\s\S]*fix: one-hot labels belong to softmaxCrossEntropy;/,
    );
    // @ts-expect-error sparseSoftmaxCrossEntropy: labels and rows of scores differ along axis 0, 7 against 8
    expect(messageOf(() => sparseSoftmaxCrossEntropy(input("t", [7], "int32"), input("z", [8, 3])))).toMatch(
      /7 labels for 8 rows of logits\n.*\[»7«\].*\n.*\[»8«, 3\]/,
    );
  });

  describe("row 44: warn when activated twice", () => {
    let heard: string[] = [];
    const listen = () => {
      heard = [];
      setWarningHandler((message) => heard.push(message));
    };
    afterEach(() => {
      setWarningHandler(null);
    });

    test("softmax", () => {
      listen();
      const activated = softmax(logits, { name: "probabilities" });
      softmaxCrossEntropy(oneHots, activated);
      sparseSoftmaxCrossEntropy(classes, activated);
      expect(heard.map((text) => text.replace(/:\d+:\d+/g, ""))).toEqual([
        [
          'softmaxCrossEntropy: the logits "probabilities" are already a softmax, which would be applied twice',
          "  probabilities made at test/ops/neural-shapes.test.ts",
          "at test/ops/neural-shapes.test.ts",
          "fix: pass what goes into the softmax, or use categoricalCrossEntropy",
        ].join("\n"),
      ]);
    });

    test("sigmoid, and nothing otherwise", () => {
      listen();
      sigmoidCrossEntropy(oneHots, logits);
      softmaxCrossEntropy(oneHots, logits);
      categoricalCrossEntropy(oneHots, softmax(logits));
      expect(heard).toEqual([]);
      sigmoidCrossEntropy(oneHots, sigmoid(logits));
      expect(heard).toHaveLength(1);
    });
  });
});

describe("layerNorm", () => {
  test("keeps the shape and checks gamma and beta", () => {
    const x = input("x", ["batch", 6]);
    expect(shapeOf(layerNorm(x, input("gamma", [6]), input("beta", [6])))).toBe("[batch, 6]");
    // @ts-expect-error layerNorm: gamma has 5 numbers, axis -1 of x has 6 features
    expect(messageOf(() => layerNorm(x, input("gamma", [5]), input("beta", [6])))).toMatch(
      /^layerNorm: gamma has 5 numbers, axis 1 of x has 6 features\n.*\[batch, »6«\].*\n.*\[»5«\]/,
    );
  });
});

// ── random numbers ───────────────────────────────────────────────────────────────────────────────────────────────

/** Runs formulas on constants: every constructor folds them, so the result is a constant again. */
const folding: KernelBuilder = {
  unary,
  binary,
  constant,
  int,
  cast,
  select,
  bitcast,
  call: () => unused("call"),
  when: (holds, yes, no) => (numberOf(holds) ? yes() : no),
  let: (_hint, value) => value,
  reduce: () => unused("reduce"),
};
const unused = (part: string): never => {
  throw new Error(`no random op uses ${part}`);
};
const numberOf = (expr: Expr): number => (expr.kind === "const" ? expr.value : Number.NaN);

function vectorOf(values: readonly number[], dtype: DType): IndexFunction {
  const at = (i: Expr): Expr => constant(values[numberOf(i)]!, dtype);
  return Object.assign((i?: Expr) => at(i ?? int(0)), {
    flat: at,
    regrouped: () => unused("regrouped"),
    sizes: [values.length],
    extents: [values.length],
    shape: [values.length],
    dtype,
  });
}
const keyOf = ({ op }: Tensor): Words => [...(op.attrs.value as Uint32Array)] as [number, number];

describe("random", () => {
  const key = randomKey(graph, 2 ** 40 + 7);

  test("threefry gives the published vectors of Random123", () => {
    const ones = 0xffffffff;
    expect(threefry([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry([ones, ones], [ones, ones])).toEqual([0x1cb996fc, 0xbb002be7]);
    expect(threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  test("randomBits and foldIn follow the reference", () => {
    const words = keyOf(key);
    expect(words).toEqual([256, 7]);
    const bits = { in: [vectorOf(words, "uint32")], k: folding, attrs: { shape: [4, 5] } };
    const output = { dtype: "uint32", sizes: [4, 5], extents: [4, 5], shape: [4, 5] } as const;
    const element = (i: number) => [int(Math.floor(i / 5)), int(i % 5)];
    const drawn = Array.from({ length: 20 }, (_, i) =>
      numberOf(randomBitsOp.compute!({ ...bits, output }, element(i))),
    );
    expect(drawn).toEqual(drawn.map((_, i) => threefry(words, [0, i])[0]));

    const folded = { in: [vectorOf(words, "uint32"), vectorOf([-3], "int32")], k: folding, attrs: {}, output };
    const next = [0, 1].map((i) => numberOf(foldInOp.compute!(folded, [int(i)])));
    expect(next).toEqual(threefry(words, [1, 2 ** 32 - 3]));
  });

  test("randomPermutation holds every number once", () => {
    const length = 50;
    const places = new Array<number>(length).fill(-1);
    const context: LoopContext<{ readonly length: number }> = {
      in: [vectorOf(keyOf(key), "uint32")],
      attrs: { length },
      output: { dtype: "int32", sizes: [length], extents: [length], shape: [length] },
      k: folding,
      loops: {
        loop: (extent, body) => {
          for (let i = 0; i < mostOf(extent); i++) body(int(i));
        },
        branch: (holds, body) => {
          if (numberOf(holds)) body();
        },
        load: (at) => int(places[numberOf(at)]!),
        store: (at, value) => {
          places[numberOf(at)] = numberOf(value);
        },
      },
    };
    randomPermutationOp.kernel!(context);
    expect(places.toSorted((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
    expect(places.filter((place, i) => place === i).length).toBeLessThan(10);
  });

  test("shapes and dtypes", () => {
    expect(specText(randomBits(key, ["batch", 3]).spec)).toBe("uint32[batch, 3]");
    expect(specText(randomUniform(key, [2], { dtype: "float64" }).spec)).toBe("float64[2]");
    expect(specText(randomNormal(key, []).spec)).toBe("float32[]");
    expect(specText(randomUniformInt(key, [2], { minimum: 0, maximum: 10 }).spec)).toBe("int32[2]");
    expect(specText(randomPermutation(key, "batch").spec)).toBe("int32[batch]");
    expect(splitKey(key, 3).map(({ spec }) => knownShape(spec.shape))).toEqual([[2], [2], [2]]);
  });

  test("messages", () => {
    expect(messageOf(() => randomKey(graph, -1))).toMatch(/^randomKey: -1 is not a seed\nfix: use a whole number/);
    expect(messageOf(() => randomBits(input("k", [2]), [3]))).toMatch(
      /^randomBits: the key is float32, not uint32\n[\s\S]*fix: make keys with randomKey/,
    );
    expect(messageOf(() => randomBits(input("k", [3], "uint32"), [3]))).toMatch(/a key has two words, not 3\n/);
    expect(messageOf(() => randomUniform(key, [2], { minimum: 1, maximum: 1 + 1e-9 }))).toMatch(/no number lies in/);
    expect(messageOf(() => foldIn(key, 0.5))).toMatch(/^foldIn: 0.5 is not a whole number of 32 bits/);
  });
});
