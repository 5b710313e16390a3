/** Schedules against Keras and PyTorch, in plots and in training. */
import { describe, expect, test } from "vitest";
import { add, div, Graph, Session, sqrt } from "../../src/index.ts";
import {
  constantRate,
  cosineDecay,
  cosineDecayRestarts,
  exponentialDecay,
  GradientDescent,
  inverseTimeDecay,
  oneCycle,
  piecewiseConstant,
  polynomialDecay,
  Schedule,
  warmUp,
} from "../../src/train/index.ts";
import { loadOptimizers } from "../oracles/optimizers.ts";
import { messageOf } from "../support/source-lines.ts";
import { trainEagerly, trainInGraph, trainTraced } from "./support.ts";

const oracle = loadOptimizers();
const path = (schedule: Schedule, steps = 40): readonly number[] =>
  Array.from({ length: steps }, (_, step) => schedule.at(step));

function expectNear(found: readonly number[], wanted: readonly number[], tolerance = 1e-14): void {
  expect(found.length).toBe(wanted.length);
  found.forEach((rate, step) => {
    expect(Math.abs(rate - wanted[step]!), `step ${step}: ${rate}, not ${wanted[step]}`).toBeLessThan(tolerance);
  });
}

const camel = (name: string): string => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());

describe("Keras", () => {
  // Options have Keras' names, in camelCase.
  const makes: Readonly<Record<string, (rate: number, options: never) => Schedule>> = {
    ExponentialDecay: exponentialDecay,
    InverseTimeDecay: inverseTimeDecay,
    PolynomialDecay: polynomialDecay,
    CosineDecay: cosineDecay,
    CosineDecayRestarts: cosineDecayRestarts,
  };
  test.each(oracle.keras.schedules.map((each) => [`${each.schedule} ${JSON.stringify(each.options)}`, each] as const))(
    "%s",
    (_, { schedule, args, options, values }) => {
      const given = Object.fromEntries(Object.entries(options).map(([name, value]) => [camel(name), value]));
      const made =
        schedule === "PiecewiseConstantDecay"
          ? piecewiseConstant(args[0] as readonly number[], args[1] as readonly number[])
          : makes[schedule]!(args[0] as number, given as never);
      expectNear(path(made), values);
    },
  );
});

test.each([
  ["StepLR(7, 0.9)", exponentialDecay(0.1, { decaySteps: 7, decayRate: 0.9, staircase: true })],
  ["ExponentialLR(0.9)", exponentialDecay(0.1, { decaySteps: 1, decayRate: 0.9 })],
  ["CosineAnnealingLR(20, 0.01)", cosineDecay(0.1, { decaySteps: 20, alpha: 0.1 })],
  ["CosineAnnealingWarmRestarts(5, 2, 0.01)", cosineDecayRestarts(0.1, { firstDecaySteps: 5, alpha: 0.1 })],
  [
    "LinearLR(0.1, 5) then ExponentialLR(0.9)",
    warmUp(exponentialDecay(0.1, { decaySteps: 1, decayRate: 0.9 }), { steps: 5, from: 0.01 }),
  ],
  ["OneCycleLR(0.1, 30)", oneCycle(0.1, { totalSteps: 30 })],
  [
    "OneCycleLR(0.1, 20, linear, 0.4, 10, 100)",
    oneCycle(0.1, { totalSteps: 20, annealStrategy: "linear", pctStart: 0.4, divFactor: 10, finalDivFactor: 100 }),
  ],
])("PyTorch: %s", (name, schedule) => {
  const wanted = oracle.torch.schedules[name]!;
  // PyTorch's go on from their last rate in places, and gather rounding errors.
  expectNear(path(schedule, wanted.length), wanted, 1e-13);
});

test("cosineDecayRestarts begins each period on its step, also where logarithms are not exact", () => {
  for (const tMul of [1, 2, 3, 10]) {
    const schedule = cosineDecayRestarts(1, { firstDecaySteps: 7, tMul });
    let begin = 0;
    for (let i = 0, length = 7; i < 8; i++, length *= tMul) {
      expect(schedule.at(begin)).toBe(1);
      if (begin > 0) expect(schedule.at(begin - 1)).toBeLessThan(0.2);
      begin += length;
    }
  }
});

test("what comes after the end of a schedule is its last rate", () => {
  expect(polynomialDecay(0.1, { decaySteps: 5, endLearningRate: 0.02 }).at(1000)).toBeCloseTo(0.02, 15);
  expect(cosineDecay(0.1, { decaySteps: 5 }).at(1000)).toBe(0);
  expect(oneCycle(0.1, { totalSteps: 10 }).at(1000)).toBe(oneCycle(0.1, { totalSteps: 10 }).at(9));
  expect(constantRate(0.3).at(12)).toBe(0.3);
  expect(path(warmUp(0.2, { steps: 4 }), 6)).toEqual([0, 0.05, 0.1, expect.closeTo(0.15, 15), 0.2, 0.2]);
});

describe("in training", () => {
  test("the first update has the rate of step 0, and each run goes on one step", () => {
    const schedule = exponentialDecay(0.5, { decaySteps: 2, decayRate: 0.25 });
    const graph = new Graph();
    const w = graph.variable("w", [], { initial: 8, dtype: "float64" });
    // The slope is 1: a step is as long as the rate.
    const train = new GradientDescent(schedule).minimize(w);
    using session = new Session(graph);
    session.run(graph.initializer);
    let expected = 8;
    for (let step = 0; step < 5; step++) {
      session.run(train);
      expected -= schedule.at(step);
      expect(session.value(w).item()).toBe(expected);
    }
    expect(graph.variables().map(({ name }) => name)).toEqual(["w", "gradientDescent/step"]);
  });

  test("a schedule of one's own is a formula of ops", () => {
    const slower = new Schedule("slower", (step) => div(0.1, sqrt(add(step, 1))));
    expect(slower.at(99)).toBeCloseTo(0.01, 17);
    const [graph, eager, traced] = [trainInGraph, trainEagerly, trainTraced].map((train) =>
      train(new GradientDescent(slower), "float32"),
    );
    expect(eager).toEqual(graph);
    expect(traced).toEqual(graph);
  });

  test("a schedule can be looked at while a function is traced", () => {
    const schedule = cosineDecay(0.1, { decaySteps: 10 });
    const seen: number[] = [];
    const watching = new Schedule("watching", (step) => {
      seen.push(schedule.at(5));
      return schedule.rate(step);
    });
    trainTraced(new GradientDescent(watching), "float32", 2);
    expect(seen[0]).toBeCloseTo(0.05, 15);
  });
});

test("errors", () => {
  const message = (act: () => unknown): string => messageOf(act, import.meta.url);
  expect(message(() => exponentialDecay(0.1, { decaySteps: 0, decayRate: 0.5 }))) // [steps]
    .toBe(`exponentialDecay: decaySteps is 0
at schedules.test.ts[steps]
fix: give a positive number`);
  expect(message(() => piecewiseConstant([1, 2], [0.1, 0.2]))) // [piecewise]
    .toBe(`piecewiseConstant: 2 boundaries have 3 values between and around them, not 2
at schedules.test.ts[piecewise]
fix: piecewiseConstant([100, 200], [0.1, 0.01, 0.001])`);
  expect(message(() => piecewiseConstant([2, 1], [1, 2, 3]))).toContain("boundaries do not rise: 2, 1");
  expect(message(() => cosineDecayRestarts(1, { firstDecaySteps: 3, tMul: 0.5 }))).toContain("tMul is 0.5");
  expect(message(() => oneCycle(0.1, { totalSteps: 3 }))) // [cycle]
    .toBe(`oneCycle: of 3 steps a share of 0.3 can not rise
at schedules.test.ts[cycle]
fix: give more steps, or a pctStart farther from 0 and 1`);
  expect(message(() => constantRate(1).at(-1))) // [at]
    .toBe(`constantRate: -1 is not a step
at schedules.test.ts[at]
fix: steps count from 0`);
});
