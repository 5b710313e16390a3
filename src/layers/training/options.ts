/** What `compile`, `fit`, `evaluate` and `predict` may be given, and what is wrong with it before anything begins. */
import { GraphError } from "../../core/errors.ts";
import type { AbortSignalLike } from "../../core/host.ts";
import { nearNamesFix } from "../../graph/builder.ts";
import { here } from "../../runtime/reading.ts";
import type { SessionOptions } from "../../runtime/session.ts";
import type { OptimizerName } from "../../train/by-name.ts";
import type { Optimizer } from "../../train/optimizer.ts";
import { camelCase } from "../catalogue.ts";
import type { BatchSource } from "./feeds.ts";
import type { CallbackLike } from "./fit.ts";
import type { ObjectiveOptions } from "./objective.ts";
import type { Data } from "./structure.ts";

export interface CompileOptions extends ObjectiveOptions {
  /** By name, with its default options, or an object. Default "rmsprop", as in Keras. */
  readonly optimizer?: OptimizerName | Optimizer | undefined;
  /** How plans run: backend, threads, memory. */
  readonly session?: SessionOptions | undefined;
}

/** What `fit` and `evaluate` have in common. */
export interface RunOptions {
  /** Samples in a batch; the last one of an epoch has the rest. Default 32. Datasets have batches of their own. */
  readonly batchSize?: number | undefined;
  /** 0: nothing is written. 1: a bar, where there is a terminal. 2: a line for each epoch. Default 1. */
  readonly verbose?: 0 | 1 | 2 | undefined;
  readonly callbacks?: readonly CallbackLike[] | undefined;
  /** Stops at the next batch: the promise is rejected with its reason. Weights are those after the last whole step. */
  readonly signal?: AbortSignalLike | undefined;
}

export interface FitOptions extends RunOptions {
  /** Default 1. */
  readonly epochs?: number | undefined;
  /** Where to begin counting, to go on with training. Default 0. */
  readonly initialEpoch?: number | undefined;
  /** Another order of the samples in each epoch, which the seed of the model decides. Default true. */
  readonly shuffle?: boolean | undefined;
  /** Share of the samples, the last ones before they are shuffled, that are not learnt from but tested on. */
  readonly validationSplit?: number | undefined;
  /** To test on after each epoch: `[x, y]`, `[x, y, sampleWeight]`, or a dataset of batches. Goes before the split. */
  readonly validationData?: readonly [x: Data, y: Data, sampleWeight?: Data] | BatchSource | undefined;
  readonly validationBatchSize?: number | undefined;
  readonly validationSteps?: number | undefined;
  /** Tests after every so many epochs, or after those in a list, counted from 1. Default 1. */
  readonly validationFrequency?: number | readonly number[] | undefined;
  /** How much each sample counts. */
  readonly sampleWeight?: Data | undefined;
  /** How much samples of each class count: `{ 0: 1, 1: 5 }`. */
  readonly classWeight?: Readonly<Record<number, number>> | undefined;
  /**
   * Goes on where training was: where the last `fit` ended, or the file that was loaded. The same batches come in the
   * same order as if it had never stopped. `epochs` counts from the beginning. Default false.
   */
  readonly resume?: boolean | undefined;
  /** Batches in an epoch, for sources that go on and on. */
  readonly stepsPerEpoch?: number | undefined;
}

export interface EvaluateOptions extends RunOptions {
  readonly sampleWeight?: Data | undefined;
  readonly steps?: number | undefined;
}
export interface PredictOptions extends RunOptions {
  readonly steps?: number | undefined;
}

type Names<Options> = { readonly [K in keyof Required<Options>]: true };

const COMPILE: Names<CompileOptions> = {
  optimizer: true,
  loss: true,
  lossWeights: true,
  metrics: true,
  weightedMetrics: true,
  session: true,
};
const RUN: Names<RunOptions> = { batchSize: true, verbose: true, callbacks: true, signal: true };
const FIT: Names<FitOptions> = {
  ...RUN,
  epochs: true,
  initialEpoch: true,
  shuffle: true,
  validationSplit: true,
  validationData: true,
  validationBatchSize: true,
  validationSteps: true,
  validationFrequency: true,
  sampleWeight: true,
  classWeight: true,
  resume: true,
  stepsPerEpoch: true,
};
const EVALUATE: Names<EvaluateOptions> = { ...RUN, sampleWeight: true, steps: true };
const PREDICT: Names<PredictOptions> = { ...RUN, steps: true };

/** True for what can only be options of `fit`: an object of which every name is one of theirs. */
export const isFitOptions = (value: unknown): value is FitOptions =>
  isPlain(value) && Object.keys(value).length > 0 && Object.keys(value).every((name) => Object.hasOwn(FIT, name));

/** @throws GraphError for options that do not exist */
export const checkCompileOptions = (options: CompileOptions): void => requireNames("compile", options, COMPILE);

/** @throws GraphError for options that do not exist, or values that mean nothing */
export function checkFitOptions(options: FitOptions): void {
  requireNames("fit", options, FIT);
  checkRun("fit", options);
  requireWhole("fit", "epochs", options.epochs, 0);
  requireWhole("fit", "initialEpoch", options.initialEpoch, 0);
  requireWhole("fit", "stepsPerEpoch", options.stepsPerEpoch, 1);
  requireWhole("fit", "validationSteps", options.validationSteps, 1);
  requireWhole("fit", "validationBatchSize", options.validationBatchSize, 1);
  const { validationFrequency } = options;
  if (!Array.isArray(validationFrequency)) {
    requireWhole("fit", "validationFrequency", validationFrequency as number | undefined, 1);
  }
}
export function checkEvaluateOptions(options: EvaluateOptions): void {
  requireNames("evaluate", options, EVALUATE);
  checkRun("evaluate", options);
  requireWhole("evaluate", "steps", options.steps, 1);
}
export function checkPredictOptions(options: PredictOptions): void {
  requireNames("predict", options, PREDICT);
  checkRun("predict", options);
  requireWhole("predict", "steps", options.steps, 1);
}

/**
 * A source of batches decides on these itself.
 * @param y what was given beside the source
 * @throws GraphError if they were given
 */
export function requireForSource(what: string, y: unknown, options: FitOptions & EvaluateOptions): void {
  if (y !== undefined) throw wrong(what, "y beside a source of batches", "let its batches be [x, y]");
  if (options.batchSize !== undefined) {
    throw wrong(
      what,
      "batchSize with a source of batches",
      "its batches are as large as it gives them: dataset.batch(32)",
    );
  }
  if (options.sampleWeight !== undefined) {
    throw wrong(what, "sampleWeight with a source of batches", "let its batches be [x, y, sampleWeight]");
  }
  if (options.validationSplit !== undefined) {
    throw wrong(what, "validationSplit with a source of batches", "nobody knows its end: give validationData");
  }
}

/** @throws GraphError for what only sources of batches have */
export function requireForArrays(what: string, options: FitOptions & EvaluateOptions): void {
  const given = (["stepsPerEpoch", "steps"] as const).find((name) => options[name] !== undefined);
  if (given)
    throw wrong(what, `${given} with arrays`, "an epoch is all of them once: leave it out, or give fewer samples");
}

const wrong = (what: string, problem: string, fix: string): GraphError =>
  new GraphError({ what: `${what}: ${problem}`, at: here(), fix });

function checkRun(what: string, { batchSize, verbose, callbacks }: RunOptions): void {
  requireWhole(what, "batchSize", batchSize, 1);
  if (verbose !== undefined && ![0, 1, 2].includes(verbose)) {
    throw wrong(
      what,
      `verbose is ${JSON.stringify(verbose)}`,
      "give 0 for nothing, 1 for a bar, 2 for a line each epoch",
    );
  }
  if (callbacks !== undefined && !Array.isArray(callbacks)) {
    throw wrong(what, "callbacks is no list", "put brackets around it: callbacks: [new EarlyStopping()]");
  }
}

function requireWhole(what: string, name: string, value: number | undefined, least: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= least)) return;
  throw wrong(
    what,
    `${name} is ${typeof value === "string" ? `"${value}"` : String(value)}`,
    `give a whole number from ${least} on`,
  );
}

const isPlain = (value: unknown): value is object =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

function requireNames(what: string, options: object, known: Readonly<Record<string, true>>): void {
  const names = Object.keys(known);
  if (typeof options !== "object" || options === null) {
    throw wrong(what, `${JSON.stringify(options)} in the place of options`, `give an object of: ${names.join(", ")}`);
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue;
    const camel = camelCase(name);
    const fix = names.includes(camel) ? `write ${camel}` : nearNamesFix(name, names, `options: ${names.join(", ")}`);
    throw wrong(what, `there is no option "${name}"`, fix);
  }
}
