/**
 * What the editor refuses, and the sentence it says. One mistake per call: the line above it holds the sentence, and
 * the comment with the arrow stands before what must be underlined. `npm run check` sees that each is an error,
 * `shapes.test.ts` that the error says this and stands there.
 */
import * as fr from "../../src/index.ts";
import * as tf from "../../src/tf1/index.ts";

const g = new fr.Graph();
const x = g.placeholder("x", ["batch", 784]);
const h = g.placeholder("h", ["batch", 128]);
const w = g.variable("w", [784, 128]);
const w100 = g.variable("w100", [100, 128]);
const [v2, v3, v127] = [g.variable("v2", [2]), g.variable("v3", [3]), g.variable("v127", [127])];
const [v128, v784] = [g.variable("v128", [128]), g.variable("v784", [784])];
const [m23, m32] = [g.variable("m23", [2, 3]), g.variable("m32", [3, 2])];
const scalar = g.constant(1);
const batches = g.variable("batches", [8, 3, 4]);
const image = g.placeholder("image", ["batch", 28, 28, 3]);
const filters = g.variable("filters", [3, 3, 3, 8]);
const classes = g.placeholder("classes", ["batch"], { dtype: "int32" });
const oneHotLabels = g.placeholder("oneHotLabels", ["batch", 10]);
const logits = g.placeholder("logits", ["batch", 10]);

// ── matmul ──

// @ts-expect-error matmul: inner sizes differ, 784 (left) against 100 (right)
fr.matmul(x, /*→*/ w100);
// @ts-expect-error matmul: inner sizes differ, 784 (left) against 100 (right)
x.matmul(/*→*/ w100);
// @ts-expect-error matmul: inner sizes differ, 784 (left) against 128 (right)
fr.matmul(x, /*→*/ w, { transposeB: true });
// @ts-expect-error matmul: inner sizes differ, 128 (left) against 784 (right)
fr.matmul(w, /*→*/ w);
// @ts-expect-error matmul: inner sizes differ, 784 (left) against 100 (right)
fr.matmul(w, /*→*/ w100, { transposeA: true });
// @ts-expect-error matmul: the right operand needs rank 2 or more
fr.matmul(x, /*→*/ v128);
// @ts-expect-error matmul: the left operand needs rank 2 or more
fr.matmul(v128, /*→*/ w);
// @ts-expect-error matmul: the right operand needs rank 2 or more
fr.matmul(x, /*→*/ scalar);
// @ts-expect-error cannot broadcast 8 with 5
fr.matmul(batches, /*→*/ g.variable("b1", [5, 4, 3]));
// @ts-expect-error matmul: inner sizes differ, 128 (left) against 784 (right)
fr.matmul(fr.relu(fr.matmul(x, w)), /*→*/ w);
// @ts-expect-error matmul: inner sizes differ, 3 (left) against 2 (right)
fr.matmul([[1, 2, 3]], /*→*/ m23);
// @ts-expect-error matmul: inner sizes differ, 3 (left) against 1 (right)
fr.matmul(m23, /*→*/ [[1, 2, 3]]);

// ── two operands that broadcast ──

// @ts-expect-error cannot broadcast 128 with 127
fr.add(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.sub(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.mul(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.div(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.floorDiv(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.mod(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.maximum(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.minimum(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.squaredDifference(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.pow(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
fr.maxout(h, /*→*/ v127);
// @ts-expect-error cannot broadcast 3 with 2
fr.equal(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.notEqual(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.less(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.lessEqual(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.greater(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.greaterEqual(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.logicalAnd(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.logicalOr(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.logicalXor(m23, /*→*/ v2);
// @ts-expect-error cannot broadcast 128 with 127
h.add(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.sub(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.mul(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.div(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.pow(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.maximum(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.minimum(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.equal(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.notEqual(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.less(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.lessEqual(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.greater(/*→*/ v127);
// @ts-expect-error cannot broadcast 128 with 127
h.greaterEqual(/*→*/ v127);
// @ts-expect-error cannot broadcast 3 with 2
fr.add(m23, /*→*/ [1, 2]);
// @ts-expect-error cannot broadcast 2 with 3
fr.add([[1, 2]], /*→*/ v3);
// @ts-expect-error cannot broadcast 3 with 2
fr.add(m23, /*→*/ m32);
// @ts-expect-error cannot broadcast 3 with 2
fr.mul(image, /*→*/ v2);
// @ts-expect-error cannot broadcast 128 with 784
fr.add(fr.matmul(x, w), /*→*/ v784);
// @ts-expect-error cannot broadcast 128 with 127
h.add(v128).relu().mul(/*→*/ v127);
// @ts-expect-error addN: axis 0 differs: 2 against 3
fr.addN([m23, /*→*/ m32]);
// @ts-expect-error addN: an input has another rank than input 0
fr.addN([m23, m23, /*→*/ v3]);

// ── where ──

// @ts-expect-error cannot broadcast 3 with 2
fr.where(m23, /*→*/ v2, 0);
// @ts-expect-error cannot broadcast 3 with 2
fr.where(m23, 0, /*→*/ v2);
// @ts-expect-error cannot broadcast 3 with 2
fr.where(v3, m23, /*→*/ m32);

// ── reductions ──

// @ts-expect-error sum: axis 2 does not exist in rank 2
fr.sum(x, { /*→*/ axis: 2 });
// @ts-expect-error mean: axis 2 does not exist in rank 2
fr.mean(x, { /*→*/ axis: 2 });
// @ts-expect-error variance: axis 2 does not exist in rank 2
fr.variance(x, { /*→*/ axis: 2 });
// @ts-expect-error std: axis 2 does not exist in rank 2
fr.std(x, { /*→*/ axis: 2 });
// @ts-expect-error norm: axis 2 does not exist in rank 2
fr.norm(x, { /*→*/ axis: 2 });
// @ts-expect-error logSumExp: axis 2 does not exist in rank 2
fr.logSumExp(x, { /*→*/ axis: 2 });
// @ts-expect-error max: axis 2 does not exist in rank 2
fr.max(x, { /*→*/ axis: 2 });
// @ts-expect-error min: axis 2 does not exist in rank 2
fr.min(x, { /*→*/ axis: 2 });
// @ts-expect-error prod: axis 2 does not exist in rank 2
fr.prod(x, { /*→*/ axis: 2 });
// @ts-expect-error any: axis 2 does not exist in rank 2
fr.any(m23, { /*→*/ axis: 2 });
// @ts-expect-error all: axis -3 does not exist in rank 2
fr.all(m23, { /*→*/ axis: -3 });
// @ts-expect-error sum: axis -3 does not exist in rank 2
h.sum({ /*→*/ axis: -3 });
// @ts-expect-error mean: axis -3 does not exist in rank 2
h.mean({ /*→*/ axis: -3 });
// @ts-expect-error max: axis -3 does not exist in rank 2
h.max({ /*→*/ axis: -3 });
// @ts-expect-error min: axis -3 does not exist in rank 2
h.min({ /*→*/ axis: -3 });
// @ts-expect-error any: axis -3 does not exist in rank 2
h.any({ /*→*/ axis: -3 });
// @ts-expect-error all: axis -3 does not exist in rank 2
h.all({ /*→*/ axis: -3 });
// @ts-expect-error sum: axis 4 does not exist in rank 4
fr.sum(image, { /*→*/ axis: [1, 4] });
// @ts-expect-error sum: axis 1 is named twice
fr.sum(image, { /*→*/ axis: [1, -3] });
// @ts-expect-error sum: axis 0 does not exist in rank 0
fr.sum(scalar, { /*→*/ axis: 0 });
// @ts-expect-error mean: axis 1 does not exist in rank 1
fr.mean(fr.sum(x, { axis: 1 }), { /*→*/ axis: 1 });
// @ts-expect-error argmax: axis 2 does not exist in rank 2
fr.argmax(x, /*→*/ 2);
// @ts-expect-error argmin: axis -3 does not exist in rank 2
fr.argmin(x, /*→*/ -3);
// @ts-expect-error argmax: axis 2 does not exist in rank 2
x.argmax(/*→*/ 2);
// @ts-expect-error argmin: axis 5 does not exist in rank 2
x.argmin(/*→*/ 5);
// @ts-expect-error reduceSum: axis 2 does not exist in rank 2
tf.reduceSum(x, { /*→*/ axis: 2 });
// @ts-expect-error reduceMean: axis -3 does not exist in rank 2
tf.reduceMean(x, { /*→*/ axis: -3 });
// @ts-expect-error argmax: axis 2 does not exist in rank 2
tf.argmax(x, /*→*/ 2);
// @ts-expect-error matmul: inner sizes differ, 784 (left) against 100 (right)
tf.matmul(x, /*→*/ w100);
// @ts-expect-error cannot broadcast 128 with 127
tf.add(h, /*→*/ v127);

// ── transpose ──

// @ts-expect-error transpose: [0, 0] is not a permutation of the axes of rank 2
fr.transpose(x, /*→*/ [0, 0]);
// @ts-expect-error transpose: [0] is not a permutation of the axes of rank 2
fr.transpose(x, /*→*/ [0]);
// @ts-expect-error transpose: [0, 1, 2] is not a permutation of the axes of rank 4
fr.transpose(image, /*→*/ [0, 1, 2]);
// @ts-expect-error transpose: [0, 3, 1, 4] is not a permutation of the axes of rank 4
fr.transpose(image, /*→*/ [0, 3, 1, 4]);
// @ts-expect-error transpose: [1, 1] is not a permutation of the axes of rank 2
x.transpose(/*→*/ [1, 1]);
// @ts-expect-error transpose: [2, 1] is not a permutation of the axes of rank 2
tf.transpose(x, /*→*/ [2, 1]);
// @ts-expect-error matmul: inner sizes differ, 784 (left) against 128 (right)
fr.matmul(x, /*→*/ fr.transpose(w));

// ── reshape, flatten, squeeze, expandDims ──

// @ts-expect-error reshape: [2, 3] has 6 elements, [4, 2] has 8
fr.reshape(m23, /*→*/ [4, 2]);
// @ts-expect-error reshape: [2, 3] has 6 elements, [5] has 5
m23.reshape(/*→*/ [5]);
// @ts-expect-error reshape: 6 elements of [2, 3] do not divide into [-1, 4]
fr.reshape(m23, /*→*/ [-1, 4]);
// @ts-expect-error reshape: [batch, 28, 28, 3] has 2352 * batch elements, [batch, 28, 28] has 784 * batch
fr.reshape(image, /*→*/ ["batch", 28, 28]);
// @ts-expect-error reshape: [] has 1 elements, [2] has 2
fr.reshape(scalar, /*→*/ [2]);
// @ts-expect-error reshape: [2, 3] has 6 elements, [4, 2] has 8
tf.reshape(m23, /*→*/ [4, 2]);
// @ts-expect-error flatten: a scalar has no axis 0 to keep
fr.flatten(/*→*/ scalar);
// @ts-expect-error matmul: inner sizes differ, 2352 (left) against 784 (right)
fr.matmul(fr.flatten(image), /*→*/ w);
// @ts-expect-error squeeze: axis 0 has size 2, not 1
fr.squeeze(m23, /*→*/ 0);
// @ts-expect-error squeeze: axis 1 has size 3, not 1
fr.squeeze(m23, /*→*/ [-1]);
// @ts-expect-error squeeze: axis 2 does not exist in rank 2
m23.squeeze(/*→*/ 2);
// @ts-expect-error squeeze: axis 0 is named twice
fr.squeeze(g.variable("s", [1, 2, 1]), /*→*/ [0, 0]);
// @ts-expect-error expandDims: axis 3 does not exist in rank 3
fr.expandDims(m23, /*→*/ 3);
// @ts-expect-error expandDims: axis -4 does not exist in rank 3
m23.expandDims(/*→*/ -4);
// @ts-expect-error broadcastTo: [2, 3] does not broadcast to [2, 4]
fr.broadcastTo(m23, /*→*/ [2, 4]);
// @ts-expect-error broadcastTo: [2, 3] does not broadcast to [3]
fr.broadcastTo(m23, /*→*/ [3]);
// @ts-expect-error broadcastTo: [2, 3] does not broadcast to [1, 3]
fr.broadcastTo(m23, /*→*/ [1, 3]);
// @ts-expect-error tile: 1 multiples for rank 2
fr.tile(m23, /*→*/ [2]);

// ── pieces ──

// @ts-expect-error concat: axis 1 differs: 3 against 2
fr.concat([m23, /*→*/ m32]);
// @ts-expect-error concat: axis 0 differs: 2 against 3
fr.concat([m23, m23, /*→*/ m32], 1);
// @ts-expect-error concat: an input has rank 1, input 0 has rank 2
fr.concat([m23, /*→*/ v3]);
// @ts-expect-error concat: axis 2 does not exist in rank 2
fr.concat([m23, m23], /*→*/ 2);
// @ts-expect-error matmul: inner sizes differ, 256 (left) against 784 (right)
fr.matmul(fr.concat([h, h], 1), /*→*/ w);
// @ts-expect-error stack: axis 0 differs: 2 against 3
fr.stack([m23, /*→*/ m32]);
// @ts-expect-error stack: axis 0 differs: 3 against 2
fr.stack([v3, v3, /*→*/ v2]);
// @ts-expect-error stack: an input has rank 2, input 0 has rank 1
fr.stack([v3, /*→*/ m23]);
// @ts-expect-error stack: axis 2 does not exist in rank 2
fr.stack([v3, v3], /*→*/ 2);
// @ts-expect-error slice: axis 1: 3 from 1 on is not inside size 3
fr.slice(m23, [0, 1], /*→*/ [2, 3]);
// @ts-expect-error slice: axis 0: everything from 3 on is not inside size 2
fr.slice(m23, [3, 0], /*→*/ [-1, 1]);
// @ts-expect-error slice: 1 begins and 1 sizes for rank 2
fr.slice(m23, [0], /*→*/ [1]);
// @ts-expect-error slice: 3 begins and 2 sizes for rank 2
fr.slice(m23, [0, 0, 0], /*→*/ [1, 1]);
// @ts-expect-error pad: 1 paddings for rank 2
fr.pad(m23, /*→*/ [[1, 1]]);
// @ts-expect-error split: size 128 of axis 0 does not divide into 3
fr.split(v128, /*→*/ 3);
// @ts-expect-error split: sizes add up to 127, axis 0 has 128
fr.split(v128, /*→*/ [100, 27]);
// @ts-expect-error split: axis 1 does not exist in rank 1
fr.split(v128, 2, /*→*/ 1);
// @ts-expect-error unstack: axis 2 does not exist in rank 2
fr.unstack(m23, /*→*/ 2);
// @ts-expect-error reverse: axis 2 does not exist in rank 2
fr.reverse(m23, /*→*/ 2);
// @ts-expect-error reverse: axis 0 is named twice
fr.reverse(m23, /*→*/ [0, -2]);

// ── indexing and classes ──

// @ts-expect-error gather: axis 2 does not exist in rank 2
fr.gather(m23, classes, /*→*/ 2);
// @ts-expect-error gather: axis -3 does not exist in rank 2
m23.gather(classes, /*→*/ -3);
// @ts-expect-error oneHot: axis 2 does not exist in rank 2
fr.oneHot(classes, 10, { /*→*/ axis: 2 });
// @ts-expect-error softmax: axis 2 does not exist in rank 2
fr.softmax(x, { /*→*/ axis: 2 });
// @ts-expect-error softmax: axis -3 does not exist in rank 2
x.softmax({ /*→*/ axis: -3 });
// @ts-expect-error logSoftmax: axis 1 does not exist in rank 1
fr.logSoftmax(v3, { /*→*/ axis: 1 });

// ── layers ──

// @ts-expect-error affine: inner sizes differ, 784 (left) against 100 (right)
fr.affine(x, /*→*/ w100, v128);
// @ts-expect-error cannot broadcast 128 with 127
fr.affine(x, w, /*→*/ v127);
// @ts-expect-error affine: inner sizes differ, 784 (left) against 100 (right)
fr.affine(v784, /*→*/ w100, v128);
// @ts-expect-error dot: lengths differ, 3 (left) against 2 (right)
fr.dot(v3, /*→*/ v2);
// @ts-expect-error dot: takes two vectors, not rank 2
fr.dot(/*→*/ m23, v3);
// @ts-expect-error outer: takes two vectors, not rank 2
fr.outer(v3, /*→*/ m23);
// @ts-expect-error layerNorm: gamma has 127 numbers, axis -1 of x has 128 features
fr.layerNorm(h, /*→*/ v127, v128);
// @ts-expect-error layerNorm: beta needs rank 1, not 2
fr.layerNorm(h, v128, /*→*/ m23);
// @ts-expect-error layerNorm: axis 2 does not exist in rank 2
fr.layerNorm(h, v128, v128, { /*→*/ axis: 2 });
// @ts-expect-error conv2d: the image has 3 channels, the filters take 4
fr.conv2d(image, /*→*/ g.variable("f1", [3, 3, 4, 8]));
// @ts-expect-error conv2d: the image has 3 channels, the filters take 2 groups of 2
fr.conv2d(image, /*→*/ g.variable("f2", [3, 3, 2, 8]), { groups: 2 });
// @ts-expect-error conv2d: images need rank 4 [batch, height, width, channels], not rank 2
fr.conv2d(/*→*/ m23, filters);
// @ts-expect-error conv2d: filters need rank 4 [height, width, inputs, outputs], not rank 2
fr.conv2d(image, /*→*/ m23);
// @ts-expect-error conv2d: a window of 29 does not fit into height 28
fr.conv2d(image, /*→*/ g.variable("f3", [29, 3, 3, 8]));
// @ts-expect-error conv2d: a window of 29 does not fit into width 28
fr.conv2d(image, /*→*/ g.variable("f4", [3, 15, 3, 8]), { dilations: 2 });
// @ts-expect-error conv1d: the sequence has 3 channels, the filters take 2
fr.conv1d(g.variable("t", [8, 20, 3]), /*→*/ g.variable("f5", [5, 2, 8]));
// @ts-expect-error maxPool2d: images need rank 4 [batch, height, width, channels], not rank 2
fr.maxPool2d(/*→*/ m23);
// @ts-expect-error averagePool2d: a window of 30 does not fit into height 28
fr.averagePool2d(/*→*/ image, { window: 30 });
// @ts-expect-error maxPool2d: a window of 30 does not fit into width 28
fr.maxPool2d(/*→*/ image, { window: [2, 30] });
// @ts-expect-error matmul: inner sizes differ, 1352 (left) against 784 (right)
fr.matmul(fr.flatten(fr.maxPool2d(fr.conv2d(image, filters))), /*→*/ w);

// ── losses ──

// @ts-expect-error meanSquaredError: labels and predictions differ along axis 0, 3 against 2
fr.meanSquaredError(v3, /*→*/ v2);
// @ts-expect-error meanSquaredError: labels and predictions have different ranks, 1 and 2
fr.meanSquaredError(v3, /*→*/ m23);
// @ts-expect-error meanAbsoluteError: labels and predictions differ along axis 0, 3 against 2
fr.meanAbsoluteError(v3, /*→*/ v2);
// @ts-expect-error meanAbsoluteError: labels and predictions have different ranks, 1 and 2
fr.meanAbsoluteError(v3, /*→*/ m23);
// @ts-expect-error gaussianNegativeLogLikelihood: labels and variance differ along axis 0, 3 against 2
fr.gaussianNegativeLogLikelihood(v3, v3, /*→*/ v2);
// @ts-expect-error softmaxCrossEntropy: labels and logits differ along axis 1, 10 against 128
fr.softmaxCrossEntropy(oneHotLabels, /*→*/ h);
// @ts-expect-error softmaxCrossEntropy: labels and logits have different ranks, 1 and 2
fr.softmaxCrossEntropy(classes, /*→*/ logits);
// @ts-expect-error softmaxCrossEntropy: axis 2 does not exist in rank 2
fr.softmaxCrossEntropy(oneHotLabels, logits, { /*→*/ axis: 2 });
// @ts-expect-error sparseSoftmaxCrossEntropy: labels and rows of scores have different ranks, 2 and 1
fr.sparseSoftmaxCrossEntropy(oneHotLabels, /*→*/ logits);
// @ts-expect-error sparseSoftmaxCrossEntropy: labels and rows of scores differ along axis 0, 3 against 2
fr.sparseSoftmaxCrossEntropy(v3, /*→*/ m23);
// @ts-expect-error categoricalCrossEntropy: labels and predictions differ along axis 1, 10 against 128
fr.categoricalCrossEntropy(oneHotLabels, /*→*/ h);
// @ts-expect-error binaryCrossEntropy: labels and predictions differ along axis 0, 3 against 2
fr.binaryCrossEntropy(v3, /*→*/ v2);
// @ts-expect-error sigmoidCrossEntropy: labels and logits differ along axis 0, 3 against 2
fr.sigmoidCrossEntropy(v3, /*→*/ v2);

// ── variables and gradients ──

// @ts-expect-error assign: axis 0 differs: 784 against 100
fr.assign(w, /*→*/ w100);
// @ts-expect-error assign: variable has rank 2, value 1
fr.assign(w, /*→*/ v128);
// @ts-expect-error assign: axis 0 differs: 2 against 3
fr.assign(g.variable("a", [2]), /*→*/ [1, 2, 3]);
// @ts-expect-error assignAdd: [3, 2] does not broadcast to [2, 3]
fr.assignAdd(m23, /*→*/ m32);
// @ts-expect-error assignAdd: [2, 3] does not broadcast to [3]
fr.assignAdd(v3, /*→*/ m23);
// @ts-expect-error cannot broadcast 128 with 127
fr.sub(w, /*→*/ fr.gradients(fr.sum(h), [v127])[0]);
