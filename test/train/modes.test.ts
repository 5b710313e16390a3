/** Every optimizer and every option has the same bits in a graph, step by step on a tape, and in a traced function. */
import { expect, test } from "vitest";
import {
  Adadelta,
  Adagrad,
  Adam,
  Adamax,
  AdamW,
  cosineDecay,
  exponentialDecay,
  GradientDescent,
  Lion,
  Momentum,
  Nadam,
  type Optimizer,
  RMSprop,
  SGD,
  warmUp,
} from "../../src/train/index.ts";
import { type Float, trainEagerly, trainInGraph, trainTraced } from "./support.ts";

const makes: Readonly<Record<string, () => Optimizer>> = {
  gradientDescent: () => new GradientDescent(0.1),
  sgd: () => new SGD(0.1, { momentum: 0.9 }),
  nesterov: () => new SGD(0.1, { momentum: 0.9, nesterov: true }),
  momentum: () => new Momentum(0.1),
  "momentum, Nesterov": () => new Momentum(0.1, { nesterov: true }),
  adagrad: () => new Adagrad(0.1),
  "adagrad as PyTorch's": () => new Adagrad(0.1, { initialAccumulatorValue: 0, epsilonOutside: true }),
  adadelta: () => new Adadelta(1),
  rmsprop: () => new RMSprop(0.01),
  "rmsprop, all options": () => new RMSprop(0.01, { momentum: 0.9, centered: true, epsilonOutside: true }),
  adam: () => new Adam(0.01),
  amsgrad: () => new Adam(0.01, { amsgrad: true, correctedEpsilon: true }),
  adamw: () => new AdamW(0.01),
  adamax: () => new Adamax(0.01),
  nadam: () => new Nadam(0.01),
  lion: () => new Lion(0.01),
  weightDecay: () => new Nadam(0.01, { weightDecay: 0.1 }),
  decays: () => new SGD(0.1, { weightDecay: 0.1, decays: ({ shape }) => shape!.length > 1 }),
  clipValue: () => new SGD(0.1, { clipValue: 0.02 }),
  clipNorm: () => new Adam(0.1, { clipNorm: 0.02 }),
  clipGlobalNorm: () => new Adam(0.1, { clipGlobalNorm: 0.02 }),
  useEma: () => new Adam(0.1, { useEma: true, emaMomentum: 0.9 }),
  schedule: () => new Adam(warmUp(cosineDecay(0.1, { decaySteps: 4 }), { steps: 3 }), { weightDecay: 0.1 }),
  "schedule, momentum": () => new SGD(exponentialDecay(0.1, { decaySteps: 3, decayRate: 0.5 }), { momentum: 0.9 }),
};

const cases = Object.keys(makes).flatMap((name) =>
  (["float32", "float64"] as const).map((dtype) => [name, dtype] as const),
);

test.each(cases)("%s, %s", (name, dtype: Float) => {
  const make = makes[name]!;
  const wanted = trainInGraph(make(), dtype, 5);
  expect(wanted.weights.every(Number.isFinite)).toBe(true);
  expect(trainEagerly(make(), dtype, 5)).toEqual(wanted);
  expect(trainTraced(make(), dtype, 5)).toEqual(wanted);
});

test.each(Object.keys(makes))("%s: interpreter, JavaScript and WebAssembly", (name) => {
  const trained = (["interpreter", "javascript", "wasm"] as const).map((backend) =>
    trainInGraph(makes[name]!(), "float32", 3, { backend }),
  );
  expect(trained[1]).toEqual(trained[0]);
  expect(trained[2]).toEqual(trained[0]);
});
