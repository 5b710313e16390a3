/** What optimizers do besides with variables of define-by-run: rates that are set, states that are saved. */
import { describe, expect, test } from "vitest";
import { type EagerVariable, func, GradientTape, variable } from "../../src/eager/index.ts";
import { add, assign, Graph, mul, type NDArray, sign, square, sub, sum, type Variable } from "../../src/index.ts";
import {
  Adam,
  constantRate,
  GradientDescent,
  type LearningRate,
  Nadam,
  Optimizer,
  SGD,
  type Update,
  type UpdateContext,
} from "../../src/train/index.ts";
import { messageOf } from "../support/source-lines.ts";
import { stepByStep, trainEagerly, trainInGraph, trainTraced } from "./support.ts";

const message = (act: () => unknown): string => messageOf(act, import.meta.url);
const names = (variables: readonly Variable[]): readonly string[] => variables.map(({ op }) => op.name);
const keptValue = (kept: Variable): NDArray => (kept as EagerVariable).value;

/** A slope of 1 in each element of the variables. */
function slide(made: Optimizer, ...variables: readonly EagerVariable[]): void {
  using tape = new GradientTape();
  const total = variables.map((each) => sum(each)).reduce((a, b) => add(a, b));
  const gradients = tape.gradient(total, variables);
  made.applyGradients(gradients.map((gradient, i) => [gradient, variables[i]!] as const));
}

describe("row 50: the learning rate is set while training, without compiling again", () => {
  test("on a tape", () => {
    const w = variable(0, { name: "w" });
    const descent = new GradientDescent(1);
    slide(descent, w);
    descent.learningRate = 0.25;
    slide(descent, w);
    expect(w.item()).toBe(-1.25);
    expect(descent.learningRate).toBe(0.25);
  });

  test("in a traced function, which is not traced again", () => {
    const w = variable(0, { name: "w", dtype: "float64" });
    const adam = new Adam(1, { weightDecay: 0.5 });
    const step = func(() => slide(adam, w));
    const expected = variable(0, { dtype: "float64" });
    const same = new Adam(1, { weightDecay: 0.5 });
    for (const rate of [1, 1, 0.0005, 0.25]) {
      adam.learningRate = rate;
      same.learningRate = rate;
      step();
      slide(same, expected);
      expect(w.item()).toBe(expected.item());
    }
    expect(step.log.length).toBe(1);
    expect(adam.learningRate).toBe(0.25);
  });

  test("it may be set before the first step, also to a schedule", () => {
    const w = variable(0, { name: "w" });
    const descent = new GradientDescent(1);
    descent.learningRate = constantRate(0.5);
    descent.learningRate = 0.125;
    slide(descent, w);
    expect(w.item()).toBe(-0.125);
  });

  test("a traced function reads it as a variable, and may set it", () => {
    const w = variable(0, { name: "w" });
    const descent = new GradientDescent(1);
    descent.build([w]);
    const seen: unknown[] = [];
    const step = func(() => {
      slide(descent, w);
      seen.push(descent.learningRate);
      const slower = mul(descent.learningRate as Variable, 0.5);
      assign(descent.learningRate as Variable, slower);
      return slower;
    });
    expect([step().item(), step().item()]).toEqual([0.5, 0.25]);
    expect(seen.length).toBe(1);
    expect(seen[0]).toBe(descent.variables[0]);
    expect(descent.learningRate).toBe(0.25);
    expect(w.item()).toBe(-1.5);

    const fixed = func(() => {
      descent.learningRate = 2;
      slide(descent, w);
    });
    fixed();
    expect(descent.learningRate).toBe(2);
    expect(w.item()).toBe(-3.5);
  });

  test("with the bits a graph has for that rate", () => {
    const wanted = trainInGraph(new Adam(0.0005), "float32");
    for (const train of [trainEagerly, trainTraced]) {
      const adam = new Adam(0.1);
      adam.learningRate = 0.0005;
      expect(train(adam, "float32")).toEqual(wanted);
    }
    const [slow, set] = [stepByStep(new Adam(0.0005), "float32"), new Adam(0.1)];
    const other = stepByStep(set, "float32");
    set.build(other.variables);
    set.learningRate = 0.0005;
    slow.step(...slow.inputs);
    other.step(...other.inputs);
    expect(other.variables.map(({ data }) => data)).toEqual(slow.variables.map(({ data }) => data));
  });

  test("in a graph a number is a constant: the error tells of placeholders", () => {
    const graph = new Graph({ name: "training" });
    const w = graph.variable("w", []);
    const adam = new Adam(0.001);
    adam.learningRate = 0.01;
    adam.minimize(square(w));
    expect(adam.learningRate).toBe(0.01);
    expect(
      message(() => {
        adam.learningRate = 0.0005; // [set]
      }),
    ).toBe(`adam: the learning rate 0.01 is a constant of graph "training": it can not be set
at define-by-run.test.ts[set]
fix: make the optimizer with graph.placeholder("rate"), and feed the rate in each run`);
  });

  test("a rate that follows something else can not be set, nor a number be replaced by such", () => {
    const w = variable(0, { name: "w" });
    const following = new SGD(constantRate(0.1));
    slide(following, w);
    expect(
      message(() => {
        following.learningRate = 1; // [schedule]
      }),
    ).toBe(`sgd: the learning rate follows the schedule constantRate: it can not be set
at define-by-run.test.ts[schedule]
fix: begin with a number, and set that while training`);

    const rate = variable(0.5, { name: "rate", trainable: false });
    const held = new SGD(rate);
    slide(held, w);
    expect(message(() => Object.assign(held, { learningRate: 1 }))).toContain(
      'the learning rate is the tensor "rate": it can not be set',
    );
    assign(rate, 0.25);
    slide(held, w);
    expect(w.item()).toBeCloseTo(-0.85, 6);

    const number = new SGD(0.1);
    slide(number, w);
    expect(
      message(() => {
        number.learningRate = constantRate(1); // [number]
      }),
    ).toBe(`sgd: the learning rate was a number when the first update was made: Schedule(constantRate) can not take its place
at define-by-run.test.ts[number]
fix: set a number, or make the optimizer with what it shall follow`);
    expect(message(() => Object.assign(number, { learningRate: Number.NaN }))).toContain("NaN is not a learning rate");
  });
});

describe("variables: the state of an optimizer", () => {
  const weights = () => [
    variable([[1, 2]], { name: "dense/kernel" }),
    variable([3], { name: "dense/bias" }),
    variable([4], { name: "dense/bias" }),
  ];

  test("names and order follow from the algorithm and the variables", () => {
    const nadam = new Nadam(0.1, { useEma: true });
    expect(nadam.variables).toEqual([]);
    expect(nadam.iterations).toBe(null);
    nadam.build(weights());
    expect(names(nadam.variables)).toEqual([
      "nadam/learningRate",
      "nadam/step",
      "nadam/product",
      "nadam/dense/kernel/m",
      "nadam/dense/kernel/v",
      "nadam/dense/kernel/average",
      "nadam/dense/bias/m",
      "nadam/dense/bias/v",
      "nadam/dense/bias/average",
      // Two variables of one name are told apart by their order.
      "nadam/dense/bias_1/m",
      "nadam/dense/bias_1/v",
      "nadam/dense/bias_1/average",
    ]);
    expect(nadam.iterations).toBe(nadam.variables[1]);
    expect(nadam.variables.every(({ trainable }) => !trainable)).toBe(true);
    const trained = new Nadam(0.1, { useEma: true });
    const given = weights();
    func(() => slide(trained, ...given))();
    expect(names(trained.variables)).toEqual(names(nadam.variables));
    const inGraph = new Nadam(0.1);
    const graph = new Graph();
    inGraph.minimize(square(graph.variable("w", [])));
    expect(names(inGraph.variables)).toEqual(["nadam/step", "nadam/product", "nadam/w/m", "nadam/w/v"]);
  });

  test("a state that is saved and restored goes on with the same bits", () => {
    const make = () => new Nadam(0.1, { useEma: true });
    const [through, first, second] = [make(), make(), make()];
    const [whole, half] = [stepByStep(through, "float32"), stepByStep(first, "float32")];
    for (let i = 0; i < 4; i++) whole.step(...whole.inputs);
    for (let i = 0; i < 2; i++) half.step(...half.inputs);
    first.learningRate = 0.1;

    const rest = stepByStep(second, "float32");
    second.build(rest.variables);
    const copy = (to: readonly Variable[], from: readonly Variable[]): void => {
      for (const [i, each] of to.entries()) assign(each, from[i]!);
    };
    copy(rest.variables, half.variables);
    copy(second.variables, first.variables);
    const step = func(rest.step);
    for (let i = 0; i < 2; i++) step(...rest.inputs);
    const state = (made: Optimizer) => made.variables.map((each) => keptValue(each).data);
    expect(rest.variables.map(({ data }) => data)).toEqual(whole.variables.map(({ data }) => data));
    expect(state(second)).toEqual(state(through));
  });

  test("slots and averages of a variable", () => {
    const [w, other] = [variable(1, { name: "w" }), variable(1, { name: "other" })];
    const adam = new Adam(0.5, { useEma: true, emaMomentum: 0.5, epsilon: 0 });
    adam.build([w, other]);
    slide(adam, w, other);
    slide(adam, w);
    expect(Object.keys(adam.slots(w))).toEqual(["m", "v", "average"]);
    expect(keptValue(adam.average(w)).item()).toBeCloseTo(0.25, 6);
    // It stays at 0.5, and its average with it.
    expect(keptValue(adam.average(other)).item()).toBeCloseTo(0.5, 6);
    adam.applyAverages([w]);
    expect(w.item()).toBeCloseTo(0.25, 6);
    expect(message(() => new Adam().average(w))) // [average]
      .toBe(`adam: it keeps no averages
at define-by-run.test.ts[average]
fix: make it with { useEma: true }`);
  });
});

describe("row 112: an optimizer is for the variables it was built for", () => {
  test("build for another model is refused", () => {
    const adam = new Adam();
    const [a, b] = [variable(0, { name: "a/kernel" }), variable(0, { name: "b/kernel" })];
    adam.build([a]);
    adam.build([a]);
    expect(message(() => adam.build([b]))) // [build]
      .toBe(`adam: it was built for other variables: "b/kernel" is new to it
  it keeps what belongs to "a/kernel"
at define-by-run.test.ts[build]
fix: make an optimizer for each model; if they are of one, build(variables) with all of them before the first step`);
    expect(message(() => adam.build([]))).toContain("adam: there is nothing to build for");
  });

  test("two models, as of a GAN, that share one by mistake; with all variables known it is allowed", () => {
    const [generator, critic] = [variable(0, { name: "generator/w" }), variable(0, { name: "critic/w" })];
    const shared = new Adam(0.1);
    slide(shared, generator);
    expect(() => slide(shared, critic)).toThrow('"critic/w" is new to it');
    expect(() => func(() => slide(shared, critic))()).toThrow('"critic/w" is new to it');

    const known = new Adam(0.1);
    known.build([generator, critic]);
    slide(known, generator);
    slide(known, critic);
    expect(keptValue(known.iterations!).item()).toBe(2);
    expect(critic.item()).toBeLessThan(0);
  });

  test("in a graph each minimize is an operation of its own, as in TensorFlow 1", () => {
    const graph = new Graph();
    const [a, b] = [graph.variable("a", []), graph.variable("b", [])];
    const adam = new Adam();
    adam.minimize(square(a));
    adam.minimize(square(b));
    expect(names(adam.variables)).toEqual(["adam/step", "adam/a/m", "adam/a/v", "adam/b/m", "adam/b/v"]);
  });
});

describe("row 139: an optimizer of one's own", () => {
  class SignMomentum extends Optimizer {
    constructor(learningRate: LearningRate = 0.01) {
      super("signMomentum", learningRate);
    }
    protected override initialSlots() {
      return { velocity: 0 };
    }
    protected override update({ variable, gradient, learningRate, slot }: UpdateContext): Update {
      const velocity = add(mul(slot("velocity"), 0.5), gradient);
      return { variable: sub(variable, mul(learningRate, sign(velocity))), slots: { velocity } };
    }
  }

  test("does what its formula says, with the same bits in a graph, on a tape and traced", () => {
    const wanted = trainInGraph(new SignMomentum(0.05), "float32", 6);
    expect(wanted.losses.at(-1)).toBeLessThan(wanted.losses[0]!);
    expect(trainEagerly(new SignMomentum(0.05), "float32", 6)).toEqual(wanted);
    expect(trainTraced(new SignMomentum(0.05), "float32", 6)).toEqual(wanted);
    const w = variable(0, { name: "w" });
    const made = new SignMomentum(0.25);
    slide(made, w);
    slide(made, w);
    expect(w.item()).toBe(-0.5);
    expect(keptValue(made.slots(w).velocity!).item()).toBe(1.5);
  });

  test("is told what it forgot to declare", () => {
    class Forgetful extends Optimizer {
      readonly #wants: "slot" | "factor";
      constructor(wants: "slot" | "factor") {
        super("forgetful", 1);
        this.#wants = wants;
      }
      protected override update({ slot, factor }: UpdateContext): Update {
        return { variable: this.#wants === "slot" ? slot("velocity") : factor("damping") };
      }
    }
    const w = variable(0, { name: "w" });
    expect(message(() => slide(new Forgetful("slot"), w))).toMatch(
      /^forgetful: its formula asks for the slot "velocity", which is not declared\nat .*\nfix: protected override initialSlots\(\) \{ return \{ velocity: 0 \}; \}$/,
    );
    expect(message(() => slide(new Forgetful("factor"), w))).toContain(
      'asks for the factor "damping", which is not declared',
    );
  });
});

test("settings that make no sense", () => {
  expect(message(() => new Adam(0.1, { clipNorm: 1, clipValue: 2 }))) // [two]
    .toBe(`adam: gradients can be clipped in one way, not in 2: clipValue, clipNorm
at define-by-run.test.ts[two]
fix: leave one of them`);
  expect(message(() => new SGD(0.1, { clipNorm: 0 }))) // [zero]
    .toBe(`sgd: clipNorm is 0
at define-by-run.test.ts[zero]
fix: give a positive number`);
  expect(message(() => new SGD(0.1, { weightDecay: -1 }))) // [decay]
    .toBe(`sgd: weightDecay is -1
at define-by-run.test.ts[decay]
fix: give 0 or a positive number`);
  expect(message(() => new SGD(0.1, { emaMomentum: 0.9 }))) // [ema]
    .toBe(`sgd: emaMomentum is of the averages of variables, and none are kept
at define-by-run.test.ts[ema]
fix: give both: { useEma: true, emaMomentum: 0.9 }`);
});
