/**
 * What the editor knows of results. `shape(x).is<S>()` is an error unless the shape type of `x` is exactly `S`, and
 * `shape(x).isOpen()` unless nothing is known of it. Types only; `npm run check` and `shapes.test.ts` compile it.
 */
import * as fr from "../../src/index.ts";
import * as tf from "../../src/tf1/index.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type ShapeOf<T> = T extends fr.Tensor<infer S> ? S : T extends fr.NDArray<infer S> ? S : never;
interface ShapeCheck<S> {
  is<Expected>(...wrong: Equal<S, Expected> extends true ? [] : [found: S]): void;
  isOpen(...wrong: 0 extends 1 & S ? [] : [found: S]): void;
}
declare function shape<T extends fr.Tensor | fr.NDArray>(value: T): ShapeCheck<ShapeOf<T>>;

const g = new fr.Graph();
const x = g.placeholder("x", ["batch", 784]);
const h = g.placeholder("h", ["batch", 128]);
const w = g.variable("w", [784, 128]);
const [v2, v3, v128] = [g.variable("v2", [2]), g.variable("v3", [3]), g.variable("v128", [128])];
const m23 = g.variable("m23", [2, 3]);
const column = g.variable("column", [2, 1]);
const scalar = g.constant(1);
const image = g.placeholder("image", ["batch", 28, 28, 3]);
const filters = g.variable("filters", [3, 3, 3, 8]);
const classes = g.placeholder("classes", ["batch"], { dtype: "int32" });
const oneHotLabels = g.placeholder("oneHotLabels", ["batch", 10]);
const logits = g.placeholder("logits", ["batch", 10]);
const unranked: fr.Tensor = g.placeholder("unranked", null);
const nameless = g.placeholder("nameless", [null, 3]);
declare const count: number;
declare const flag: boolean;
declare const axes: readonly number[];
declare const side: 0 | 1;
declare const open: fr.Tensor<readonly [number, number]>;
declare const rows: fr.Tensor<readonly ["batch", 4]>[];

// ── sources ──

shape(x).is<readonly ["batch", 784]>();
shape(w).is<readonly [784, 128]>();
shape(scalar).is<readonly []>();
shape(unranked).isOpen();
shape(nameless).is<readonly [null, 3]>();
shape(g.constant([1, 2, 3])).is<readonly [3]>();
shape(
  g.constant([
    [1, 2],
    [3, 4],
    [5, 6],
  ]),
).is<readonly [3, 2]>();
shape(g.constant(0, { shape: [4, 5] })).is<readonly [4, 5]>();
shape(g.constant(new Float32Array(4))).is<readonly [number]>();
shape(g.constant(fr.NDArray.of([1, 2]))).isOpen();
shape(fr.fill(g, [2, 3], 1)).is<readonly [2, 3]>();
shape(fr.zerosLike(m23)).is<readonly [2, 3]>();
shape(fr.onesLike(x)).is<readonly ["batch", 784]>();
shape(fr.randomNormal(fr.randomKey(g, 1), [3, 4])).is<readonly [3, 4]>();
shape(fr.randomUniform(fr.randomKey(g, 1), ["batch"])).is<readonly ["batch"]>();
shape(fr.randomPermutation(fr.randomKey(g, 1), 10)).is<readonly [10]>();

// ── pointwise ──

shape(fr.neg(x)).is<readonly ["batch", 784]>();
shape(fr.exp(x)).is<readonly ["batch", 784]>();
shape(fr.relu(x)).is<readonly ["batch", 784]>();
shape(fr.softplus(x)).is<readonly ["batch", 784]>();
shape(fr.square(x)).is<readonly ["batch", 784]>();
shape(fr.sqrt(x)).is<readonly ["batch", 784]>();
shape(fr.cast(x, "float64")).is<readonly ["batch", 784]>();
shape(x.relu().tanh()).is<readonly ["batch", 784]>();
shape(fr.clipByValue(m23, 0, 1)).is<readonly [2, 3]>();
shape(fr.isNaN(m23)).is<readonly [2, 3]>();

// ── broadcasting ──

shape(fr.add(h, v128)).is<readonly ["batch", 128]>();
shape(fr.add(v128, h)).is<readonly ["batch", 128]>();
shape(fr.add(m23, 1)).is<readonly [2, 3]>();
shape(fr.add(1, m23)).is<readonly [2, 3]>();
shape(fr.mul(column, v3)).is<readonly [2, 3]>();
shape(fr.add(scalar, m23)).is<readonly [2, 3]>();
shape(fr.add(m23, [1, 2, 3])).is<readonly [2, 3]>();
shape(fr.add(m23, [[1], [2]])).is<readonly [2, 3]>();
shape(fr.greater(h, v128)).is<readonly ["batch", 128]>();
shape(fr.logicalAnd(fr.greater(h, 0), fr.less(h, 1))).is<readonly ["batch", 128]>();
shape(m23.add(v3).mul(2)).is<readonly [2, 3]>();
shape(fr.pow(m23, 2)).is<readonly [2, 3]>();
shape(fr.addN([m23, m23])).is<readonly [2, 3]>();
shape(fr.add(unranked, m23)).isOpen();
shape(m23.add(unranked)).isOpen();
shape(fr.add(open, m23)).is<readonly [2, 3]>();
shape(fr.add(nameless, m23)).is<readonly [2, 3]>();
shape(fr.add(x, g.placeholder("other", ["other", 784]))).is<readonly ["other", 784]>();
shape(fr.add(h, g.placeholder("eight", [8, 128]))).is<readonly [8, 128]>();
shape(fr.where(fr.greater(m23, 0), m23, 0)).is<readonly [2, 3]>();
shape(fr.where(fr.greater(v3, 0), 1, m23)).is<readonly [2, 3]>();
shape(fr.where(fr.greater(v3, 0), 1, 0)).is<readonly [3]>();
shape(fr.where(unranked, m23, 0)).isOpen();
shape(fr.maximum(column, v3)).is<readonly [2, 3]>();

// ── matmul and layers ──

shape(fr.matmul(x, w)).is<readonly ["batch", 128]>();
shape(x.matmul(w)).is<readonly ["batch", 128]>();
shape(fr.matmul(w, x, { transposeA: true, transposeB: true })).is<readonly [128, "batch"]>();
shape(fr.matmul(h, w, { transposeB: true })).is<readonly ["batch", 784]>();
shape(fr.matmul(x, w, { transposeA: flag })).isOpen();
shape(fr.matmul(unranked, w)).isOpen();
shape(fr.matmul(g.variable("b1", [5, 1, 2, 3]), g.variable("b2", [4, 3, 7]))).is<readonly [5, 4, 2, 7]>();
shape(fr.affine(x, w, v128)).is<readonly ["batch", 128]>();
shape(fr.affine(g.variable("v784", [784]), w, v128)).is<readonly [128]>();
shape(fr.dot(v3, v3)).is<readonly []>();
shape(fr.outer(v2, v3)).is<readonly [2, 3]>();
shape(fr.relu(fr.affine(x, w, v128)).softmax()).is<readonly ["batch", 128]>();
shape(fr.layerNorm(h, v128, v128)).is<readonly ["batch", 128]>();
shape(tf.matmul(x, w)).is<readonly ["batch", 128]>();
shape(tf.reduceMean(x, { axis: 0 })).is<readonly [784]>();
shape(tf.reduceSum(x)).is<readonly []>();
shape(tf.argmax(x, 1)).is<readonly ["batch"]>();
shape(tf.transpose(w)).is<readonly [128, 784]>();
shape(tf.reshape(m23, [-1])).is<readonly [6]>();

// ── reductions ──

shape(fr.sum(x)).is<readonly []>();
shape(fr.sum(x, { axis: 0 })).is<readonly [784]>();
shape(fr.sum(x, { axis: -1 })).is<readonly ["batch"]>();
shape(fr.sum(x, { axis: 1, keepDims: true })).is<readonly ["batch", 1]>();
shape(fr.mean(image, { axis: [1, 2] })).is<readonly ["batch", 3]>();
shape(fr.mean(image, { axis: [-3, 2], keepDims: true })).is<readonly ["batch", 1, 1, 3]>();
shape(fr.max(x, { keepDims: true })).is<readonly [1, 1]>();
shape(fr.sum(x, { axis: [] })).is<readonly ["batch", 784]>();
shape(fr.sum(x, { axis: null })).is<readonly []>();
shape(fr.sum(unranked)).is<readonly []>();
shape(fr.sum(unranked, { axis: 0 })).isOpen();
shape(fr.sum(x, { keepDims: flag })).isOpen();
shape(fr.sum(x, { axis: axes })).isOpen();
shape(fr.sum(x, { axis: axes, keepDims: true })).is<readonly [number, number]>();
shape(fr.sum(x, { axis: count })).isOpen();
shape(fr.sum(x, { axis: side })).isOpen();
shape(x.mean({ axis: 0 })).is<readonly [784]>();
shape(m23.max({ axis: 1 }).exp()).is<readonly [2]>();
shape(fr.prod(m23, { axis: 0 })).is<readonly [3]>();
shape(fr.any(fr.isNaN(m23))).is<readonly []>();
shape(fr.argmax(logits, 1)).is<readonly ["batch"]>();
shape(fr.argmax(logits, -1, { keepDims: true })).is<readonly ["batch", 1]>();
shape(logits.argmin(0)).is<readonly [10]>();

// ── movement ──

shape(fr.transpose(x)).is<readonly [784, "batch"]>();
shape(fr.transpose(image, [0, 3, 1, 2])).is<readonly ["batch", 3, 28, 28]>();
shape(x.transpose([1, 0])).is<readonly [784, "batch"]>();
shape(fr.transpose(x, axes)).is<readonly [number, number]>();
shape(fr.transpose(unranked)).isOpen();
shape(fr.reshape(m23, [3, 2])).is<readonly [3, 2]>();
shape(fr.reshape(m23, [-1])).is<readonly [6]>();
shape(fr.reshape(x, [-1, 28, 28, 1])).is<readonly ["batch", 28, 28, 1]>();
shape(fr.reshape(x, ["batch", 28, 28, 1])).is<readonly ["batch", 28, 28, 1]>();
shape(fr.reshape(unranked, [2, -1])).is<readonly [2, number]>();
shape(fr.reshape(x, [-1, 2])).is<readonly [number, 2]>();
shape(x.reshape([-1, 16, 49])).is<readonly ["batch", 16, 49]>();
shape(fr.reshape(x, m23.shape ?? [])).isOpen();
shape(fr.reshape(scalar, [1, 1])).is<readonly [1, 1]>();
shape(fr.flatten(image)).is<readonly ["batch", 2352]>();
shape(image.flatten()).is<readonly ["batch", 2352]>();
shape(fr.flatten(v3)).is<readonly [3, 1]>();
shape(fr.flatten(unranked)).is<readonly [string | number, string | number]>();
shape(fr.expandDims(m23, 0)).is<readonly [1, 2, 3]>();
shape(fr.expandDims(m23, -1)).is<readonly [2, 3, 1]>();
shape(x.expandDims(1)).is<readonly ["batch", 1, 784]>();
shape(fr.squeeze(column)).is<readonly [2]>();
shape(fr.squeeze(column, 1)).is<readonly [2]>();
shape(fr.squeeze(column, [-1])).is<readonly [2]>();
shape(fr.squeeze(open)).isOpen();
shape(fr.squeeze(x)).is<readonly ["batch", 784]>();
shape(fr.broadcastTo(v3, [2, 3])).is<readonly [2, 3]>();
shape(fr.broadcastTo(column, [2, 5])).is<readonly [2, 5]>();
shape(fr.tile(m23, [2, 4])).is<readonly [4, 12]>();
shape(fr.reverse(m23, [0])).is<readonly [2, 3]>();
shape(fr.identity(m23)).is<readonly [2, 3]>();

// ── pieces ──

shape(fr.concat([m23, m23])).is<readonly [4, 3]>();
shape(fr.concat([m23, column], 1)).is<readonly [2, 4]>();
shape(fr.concat([h, x], -1)).is<readonly ["batch", 912]>();
shape(fr.concat(rows, 1)).is<readonly ["batch", number]>();
shape(fr.concat([m23, unranked])).is<readonly [number, 3]>();
shape(fr.concat([x, x], 0)).is<readonly [number, 784]>();
shape(fr.stack([v3, v3, v3, v3])).is<readonly [4, 3]>();
shape(fr.stack([m23, m23], -1)).is<readonly [2, 3, 2]>();
shape(fr.stack(rows)).is<readonly [number, "batch", 4]>();
shape(fr.slice(m23, [0, 1], [2, 2])).is<readonly [2, 2]>();
shape(fr.slice(m23, [1, 1], [-1, -1])).is<readonly [1, 2]>();
shape(fr.slice(x, [0, 0], ["batch", 10])).is<readonly ["batch", 10]>();
shape(
  fr.pad(m23, [
    [1, 1],
    [0, 2],
  ]),
).is<readonly [4, 5]>();
shape(fr.split(v128, 4)[3]).is<readonly [32]>();
shape(fr.split(v128, [100, 28])[1]).is<readonly [28]>();
shape(fr.split(x, 2, 1)[0]).is<readonly ["batch", 392]>();
shape(fr.unstack(m23)[1]).is<readonly [3]>();
shape(fr.unstack(m23, 1)[2]).is<readonly [2]>();

// ── indexing ──

shape(fr.gather(w, classes)).is<readonly ["batch", 128]>();
shape(fr.gather(m23, classes, 1)).is<readonly [2, "batch"]>();
shape(m23.gather(g.constant(1), -1)).is<readonly [2]>();
shape(fr.oneHot(classes, 10)).is<readonly ["batch", 10]>();
shape(fr.oneHot(classes, 10, { axis: 0 })).is<readonly [10, "batch"]>();
shape(fr.scatterAdd(classes, h, [5, 128])).is<readonly [5, 128]>();
shape(fr.takeFlat(m23, classes)).is<readonly ["batch"]>();

// ── windows ──

shape(fr.conv2d(image, filters)).is<readonly ["batch", 26, 26, 8]>();
shape(fr.conv2d(image, filters, { padding: "same" })).is<readonly ["batch", 28, 28, 8]>();
shape(fr.conv2d(image, filters, { strides: 2 })).is<readonly ["batch", 13, 13, 8]>();
shape(fr.conv2d(image, filters, { strides: [2, 3], padding: "same" })).is<readonly ["batch", 14, 10, 8]>();
shape(fr.conv2d(image, filters, { dilations: 2 })).is<readonly ["batch", 24, 24, 8]>();
shape(
  fr.conv2d(image, filters, {
    padding: [
      [1, 1],
      [0, 2],
    ],
  }),
).is<readonly ["batch", 28, 28, 8]>();
shape(fr.conv2d(image, filters, { strides: count })).is<readonly ["batch", number, number, 8]>();
shape(fr.conv2d(image, g.variable("f2", [3, 3, 1, 6]), { groups: 3 })).is<readonly ["batch", 26, 26, 6]>();
shape(fr.conv2d(unranked, filters)).isOpen();
shape(fr.maxPool2d(image)).is<readonly ["batch", 14, 14, 3]>();
shape(fr.averagePool2d(image, { window: 3, padding: "same" })).is<readonly ["batch", 10, 10, 3]>();
shape(fr.maxPool2d(image, { window: 3, strides: 1 })).is<readonly ["batch", 26, 26, 3]>();
shape(fr.flatten(fr.maxPool2d(fr.conv2d(image, filters)))).is<readonly ["batch", 1352]>();
shape(fr.conv1d(g.placeholder("t", ["batch", 20, 3]), g.variable("f1", [5, 3, 8]))).is<readonly ["batch", 16, 8]>();
shape(fr.conv2d(g.placeholder("p", ["batch", "height", "width", 3]), filters, { padding: "same" })).is<
  readonly ["batch", "height", "width", 8]
>();

// ── losses, variables, gradients, runs ──

shape(fr.softmaxCrossEntropy(oneHotLabels, logits)).is<readonly []>();
shape(fr.softmaxCrossEntropy(oneHotLabels, logits, { reduction: "none" })).is<readonly ["batch"]>();
shape(fr.sparseSoftmaxCrossEntropy(classes, logits, { reduction: "none" })).is<readonly ["batch"]>();
shape(fr.meanSquaredError(m23, m23, { reduction: "none" })).is<readonly [2, 3]>();
shape(fr.meanSquaredError(v3, [1, 2, 3])).is<readonly []>();
shape(fr.softmax(logits, { axis: 0 })).is<readonly ["batch", 10]>();
shape(fr.assign(w, fr.mul(w, 2))).is<readonly [784, 128]>();
shape(fr.assignAdd(m23, v3)).is<readonly [2, 3]>();
shape(fr.assign(v3, unranked)).is<readonly [3]>();
shape(fr.gradients(scalar, [w, v3])[0]).is<readonly [784, 128]>();
shape(fr.gradients(scalar, [w, v3])[1]).is<readonly [3]>();
shape(new fr.Session(g).run(w)).is<readonly [784, 128]>();
shape(new fr.Session(g).run([x, w])[1]).is<readonly [784, 128]>();
shape(new fr.Session(g).run({ loss: scalar, x }).x).is<readonly ["batch", 784]>();
shape(new fr.Session(g).value(m23)).is<readonly [2, 3]>();
shape(new fr.Session(g).run("name")).isOpen();

// ── types never get in the way ──

/** A tensor without a shape is legal everywhere, and so is any tensor where no shape is asked for. */
export function gradual(given: fr.Tensor, list: fr.Tensor[]): fr.Tensor<readonly [2, 3]> {
  const wanted = (tensor: fr.Tensor<readonly [2, 3]>): fr.Tensor => tensor;
  wanted(given);
  wanted(fr.add(given, 1));
  wanted(fr.concat(list));
  fr.matmul(given, w)
    .add(given)
    .sum({ axis: [0, 1] });
  fr.assign(m23, given);
  fr.addN(list);
  fr.stack(list, count);
  fr.split(given, count, count);
  fr.conv2d(given, given, { strides: 2 });
  fr.softmaxCrossEntropy(given, given);
  fr.sum(m23, { axis: axes, keepDims: flag, name: "s" });
  fr.add(flag ? v3 : m23, flag ? m23 : v3);
  fr.reshape(x, [count, -1]);
  fr.slice(x, [count, count], [-1, 3]);
  fr.transpose(m23, null);
  new fr.Session(g).run(given, { x: [[1]], y: new Float32Array(3) });
  return fr.mul(given, 2);
}
