/** `forerun/layers`: layers, models and their training, in the spelling of Keras. Re-exports only. */
import "../ops/methods.ts";

export type { Sizes } from "../core/shape.ts";
export type { ActivationChoice, ActivationName } from "./activation-names.ts";
export {
  Activation,
  ELU,
  LeakyReLU,
  Maxout,
  type MaxoutOptions,
  PReLU,
  type PReLUOptions,
  ReLU,
  type ReLUOptions,
  Softmax,
} from "./activations.ts";
export {
  AdditiveAttention,
  Attention,
  type AttentionCallOptions,
  type AttentionOptions,
  MultiHeadAttention,
  type MultiHeadAttentionCallOptions,
  type MultiHeadAttentionOptions,
} from "./attention.ts";
export { BatchNormalization, type BatchNormalizationOptions } from "./batch-normalization.ts";
export { Bidirectional, type BidirectionalOptions, type MergeMode } from "./bidirectional.ts";
export * from "./callbacks/index.ts";
export type { ConstraintChoice, ConstraintName } from "./constraints.ts";
export * as constraints from "./constraints.ts";
export { Conv1D, type Conv1DOptions, Conv2D, Conv3D, type ConvolutionOptions } from "./convolution.ts";
export {
  DepthwiseConv1D,
  DepthwiseConv2D,
  type DepthwiseOptions,
  SeparableConv1D,
  SeparableConv2D,
  type SeparableOptions,
} from "./convolution-separable.ts";
export { Conv1DTranspose, Conv2DTranspose, type TransposedOptions } from "./convolution-transpose.ts";
export { type InputOptions, input } from "./core/input.ts";
export {
  type ApplyOptions,
  type CallOptions,
  type Given,
  type InputSpec,
  Layer,
  type LayerOptions,
  type ShapesOf,
} from "./core/layer.ts";
export { Module } from "./core/module.ts";
export type { TensorNest } from "./core/nest.ts";
export type { ModelGraph, ModelOptions } from "./core/network.ts";
export { setSeed } from "./core/seeds.ts";
export type { Constraint, Regularizer, WeightOptions } from "./core/weight.ts";
export { Dense, type DenseOptions, type KernelOptions } from "./dense.ts";
export { Embedding, type EmbeddingOptions } from "./embedding.ts";
export { Functional, model } from "./functional.ts";
export { classification, type Head, regression } from "./heads.ts";
export type { InitializerChoice, InitializerName } from "./initializers.ts";
export * as initializers from "./initializers.ts";
export * from "./losses/index.ts";
export { Masking, type MaskingOptions } from "./masking.ts";
export {
  Add,
  Average,
  Concatenate,
  concatenate,
  Dot,
  type DotOptions,
  Maximum,
  Minimum,
  Multiply,
  Subtract,
} from "./merging.ts";
/** Metrics, some of which have the names of losses: `new metrics.CategoricalAccuracy()`. */
export * as metrics from "./metrics/index.ts";
export {
  type ArraysOf,
  type CompileOptions,
  type EvaluateOptions,
  type FitOptions,
  Model,
  type PredictOptions,
  type RunOptions,
} from "./model.ts";
export {
  GroupNormalization,
  type GroupNormalizationOptions,
  LayerNormalization,
  type LayerNormalizationOptions,
  UnitNormalization,
} from "./normalization.ts";
export { type Examples, Normalization, type NormalizationOptions } from "./normalization-adapted.ts";
export {
  Cropping1D,
  Cropping2D,
  type Sides,
  UpSampling1D,
  UpSampling2D,
  type UpSampling2DOptions,
  ZeroPadding1D,
  ZeroPadding2D,
} from "./padding.ts";
export {
  AveragePooling1D,
  AveragePooling2D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  type GlobalPoolingOptions,
  MaxPooling1D,
  MaxPooling2D,
  type PoolingOptions,
} from "./pooling.ts";
export * from "./recurrent/index.ts";
export {
  ActivityRegularization,
  AlphaDropout,
  Dropout,
  type DropoutOptions,
  GaussianDropout,
  GaussianNoise,
  SpatialDropout1D,
  SpatialDropout2D,
} from "./regularization.ts";
export type { RegularizerChoice, RegularizerName } from "./regularizers.ts";
export * as regularizers from "./regularizers.ts";
export { type LoadModelOptions, loadModel } from "./saving/load.ts";
export { Sequential, type SequentialOptions, sequential } from "./sequential.ts";
export { Flatten, Identity, Lambda, Permute, RepeatVector, Rescaling, Reshape } from "./shaping.ts";
export type { SummaryOptions } from "./summary.ts";
export { TimeDistributed } from "./time-distributed.ts";
export type { Batch, BatchSource } from "./training/feeds.ts";
export type { Data } from "./training/structure.ts";
export type { Logs } from "./training/trainer.ts";
