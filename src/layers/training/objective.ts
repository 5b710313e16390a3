import { GraphError } from "../../core/errors.ts";
import { nearNamesFix } from "../../graph/builder.ts";
import type { Tensor } from "../../graph/operation.ts";
import { add, mul } from "../../ops/arithmetic.ts";
import { mean } from "../../ops/reduction.ts";
import { here } from "../../runtime/reading.ts";
import { type Loss, type LossChoice, lossFrom } from "../losses/index.ts";
import { Mean, type Metric, type MetricChoice, metricFrom } from "../metrics/index.ts";

/** The same for all outputs, or one for each: in a list, or by the name of the output. */
export type PerOutput<T> = T | readonly (T | null)[] | { readonly [output: string]: T | null };

export interface ObjectiveOptions {
  readonly loss?: PerOutput<LossChoice> | undefined;
  /** How much each output's loss counts. Default 1. */
  readonly lossWeights?: readonly number[] | { readonly [output: string]: number } | undefined;
  readonly metrics?: readonly MetricChoice[] | PerOutput<readonly MetricChoice[]> | undefined;
  /** Metrics that take sample and class weights into account. */
  readonly weightedMetrics?: readonly MetricChoice[] | PerOutput<readonly MetricChoice[]> | undefined;
}

/** One output of the model, with what is asked of it. */
interface Output {
  readonly name: string;
  readonly loss: Loss | null;
  readonly weight: number;
  /** Mean of its loss, if there are several outputs. */
  readonly lossMean: Mean | null;
  readonly metrics: readonly { readonly label: string; readonly metric: Metric; readonly isWeighted: boolean }[];
}

/** What training makes small, and what it reports. Its state is in the metrics. */
export class Objective {
  readonly outputs: readonly Output[];
  /** The running mean of the whole loss. */
  readonly lossMean = new Mean({ name: "loss" });
  /** Means of what layers report by `addMetric`. */
  readonly #reported = new Map<string, Mean>();
  /** Names of what is reported, each once, in the order of `metrics`. */
  readonly labels: readonly string[];

  /** @param reported names of what layers report, known from a trial call */
  constructor(
    options: ObjectiveOptions,
    names: readonly string[],
    targets: readonly (Tensor | null)[],
    predictions: readonly Tensor[],
    reported: readonly string[],
  ) {
    const losses = spread(
      "loss",
      options.loss,
      names,
      (value): value is LossChoice => !isList(value) && !isRecord(value),
    );
    const weights = spread("lossWeights", options.lossWeights as PerOutput<number> | undefined, names, isNumber);
    const isMetrics = (value: unknown): value is readonly MetricChoice[] =>
      isList(value) && !value.some((item) => isList(item) || isRecord(item) || item === null);
    const metrics = spread<readonly MetricChoice[]>(
      "metrics",
      options.metrics as PerOutput<readonly MetricChoice[]>,
      names,
      isMetrics,
    );
    const weighted = spread<readonly MetricChoice[]>(
      "weightedMetrics",
      options.weightedMetrics as PerOutput<readonly MetricChoice[]>,
      names,
      isMetrics,
    );
    this.outputs = names.map((name, i) => {
      const choice = losses[i] ?? null;
      const loss = choice === null ? null : lossFrom(choice);
      const several = names.length > 1;
      const made = (choices: readonly MetricChoice[] | null | undefined, isWeighted: boolean) =>
        (choices ?? []).map((metricChoice) => {
          const metric = metricFrom(metricChoice, { loss, target: targets[i] ?? null, prediction: predictions[i]! });
          return { label: several ? `${name}_${metric.name}` : metric.name, metric, isWeighted };
        });
      const plain = made(metrics[i], false);
      // A metric that is there twice, with weights and without, has two names, as in Keras.
      const withWeights = made(weighted[i], true).map((entry) =>
        plain.some(({ label }) => label === entry.label)
          ? { ...entry, label: several ? `${name}_weighted_${entry.metric.name}` : `weighted_${entry.metric.name}` }
          : entry,
      );
      return {
        name,
        loss,
        weight: weights[i] ?? 1,
        lossMean: several && loss ? new Mean({ name: `${name}_loss` }) : null,
        metrics: [...plain, ...withWeights],
      };
    });
    for (const name of reported) this.#reported.set(name, new Mean({ name }));
    requireOwnMetrics(this.outputs);
    this.labels = eachOnce([
      "loss",
      ...this.outputs.flatMap(({ name, lossMean }) => (lossMean ? [`${name}_loss`] : [])),
      ...this.outputs.flatMap(({ metrics: own }) => own.map(({ label }) => label)),
      ...this.#reported.keys(),
    ]);
  }

  /** Everything with state, in the order of the report. */
  get metrics(): readonly Metric[] {
    return [
      this.lossMean,
      ...this.outputs.flatMap(({ lossMean }) => (lossMean ? [lossMean] : [])),
      ...this.outputs.flatMap(({ metrics }) => metrics.map(({ metric }) => metric)),
      ...this.#reported.values(),
    ];
  }
  /**
   * The number to make small.
   * @param targets null where there are none
   * @param weights of samples, [batch], for each output
   * @param terms what layers add
   */
  loss(
    targets: readonly (Tensor | null)[],
    predictions: readonly Tensor[],
    weights: readonly (Tensor | null)[],
    terms: readonly Tensor[],
    what = "fit",
  ): { readonly total: Tensor; readonly perOutput: readonly (Tensor | null)[] } {
    const perOutput = this.outputs.map(({ loss, name }, i) => {
      if (!loss) return null;
      const target = targets[i];
      if (!target) throw noTarget(what, name);
      return loss.apply(target, predictions[i]!, weights[i] ?? undefined);
    });
    const weightedTerms = perOutput.flatMap((loss, i) => {
      const { weight } = this.outputs[i]!;
      return loss ? [weight === 1 ? loss : mul(loss, weight)] : [];
    });
    const all = [...weightedTerms, ...terms.map((term) => (term.rank === 0 ? term : mean(term)))];
    if (all.length === 0) throw nothingToMinimise();
    return { total: all.reduce((sum, term) => add(sum, term)), perOutput };
  }

  /** Takes a batch into the running means. */
  track(batch: {
    readonly count: Tensor;
    readonly total: Tensor;
    readonly perOutput: readonly (Tensor | null)[];
    readonly targets: readonly (Tensor | null)[];
    readonly predictions: readonly Tensor[];
    readonly weights: readonly (Tensor | null)[];
    readonly reported: readonly { readonly name: string; readonly value: Tensor }[];
  }): void {
    const { count, total, perOutput, targets, predictions, weights, reported } = batch;
    this.lossMean.updateState(total, count);
    this.outputs.forEach(({ lossMean, metrics }, i) => {
      if (lossMean && perOutput[i]) lossMean.updateState(perOutput[i], count);
      for (const { metric, isWeighted } of metrics) {
        const weight = isWeighted ? (weights[i] ?? undefined) : undefined;
        metric.updateState(targets[i]!, predictions[i]!, weight);
      }
    });
    for (const { name, value } of reported) this.#reported.get(name)?.updateState(value, count);
  }
}

/** A name that is there already gets a number. */
function eachOnce(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  for (const name of names) {
    let unique = name;
    for (let i = 1; taken.has(unique); i++) unique = `${name}_${i}`;
    taken.add(unique);
  }
  return [...taken];
}

/** A metric object keeps one sum: it can not serve two outputs, or the weighted and the plain list. */
function requireOwnMetrics(outputs: readonly Output[]): void {
  const seen = new Map<Metric, string>();
  for (const { name, metrics } of outputs) {
    for (const { metric } of metrics) {
      const other = seen.get(metric);
      if (other !== undefined) {
        throw new GraphError({
          what: `compile: the metric "${metric.name}" stands twice: for output "${other}" and for output "${name}"`,
          at: here(),
          fix: "make one for each, metrics: { a: [new metrics.AUC()], b: [new metrics.AUC()] }, or name it",
        });
      }
      seen.set(metric, name);
    }
  }
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isNumber = (value: unknown): value is number => typeof value === "number";
const isRecord = (value: unknown): value is { readonly [name: string]: unknown } =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

/** A value for each output, from one for all, a list, or an object by names. */
function spread<T>(
  option: string,
  given: PerOutput<T> | undefined,
  names: readonly string[],
  isOne: (value: unknown) => value is T,
): readonly (T | null)[] {
  if (given === undefined || given === null) return names.map(() => null);
  if (isOne(given)) return names.map(() => given);
  if (isList(given)) {
    if (given.length === names.length) return given as readonly (T | null)[];
    throw new GraphError({
      what: `compile: ${option} has ${given.length} entries for ${names.length} outputs`,
      details: [`outputs: ${names.join(", ")}`],
      at: here(),
      fix: "give one for each output, null for none, or an object by the names of outputs",
    });
  }
  for (const name of Object.keys(given as object)) {
    if (names.includes(name)) continue;
    throw new GraphError({
      what: `compile: ${option} names "${name}", which is not an output`,
      at: here(),
      fix: nearNamesFix(name, names, `outputs: ${names.join(", ")}`),
    });
  }
  return names.map((name) => (given as { readonly [output: string]: T | null })[name] ?? null);
}

const noTarget = (what: string, output: string): GraphError =>
  new GraphError({
    what: `${what}: there is a loss for output "${output}", and nothing to compare it with`,
    at: here(),
    fix: "give y for every output with a loss, or null as its loss",
  });

const nothingToMinimise = (): GraphError =>
  new GraphError({
    what: "compile: there is no loss",
    at: here(),
    fix: 'name one, compile({ loss: "meanSquaredError" }), or add terms with addLoss in a layer',
  });
