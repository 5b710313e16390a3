/** Images, losses, optimizers and gradients. */
import {
  type ActivationName,
  activation,
  argmax,
  averagePool2d,
  binaryCrossEntropy,
  conv2d,
  expandDims,
  gradients,
  identity,
  layerNorm,
  maxPool2d,
  mean,
  meanSquaredError,
  mul,
  NDArray,
  sigmoid,
  softmaxCrossEntropy,
  sparseSoftmaxCrossEntropy,
  stopGradient,
  sum,
  type Tensor,
  type Variable,
} from "../../../src/index.ts";
import { Adam, clipByGlobalNorm, GradientDescent, SGD } from "../../../src/train/index.ts";
import type { Corpus } from "../entry.ts";

const zeros = (...shape: number[]) => NDArray.of(new Float32Array(shape.reduce((a, b) => a * b, 1)), { shape });

export const images: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "conv2d: the channels axis is missing",
      text: `conv2d: images need rank 4 [batch, height, width, channels], not rank 3
  x        x: float32[batch, 28, 28]     made at networks.ts[x]
  filters  filters: float32[3, 3, 1, 8]  made at networks.ts[filters]
at networks.ts[conv2d]
fix: one image: expandDims(x, 0); one channel: expandDims(x, -1)`,
      noAxis: "the rank is at fault",
      broken(g) {
        const x = g.placeholder("x", ["batch", 28, 28]); // [x]
        const filters = g.variable("filters", [3, 3, 1, 8]); // [filters]
        return conv2d(x, filters); // [conv2d]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 28, 28]);
        const filters = g.variable("filters", [3, 3, 1, 8]);
        return [conv2d(expandDims(x, -1), filters), { x: zeros(2, 28, 28) }];
      },
    },
    {
      name: "conv2d: channels",
      text: `conv2d: the image has 3 channels, the filters take 1
  x        x: float32[batch, 32, 32, »3«]  made at networks.ts[x]
  filters  filters: float32[3, 3, »1«, 8]  made at networks.ts[filters]
at networks.ts[conv2d]
fix: axis 2 of the filters times the groups must be the number of channels, the last axis of the image`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 32, 32, 3]); // [x]
        const filters = g.variable("filters", [3, 3, 1, 8]); // [filters]
        return conv2d(x, filters); // [conv2d]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 32, 32, 3]);
        const filters = g.variable("filters", [3, 3, 3, 8]);
        return [conv2d(x, filters), { x: zeros(1, 32, 32, 3) }];
      },
    },
    {
      name: "conv2d: the window is larger than the image",
      text: `conv2d: a window of 5 does not fit into height 4
  x        x: float32[batch, »4«, 4, 1]  made at networks.ts[x]
  filters  filters: float32[5, 5, 1, 8]  made at networks.ts[filters]
at networks.ts[conv2d]
fix: make the window smaller, the image larger, or use padding: "same"`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 4, 4, 1]); // [x]
        const filters = g.variable("filters", [5, 5, 1, 8]); // [filters]
        return conv2d(x, filters); // [conv2d]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 4, 4, 1]);
        const filters = g.variable("filters", [5, 5, 1, 8]);
        return [conv2d(x, filters, { padding: "same" }), { x: zeros(1, 4, 4, 1) }];
      },
    },
    {
      name: "conv2d: groups",
      text: `conv2d: 5 output channels do not divide into 2 groups
  x        x: float32[batch, 8, 8, 4]      made at networks.ts[x]
  filters  filters: float32[3, 3, 2, »5«]  made at networks.ts[filters]
at networks.ts[conv2d]
fix: make the last axis of the filters a multiple of the groups`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 8, 8, 4]); // [x]
        const filters = g.variable("filters", [3, 3, 2, 5]); // [filters]
        return conv2d(x, filters, { groups: 2 }); // [conv2d]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 8, 8, 4]);
        const filters = g.variable("filters", [3, 3, 2, 6]);
        return [conv2d(x, filters, { groups: 2 }), { x: zeros(1, 8, 8, 4) }];
      },
    },
    {
      name: "conv2d: a stride of nothing",
      text: `conv2d: strides 0 are not whole numbers from 1 on
at networks.ts[conv2d]
fix: give one number, or [vertical, horizontal]`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 8, 8, 1]); // [x]
        const filters = g.variable("filters", [3, 3, 1, 8]); // [filters]
        return conv2d(x, filters, { strides: 0 }); // [conv2d]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 8, 8, 1]);
        const filters = g.variable("filters", [3, 3, 1, 8]);
        return [conv2d(x, filters, { strides: 2 }), { x: zeros(1, 8, 8, 1) }];
      },
    },
    {
      name: "maxPool2d: the image is used up",
      text: `maxPool2d: a window of 2 does not fit into height 1
  x  maxPool2d: float32[batch, »1«, 1, 8]  made at networks.ts[second]
at networks.ts[second]
fix: make the window smaller, the image larger, or use padding: "same"`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 2, 2, 8]); // [x]
        return maxPool2d(maxPool2d(x), { name: "second" }); // [second]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 4, 4, 8]);
        return [maxPool2d(maxPool2d(x)), { x: zeros(1, 4, 4, 8) }];
      },
    },
    {
      name: "averagePool2d: flattened before",
      text: `averagePool2d: images need rank 4 [batch, height, width, channels], not rank 2
  x  flat: float32[batch, 128]  made at networks.ts[flat]
at networks.ts[averagePool2d]
fix: one image: expandDims(x, 0); one channel: expandDims(x, -1)`,
      noAxis: "the rank is at fault",
      broken(g) {
        const x = g.placeholder("x", ["batch", 4, 4, 8]); // [x]
        const flat: Tensor = x.flatten({ name: "flat" }); // [flat]
        return averagePool2d(flat); // [averagePool2d]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 4, 4, 8]);
        return [averagePool2d(x).flatten(), { x: zeros(1, 4, 4, 8) }];
      },
    },
    {
      name: "layerNorm: gamma of another length",
      text: `layerNorm: gamma has 4 numbers, axis 1 of x has 8 features
  x      x: float32[batch, »8«]  made at networks.ts[x]
  gamma  gamma: float32[»4«]     made at networks.ts[gamma]
  beta   beta: float32[8]        made at networks.ts[beta]
at networks.ts[layerNorm]
fix: gamma and beta hold one number per feature`,
      broken(g) {
        const x = g.placeholder("x", ["batch", 8]); // [x]
        const gamma = g.variable("gamma", [4]); // [gamma]
        const beta = g.variable("beta", [8]); // [beta]
        return layerNorm(x, gamma, beta); // [layerNorm]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch", 8]);
        const gamma = g.variable("gamma", [8]);
        const beta = g.variable("beta", [8]);
        return [layerNorm(x, gamma, beta), { x: zeros(2, 8) }];
      },
    },
    {
      name: "activation: a name with a slip",
      text: `activation: there is none called "rellu"
at networks.ts[activation]
fix: near names: relu, elu, selu`,
      broken: () => activation("rellu" as ActivationName), // [activation]
      fixed: (g) => [activation("relu")(g.constant([-0.5, 0.5]))],
    },
  ],
};

export const losses: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "meanSquaredError: [n] against [n, 1]",
      text: `squaredError: labels and predictions have different ranks, 1 and 2
  labels       t: float32[batch]     made at networks.ts[t]
  predictions  y: float32[batch, 1]  made at networks.ts[y]
at networks.ts[mse]
fix: a loss does not broadcast; reshape one of them so that both have the same shape`,
      noAxis: "the rank is at fault",
      broken(g) {
        const t = g.placeholder("t", ["batch"]); // [t]
        const y = g.placeholder("y", ["batch", 1]); // [y]
        return meanSquaredError(t, y); // [mse]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch"]);
        const y = g.placeholder("y", ["batch", 1]);
        return [meanSquaredError(t, y.reshape(["batch"])), { t: [1, 2], y: [[1], [2]] }];
      },
    },
    {
      name: "meanSquaredError: outputs",
      text: `squaredError: labels and predictions differ along axis 1, 3 against 2
  labels       t: float32[batch, »3«]  made at networks.ts[t]
  predictions  y: float32[batch, »2«]  made at networks.ts[y]
at networks.ts[mse]
fix: a loss does not broadcast; both must have the same shape`,
      broken(g) {
        const t = g.placeholder("t", ["batch", 3]); // [t]
        const y = g.placeholder("y", ["batch", 2]); // [y]
        return meanSquaredError(t, y); // [mse]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch", 3]);
        const y = g.placeholder("y", ["batch", 3]);
        return [meanSquaredError(t, y), { t: zeros(2, 3), y: zeros(2, 3) }];
      },
    },
    {
      name: "meanSquaredError: an unknown reduction",
      text: `loss: there is no reduction "avg"
at networks.ts[mse]
fix: choose "mean", "sum" or "none"`,
      broken(g) {
        const t = g.placeholder("t", ["batch"]); // [t]
        return meanSquaredError(t, t, { reduction: "avg" as "mean" }); // [mse]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch"]);
        return [meanSquaredError(t, t, { reduction: "mean" }), { t: [1, 2] }];
      },
    },
    {
      name: "binaryCrossEntropy: labels of whole numbers",
      text: `binaryCrossEntropy: operands have different dtypes, int32 and float32
  labels         t: int32[batch]          made at networks.ts[t]
  probabilities  sigmoid: float32[batch]  made at networks.ts[bce]
at networks.ts[bce]
fix: convert one: cast(x, "float32")`,
      broken(g) {
        const t = g.placeholder("t", ["batch"], { dtype: "int32" }); // [t]
        const y = g.placeholder("y", ["batch"]); // [y]
        return binaryCrossEntropy(t, sigmoid(y)); // [bce]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch"], { dtype: "int32" });
        const y = g.placeholder("y", ["batch"]);
        return [binaryCrossEntropy(t.cast("float32"), sigmoid(y)), { t: [0, 1], y: [1, 2] }];
      },
    },
    {
      name: "softmaxCrossEntropy: class numbers",
      text: `softmaxCrossEntropy: labels are int32, scores float32
  labels  t: int32[batch]             made at networks.ts[t]
  logits  logits: float32[batch, 10]  made at networks.ts[logits]
at networks.ts[loss]
fix: labels that are class numbers belong to the sparse variant: sparseSoftmaxCrossEntropy; one-hot labels: cast(labels, "float32")`,
      broken(g) {
        const t = g.placeholder("t", ["batch"], { dtype: "int32" }); // [t]
        const logits = g.placeholder("logits", ["batch", 10]); // [logits]
        return softmaxCrossEntropy(t, logits); // [loss]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch"], { dtype: "int32" });
        const logits = g.placeholder("logits", ["batch", 10]);
        return [sparseSoftmaxCrossEntropy(t, logits), { t: [1, 2], logits: zeros(2, 10) }];
      },
    },
    {
      name: "softmaxCrossEntropy: another number of classes",
      text: `softmaxCrossEntropy: labels and logits differ along axis 1, 9 against 10
  labels  t: float32[batch, »9«]        made at networks.ts[t]
  logits  logits: float32[batch, »10«]  made at networks.ts[logits]
at networks.ts[loss]
fix: a loss does not broadcast; both must have the same shape`,
      broken(g) {
        const t = g.placeholder("t", ["batch", 9]); // [t]
        const logits = g.placeholder("logits", ["batch", 10]); // [logits]
        return softmaxCrossEntropy(t, logits); // [loss]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch", 10]);
        const logits = g.placeholder("logits", ["batch", 10]);
        return [softmaxCrossEntropy(t, logits), { t: zeros(2, 10), logits: zeros(2, 10) }];
      },
    },
    {
      name: "sparseSoftmaxCrossEntropy: one-hot labels",
      text: `sparseSoftmaxCrossEntropy: labels are float32, not class numbers (int32)
  labels  t: float32[batch, 10]       made at networks.ts[t]
  logits  logits: float32[batch, 10]  made at networks.ts[logits]
at networks.ts[loss]
fix: one-hot labels belong to softmaxCrossEntropy; class numbers: cast(labels, "int32")`,
      broken(g) {
        const t = g.placeholder("t", ["batch", 10]); // [t]
        const logits = g.placeholder("logits", ["batch", 10]); // [logits]
        return sparseSoftmaxCrossEntropy(t, logits); // [loss]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch", 10]);
        const logits = g.placeholder("logits", ["batch", 10]);
        return [softmaxCrossEntropy(t, logits), { t: zeros(2, 10), logits: zeros(2, 10) }];
      },
    },
    {
      name: "sparseSoftmaxCrossEntropy: labels in a column",
      text: `sparseSoftmaxCrossEntropy: labels have rank 2, logits without their class axis rank 1
  labels  t: int32[batch, 1]          made at networks.ts[t]
  logits  logits: float32[batch, 10]  made at networks.ts[logits]
at networks.ts[loss]
fix: give one class number per row; one-hot labels belong to softmaxCrossEntropy`,
      noAxis: "the rank is at fault",
      broken(g) {
        const t = g.placeholder("t", ["batch", 1], { dtype: "int32" }); // [t]
        const logits = g.placeholder("logits", ["batch", 10]); // [logits]
        return sparseSoftmaxCrossEntropy(t, logits); // [loss]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch"], { dtype: "int32" });
        const logits = g.placeholder("logits", ["batch", 10]);
        return [sparseSoftmaxCrossEntropy(t, logits), { t: [1, 2], logits: zeros(2, 10) }];
      },
    },
    {
      name: "sparseSoftmaxCrossEntropy: fewer labels than rows",
      text: `sparseSoftmaxCrossEntropy "loss": examples labels for batch rows of logits
  labels  t: int32[»examples«]          made at networks.ts[t]
  logits  logits: float32[»batch«, 10]  made at networks.ts[logits]
  examples is 3: axis 0 of "t", fed [3] at networks.ts[run]
  batch is 4: axis 0 of "logits", fed [4, 10] at networks.ts[run]
at networks.ts[loss]
fix: feed equal sizes, or name both "examples", so that feeds are checked against each other`,
      broken(g, session) {
        const t = g.placeholder("t", ["examples"], { dtype: "int32" }); // [t]
        const logits = g.placeholder("logits", ["batch", 10]); // [logits]
        const loss = sparseSoftmaxCrossEntropy(t, logits, { reduction: "none", name: "loss" }); // [loss]
        return session.run(loss, { t: [1, 2, 3], logits: zeros(4, 10) }); // [run]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch"], { dtype: "int32" });
        const logits = g.placeholder("logits", ["batch", 10]);
        return [sparseSoftmaxCrossEntropy(t, logits), { t: [1, 2, 3, 4], logits: zeros(4, 10) }];
      },
    },
    {
      name: "sparseSoftmaxCrossEntropy: logits of unknown rank",
      text: `sparseSoftmaxCrossEntropy: the rank of logits is not known, and so not the number of classes
  labels  t: int32[batch]           made at networks.ts[t]
  logits  logits: float32<unknown>  made at networks.ts[logits]
at networks.ts[loss]
fix: give their placeholder a shape such as ["batch", 10]`,
      noAxis: "the rank is at fault",
      broken(g) {
        const t = g.placeholder("t", ["batch"], { dtype: "int32" }); // [t]
        const logits = g.placeholder("logits", null); // [logits]
        return sparseSoftmaxCrossEntropy(t, logits); // [loss]
      },
      fixed(g) {
        const t = g.placeholder("t", ["batch"], { dtype: "int32" });
        const logits = g.placeholder("logits", ["batch", 10]);
        return [sparseSoftmaxCrossEntropy(t, logits), { t: [1, 2], logits: zeros(2, 10) }];
      },
    },
  ],
};

export const training: Corpus = {
  url: import.meta.url,
  entries: [
    {
      name: "gradients: nothing depends on it",
      text: `gradients: no gradient flows from "sum:0" to "w:0"
  "sum:0", made at networks.ts[gradients], does not depend on "w:0"
  "w:0" was made at networks.ts[w]
at networks.ts[gradients]
fix: differentiate what depends on it, or pass { unconnected: "zero" } or { unconnected: "none" }`,
      broken(g) {
        const w = g.variable("w", [2]); // [w]
        const v = g.variable("v", [2]); // [v]
        return gradients(sum(v), [w]); // [gradients]
      },
      fixed(g) {
        const w = g.variable("w", [2]);
        const v = g.variable("v", [2]);
        return [gradients(sum(mul(v, w)), [w])];
      },
    },
    {
      name: "gradients: cut by argmax",
      text: `gradients: no gradient flows from "mean:0" to "w:0"
  the path is cut by argmax "best" at networks.ts[best], which has no derivative
  "w:0" was made at networks.ts[w]
at networks.ts[gradients]
fix: go around it with differentiable ops, or pass { unconnected: "zero" } or { unconnected: "none" }`,
      broken(g) {
        const w = g.variable("w", [2, 3]); // [w]
        const best = argmax(w, 1, { name: "best" }); // [best]
        return gradients(mean(best.cast("float32")), [w]); // [gradients]
      },
      fixed(g) {
        const w = g.variable("w", [2, 3]);
        return [gradients(mean(w.softmax()), [w])];
      },
    },
    {
      name: "gradients: cut by stopGradient",
      text: `gradients: no gradient flows from "sum:0" to "w:0"
  the path is cut by stopGradient "frozen" at networks.ts[frozen], which has no derivative
  "w:0" was made at networks.ts[w]
at networks.ts[gradients]
fix: go around it with differentiable ops, or pass { unconnected: "zero" } or { unconnected: "none" }`,
      broken(g) {
        const w = g.variable("w", [2]); // [w]
        const frozen = stopGradient(w, { name: "frozen" }); // [frozen]
        return gradients(sum(frozen.square()), [w]); // [gradients]
      },
      fixed(g) {
        const w = g.variable("w", [2]);
        return [gradients(sum(w.square()), [w])];
      },
    },
    {
      name: "gradients: cut by a comparison",
      text: `gradients: no gradient flows from "sum:0" to "w:0"
  the path is cut by greater "positive" at networks.ts[positive], which has no derivative
  "w:0" was made at networks.ts[w]
at networks.ts[gradients]
fix: go around it with differentiable ops, or pass { unconnected: "zero" } or { unconnected: "none" }`,
      broken(g) {
        const w = g.variable("w", [2]); // [w]
        const positive = w.greater(0, { name: "positive" }); // [positive]
        return gradients(sum(positive.cast("float32")), [w]); // [gradients]
      },
      fixed(g) {
        const w = g.variable("w", [2]);
        return [gradients(sum(sigmoid(w)), [w])];
      },
    },
    {
      name: "gradients: of whole numbers",
      text: `gradients: total: int32[] is not floating point
  "total" was made at networks.ts[total]
at networks.ts[gradients]
fix: derivatives need floating point: compute it from float32, cast(x, "float32")`,
      broken(g) {
        const n = g.placeholder("n", ["batch"], { dtype: "int32" }); // [n]
        const total = sum(n, { name: "total" }); // [total]
        return gradients(total, [n]); // [gradients]
      },
      fixed(g) {
        const n = g.placeholder("n", ["batch"], { dtype: "int32" });
        const x = n.cast("float32");
        return [gradients(sum(x), [x]), { n: [1, 2] }];
      },
    },
    {
      name: "gradients: the wrong way round",
      text: `gradients: no gradient flows from "w:0" to "loss:0"
  "w:0", made at networks.ts[w], does not depend on "loss:0"
  "loss:0" was made at networks.ts[loss]
at networks.ts[gradients]
fix: "loss:0" depends on "w:0": what is differentiated comes first, gradients(y, [x])`,
      broken(g) {
        const w = g.variable("w", []); // [w]
        const loss = w.square({ name: "loss" }); // [loss]
        return gradients(w, [loss]); // [gradients]
      },
      fixed(g) {
        const w = g.variable("w", []);
        const loss = w.square();
        return [gradients(loss, [w])];
      },
    },
    {
      name: "gradients: gradYs of another shape",
      text: `gradients: gradYs[0] is float32[3], its y is float32[2, 3]
  y    y: float32[2, 3]  made at networks.ts[y]
  grad seed: float32[3]  made at networks.ts[seed]
at networks.ts[gradients]
fix: an incoming gradient has the shape and dtype of its y`,
      broken(g) {
        const w = g.variable("w", [2, 3]); // [w]
        const y = w.square({ name: "y" }); // [y]
        const seed = g.constant([1, 1, 1], { dtype: "float32", name: "seed" }); // [seed]
        return gradients(y, [w], { gradYs: [seed] }); // [gradients]
      },
      fixed(g) {
        const w = g.variable("w", [2, 3]);
        const y = w.square();
        const seed = g.constant(1, { dtype: "float32", shape: [2, 3] });
        return [gradients(y, [w], { gradYs: [seed] })];
      },
    },
    {
      name: "gradients: of nothing",
      text: `gradients: there is nothing to differentiate
at networks.ts[gradients]
fix: give at least one y: gradients(loss, [w])`,
      broken: () => gradients([], []), // [gradients]
      fixed(g) {
        const w = g.variable("w", []);
        return [gradients([w.square()], [w])];
      },
    },
    {
      name: "minimize: a loss per row",
      text: `minimize: the loss is one number, not loss: float32[batch]
  "loss" was made at networks.ts[loss]
at networks.ts[minimize]
fix: reduce it: mean(loss), or sum(loss)`,
      noAxis: "the rank is at fault",
      broken(g) {
        const x = g.placeholder("x", ["batch"]); // [x]
        const w = g.variable("w", []); // [w]
        const loss = x.sub(w).square({ name: "loss" }); // [loss]
        return new GradientDescent(0.1).minimize(loss); // [minimize]
      },
      fixed(g) {
        const x = g.placeholder("x", ["batch"]);
        const w = g.variable("w", []);
        return [new GradientDescent(0.1).minimize(mean(x.sub(w).square())), { x: [1, 2] }];
      },
    },
    {
      name: "minimize: a value that was fetched",
      text: `minimize: the loss is not a tensor: 0
at networks.ts[minimize]
fix: give the symbolic tensor, not a value that was fetched`,
      broken(g, session) {
        const w = g.variable("w", []); // [w]
        session.run(g.initializer);
        return new Adam().minimize(session.run(w.square()) as never); // [minimize]
      },
      fixed(g) {
        const w = g.variable("w", []);
        return [new Adam().minimize(w.square())];
      },
    },
    {
      name: "minimize: no variable to train",
      text: `minimize: the loss "loss" depends on no trainable variable
  "loss" was made at networks.ts[loss]
  it depends on "w", made with { trainable: false }
at networks.ts[minimize]
fix: compute the loss from graph.variable(…)s, or name what to update: minimize(loss, { variables: [w] })`,
      broken(g) {
        const x = g.placeholder("x", []); // [x]
        const w = g.variable("w", [], { trainable: false }); // [w]
        const loss = x.sub(w).square({ name: "loss" }); // [loss]
        return new GradientDescent(0.1).minimize(loss); // [minimize]
      },
      fixed(g) {
        const x = g.placeholder("x", []);
        const w = g.variable("w", [], { trainable: false });
        const loss = x.sub(w).square();
        return [new GradientDescent(0.1).minimize(loss, { variables: [w] }), { x: 1 }];
      },
    },
    {
      name: "minimize: the variables are left out",
      text: `minimize: the loss "loss" depends on no trainable variable
  "loss" was made at networks.ts[minimize]
  it does not depend on "w"
at networks.ts[minimize]
fix: compute the loss from graph.variable(…)s, or name what to update: minimize(loss, { variables: [w] })`,
      broken(g) {
        const x = g.placeholder("x", []); // [x]
        g.variable("w", []); // [w]
        return new SGD(0.1).minimize(x.square({ name: "loss" })); // [minimize]
      },
      fixed(g) {
        const x = g.placeholder("x", []);
        const w = g.variable("w", []);
        return [new SGD(0.1).minimize(x.sub(w).square()), { x: 1 }];
      },
    },
    {
      name: "minimize: variables that are none",
      text: `minimize: Tensor("x:0", shape=(), dtype=float32) is not a variable
at networks.ts[minimize]
fix: make it with graph.variable(…); gradients(loss, [x]) differentiates in other tensors`,
      broken(g) {
        const x = g.placeholder("x", []); // [x]
        return new SGD(0.1).minimize(x.square(), { variables: [x as Variable] }); // [minimize]
      },
      fixed(g) {
        const x = g.placeholder("x", []);
        return [gradients(x.square(), [x]), { x: 1 }];
      },
    },
    {
      name: "optimizer: a rate that is no number",
      text: `gradientDescent: NaN is not a learning rate
at networks.ts[rate]
fix: give a finite number`,
      broken: () => new GradientDescent(Number.NaN), // [rate]
      fixed(g) {
        const w = g.variable("w", []);
        return [new GradientDescent(0.1).minimize(w.square())];
      },
    },
    {
      name: "optimizer: a rate per row",
      text: `gradientDescent: the learning rate is one number, not float32[batch]
  "rate" was made at networks.ts[rate]
at networks.ts[optimizer]
fix: feed it through a scalar: graph.placeholder("rate")`,
      noAxis: "the rank is at fault",
      broken(g) {
        const rate = g.placeholder("rate", ["batch"]); // [rate]
        return new GradientDescent(rate); // [optimizer]
      },
      fixed(g) {
        const rate = g.placeholder("rate");
        const w = g.variable("w", []);
        return [new GradientDescent(rate).minimize(w.square()), { rate: 0.1 }];
      },
    },
    {
      name: "optimizer: a momentum of 1",
      text: `sgd: momentum is 1
at networks.ts[sgd]
fix: give a number from 0 to below 1`,
      broken: () => new SGD(0.1, { momentum: 1 }), // [sgd]
      fixed(g) {
        const w = g.variable("w", []);
        return [new SGD(0.1, { momentum: 0.9 }).minimize(w.square())];
      },
    },
    {
      name: "applyGradients: one variable twice",
      text: `applyGradients: "w" is there twice
at networks.ts[apply]
fix: add up its gradients first`,
      broken(g) {
        const w = g.variable("w", []); // [w]
        const [first, second] = [w.square(), w.exp()].flatMap((y) => gradients(y, [w]));
        const pairs = [first!, second!].map((gradient) => [gradient, w] as const);
        return new SGD(0.1).applyGradients(pairs); // [apply]
      },
      fixed(g) {
        const w = g.variable("w", []);
        const [grad] = gradients(w.square(), [w]);
        return [new SGD(0.1).applyGradients([[grad!.add(grad!), w]])];
      },
    },
    {
      name: "applyGradients: a gradient of another shape",
      text: `applyGradients: sum_1: float32[] is no gradient for w: float32[2]
at networks.ts[apply]
fix: a gradient has the shape and dtype of its variable; leave out variables without one`,
      noAxis: "it is no shape error",
      broken(g) {
        const w = g.variable("w", [2]); // [w]
        const [grad] = gradients(sum(w.square()), [w]);
        return new SGD(0.1).applyGradients([[sum(grad!), w]]); // [apply]
      },
      fixed(g) {
        const w = g.variable("w", [2]);
        const [grad] = gradients(sum(w.square()), [w]);
        return [new SGD(0.1).applyGradients([[identity(grad!), w]])];
      },
    },
    {
      name: "clipByGlobalNorm: to nothing",
      text: `clipByGlobalNorm: 0 is not a norm
at networks.ts[clip]
fix: give a positive number`,
      broken(g) {
        const w = g.variable("w", [2]); // [w]
        return clipByGlobalNorm([w], 0); // [clip]
      },
      fixed(g) {
        const w = g.variable("w", [2]);
        return [clipByGlobalNorm([w], 1)[1]];
      },
    },
  ],
};
