/** `forerun/train`: optimizers, schedules of learning rates, and the initial values of variables. Re-exports only. */
export { Adadelta, type AdadeltaOptions } from "./adadelta.ts";
export { Adagrad, type AdagradOptions } from "./adagrad.ts";
export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export { Adamax, type AdamaxOptions } from "./adamax.ts";
export { type OptimizerName, optimizer, optimizerNames } from "./by-name.ts";
export { type ClipOptions, clipByGlobalNorm, clipByNorm, globalNorm } from "./clip.ts";
export type {
  GradientPair,
  LearningRate,
  Scalar,
  Shared,
  StepContext,
  Update,
  UpdateContext,
} from "./formula.ts";
export { GradientDescent } from "./gradient-descent.ts";
export {
  constant,
  fansOf,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  identity,
  lecunNormal,
  lecunUniform,
  type NormalInitializerOptions,
  ones,
  orthogonal,
  randomNormal,
  randomUniform,
  truncatedNormal,
  type VarianceScalingOptions,
  varianceScaling,
  withSeed,
  zeros,
} from "./initializers.ts";
export { Lion, type LionOptions } from "./lion.ts";
export { Momentum } from "./momentum.ts";
export { Nadam, type NadamOptions } from "./nadam.ts";
export { type MinimizeOptions, Optimizer, type OptimizerOptions } from "./optimizer.ts";
export { RMSprop, type RMSpropOptions } from "./rmsprop.ts";
export { Schedule } from "./schedule.ts";
export {
  constantRate,
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  inverseTimeDecay,
  oneCycle,
  piecewiseConstant,
  polynomialDecay,
  warmUp,
} from "./schedules.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
