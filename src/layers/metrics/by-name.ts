import type { Sizes } from "../../core/shape.ts";
import { isKnown } from "../../core/size.ts";
import type { Tensor } from "../../graph/operation.ts";
import { chosenFrom, type SnakeCase } from "../catalogue.ts";
import {
  BinaryCrossentropy,
  BinaryFocalCrossentropy,
  CategoricalCrossentropy,
  CategoricalFocalCrossentropy,
  Loss,
  SparseCategoricalCrossentropy,
} from "../losses/index.ts";
import {
  BinaryAccuracy,
  CategoricalAccuracy,
  SparseCategoricalAccuracy,
  SparseTopKCategoricalAccuracy,
  TopKCategoricalAccuracy,
} from "./accuracy.ts";
import { BinaryIoU } from "./confusion.ts";
import { FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives } from "./counts.ts";
import { AUC } from "./curves.ts";
import { F1Score, FBetaScore } from "./f-score.ts";
import * as means from "./loss-means.ts";
import { MeanMetricWrapper, type MetricFunction } from "./mean.ts";
import { Metric, type MetricOptions } from "./metric.ts";
import { ConcordanceCorrelation, PearsonCorrelation, R2Score, RootMeanSquaredError } from "./regression.ts";

/** By the names Keras has for them, its short ones included. */
const BY_NAME = {
  binaryAccuracy: (options: MetricOptions) => new BinaryAccuracy(options),
  categoricalAccuracy: (options: MetricOptions) => new CategoricalAccuracy(options),
  sparseCategoricalAccuracy: (options: MetricOptions) => new SparseCategoricalAccuracy(options),
  topKCategoricalAccuracy: (options: MetricOptions) => new TopKCategoricalAccuracy(options),
  sparseTopKCategoricalAccuracy: (options: MetricOptions) => new SparseTopKCategoricalAccuracy(options),
  meanSquaredError: (options: MetricOptions) => new means.MeanSquaredError(options),
  mse: (options: MetricOptions) => new means.MeanSquaredError(options),
  rootMeanSquaredError: (options: MetricOptions) => new RootMeanSquaredError(options),
  rmse: (options: MetricOptions) => new RootMeanSquaredError(options),
  meanAbsoluteError: (options: MetricOptions) => new means.MeanAbsoluteError(options),
  mae: (options: MetricOptions) => new means.MeanAbsoluteError(options),
  meanAbsolutePercentageError: (options: MetricOptions) => new means.MeanAbsolutePercentageError(options),
  mape: (options: MetricOptions) => new means.MeanAbsolutePercentageError(options),
  meanSquaredLogarithmicError: (options: MetricOptions) => new means.MeanSquaredLogarithmicError(options),
  msle: (options: MetricOptions) => new means.MeanSquaredLogarithmicError(options),
  logCosh: (options: MetricOptions) => new means.LogCoshError(options),
  cosineSimilarity: (options: MetricOptions) => new means.CosineSimilarity(options),
  hinge: (options: MetricOptions) => new means.Hinge(options),
  squaredHinge: (options: MetricOptions) => new means.SquaredHinge(options),
  categoricalHinge: (options: MetricOptions) => new means.CategoricalHinge(options),
  klDivergence: (options: MetricOptions) => new means.KLDivergence(options),
  kld: (options: MetricOptions) => new means.KLDivergence(options),
  poisson: (options: MetricOptions) => new means.Poisson(options),
  binaryCrossentropy: (options: MetricOptions) => new means.BinaryCrossentropy(options),
  bce: (options: MetricOptions) => new means.BinaryCrossentropy(options),
  categoricalCrossentropy: (options: MetricOptions) => new means.CategoricalCrossentropy(options),
  sparseCategoricalCrossentropy: (options: MetricOptions) => new means.SparseCategoricalCrossentropy(options),
  r2Score: (options: MetricOptions) => new R2Score(options),
  pearsonCorrelation: (options: MetricOptions) => new PearsonCorrelation(options),
  concordanceCorrelation: (options: MetricOptions) => new ConcordanceCorrelation(options),
  truePositives: (options: MetricOptions) => new TruePositives(options),
  falsePositives: (options: MetricOptions) => new FalsePositives(options),
  trueNegatives: (options: MetricOptions) => new TrueNegatives(options),
  falseNegatives: (options: MetricOptions) => new FalseNegatives(options),
  precision: (options: MetricOptions) => new Precision(options),
  recall: (options: MetricOptions) => new Recall(options),
  auc: (options: MetricOptions) => new AUC(options),
  f1Score: (options: MetricOptions) => new F1Score(options),
  fbetaScore: (options: MetricOptions) => new FBetaScore(options),
  binaryIoU: (options: MetricOptions) => new BinaryIoU(options),
} as const;

/** What loss and shapes decide on. */
const BY_LOSS = ["accuracy", "acc", "crossentropy", "ce"] as const;

type CamelName = keyof typeof BY_NAME;
/** Names of metrics, in this library's spelling or in Keras'. `accuracy` and `crossentropy` stand for one of several. */
export type MetricName = CamelName | SnakeCase<CamelName> | (typeof BY_LOSS)[number];
/** A metric by name, a metric with options, or a function, of which the mean is taken: one of one's own, or a loss. */
export type MetricChoice = MetricName | Metric | MetricFunction;

export const metricNames = (): readonly MetricName[] => [...BY_LOSS, ...(Object.keys(BY_NAME) as CamelName[])];

/** What a metric is for, as far as it is known. */
export interface MetricContext {
  readonly loss?: Loss | null | undefined;
  /** Of targets and predictions, with the batch. */
  readonly targetShape?: Sizes | null | undefined;
  readonly predictionShape?: Sizes | null | undefined;
}

type Kind = "binary" | "categorical" | "sparse";

/**
 * What targets are: by the loss if it is a cross entropy, else by shapes, as Keras does. A prediction of one number is
 * binary; a target of one number, beside a prediction of several, is a class number; other targets are one-hot.
 */
export function kindOfTargets({ loss, targetShape, predictionShape }: MetricContext): Kind {
  if (loss instanceof SparseCategoricalCrossentropy) return "sparse";
  if (loss instanceof CategoricalCrossentropy || loss instanceof CategoricalFocalCrossentropy) return "categorical";
  if (loss instanceof BinaryCrossentropy || loss instanceof BinaryFocalCrossentropy) return "binary";
  const classes = predictionShape?.at(-1);
  if (!predictionShape || classes === undefined || (isKnown(classes) && classes === 1)) return "binary";
  if (targetShape && (targetShape.length < predictionShape.length || targetShape.at(-1) === 1)) return "sparse";
  return "categorical";
}

/**
 * The metric of this name, with its default options, and with the name it was asked for. `"accuracy"` and
 * `"crossentropy"` are decided by loss and shapes; `metric.describe()` says what they have become.
 * @throws GraphError for a name that is none, listing near ones
 */
export function metricNamed(name: MetricName, context: MetricContext = {}): Metric {
  const fromLogits = (context.loss as { readonly fromLogits?: boolean } | null | undefined)?.fromLogits ?? false;
  const accuracy = ({ name: label }: MetricOptions): Metric =>
    ({
      // Scores before a sigmoid are on the right side of 0, not of 0.5.
      binary: () => new BinaryAccuracy({ name: label, threshold: fromLogits ? 0 : 0.5 }),
      categorical: () => new CategoricalAccuracy({ name: label }),
      sparse: () => new SparseCategoricalAccuracy({ name: label }),
    })[kindOfTargets(context)]();
  const crossentropy = ({ name: label }: MetricOptions): Metric =>
    ({
      binary: () => new means.BinaryCrossentropy({ name: label, fromLogits }),
      categorical: () => new means.CategoricalCrossentropy({ name: label, fromLogits }),
      sparse: () => new means.SparseCategoricalCrossentropy({ name: label, fromLogits }),
    })[kindOfTargets(context)]();
  const all = { accuracy, acc: accuracy, crossentropy, ce: crossentropy, ...BY_NAME };
  return chosenFrom<Metric>("metric", all, name);
}

/**
 * The metric that was chosen: by name, as itself, or as a function or a loss, of which the mean is taken.
 * @throws GraphError for a name that is none, listing near ones
 */
export function metricFrom(
  choice: MetricChoice,
  context: { readonly loss?: Loss | null; readonly target?: Tensor | null; readonly prediction?: Tensor | null } = {},
): Metric {
  if (choice instanceof Metric) return choice;
  if (choice instanceof Loss) return new means.MeanOfLoss(choice);
  if (typeof choice === "function") return new MeanMetricWrapper(choice);
  const { loss, target, prediction } = context;
  return metricNamed(choice, { loss, targetShape: target?.shape, predictionShape: prediction?.shape });
}
