import { GraphError } from "../core/errors.ts";
import { nearNamesFix } from "../graph/builder.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { Adadelta } from "./adadelta.ts";
import { Adagrad } from "./adagrad.ts";
import { Adam, AdamW } from "./adam.ts";
import { Adamax } from "./adamax.ts";
import type { LearningRate } from "./formula.ts";
import { GradientDescent } from "./gradient-descent.ts";
import { Lion } from "./lion.ts";
import { Momentum } from "./momentum.ts";
import { Nadam } from "./nadam.ts";
import type { Optimizer } from "./optimizer.ts";
import { RMSprop } from "./rmsprop.ts";
import { SGD } from "./sgd.ts";

/** Each with its default options; made anew at each call, since an optimizer keeps slots. */
const BY_NAME = {
  adadelta: (rate?: LearningRate) => new Adadelta(rate),
  adagrad: (rate?: LearningRate) => new Adagrad(rate),
  adam: (rate?: LearningRate) => new Adam(rate),
  adamax: (rate?: LearningRate) => new Adamax(rate),
  adamw: (rate?: LearningRate) => new AdamW(rate),
  gradientDescent: (rate?: LearningRate) => new GradientDescent(rate),
  lion: (rate?: LearningRate) => new Lion(rate),
  momentum: (rate?: LearningRate) => new Momentum(rate),
  nadam: (rate?: LearningRate) => new Nadam(rate),
  rmsprop: (rate?: LearningRate) => new RMSprop(rate),
  sgd: (rate?: LearningRate) => new SGD(rate),
} as const;

export type OptimizerName = keyof typeof BY_NAME;

export const optimizerNames = (): readonly OptimizerName[] => Object.keys(BY_NAME) as OptimizerName[];

/**
 * An optimizer by name, as Keras' `optimizers.get`. An optimizer is handed back as it is, so that options may take
 * either.
 * @param learningRate for a name; without it the algorithm's default
 * @throws GraphError listing near names
 */
export function optimizer(choice: OptimizerName | Optimizer, learningRate?: LearningRate): Optimizer {
  if (typeof choice !== "string") return choice;
  if (Object.hasOwn(BY_NAME, choice)) return BY_NAME[choice](learningRate);
  throw new GraphError({
    what: `optimizer: there is none called "${choice as string}"`,
    at: lineOf(captureStack()),
    fix: nearNamesFix(choice, optimizerNames(), `names: ${optimizerNames().join(", ")}`),
  });
}
