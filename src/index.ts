/** The public surface: re-exports only. Importing this module also installs the methods of tensors. */
import "./ops/methods.ts";

export { type GradientOptions, gradients } from "./autodiff/gradients.ts";
export type { CompileOptions, PassRecord, TraceEvent } from "./compiler/pass.ts";
export type { Backend, Executable, Plan } from "./compiler/plan.ts";
export type { DType, TypedArray } from "./core/dtype.ts";
export {
  CompileError,
  DTypeError,
  FeedError,
  ForerunError,
  GradientError,
  GraphError,
  ShapeError,
  StateError,
} from "./core/errors.ts";
export type { Dim, Shape } from "./core/shape-types.ts";
export type { ValueLike } from "./core/values.ts";
export { setWarningHandler } from "./core/warnings.ts";
export { Operation, Tensor, Variable } from "./graph/operation.ts";
export {
  type ActivationName,
  activation,
  elu,
  gelu,
  leakyRelu,
  maxout,
  relu,
  selu,
  sigmoid,
  softplus,
  swish,
  tanh,
} from "./ops/activation.ts";
export {
  abs,
  add,
  addN,
  ceil,
  clipByValue,
  div,
  floor,
  floorDiv,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  reciprocal,
  round,
  sign,
  square,
  squaredDifference,
  step,
  sub,
} from "./ops/arithmetic.ts";
export {
  cast,
  equal,
  greater,
  greaterEqual,
  isFinite,
  isNaN,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
  where,
} from "./ops/comparison.ts";
export { affine, dot, matmul, outer } from "./ops/contraction.ts";
export { conv2d, conv2dTranspose } from "./ops/convolution.ts";
export { range } from "./ops/counting.ts";
export { cos, erf, exp, expm1, log, log1p, pow, rsqrt, sin, sqrt } from "./ops/elementary.ts";
export { gather, oneHot, scatterAdd, scatterAddFlat, takeFlat } from "./ops/indexing.ts";
export {
  binaryCrossEntropy,
  categoricalCrossEntropy,
  gaussianNegativeLogLikelihood,
  meanAbsoluteError,
  meanSquaredError,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  sparseCategoricalCrossEntropy,
  sparseSoftmaxCrossEntropy,
} from "./ops/loss.ts";
export {
  broadcastTo,
  expandDims,
  fill,
  flatten,
  onesLike,
  reshape,
  squeeze,
  tile,
  transpose,
  zerosLike,
} from "./ops/movement.ts";
export { layerNorm } from "./ops/normalization.ts";
export { averagePool2d, maxPool2d } from "./ops/pooling.ts";
export { prod } from "./ops/product.ts";
export {
  foldIn,
  randomBits,
  randomKey,
  randomNormal,
  randomPermutation,
  randomUniform,
  randomUniformInt,
  splitKey,
  truncatedNormal,
} from "./ops/random.ts";
export { all, any, argmax, argmin, logSumExp, max, mean, min, norm, std, sum, variance } from "./ops/reduction.ts";
export { concat, pad, reverse, slice, split, stack, unstack } from "./ops/slicing.ts";
export { logSoftmax, softmax } from "./ops/softmax.ts";
export { assign, assignAdd, customGradient, group, identity, stopGradient } from "./ops/state.ts";
export type { Feeds } from "./runtime/feeds.ts";
export type { Fetched, Fetches } from "./runtime/fetches.ts";
export { Graph, type Initializer, type VariableInfo, type VariableOptions } from "./runtime/graph.ts";
export { NDArray } from "./runtime/ndarray.ts";
export { Session, type SessionOptions } from "./runtime/session.ts";
