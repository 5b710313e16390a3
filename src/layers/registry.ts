import { Activation, ELU, LeakyReLU, Maxout, PReLU, ReLU, Softmax } from "./activations.ts";
import { AdditiveAttention, Attention, MultiHeadAttention } from "./attention.ts";
import { BatchNormalization } from "./batch-normalization.ts";
import { Bidirectional } from "./bidirectional.ts";
import { Conv1D, Conv2D, Conv3D } from "./convolution.ts";
import { DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D } from "./convolution-separable.ts";
import { Conv1DTranspose, Conv2DTranspose } from "./convolution-transpose.ts";
import { Dense } from "./dense.ts";
import { Embedding } from "./embedding.ts";
import { Masking } from "./masking.ts";
import { Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract } from "./merging.ts";
import { GroupNormalization, LayerNormalization, UnitNormalization } from "./normalization.ts";
import { Normalization } from "./normalization-adapted.ts";
import { Cropping1D, Cropping2D, UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D } from "./padding.ts";
import {
  AveragePooling1D,
  AveragePooling2D,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  MaxPooling1D,
  MaxPooling2D,
} from "./pooling.ts";
import { GRU, GRUCell, LSTM, LSTMCell, RNN, SimpleRNN, SimpleRNNCell } from "./recurrent/index.ts";
import {
  ActivityRegularization,
  AlphaDropout,
  Dropout,
  GaussianDropout,
  GaussianNoise,
  SpatialDropout1D,
  SpatialDropout2D,
} from "./regularization.ts";
import { Flatten, Identity, Permute, RepeatVector, Rescaling, Reshape } from "./shaping.ts";
import { TimeDistributed } from "./time-distributed.ts";

/** A class of layers, made again from what `getConfig` gave. */
export interface LayerKind {
  /** @param kinds what layers in it may be, where they are described by kind and configuration */
  fromConfig(config: Readonly<Record<string, unknown>>, kinds?: Readonly<Record<string, LayerKind>>): unknown;
}

/** The layers of this library by their kind, as files name them. A function, so that nothing is decided on loading. */
export const layerKinds = (): Readonly<Record<string, LayerKind>> => ({
  Activation,
  ActivityRegularization,
  Add,
  AdditiveAttention,
  AlphaDropout,
  Attention,
  Average,
  AveragePooling1D,
  AveragePooling2D,
  BatchNormalization,
  Bidirectional,
  Concatenate,
  Conv1D,
  Conv1DTranspose,
  Conv2D,
  Conv2DTranspose,
  Conv3D,
  Cropping1D,
  Cropping2D,
  Dense,
  DepthwiseConv1D,
  DepthwiseConv2D,
  Dot,
  Dropout,
  ELU,
  Embedding,
  Flatten,
  GaussianDropout,
  GaussianNoise,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GroupNormalization,
  GRU,
  GRUCell,
  Identity,
  LayerNormalization,
  LeakyReLU,
  LSTM,
  LSTMCell,
  Masking,
  Maximum,
  Maxout,
  MaxPooling1D,
  MaxPooling2D,
  Minimum,
  MultiHeadAttention,
  Multiply,
  Normalization,
  Permute,
  PReLU,
  ReLU,
  RepeatVector,
  Rescaling,
  Reshape,
  RNN,
  SeparableConv1D,
  SeparableConv2D,
  SimpleRNN,
  SimpleRNNCell,
  Softmax,
  SpatialDropout1D,
  SpatialDropout2D,
  Subtract,
  TimeDistributed,
  UnitNormalization,
  UpSampling1D,
  UpSampling2D,
  ZeroPadding1D,
  ZeroPadding2D,
});
