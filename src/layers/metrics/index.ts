/** Metrics in the spelling of Keras. Re-exports only. */
export * from "./accuracy.ts";
export {
  type MetricChoice,
  type MetricContext,
  type MetricName,
  metricFrom,
  metricNamed,
  metricNames,
} from "./by-name.ts";
export * from "./confusion.ts";
export {
  type ClassOptions,
  FalseNegatives,
  FalsePositives,
  Precision,
  Recall,
  type ThresholdOptions,
  TrueNegatives,
  TruePositives,
} from "./counts.ts";
export {
  AUC,
  type AUCOptions,
  type CurveOptions,
  PrecisionAtRecall,
  RecallAtPrecision,
  SensitivityAtSpecificity,
  SpecificityAtSensitivity,
} from "./curves.ts";
export { F1Score, type F1ScoreOptions, FBetaScore, type FBetaScoreOptions } from "./f-score.ts";
export * from "./loss-means.ts";
export { Mean, MeanMetricWrapper, type MetricFunction, Sum } from "./mean.ts";
export { Metric, type MetricOptions } from "./metric.ts";
export {
  ConcordanceCorrelation,
  type CorrelationOptions,
  PearsonCorrelation,
  R2Score,
  type R2ScoreOptions,
  RootMeanSquaredError,
} from "./regression.ts";
