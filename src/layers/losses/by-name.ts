import { chosenFrom, type SnakeCase } from "../catalogue.ts";
import { BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy } from "./crossentropy.ts";
import { KLDivergence, Poisson } from "./distribution.ts";
import { BinaryFocalCrossentropy, CategoricalFocalCrossentropy } from "./focal.ts";
import { CategoricalHinge, Hinge, SquaredHinge } from "./hinge.ts";
import { CategoricalGeneralizedCrossEntropy, Circle, CTC } from "./labelled.ts";
import { FunctionLoss, Loss, type LossFunction, type LossOptions } from "./loss.ts";
import { Dice, Tversky } from "./overlap.ts";
import {
  CosineSimilarity,
  Huber,
  LogCosh,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanSquaredError,
  MeanSquaredLogarithmicError,
} from "./regression.ts";

/** By the names Keras has for them, its short ones included. */
const BY_NAME = {
  meanSquaredError: (options: LossOptions) => new MeanSquaredError(options),
  mse: (options: LossOptions) => new MeanSquaredError(options),
  meanAbsoluteError: (options: LossOptions) => new MeanAbsoluteError(options),
  mae: (options: LossOptions) => new MeanAbsoluteError(options),
  meanAbsolutePercentageError: (options: LossOptions) => new MeanAbsolutePercentageError(options),
  mape: (options: LossOptions) => new MeanAbsolutePercentageError(options),
  meanSquaredLogarithmicError: (options: LossOptions) => new MeanSquaredLogarithmicError(options),
  msle: (options: LossOptions) => new MeanSquaredLogarithmicError(options),
  huber: (options: LossOptions) => new Huber(options),
  logCosh: (options: LossOptions) => new LogCosh(options),
  cosineSimilarity: (options: LossOptions) => new CosineSimilarity(options),
  hinge: (options: LossOptions) => new Hinge(options),
  squaredHinge: (options: LossOptions) => new SquaredHinge(options),
  categoricalHinge: (options: LossOptions) => new CategoricalHinge(options),
  klDivergence: (options: LossOptions) => new KLDivergence(options),
  kld: (options: LossOptions) => new KLDivergence(options),
  kullbackLeiblerDivergence: (options: LossOptions) => new KLDivergence(options),
  poisson: (options: LossOptions) => new Poisson(options),
  binaryCrossentropy: (options: LossOptions) => new BinaryCrossentropy(options),
  bce: (options: LossOptions) => new BinaryCrossentropy(options),
  categoricalCrossentropy: (options: LossOptions) => new CategoricalCrossentropy(options),
  sparseCategoricalCrossentropy: (options: LossOptions) => new SparseCategoricalCrossentropy(options),
  binaryFocalCrossentropy: (options: LossOptions) => new BinaryFocalCrossentropy(options),
  categoricalFocalCrossentropy: (options: LossOptions) => new CategoricalFocalCrossentropy(options),
  categoricalGeneralizedCrossEntropy: (options: LossOptions) => new CategoricalGeneralizedCrossEntropy(options),
  dice: (options: LossOptions) => new Dice(options),
  tversky: (options: LossOptions) => new Tversky(options),
  circle: (options: LossOptions) => new Circle(options),
  ctc: (options: LossOptions) => new CTC(options),
} as const;

type CamelName = keyof typeof BY_NAME;
/** Names of losses, in this library's spelling or in Keras': `meanSquaredError`, `mean_squared_error`, `mse`. */
export type LossName = CamelName | SnakeCase<CamelName>;
/** A loss by name, a loss with options, which is a function too, or a function of one's own. */
export type LossChoice = LossName | LossFunction;

export const lossNames = (): readonly CamelName[] => Object.keys(BY_NAME) as CamelName[];

/**
 * The loss of this name, with its default options, and with the name it was asked for.
 * @throws GraphError for a name that is none, listing near ones
 */
export const lossNamed = (name: LossName): Loss => chosenFrom<Loss>("loss", BY_NAME, name);

/**
 * The loss that was chosen: by name, as itself, or as a function that gives the loss of each sample.
 * @throws GraphError for a name that is none, listing near ones
 */
export function lossFrom(choice: LossChoice): Loss {
  if (choice instanceof Loss) return choice;
  return typeof choice === "function" ? new FunctionLoss(choice) : lossNamed(choice);
}
