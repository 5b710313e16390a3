/** Losses in the spelling of Keras. Re-exports only. */
export { type LossChoice, type LossName, lossFrom, lossNamed, lossNames } from "./by-name.ts";
export {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  type CrossentropyOptions,
  type LogitsOptions,
  SparseCategoricalCrossentropy,
  type SparseOptions,
} from "./crossentropy.ts";
export { KLDivergence, Poisson } from "./distribution.ts";
export { BinaryFocalCrossentropy, CategoricalFocalCrossentropy, type FocalOptions } from "./focal.ts";
export { CategoricalHinge, Hinge, SquaredHinge } from "./hinge.ts";
export { CategoricalGeneralizedCrossEntropy, Circle, type CircleOptions, CTC } from "./labelled.ts";
export { probabilitiesGivenAsLogits } from "./logits.ts";
export { FunctionLoss, Loss, type LossFunction, type LossOptions } from "./loss.ts";
export { Dice, type OverlapOptions, Tversky, type TverskyOptions } from "./overlap.ts";
export type { LossReduction, ReductionChoice } from "./reduction.ts";
export {
  type AxisOptions,
  CosineSimilarity,
  Huber,
  type HuberOptions,
  LogCosh,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanSquaredError,
  MeanSquaredLogarithmicError,
} from "./regression.ts";
