/** How the oracles' operations, named and parametrised as in TensorFlow, are written with forerun. */

import type { Tensor } from "../../src/index.ts";
import * as fr from "../../src/index.ts";
import type { OracleTensor } from "../oracles/shared.ts";
import { NEURAL } from "./oracle-ops-b.ts";

export type Inputs = Readonly<Record<string, Tensor>>;
type OracleAttrs = Readonly<Record<string, unknown>>;
/** Outputs from inputs by name; values of inputs for the few ops that want them when the graph is built. */
export type Build = (
  inputs: Inputs,
  attrs: OracleAttrs,
  values: Readonly<Record<string, OracleTensor>>,
) => Tensor | readonly Tensor[];

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

/** Ops of breadth-a.json. */
const BREADTH_A: Readonly<Record<string, Build>> = {
  asin: unary(fr.asin),
  atan: unary(fr.atan),
  cosh: unary(fr.cosh),
  asinh: unary(fr.asinh),
  atanh: unary(fr.atanh),
  log2: unary(fr.log2),
  erfc: unary(fr.erfc),
  digamma: unary(fr.digamma),
  silu: unary(fr.silu),
  mish: unary(fr.mish),
  softsign: unary(fr.softsign),
  relu6: unary(fr.relu6),
  hard_swish: unary(fr.hardSwish),
  polygamma: ({ x }, { order }) => fr.polygamma(order as number, x!),
  bitwise_and: binary(fr.bitwiseAnd),
  bitwise_or: binary(fr.bitwiseOr),
  bitwise_xor: binary(fr.bitwiseXor),
  bitwise_not: unary(fr.bitwiseNot),
  left_shift: binary(fr.leftShift),
  right_shift: binary(fr.rightShift),

  cumprod: ({ x }, { axis, exclusive, reverse }) =>
    fr.cumprod(x!, axis as number, { exclusive: exclusive === true, reverse: reverse === true }),
  sort: ({ x }, { axis, direction }) =>
    fr.sort(x!, { axis: axis as number, direction: direction as "ASCENDING" | "DESCENDING" }),
  argsort: ({ x }, { axis, direction }) =>
    fr.argsort(x!, { axis: axis as number, direction: direction as "ASCENDING" | "DESCENDING" }),
  search_sorted: ({ sequence, v }, { side }) => fr.searchSorted(sequence!, v!, { side: side as "left" | "right" }),
  count_nonzero: ({ x }, { axis }) => fr.countNonzero(x!, { axis: axis as number }),
  repeat: ({ x }, { repeats, axis }) => fr.repeat(x!, repeats as number | number[], axis as number),
  space_to_depth: ({ x }, { block }) => fr.spaceToDepth(x!, block as number),

  diag: unary((x) => fr.diag(x)),
  trace: unary((x) => fr.trace(x)),
  tril: unary((x) => fr.tril(x)),
  triu: unary((x) => fr.triu(x)),
  tensordot: ({ a, b }, { axes }) => fr.tensordot(a!, b!, axes as fr.ContractedAxes),

  gather_nd: ({ x, i }) => fr.gatherNd(x!, i!),
  tensor_scatter_add: ({ x, i, u }) => fr.tensorScatterAdd(x!, i!, u!),
  tensor_scatter_update: ({ x, i, u }) => fr.tensorScatterUpdate(x!, i!, u!),
  unsorted_segment_sum: ({ x, i }, { num }) => fr.unsortedSegmentSum(x!, i!, num as number),

  // These have no operand, so the oracle multiplies them by one.
  linspace: ({ x }, { start, stop, num }) =>
    fr.mul(x!, fr.linspace(x!, start as number, stop as number, num as number, x!.dtype)),
  eye: ({ x }, { rows, columns }) =>
    fr.mul(x!, fr.eye(x!, rows as number, { columns: columns as number, dtype: x!.dtype })),
};

/** What exists under one name in forerun. */
export const DIRECT: Readonly<Record<string, Build>> = {
  ...BREADTH_A,
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
  tan: unary(fr.tan),
  acos: unary(fr.acos),
  sinh: unary(fr.sinh),
  acosh: unary(fr.acosh),
  lgamma: unary(fr.lgamma),
  exp2: unary(fr.exp2),
  log10: unary(fr.log10),
  hard_sigmoid: unary(fr.hardSigmoid),
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
  atan2: binary(fr.atan2),
  logaddexp: binary(fr.logaddexp),
  xlogy: binary(fr.xlogy),
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

  cumsum: ({ x }, { axis, exclusive, reverse }) =>
    fr.cumsum(x!, axis as number, { exclusive: exclusive === true, reverse: reverse === true }),
  moments: ({ x }, { axes }) => {
    const { mean, variance } = fr.moments(x!, { axis: axes as number[] });
    return [mean, variance];
  },
  l2_normalize: ({ x }, { axis, epsilon }) => fr.l2Normalize(x!, { axis: axis as number, epsilon: epsilon as number }),

  gather: ({ x, i }, { axis }) => fr.gather(x!, i!, axis as number),
  embedding_lookup: ({ table, ids }) => fr.embeddingLookup(table!, ids!),
  take_along_axis: ({ x, i }, { axis }) => fr.takeAlongAxis(x!, i!, axis as number),
  scatter_nd: ({ i, u }, { shape }) => fr.scatterNd(i!, u!, shape as number[]),
  segment_sum: ({ x, i }, { num }) => fr.segmentSum(x!, i!, num as number),
  top_k: ({ x }, { k }) => {
    const { values, indices } = fr.topK(x!, k as number);
    return [values, indices];
  },
  // The only case joins a tensor with twice itself.
  concat: ({ a }, { axis }) => fr.concat([a!, fr.mul(a!, 2)], axis as number),
  unstack: ({ x }, { axis }) => fr.unstack(x!, axis as number),
  split: ({ x }, { sizes, axis, use }) => fr.split(x!, sizes as number[], axis as number)[use as number]!,
  boolean_mask: ({ x }, _attrs, { m }) =>
    fr.booleanMask(
      x!,
      m!.data.map((value) => value === 1),
    ),
  strided_slice: ({ x }, { begin, end, strides }) =>
    begin === undefined
      ? // The one case written out: x[1, None, ..., -2].
        fr.stridedSlice(x!, [1, 0, 0, -2], [2, 0, 0, -1], [1, 1, 1, 1], {
          newAxisMask: 0b0010,
          ellipsisMask: 0b0100,
          shrinkAxisMask: 0b1001,
        })
      : fr.stridedSlice(x!, begin as number[], end as number[], strides as number[]),
  mirror_pad: ({ x }, { paddings, mode }) => fr.mirrorPad(x!, paddings as Pair[], mode as "REFLECT" | "SYMMETRIC"),
  roll: ({ x }, { shift, axis }) => fr.roll(x!, shift as number[], axis as number[]),
  meshgrid: ({ a, b }, { indexing }) => fr.meshgrid([a!, b!], { indexing: indexing as "ij" | "xy" }),
  depth_to_space: ({ x }, { block }) => fr.depthToSpace(x!, block as number),
  band_part: ({ x }, { lower, upper }) => fr.bandPart(x!, lower as number, upper as number),
  diag_part: ({ x }) => fr.diagPart(x!),
  tile: ({ x }, { multiples }) => fr.tile(x!, multiples as number[]),
  reshape: ({ x }, { shape }) => fr.reshape(x!, shape as number[]),
  squeeze: ({ x }, { axis }) => fr.squeeze(x!, axis as number[]),

  matmul: ({ a, b }, { transpose_a, transpose_b }) =>
    fr.matmul(a!, b!, { transposeA: transpose_a === true, transposeB: transpose_b === true }),
  einsum: (inputs, { equation }) => fr.einsum(equation as string, ...Object.values(inputs)),
  matrix_inverse: unary((x) => fr.matrixInverse(x)),
  cholesky: unary((x) => fr.cholesky(x)),
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

  conv1d: ({ x, w }, { stride, padding }) =>
    fr.conv1d(x!, w!, { strides: stride as number, padding: paddingOf(padding) as "same" | "valid" }),
  conv3d: ({ x, w }, { strides, padding }) =>
    fr.conv3d(x!, w!, { strides: strides as number, padding: paddingOf(padding) as "same" | "valid" }),
  depthwise_conv2d: ({ x, w }, { strides, padding }) =>
    fr.depthwiseConv2d(x!, w!, { strides: strides as Pair, padding: paddingOf(padding) }),
  separable_conv2d: ({ x, dw, pw }, { strides, padding }) =>
    fr.separableConv2d(x!, dw!, pw!, { strides: strides as Pair, padding: paddingOf(padding) }),
  global_avg_pool: unary((x) => fr.globalAveragePool(x)),
  resize_nearest: ({ x }, { scale }) => {
    const [, height, width] = sizesOf(x!) as [number, number, number];
    return fr.resizeNearestNeighbor(x!, [height * (scale as number), width * (scale as number)]);
  },
  resize_bilinear: ({ x }, { size, align_corners }) =>
    fr.resizeBilinear(x!, size as Pair, { alignCorners: align_corners as boolean }),

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
  log_cosh: ({ a, b }) => fr.mean(fr.logCosh(a!, b!, { reduction: "none" }), { axis: -1 }),
  hinge: ({ y, p }) => fr.mean(fr.hinge(y!, p!, { reduction: "none" }), { axis: -1 }),
  poisson: ({ y, p }) => fr.mean(fr.poisson(y!, p!, { epsilon: 0, reduction: "none" }), { axis: -1 }),
  // The moving averages are the caller's: how they move differs from framework to framework.
  batch_norm: ({ x, gamma, beta, moving_mean, moving_variance }, { axis, epsilon, momentum }) => {
    const options = { axis: axis as number, epsilon: epsilon as number };
    const { normalized, mean, variance } = fr.batchNorm(x!, gamma!, beta!, options);
    const m = momentum as number;
    const moved = (average: Tensor, now: Tensor): Tensor =>
      fr.stopGradient(fr.add(fr.mul(average, m), fr.mul(now, 1 - m)));
    return [normalized, moved(moving_mean!, mean), moved(moving_variance!, variance)];
  },
  group_norm: ({ x, gamma, beta }, { groups, axis, epsilon }) =>
    fr.groupNorm(x!, gamma!, beta!, { groups: groups as number, axis: axis as number, epsilon: epsilon as number }),
  layer_norm: ({ x, gamma, beta }, { axis, epsilon }) =>
    fr.layerNorm(x!, gamma!, beta!, { axis: axis as number, epsilon: epsilon as number }),
  ...NEURAL,

  reciprocal: unary(fr.reciprocal),
  ceil: unary(fr.ceil),
  round: unary(fr.round),
  log1p: unary(fr.log1p),
  selu: unary(fr.selu),
  step: unary(fr.step),
  flatten: unary((x) => fr.flatten(x)),
  add_n: ({ a, b, c }) => fr.addN([a!, b!, c!]),
  maxout: ({ a, b }) => fr.maxout(a!, b!),
  squared_error: ({ t, y }) => fr.meanSquaredError(t!, y!, { reduction: "none" }),
  gaussian_nll: ({ t, mean, variance }) =>
    fr.gaussianNegativeLogLikelihood(t!, mean!, variance!, { reduction: "none" }),
  categorical_cross_entropy: ({ t, y }) => fr.categoricalCrossEntropy(t!, y!, { reduction: "none" }),
};

/** What forerun has no name for, but its parts: the oracle then checks the parts. By the name it would have. */
export const COMPOSED: Readonly<Record<string, { readonly name: string; readonly build: Build }>> = {
  reduce_l1: { name: "l1Norm", build: reduction((x, options) => fr.sum(fr.abs(x), options)) },
  dropout_with_mask: {
    name: "dropoutWithMask",
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
export const NOT_IN_THE_LIBRARY: Readonly<Record<string, string>> = {};
