/** How the oracles' operations, named and parametrised as in TensorFlow, are written with forerun. */

import type { Tensor } from "../../src/index.ts";
import * as fr from "../../src/index.ts";

export type Inputs = Readonly<Record<string, Tensor>>;
type OracleAttrs = Readonly<Record<string, unknown>>;
/** Outputs from inputs by name. */
type Build = (inputs: Inputs, attrs: OracleAttrs) => Tensor | readonly Tensor[];

type Unary = (x: Tensor) => Tensor;
type Binary = (a: Tensor, b: Tensor) => Tensor;
const unary =
  (op: Unary): Build =>
  ({ x }) =>
    op(x!);
const binary =
  (op: Binary): Build =>
  ({ a, b }) =>
    op(a!, b!);
const reduction =
  (op: (x: Tensor, options: { axis: number | number[] | null; keepDims: boolean }) => Tensor): Build =>
  ({ x }, { axis, keepdims }) =>
    op(x!, { axis: axis as number | number[] | null, keepDims: keepdims === true });

type Pair = readonly [number, number];
type Padding = "same" | "valid" | readonly [Pair, Pair];
const paddingOf = (padding: unknown): Padding =>
  typeof padding === "string" ? (padding.toLowerCase() as "same" | "valid") : (padding as readonly [Pair, Pair]);
const sizesOf = ({ shape }: Tensor): readonly number[] => shape as readonly number[];

/** What exists under one name in forerun. */
export const DIRECT: Readonly<Record<string, Build>> = {
  neg: unary(fr.neg),
  exp: unary(fr.exp),
  expm1: unary(fr.expm1),
  log: unary(fr.log),
  sqrt: unary(fr.sqrt),
  square: unary(fr.square),
  sin: unary(fr.sin),
  tanh: unary(fr.tanh),
  sigmoid: unary(fr.sigmoid),
  relu: unary(fr.relu),
  elu: unary((x) => fr.elu(x)),
  softplus: unary(fr.softplus),
  swish: unary(fr.swish),
  erf: unary(fr.erf),
  floor: unary(fr.floor),
  identity: unary(fr.identity),
  gelu: unary(fr.gelu),
  leaky_relu: ({ x }, { alpha }) => fr.leakyRelu(x!, { slope: alpha as number }),
  clip: ({ x }, { min, max }) => fr.clipByValue(x!, min as number, max as number),

  add: binary(fr.add),
  sub: binary(fr.sub),
  mul: binary(fr.mul),
  div: binary(fr.div),
  squared_difference: binary(fr.squaredDifference),
  maximum: binary(fr.maximum),
  minimum: binary(fr.minimum),
  pow: binary(fr.pow),
  floormod: binary(fr.mod),
  greater: binary(fr.greater),
  greater_equal: binary(fr.greaterEqual),
  less: binary(fr.less),
  less_equal: binary(fr.lessEqual),
  equal: binary(fr.equal),
  not_equal: binary(fr.notEqual),
  where: ({ c, a, b }) => fr.where(c!, a!, b!),

  reduce_sum: reduction(fr.sum),
  reduce_mean: reduction(fr.mean),
  reduce_prod: reduction(fr.prod),
  reduce_max: reduction(fr.max),
  reduce_min: reduction(fr.min),
  reduce_logsumexp: reduction(fr.logSumExp),
  reduce_variance: reduction(fr.variance),
  reduce_std: reduction(fr.std),
  reduce_l2: reduction(fr.norm),
  reduce_all: ({ x }, { axis }) => [fr.all(x!, { axis: axis as number }), fr.any(x!, { axis: axis as number })],
  argmax: ({ x }, { axis }) => fr.argmax(x!, axis as number),
  argmin: ({ x }, { axis }) => fr.argmin(x!, axis as number),

  gather: ({ x, i }, { axis }) => fr.gather(x!, i!, axis as number),
  embedding_lookup: ({ table, ids }) => fr.gather(table!, ids!),
  // The only case joins a tensor with twice itself.
  concat: ({ a }, { axis }) => fr.concat([a!, fr.mul(a!, 2)], axis as number),
  unstack: ({ x }, { axis }) => fr.unstack(x!, axis as number),
  split: ({ x }, { sizes, axis, use }) => fr.split(x!, sizes as number[], axis as number)[use as number]!,
  tile: ({ x }, { multiples }) => fr.tile(x!, multiples as number[]),
  reshape: ({ x }, { shape }) => fr.reshape(x!, shape as number[]),
  squeeze: ({ x }, { axis }) => fr.squeeze(x!, axis as number[]),

  matmul: ({ a, b }, { transpose_a, transpose_b }) =>
    fr.matmul(a!, b!, { transposeA: transpose_a === true, transposeB: transpose_b === true }),
  conv2d: ({ x, w }, { strides, padding, dilations, groups }) =>
    fr.conv2d(x!, w!, {
      strides: strides as Pair,
      padding: paddingOf(padding),
      dilations: dilations as Pair,
      groups: groups as number,
    }),
  conv2d_transpose: ({ x, w }, { output_hw, strides, padding }) =>
    fr.conv2dTranspose(x!, w!, [sizesOf(x!)[0]!, ...(output_hw as Pair), sizesOf(w!)[2]!], {
      strides: strides as Pair,
      padding: paddingOf(padding),
    }),
  avg_pool: ({ x }, { ksize, strides, padding }) =>
    fr.averagePool2d(x!, { window: ksize as Pair, strides: strides as Pair, padding: paddingOf(padding) }),

  softmax: ({ x }, { axis }) => fr.softmax(x!, { axis: axis as number }),
  sparse_softmax_cross_entropy_with_logits: ({ logits, labels }) =>
    fr.sparseSoftmaxCrossEntropy(labels!, logits!, { reduction: "none" }),
  softmax_cross_entropy_with_logits: ({ logits, labels }) =>
    fr.softmaxCrossEntropy(labels!, logits!, { reduction: "none" }),
  sigmoid_cross_entropy_with_logits: ({ logits, labels }) =>
    fr.sigmoidCrossEntropy(labels!, logits!, { reduction: "none" }),
  binary_crossentropy: ({ p, y }) => fr.binaryCrossEntropy(y!, p!, { reduction: "none" }),
  // One value per row, as Keras has it.
  mean_absolute_error: ({ a, b }) => fr.mean(fr.meanAbsoluteError(a!, b!, { reduction: "none" }), { axis: -1 }),
  layer_norm: ({ x, gamma, beta }, { axis, epsilon }) =>
    fr.layerNorm(x!, gamma!, beta!, { axis: axis as number, epsilon: epsilon as number }),
};

/** Depth-wise convolution: as many groups as channels. The multiplier counts fastest among the outputs. */
function depthwise(x: Tensor, w: Tensor, strides: Pair, padding: Padding): Tensor {
  const [height, width, channels, multiplier] = sizesOf(w) as [number, number, number, number];
  const filters = fr.reshape(w, [height, width, 1, channels * multiplier]);
  return fr.conv2d(x, filters, { strides, padding, groups: channels });
}

function roll(x: Tensor, shift: number, axis: number): Tensor {
  const size = sizesOf(x)[axis]!;
  const cut = (((-shift % size) + size) % size) as number;
  const [head, tail] = fr.split(x, [cut, size - cut], axis);
  return fr.concat([tail!, head!], axis);
}

/** What forerun has no name for, but its parts: the oracle then checks the parts. By the name it would have. */
export const COMPOSED: Readonly<Record<string, { readonly name: string; readonly build: Build }>> = {
  reduce_l1: { name: "l1Norm", build: reduction((x, options) => fr.sum(fr.abs(x), options)) },
  exp2: { name: "exp2", build: unary((x) => fr.pow(2, x)) },
  sinh: { name: "sinh", build: unary((x) => fr.mul(0.5, fr.sub(fr.exp(x), fr.exp(fr.neg(x))))) },
  logaddexp: {
    name: "logAddExp",
    build: binary((a, b) => fr.add(fr.maximum(a, b), fr.log1p(fr.exp(fr.neg(fr.abs(fr.sub(a, b))))))),
  },
  hard_sigmoid: {
    name: "hardSigmoid",
    build: ({ x }, { slope, offset }) => fr.clipByValue(fr.add(fr.mul(x!, slope as number), offset as number), 0, 1),
  },
  scatter_nd: {
    name: "scatterNd",
    build: ({ i, u }, { shape }) => fr.scatterAdd(fr.squeeze(i!, 1), u!, shape as number[]),
  },
  segment_sum: {
    name: "segmentSum",
    build: ({ x, i }, { num }) => fr.scatterAdd(i!, x!, [num as number, ...sizesOf(x!).slice(1)]),
  },
  meshgrid: {
    name: "meshgrid",
    build: ({ a, b }) => {
      const shape = [sizesOf(a!)[0]!, sizesOf(b!)[0]!];
      return [fr.broadcastTo(fr.expandDims(a!, 1), shape), fr.broadcastTo(b!, shape)];
    },
  },
  roll: {
    name: "roll",
    build: ({ x }, { shift, axis }) =>
      (axis as number[]).reduce((rolled, along, i) => roll(rolled, (shift as number[])[i]!, along), x!),
  },
  depth_to_space: {
    name: "depthToSpace",
    build: ({ x }, { block }) => {
      const [n, height, width, depth] = sizesOf(x!) as [number, number, number, number];
      const b = block as number;
      const blocks = fr.reshape(x!, [n, height, width, b, b, depth / (b * b)]);
      return fr.reshape(fr.transpose(blocks, [0, 1, 3, 2, 4, 5]), [n, height * b, width * b, depth / (b * b)]);
    },
  },
  l2_normalize: {
    name: "l2Normalize",
    build: ({ x }, { axis, epsilon }) => {
      const squares = fr.sum(fr.square(x!), { axis: axis as number, keepDims: true });
      return fr.mul(x!, fr.rsqrt(fr.maximum(squares, epsilon as number)));
    },
  },
  depthwise_conv2d: {
    name: "depthwiseConv2d",
    build: ({ x, w }, { strides, padding }) => depthwise(x!, w!, strides as Pair, paddingOf(padding)),
  },
  separable_conv2d: {
    name: "separableConv2d",
    build: ({ x, dw, pw }, { strides, padding }) =>
      fr.conv2d(depthwise(x!, dw!, strides as Pair, paddingOf(padding)), pw!),
  },
  conv1d: {
    name: "conv1d",
    build: ({ x, w }, { stride, padding }) => {
      const image = fr.conv2d(fr.expandDims(x!, 1), fr.expandDims(w!, 0), {
        strides: [1, stride as number],
        padding: paddingOf(padding),
      });
      return fr.squeeze(image, 1);
    },
  },
  global_avg_pool: { name: "globalAveragePool2d", build: unary((x) => fr.mean(x, { axis: [1, 2] })) },
  moments: {
    name: "moments",
    build: ({ x }, { axes }) => [fr.mean(x!, { axis: axes as number[] }), fr.variance(x!, { axis: axes as number[] })],
  },
  dropout_with_mask: {
    name: "dropout",
    build: ({ x, mask }, { rate }) => fr.where(mask!, fr.div(x!, 1 - (rate as number)), 0),
  },
};

/** Cases whose `op` is `composite`: their formula, by the name of the case. */
export const COMPOSITES: Readonly<Record<string, Build>> = {
  where_safe_sqrt: unary((x) => {
    const positive = fr.greater(x, 0);
    return fr.where(positive, fr.sqrt(fr.where(positive, x, 1)), 0);
  }),
  conv_bias_relu_fused: ({ x, w, b }) => fr.relu(fr.add(fr.conv2d(x!, w!, { padding: "same" }), b!)),
};

/** Oracle operations that nothing here computes yet, with the name each will have. The next issue shortens this list. */
export const NOT_IN_THE_LIBRARY: Readonly<Record<string, string>> = {
  tan: "tan",
  acos: "acos",
  acosh: "acosh",
  lgamma: "lgamma",
  log10: "log10",
  atan2: "atan2",
  xlogy: "xlogy",
  cumsum: "cumsum",
  take_along_axis: "takeAlongAxis",
  top_k: "topK",
  boolean_mask: "booleanMask",
  strided_slice: "stridedSlice",
  mirror_pad: "mirrorPad",
  einsum: "einsum",
  matrix_inverse: "inverse",
  cholesky: "cholesky",
  band_part: "bandPart",
  diag_part: "diagPart",
  log_cosh: "logCosh",
  hinge: "hinge",
  poisson: "poisson",
  batch_norm: "batchNorm",
  group_norm: "groupNorm",
  conv3d: "conv3d",
  resize_nearest: "resizeNearest",
  resize_bilinear: "resizeBilinear",
};
