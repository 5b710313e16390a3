/** How the operations of `test/oracles/breadth-b.py` are written with forerun. */

import type { Tensor } from "../../src/index.ts";
import * as fr from "../../src/index.ts";
import type { Build } from "./oracle-ops.ts";

type Single = readonly [number];
type Pair = readonly [number, number];
type Triple = readonly [number, number, number];

/** Window options as the script writes them, for windows over N axes. */
interface Options<N extends Single | Pair | Triple> {
  readonly strides: N;
  readonly padding: "same" | "valid" | { readonly [Axis in keyof N]: Pair };
  readonly dilations: N;
  readonly window: N;
}
type OracleAttrs = Parameters<Build>[1];
const withPadding = <N extends Single | Pair | Triple>(attrs: OracleAttrs): Options<N> & { groups: number } => {
  const { padding, ...others } = attrs as { padding: unknown };
  const named = typeof padding === "string" ? padding.toLowerCase() : padding;
  return { ...others, padding: named } as Options<N> & { groups: number };
};
const convolution = <N extends Single | Pair | Triple>(attrs: OracleAttrs) => {
  const { strides, padding, dilations, groups } = withPadding<N>(attrs);
  return { strides, padding, dilations, groups };
};
const depthwise = (attrs: OracleAttrs) => {
  const { strides, padding, dilations } = withPadding<Pair>(attrs);
  return { strides, padding, dilations };
};
const pooling = <N extends Single | Pair | Triple>(attrs: OracleAttrs) => {
  const { window, strides, padding } = withPadding<N>(attrs);
  return { window, strides, padding };
};
const none = { reduction: "none" } as const;

export const NEURAL: Readonly<Record<string, Build>> = {
  conv1d_full: ({ x, w }, attrs) => fr.conv1d(x!, w!, convolution<Single>(attrs)),
  conv2d_full: ({ x, w }, attrs) => fr.conv2d(x!, w!, convolution<Pair>(attrs)),
  conv3d_full: ({ x, w }, attrs) => fr.conv3d(x!, w!, convolution<Triple>(attrs)),
  conv1d_transpose_full: ({ x, w }, attrs) =>
    fr.conv1dTranspose(x!, w!, attrs.shape as number[], convolution<Single>(attrs)),
  conv2d_transpose_full: ({ x, w }, attrs) =>
    fr.conv2dTranspose(x!, w!, attrs.shape as number[], convolution<Pair>(attrs)),
  conv3d_transpose_full: ({ x, w }, attrs) =>
    fr.conv3dTranspose(x!, w!, attrs.shape as number[], convolution<Triple>(attrs)),
  depthwise_conv2d_full: ({ x, w }, attrs) => fr.depthwiseConv2d(x!, w!, depthwise(attrs)),
  separable_conv2d_full: ({ x, dw, pw }, attrs) => fr.separableConv2d(x!, dw!, pw!, depthwise(attrs)),
  max_pool1d: ({ x }, attrs) => fr.maxPool1d(x!, pooling<Single>(attrs)),
  max_pool2d: ({ x }, attrs) => fr.maxPool2d(x!, pooling<Pair>(attrs)),
  max_pool3d: ({ x }, attrs) => fr.maxPool3d(x!, pooling<Triple>(attrs)),
  avg_pool1d: ({ x }, attrs) => fr.averagePool1d(x!, pooling<Single>(attrs)),
  avg_pool2d: ({ x }, attrs) => fr.averagePool2d(x!, pooling<Pair>(attrs)),
  avg_pool3d: ({ x }, attrs) => fr.averagePool3d(x!, pooling<Triple>(attrs)),
  global_max_pool: ({ x }) => fr.globalMaxPool(x!),
  global_avg_pool_keep: ({ x }) => fr.globalAveragePool(x!, { keepDims: true }),
  resize_bilinear_half_pixel: ({ x }, { size }) => fr.resizeBilinear(x!, size as Pair),
  resize_nearest_half_pixel: ({ x }, { size }) => fr.resizeNearestNeighbor(x!, size as Pair),
  resize_bilinear_aligned: ({ x }, { size }) => fr.resizeBilinear(x!, size as Pair, { alignCorners: true }),
  resize_nearest_legacy: ({ x }, { size }) => fr.resizeNearestNeighbor(x!, size as Pair, { halfPixelCenters: false }),

  local_response_normalization: ({ x }, { depth_radius, bias, alpha, beta }) =>
    fr.localResponseNormalization(x!, {
      depthRadius: depth_radius as number,
      bias: bias as number,
      alpha: alpha as number,
      beta: beta as number,
    }),
  batch_norm_inference: ({ x, gamma, beta, mean, variance }, { epsilon }) =>
    fr.batchNormInference(x!, gamma!, beta!, mean!, variance!, { epsilon: epsilon as number }),
  instance_norm: ({ x, gamma, beta }, { epsilon }) =>
    fr.instanceNorm(x!, gamma!, beta!, { epsilon: epsilon as number }),
  rms_norm: ({ x, gamma }, { epsilon }) => fr.rmsNorm(x!, gamma!, { epsilon: epsilon as number }),
  scaled_dot_product_attention: ({ q, k, v, mask }): Tensor =>
    fr.scaledDotProductAttention(q!, k!, v!, mask ? { mask } : {}),

  huber: ({ t, f }, { delta }) => fr.huber(t!, f!, { delta: delta as number, ...none }),
  log_cosh_elements: ({ t, f }) => fr.logCosh(t!, f!, none),
  squared_hinge: ({ t, f }) => fr.squaredHinge(t!, f!, none),
  kl_divergence: ({ t, p }) => fr.klDivergence(t!, p!, none),
  cosine_similarity: ({ t, f }) => fr.cosineSimilarity(t!, f!, none),
  poisson_nll: ({ t, f }) => fr.poisson(t!, f!, none),
  binary_focal_crossentropy: ({ t, f }, { gamma, alpha, logits }) =>
    fr.binaryFocalCrossEntropy(t!, f!, {
      gamma: gamma as number,
      ...(alpha === null ? {} : { alpha: alpha as number }),
      fromLogits: logits as boolean,
      ...none,
    }),
  categorical_focal_crossentropy: ({ t, f }, { gamma, alpha, logits }) =>
    fr.categoricalFocalCrossEntropy(t!, f!, {
      gamma: gamma as number,
      alpha: alpha as number,
      fromLogits: logits as boolean,
      ...none,
    }),
  ctc_loss: ({ logits, labels, label_lengths, logit_lengths }, { blank }) =>
    fr.ctcLoss(labels!, logits!, label_lengths!, logit_lengths!, { blankIndex: blank as number, ...none }),

  bernoulli_log_prob: ({ x, p }) => fr.bernoulliLogProbability(x!, p!),
  categorical_log_prob: ({ x, logits }) => fr.categoricalLogProbability(x!, logits!, { fromLogits: true }),
  normal_log_prob: ({ x, mean, variance }) => fr.normalLogProbability(x!, mean!, variance!),
};
