/** Shapes, types and messages of windows over one, two and three axes, of normalisations and of the newer losses. */
import { describe, expect, test } from "vitest";
import { shapeText } from "../../src/core/shape.ts";
import type { Shape } from "../../src/core/shape-types.ts";
import * as fr from "../../src/index.ts";

const graph = new fr.Graph();
let made = 0;
const input = <const S extends Shape>(shape: S, dtype: fr.DType = "float32") =>
  graph.placeholder(`input${++made}`, shape, { dtype }) as fr.Tensor<S>;
/** Without its shape type: what the editor would refuse must be refused when it runs as well. */
const loose = (shape: Shape): fr.Tensor => input(shape);
const shapeOf = ({ shape }: fr.Tensor): string => shapeText(shape);

describe("windows", () => {
  const sequence = input(["batch", 20, 3]);
  const volume = input(["batch", 8, 10, 12, 2]);

  test("slide over one and three axes", () => {
    const options = { strides: 2, padding: "same" } as const;
    const one: fr.Tensor<readonly ["batch", number, 7]> = fr.conv1d(sequence, input([5, 3, 7]), options);
    const three: fr.Tensor<readonly ["batch", number, number, number, 4]> = fr.conv3d(volume, input([3, 3, 1, 2, 4]));
    const pooled: fr.Tensor<readonly ["batch", number, 3]> = fr.maxPool1d(sequence, { window: 3 });
    const mean: fr.Tensor<readonly ["batch", number, number, number, 2]> = fr.averagePool3d(volume, {
      window: [2, 2, 3],
    });
    expect([one, three, pooled, mean].map(shapeOf)).toEqual([
      "[batch, 10, 7]",
      "[batch, 6, 8, 12, 4]",
      "[batch, 6, 3]",
      "[batch, 4, 5, 4, 2]",
    ]);
    expect(shapeOf(fr.conv1d(sequence, input([3, 3, 1]), { padding: [[4, 0]], dilations: 2 }))).toBe("[batch, 20, 1]");
  });

  test("the number of sizes is checked, in the editor and when the op is added", () => {
    const filters = input([3, 3, 1]);
    // @ts-expect-error one axis, two strides
    expect(() => fr.conv1d(sequence, filters, { strides: [1, 1] })).toThrow(/fix: give one number, or \[stride\]/);
    // @ts-expect-error one axis, two pairs
    const twice = () => fr.conv1d(sequence, filters, { padding: [[0, 0], [0, 0]] }); // biome-ignore format: one line
    expect(twice).toThrow(/is not a padding\n(.*\n)*fix: "valid", "same" or \[\[left, right\]\]/);
    // @ts-expect-error conv3d: volumes need rank 5 [batch, depth, height, width, channels], not rank 3
    expect(() => fr.conv3d(sequence, filters)).toThrow(
      /^conv3d: volumes need rank 5 \[batch, depth, height, width, channels\], not rank 3/,
    );
    // @ts-expect-error maxPool1d: sequences need rank 3 [batch, width, channels], not rank 5
    expect(() => fr.maxPool1d(volume)).toThrow(/^maxPool1d: sequences need rank 3 \[batch, width, channels\]/);
  });

  test("depthwise and separable", () => {
    const image = input(["batch", 9, 9, 3]);
    const filters = input([3, 3, 3, 2]);
    expect(shapeOf(fr.depthwiseConv2d(image, filters, { strides: 2 }))).toBe("[batch, 4, 4, 6]");
    expect(shapeOf(fr.separableConv2d(image, filters, input([1, 1, 6, 5]), { padding: "same" }))).toBe(
      "[batch, 9, 9, 5]",
    );
    expect(() => fr.depthwiseConv2d(image, loose([3, 3, 4, 2]))).toThrow(
      /the image has 3 channels, the filters are for 4/,
    );
    expect(() => fr.separableConv2d(image, filters, loose([1, 1, 3, 5]))).toThrow(
      /the pointwise filters take 3 channels, the depthwise ones give 6/,
    );
  });

  test("global pooling and resizing", () => {
    const image = input(["batch", "height", "width", 3]);
    expect(shapeOf(fr.globalAveragePool(image))).toBe("[batch, 3]");
    expect(shapeOf(fr.globalMaxPool(image, { keepDims: true }))).toBe("[batch, 1, 1, 3]");
    expect(shapeOf(fr.resizeBilinear(image, [7, 5]))).toBe("[batch, 7, 5, 3]");
    expect(() => fr.globalMaxPool(loose([2, 3]))).toThrow(/there is nothing between batch and channels in rank 2/);
    expect(() => fr.resizeNearestNeighbor(image, [0, 4])).toThrow(/^resizeNearestNeighbor: \[0,4\] is not a size/);
    const both = { alignCorners: true, halfPixelCenters: true };
    expect(() => fr.resizeBilinear(image, [2, 2], both)).toThrow(/either aligned corners or centres at halves/);
  });
});

describe("normalisations", () => {
  const x = input(["batch", 4, 4, 6]);

  test("keep the shape; batchNorm hands its statistics back", () => {
    const { normalized, mean, variance } = fr.batchNorm(x, input([6]), input([6]));
    const kept: fr.Tensor<readonly ["batch", 4, 4, 6]> = normalized;
    expect([kept, mean, variance].map(shapeOf)).toEqual(["[batch, 4, 4, 6]", "[6]", "[6]"]);
    expect(shapeOf(fr.groupNorm(x, input([6]), input([6]), { groups: 3 }))).toBe("[batch, 4, 4, 6]");
    expect(shapeOf(fr.rmsNorm(x, input([6])))).toBe("[batch, 4, 4, 6]");
  });

  test("say what does not fit", () => {
    expect(() => fr.groupNorm(x, input([6]), input([6]), { groups: 4 })).toThrow(
      /6 channels do not divide into 4 groups/,
    );
    expect(() => fr.batchNorm(x, input([6]), loose([5]))).toThrow(/beta has 5 numbers, axis 3 of x has 6 features/);
    expect(() => fr.instanceNorm(loose([2, 6]), input([6]), input([6]))).toThrow(/there are no pixels/);
    expect(() => fr.batchNorm(graph.placeholder("any", null), input([6]), input([6]))).toThrow(
      /the rank of operand 1 is not known/,
    );
  });
});

describe("attention", () => {
  test("has the shape of the queries with the features of the values, in a scope of its own", () => {
    const y = fr.scaledDotProductAttention(input(["batch", 3, 8]), input(["batch", 5, 8]), input(["batch", 5, 2]));
    expect(shapeOf(y)).toBe("[batch, 3, 2]");
    expect(y.op.name).toMatch(/^attention\//);
  });

  test("a named size is its own scale", () => {
    const own = new fr.Graph();
    const q = own.placeholder("q", [2, "d"]);
    const y = fr.scaledDotProductAttention(q, q, q);
    const scaled = fr.scaledDotProductAttention(q, q, q, { scale: 0.5 });
    const [found, wanted] = new fr.Session(own).run([y, scaled], { q: Float32Array.of(1, 2, 3, 4, 4, 3, 2, 1) });
    expect(found!.toArray()).toEqual(wanted!.toArray());
  });
});

describe("losses", () => {
  test("per element, per row, per example", () => {
    const [labels, predictions] = [input(["batch", 4]), input(["batch", 4])];
    const none = { reduction: "none" } as const;
    expect(shapeOf(fr.huber(labels, predictions))).toBe("[]");
    expect(shapeOf(fr.logCosh(labels, predictions, none))).toBe("[batch, 4]");
    expect(shapeOf(fr.klDivergence(labels, predictions, none))).toBe("[batch]");
    expect(shapeOf(fr.cosineSimilarity(labels, predictions, { axis: 0, ...none }))).toBe("[4]");
    const lengths = input(["batch"], "int32");
    const words = input(["batch", 3], "int32");
    const ctc = fr.ctcLoss(words, input(["batch", 6, 5]), lengths, lengths, none);
    expect(shapeOf(ctc)).toBe("[batch]");
    expect(() => fr.ctcLoss(words, input(["batch", "steps", 5]), lengths, lengths)).toThrow(
      /the number of steps, steps, must be a number/,
    );
    expect(() => fr.huber(labels, predictions, { delta: 0 })).toThrow(/^huber: delta is 0/);
  });
});
