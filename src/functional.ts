/**
 * `forerun/functional`: all of `forerun` but the methods of tensors, so that a bundler keeps only the ops a program
 * calls. Re-exports only; `forerun` re-exports all of this.
 */
export { type GradientOptions, gradients } from "./autodiff/gradients.ts";
export type { CompileOptions, PassRecord, TraceEvent } from "./compiler/pass.ts";
export type { Backend, Executable, Placement, Plan, PlanArray, Storage } from "./compiler/plan.ts";
export type { DType, TypedArray } from "./core/dtype.ts";
export {
  CompileError,
  DTypeError,
  FeedError,
  FileError,
  ForerunError,
  GradientError,
  GraphError,
  MemoryError,
  ShapeError,
  StateError,
} from "./core/errors.ts";
// What checked functions of one's own are written with: `f<S extends Shape>(x: Tensor<S> & Valid<…>): Tensor<Result<…>>`.
export type { AxisArgument, Reduce, Reshape, ShapeFrom, Transpose } from "./core/shape-rules.ts";
export type {
  AnyShape,
  Broadcast,
  Dim,
  MatMul,
  Result,
  Shape,
  ShapeMismatch,
  Valid,
} from "./core/shape-types.ts";
export type { ValueLike } from "./core/values.ts";
export { setWarningHandler } from "./core/warnings.ts";
export { parseGraph } from "./files/parse.ts";
export type { FileLimits, FileOptions } from "./files/reader.ts";
export { parseSafetensors, type SafetensorsFile } from "./files/safetensors.ts";
export { type GraphDef, type OperationText, serializeGraph } from "./files/serialize.ts";
export {
  type LoadOptions,
  type LoadReport,
  loadVariables,
  type SaveOptions,
  saveVariables,
} from "./files/variables.ts";
export { graphHash } from "./graph/hash.ts";
export type { Nest, Tensors } from "./graph/nest.ts";
export { type Askable, Operation, Tensor, type TensorValue, type Unfed, Variable } from "./graph/operation.ts";
export {
  type ActivationName,
  activation,
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  maxout,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softsign,
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
export { scaledDotProductAttention } from "./ops/attention.ts";
export {
  batchNorm,
  batchNormInference,
  groupNorm,
  instanceNorm,
  localResponseNormalization,
} from "./ops/batch-normalization.ts";
export { bitwiseAnd, bitwiseNot, bitwiseOr, bitwiseXor, leftShift, rightShift } from "./ops/bitwise.ts";
export {
  cast,
  equal,
  greater,
  greaterEqual,
  isFinite,
  isInf,
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
export { cond, switchCase } from "./ops/control/branch.ts";
export { map, type ScanOptions, scan } from "./ops/control/scan.ts";
export { type WhileOptions, whileLoop } from "./ops/control/while.ts";
export { conv1d, conv1dTranspose, conv2d, conv2dTranspose, conv3d, conv3dTranspose } from "./ops/convolution.ts";
export { range } from "./ops/counting.ts";
export { ctcLoss } from "./ops/ctc.ts";
export { type CumulativeOptions, cumprod, cumsum } from "./ops/cumulative.ts";
export {
  bernoulliLogProbability,
  categoricalLogProbability,
  normalLogProbability,
  normalProbability,
} from "./ops/distributions.ts";
export { type ContractedAxes, einsum, tensordot } from "./ops/einsum.ts";
export { cos, erf, exp, expm1, log, log1p, pow, rsqrt, sin, sqrt } from "./ops/elementary.ts";
export { type EyeOptions, eye, linspace, type MeshgridOptions, meshgrid } from "./ops/grids.ts";
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
export { binaryFocalCrossEntropy, hinge, huber, logCosh, poisson, squaredHinge } from "./ops/loss-elementwise.ts";
export { categoricalFocalCrossEntropy, cosineSimilarity, klDivergence } from "./ops/loss-rows.ts";
export { bandPart, cholesky, diag, diagPart, matrixInverse, trace, tril, triu } from "./ops/matrices.ts";
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
export { layerNorm, rmsNorm } from "./ops/normalization.ts";
export {
  averagePool1d,
  averagePool2d,
  averagePool3d,
  globalAveragePool,
  globalMaxPool,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from "./ops/pooling.ts";
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
export {
  all,
  any,
  argmax,
  argmin,
  logSumExp,
  max,
  mean,
  min,
  norm,
  type Reducing,
  type Reduction,
  std,
  sum,
  variance,
} from "./ops/reduction.ts";
export { resizeBilinear, resizeNearestNeighbor } from "./ops/resize.ts";
export { dropout, randomBernoulli, randomCategorical, randomGamma, shuffle } from "./ops/sampling.ts";
export {
  booleanMask,
  embeddingLookup,
  gatherNd,
  scatterNd,
  segmentSum,
  takeAlongAxis,
  tensorScatterAdd,
  tensorScatterUpdate,
  unsortedSegmentSum,
} from "./ops/scatter.ts";
export { depthwiseConv2d, separableConv2d } from "./ops/separable.ts";
export { concat, pad, reverse, slice, split, stack, unstack } from "./ops/slicing.ts";
export { logSoftmax, softmax } from "./ops/softmax.ts";
export { argsort, type SearchSortedOptions, type SortOptions, searchSorted, sort, topK } from "./ops/sorting.ts";
export { digamma, erfc, exp2, lgamma, log2, log10, logaddexp, polygamma, xlogy } from "./ops/special.ts";
export { assign, assignAdd, customGradient, group, identity, stopGradient } from "./ops/state.ts";
export { countNonzero, type L2NormalizeOptions, l2Normalize, moments, reduceEuclideanNorm } from "./ops/statistics.ts";
export {
  depthToSpace,
  mirrorPad,
  repeat,
  roll,
  type StridedSliceOptions,
  spaceToDepth,
  stridedSlice,
} from "./ops/strided.ts";
export type { BroadcastOf, BroadcastResult, Dims, Operand, OpOptions, ShapeOf } from "./ops/support.ts";
export { acos, acosh, asin, asinh, atan, atan2, atanh, cosh, sinh, tan } from "./ops/trigonometry.ts";
export { createSession, type WorkerSessionOptions } from "./remote/create-session.ts";
export type { RemoteCallOptions, RunProgress } from "./remote/link.ts";
export type { PlanSummary } from "./remote/messages.ts";
export {
  type RemotePreparedRun,
  type RemotePrepareOptions,
  type RemoteRunOptions,
  type RunEachOptions,
  WorkerSession,
} from "./remote/worker-session.ts";
export type { Feeds } from "./runtime/feeds.ts";
export type { Fetched, Fetches } from "./runtime/fetches.ts";
export { Graph, type Initializer, type VariableInfo, type VariableOptions } from "./runtime/graph.ts";
export { NDArray } from "./runtime/ndarray.ts";
export type { PreparedRun, PrepareOptions } from "./runtime/prepared.ts";
export { RandomState, type RandomStateOptions } from "./runtime/random-state.ts";
export { Session, type SessionOptions } from "./runtime/session.ts";
export type { SizeMode, SizeModes } from "./runtime/sizes.ts";
export { type TapFunction, tap } from "./runtime/tap.ts";
