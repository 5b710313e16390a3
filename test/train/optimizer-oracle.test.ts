/** Twenty steps of each optimizer against Keras and PyTorch; rows 52 to 56 and their options. */
import { describe, expect, test } from "vitest";
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  exponentialDecay,
  type LearningRate,
  Lion,
  Momentum,
  Nadam,
  type Optimizer,
  RMSprop,
  SGD,
} from "../../src/train/index.ts";
import { loadOptimizers, type OptimizerRun } from "../oracles/optimizers.ts";
import { type Float, type Trained, trainInGraph, trainTraced } from "./support.ts";

const oracle = loadOptimizers();

type Make = (rate: LearningRate, options: object) => Optimizer;
const KERAS: Readonly<Record<string, Make>> = {
  SGD: (rate, options) => new SGD(rate, options),
  Adagrad: (rate, options) => new Adagrad(rate, options),
  Adadelta: (rate, options) => new Adadelta(rate, options),
  RMSprop: (rate, options) => new RMSprop(rate, options),
  Adam: (rate, options) => new Adam(rate, options),
  AdamW: (rate, options) => new AdamW(rate, options),
  Adamax: (rate, options) => new Adamax(rate, options),
  Nadam: (rate, options) => new Nadam(rate, options),
  Lion: (rate, options) => new Lion(rate, options),
};
const KERAS_OPTIONS: Readonly<Record<string, string>> = {
  weight_decay: "weightDecay",
  clipvalue: "clipValue",
  clipnorm: "clipNorm",
  global_clipnorm: "clipGlobalNorm",
  use_ema: "useEma",
  ema_momentum: "emaMomentum",
  beta_1: "beta1",
  beta_2: "beta2",
};

/** Options under our names. */
const renamed = (options: Readonly<Record<string, unknown>>, names: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [names[name] ?? name, value]));

function fromKeras({ optimizer, options }: OptimizerRun): Optimizer {
  const { learning_rate: given, ...rest } = options as {
    learning_rate: number | { exponentialDecay: { initial: number; decaySteps: number; decayRate: number } };
  };
  const rate =
    typeof given === "number" ? given : exponentialDecay(given.exponentialDecay.initial, given.exponentialDecay);
  return KERAS[optimizer]!(rate, renamed(rest, KERAS_OPTIONS));
}

/** PyTorch's defaults and places of ε, in our options. */
const TORCH: Readonly<Record<string, Make>> = {
  SGD: (rate, options) => new Momentum(rate, options),
  Adagrad: (rate, options) =>
    new Adagrad(rate, { initialAccumulatorValue: 0, epsilon: 1e-10, epsilonOutside: true, ...options }),
  Adadelta: (rate, options) => new Adadelta(rate, { rho: 0.9, epsilon: 1e-6, ...options }),
  RMSprop: (rate, options) => new RMSprop(rate, { rho: 0.99, epsilon: 1e-8, epsilonOutside: true, ...options }),
  Adam: (rate, options) => new Adam(rate, { epsilon: 1e-8, correctedEpsilon: true, ...options }),
  AdamW: (rate, options) => new AdamW(rate, { epsilon: 1e-8, correctedEpsilon: true, ...options }),
  Adamax: (rate, options) => new Adamax(rate, options),
  NAdam: (rate, options) => new Nadam(rate, { epsilon: 1e-8, momentumDecay: 0.004, ...options }),
};
const TORCH_OPTIONS = {
  eps: "epsilon",
  alpha: "rho",
  weight_decay: "weightDecay",
  momentum_decay: "momentumDecay",
};

function fromTorch({ optimizer, options }: OptimizerRun): Optimizer {
  const { lr, gamma, betas, ...rest } = options as { lr: number; gamma?: number; betas?: [number, number] };
  const rate = gamma === undefined ? lr : exponentialDecay(lr, { decaySteps: 1, decayRate: gamma });
  const memories = betas ? { beta1: betas[0], beta2: betas[1] } : {};
  return TORCH[optimizer]!(rate, { ...renamed(rest, TORCH_OPTIONS), ...memories });
}

const farthest = (found: readonly number[], wanted: readonly number[]): number => {
  expect(found.length).toBe(wanted.length);
  return Math.max(0, ...found.map((value, i) => Math.abs(value - wanted[i]!)));
};
/** As a share of the number that is wanted. */
const farthestOff = (found: readonly number[], wanted: readonly number[]): number => {
  expect(found.length).toBe(wanted.length);
  return Math.max(0, ...found.map((value, i) => Math.abs(value / wanted[i]! - 1)));
};

function compare(run: OptimizerRun, make: (run: OptimizerRun) => Optimizer): void {
  const train = (dtype: Float): Trained => trainInGraph(make(run), dtype);
  test("float64, within 1e-12 of each number", () => {
    const { losses, weights, averages } = train("float64");
    expect(farthestOff(losses, run.losses)).toBeLessThan(1e-12);
    expect(farthestOff(weights, run.weights)).toBeLessThan(1e-12);
    expect(farthestOff(averages, run.averages)).toBeLessThan(1e-12);
  });
  test("float32, about as near as the framework's own float32 run", () => {
    const { losses, weights } = train("float32");
    expect(farthest(losses, run.losses)).toBeLessThan(10 * Math.max(run.float32.losses, 1e-7));
    expect(farthest(weights, run.weights)).toBeLessThan(10 * Math.max(run.float32.weights, 1e-7));
  });
}

const titled = (runs: readonly OptimizerRun[]) =>
  runs.map((run) => [`${run.optimizer} ${JSON.stringify(run.options)}`, run] as const);

describe.each(titled(oracle.keras.runs))("Keras: %s", (_, run) => compare(run, fromKeras));
describe.each(titled(oracle.torch.runs))("PyTorch: %s", (_, run) => compare(run, fromTorch));

test("a traced function follows Keras too", () => {
  for (const run of oracle.keras.runs.filter(({ options }) => typeof options.learning_rate === "object")) {
    expect(farthestOff(trainTraced(fromKeras(run), "float64").weights, run.weights)).toBeLessThan(1e-12);
  }
});
