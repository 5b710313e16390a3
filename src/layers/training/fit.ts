import { GraphError } from "../../core/errors.ts";
import type { AbortSignalLike } from "../../core/host.ts";
import type { NDArray } from "../../runtime/ndarray.ts";
import { here } from "../../runtime/reading.ts";
import { type Callback, CallbackList, type CallbackMethods } from "../callbacks/callback.ts";
import { History } from "../callbacks/history.ts";
import type { Progress } from "../callbacks/progress.ts";
import type { TrainingPosition } from "../saving/file.ts";
import type { BatchFeed } from "./feeds.ts";
import { Pace } from "./pace.ts";
import type { RunningMeans } from "./running-means.ts";
import type { Logs, Trainer } from "./trainer.ts";
import type { Turn } from "./turns.ts";

export type CallbackLike = Callback | CallbackMethods;

/** Whoever trains: callbacks set `stopTraining`. */
export interface Trained {
  stopTraining: boolean;
}

/** Everything a run of `fit` needs, worked out from its options. */
export interface FitRun {
  readonly model: Trained;
  readonly trainer: Trainer;
  readonly feed: BatchFeed;
  readonly validation: BatchFeed | null;
  /** After every so many epochs, or after those, counted from 1. */
  readonly validationFrequency: number | readonly number[];
  readonly epochs: number;
  /** Where to begin: at a batch of an epoch. */
  readonly from: TrainingPosition;
  /** Whether training was there before, with these data. */
  readonly isResumed: boolean;
  /** Told how far it has come. */
  readonly reached: (position: TrainingPosition) => void;
  /** What losses and metrics have come to, should the epoch be left in the middle. */
  readonly means: RunningMeans;
  readonly verbose: 0 | 1 | 2;
  readonly callbacks: readonly CallbackLike[];
  readonly progress: Progress | null;
  /** The model's, while this lasts. */
  readonly turn: Turn;
  readonly signal: AbortSignalLike | null;
}

/** Trains for some epochs. @throws whatever a callback throws; the reason of the signal, once it is aborted */
export async function runEpochs(run: FitRun): Promise<History> {
  const { model, trainer, feed, validation, epochs, from, verbose } = run;
  const history = new History();
  const members = [...(run.progress ? [run.progress] : []), ...run.callbacks, history];
  const parameters = { epochs, steps: feed.steps, verbose, hasValidation: validation !== null };
  const callbacks = new CallbackList(members, model, parameters, run.turn);
  model.stopTraining = false;
  const pace = new Pace();
  let logs: Logs = {};
  let failure: { readonly error: unknown } | null = null;
  try {
    await callbacks.call("onTrainBegin");
    if (run.isResumed) await feed.goTo?.(from);
    for (let epoch = from.epoch; epoch < epochs && !model.stopTraining; epoch++) {
      await callbacks.call("onEpochBegin", epoch);
      logs = await epochOf(run, callbacks, pace, epoch, epoch === from.epoch ? from.batch : 0).finally(() =>
        run.means.stop(),
      );
      if (validation && isValidated(epoch, run.validationFrequency)) {
        const found = await evaluateFeed(trainer, validation, callbacks, pace, run.signal);
        for (const [name, value] of Object.entries(found)) logs[`val_${name}`] = value;
      }
      // What callbacks add is for those behind them.
      await callbacks.call("onEpochEnd", epoch, { ...logs });
    }
  } catch (error) {
    failure = { error };
  }
  feed.close?.();
  validation?.close?.();
  // Whatever happened, everybody may put things in order; what went wrong first is what is told.
  const late = await callbacks.end("onTrainEnd", logs);
  failure ??= late;
  if (failure) throw failure.error;
  return history;
}

const isValidated = (epoch: number, frequency: number | readonly number[]): boolean =>
  typeof frequency === "number" ? (epoch + 1) % frequency === 0 : frequency.includes(epoch + 1);

async function epochOf(run: FitRun, callbacks: CallbackList, pace: Pace, epoch: number, skip: number): Promise<Logs> {
  const { model, trainer, feed, means, signal } = run;
  trainer.reset();
  const logs: Logs = {};
  const next = feed.begin(epoch, skip);
  let batch = skip;
  for (; ; batch++) {
    requireGoing(signal);
    const taken = next();
    const ready = taken instanceof Promise ? await orAborted(taken, signal) : taken;
    if (!ready) {
      run.reached({ epoch: epoch + 1, batch: 0 });
      break;
    }
    if (batch === skip) {
      if (skip > 0) means.restore(trainer);
      means.start(trainer);
    }
    const begun = callbacks.call("onTrainBatchBegin", batch);
    if (begun) await begun;
    readLogs(trainer.labels, ready(), logs);
    run.reached(batch + 1 === feed.steps ? { epoch: epoch + 1, batch: 0 } : { epoch, batch: batch + 1 });
    const ended = callbacks.call("onTrainBatchEnd", batch, logs);
    if (ended) await ended;
    if (model.stopTraining) return { ...logs };
    const rest = pace.rest();
    if (rest) await rest;
  }
  if (batch === 0) throw noBatches("fit");
  return { ...logs };
}

/** Means over all batches. */
export async function evaluateFeed(
  trainer: Trainer,
  feed: BatchFeed,
  callbacks: CallbackList,
  pace: Pace,
  signal: AbortSignalLike | null,
): Promise<Logs> {
  trainer.reset();
  const logs: Logs = {};
  await callbacks.call("onTestBegin");
  const next = feed.begin(0);
  let batch = 0;
  for (; ; batch++) {
    requireGoing(signal);
    const taken = next();
    const ready = taken instanceof Promise ? await orAborted(taken, signal) : taken;
    if (!ready) break;
    const begun = callbacks.call("onTestBatchBegin", batch);
    if (begun) await begun;
    readLogs(trainer.labels, ready(), logs);
    const ended = callbacks.call("onTestBatchEnd", batch, logs);
    if (ended) await ended;
    const rest = pace.rest();
    if (rest) await rest;
  }
  if (batch === 0) throw noBatches("evaluate");
  await callbacks.call("onTestEnd", logs);
  return logs;
}

/** What the model gives for each batch, copied. */
export async function predictFeed(
  feed: BatchFeed,
  callbacks: CallbackList,
  take: (outputs: readonly NDArray[]) => void,
  signal: AbortSignalLike | null,
): Promise<void> {
  const pace = new Pace();
  await callbacks.call("onPredictBegin");
  const next = feed.begin(0);
  for (let batch = 0; ; batch++) {
    requireGoing(signal);
    const taken = next();
    const ready = taken instanceof Promise ? await orAborted(taken, signal) : taken;
    if (!ready) break;
    const begun = callbacks.call("onPredictBatchBegin", batch);
    if (begun) await begun;
    take(ready());
    const ended = callbacks.call("onPredictBatchEnd", batch);
    if (ended) await ended;
    const rest = pace.rest();
    if (rest) await rest;
  }
  await callbacks.call("onPredictEnd");
}

/** Into an object that is there already: no batch makes one. */
export function readLogs(labels: readonly string[], values: readonly NDArray[], logs: Logs): void {
  for (let i = 0; i < labels.length; i++) logs[labels[i]!] = values[i]!.item();
}

/** A batch that is waited for, or the reason why nobody waits for it any more. */
async function orAborted<T>(coming: Promise<T>, signal: AbortSignalLike | null): Promise<T> {
  if (!signal) return coming;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => void reject(signal.reason ?? new Error("aborted"));
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([coming, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function requireGoing(signal: AbortSignalLike | null): void {
  if (signal?.aborted) throw signal.reason ?? new Error("aborted");
}

const noBatches = (what: string): GraphError =>
  new GraphError({
    what: `${what}: there were no batches`,
    at: here(),
    fix: "a generator gives its batches once: pass something that begins anew at each loop, such as a dataset",
  });
