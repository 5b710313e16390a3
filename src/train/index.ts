/** `forerun/train`: optimizers and the initial values of variables. Re-exports only. */
export { Adam, type AdamOptions } from "./adam.ts";
export { type OptimizerName, optimizer, optimizerNames } from "./by-name.ts";
export { clipByGlobalNorm, globalNorm } from "./clip.ts";
export { GradientDescent } from "./gradient-descent.ts";
export {
  constant,
  fansOf,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  ones,
  randomNormal,
  randomUniform,
  withSeed,
  zeros,
} from "./initializers.ts";
export {
  type GradientPair,
  type LearningRate,
  type MinimizeOptions,
  Optimizer,
  type OptimizerOptions,
  type Update,
  type UpdateContext,
} from "./optimizer.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
