import { GraphError } from "../core/errors.ts";
import { nearNamesFix } from "../graph/builder.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { Adam } from "./adam.ts";
import { GradientDescent } from "./gradient-descent.ts";
import type { LearningRate, Optimizer } from "./optimizer.ts";
import { SGD } from "./sgd.ts";

/** Each with its default options; made anew at each call, since an optimizer keeps slots. */
const BY_NAME = {
  adam: (rate?: LearningRate) => new Adam(rate),
  gradientDescent: (rate?: LearningRate) => new GradientDescent(rate),
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
