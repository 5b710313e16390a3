import { describe, expect, test } from "vitest";
import { RandomState as EagerState, type EagerTensor, func, tensor } from "../../src/eager/index.ts";
import {
  add,
  assign,
  dropout,
  foldIn,
  Graph,
  gradients,
  loadVariables,
  NDArray,
  parseGraph,
  RandomState,
  randomBits,
  randomKey,
  randomNormal,
  randomUniform,
  Session,
  saveVariables,
  serializeGraph,
  shuffle,
  sum,
  type Tensor,
} from "../../src/index.ts";

const STEPS = 5;
const X = new NDArray(
  Float32Array.from({ length: 12 }, (_, i) => 1 + i),
  [4, 3],
);

/** One step that draws in several ways: as many keys as draws. */
const draws = (random: RandomState, x: Tensor): Tensor[] => [
  randomUniform(random.key(), [2, 3]),
  randomNormal(random.key(), [7]),
  dropout(x, random.key(), 0.5),
  shuffle(x, random.key()),
];

const bitsOf = (values: readonly (NDArray | { readonly value: NDArray })[]): number[][] =>
  values.map((one) => {
    const { data } = one instanceof NDArray ? one : one.value;
    return [...new Uint32Array(data.slice().buffer)];
  });

function inSession(options: { readonly seed?: number; readonly name?: string } = {}) {
  const graph = new Graph();
  const random = new RandomState(graph, { seed: 1, ...options });
  const x = graph.placeholder("x", [4, 3]);
  const fetches = draws(random, x);
  const session = new Session(graph);
  session.run(graph.initializer);
  return { graph, random, session, step: () => bitsOf(session.run(fetches, { x: X }) as NDArray[]) };
}

const stepsOf = (step: () => number[][]): number[][][] => Array.from({ length: STEPS }, step);

describe("the same program with the same seed draws the same bits", () => {
  const expected = stepsOf(inSession().step);

  test("in each step others", () => {
    expect(new Set(expected.flat().map(String)).size).toBe(4 * STEPS);
  });

  test("step by step", () => {
    const random = new EagerState({ seed: 1 });
    const x = tensor(X);
    const step = () => bitsOf(random.step(() => draws(random, x)) as EagerTensor[]);
    expect(stepsOf(step)).toEqual(expected);
    expect(random.counter.toString()).toContain(`numpy=${STEPS}`);
  });

  test("in a traced function, which is traced once", () => {
    const random = new EagerState({ seed: 1 });
    const run = func((x: Tensor) => random.step(() => draws(random, x)));
    const step = () => bitsOf(run(tensor(X)) as EagerTensor[]);
    expect(stepsOf(step)).toEqual(expected);
    expect(run.log).toHaveLength(1);
  });

  test("in one mode after the other", () => {
    const random = new EagerState({ seed: 1 });
    const run = (x: Tensor) => random.step(() => draws(random, x));
    const traced = func(run);
    const x = tensor(X);
    let turn = 0;
    const step = () => bitsOf((turn++ % 2 === 0 ? run(x) : traced(x)) as EagerTensor[]);
    expect(stepsOf(step)).toEqual(expected);
  });

  test("as the formula says, in plain calls of foldIn", () => {
    const graph = new Graph();
    const name = "random";
    const stream = [name.length, ...[...name].map((letter) => letter.charCodeAt(0))].reduce(
      (key: Tensor, word) => foldIn(key, word),
      randomKey(graph, 1),
    );
    const [third] = new Session(graph).run([randomUniform(foldIn(foldIn(stream, 3), 0), [2, 3])]);
    expect(bitsOf([third!])[0]).toEqual(expected[2]![0]);
  });
});

describe("a step of define-by-run", () => {
  const numbers = (random: EagerState, count: number): number[] =>
    Array.from({ length: count }, () => (randomBits(random.key(), [1]) as EagerTensor).item());

  test("is what step encloses: keys outside are steps of their own, traced or not", () => {
    const [first, second] = [new EagerState({ seed: 3 }), new EagerState({ seed: 3 })];
    const alone = numbers(first, 3);
    const together = [1, 2, 3].map(() => second.step(() => numbers(second, 1)[0]!));
    expect(alone).toEqual(together);
    const third = new EagerState({ seed: 3 });
    const traced = func(() => [1, 2, 3].map(() => randomBits(third.key(), [1])));
    expect(traced().map((one) => one.item())).toEqual(alone);
    expect(third.counter.item()).toBe(3);
  });

  test("counts only if it takes a key", () => {
    const random = new EagerState({ seed: 3 });
    random.step(() => 1);
    expect(random.counter.item()).toBe(0);
  });

  test("within a step is one of its own, and the outer one goes on", () => {
    const random = new EagerState({ seed: 3 });
    const plain = () => random.step(() => randomBits(random.key(), [1]));
    const outer = (inner: () => Tensor) =>
      random.step(() => {
        const [before] = numbers(random, 1);
        const between = (inner() as EagerTensor).item();
        return [before, between, ...numbers(random, 1)];
      });
    const expected = outer(plain);
    assign(random.counter, 0);
    expect(outer(func(plain))).toEqual(expected);
    expect(new Set(expected).size).toBe(3);
  });

  test("can not go on in a traced function", () => {
    const random = new EagerState({ name: "noise" });
    const traced = func(() => randomBits(random.key(), [1]));
    expect(() => random.step(() => traced())).toThrow(
      /random state "noise": a step that began outside of a traced function can not go on inside[\s\S]*begin it inside: func/,
    );
  });

  test("can not be asynchronous", () => {
    const random = new EagerState();
    expect(() => random.step(async () => 1)).toThrow(/a step can not be asynchronous[\s\S]*await outside/);
  });
});

describe("saving and going on", () => {
  test("a session saves the counter with its variables", () => {
    const one = inSession();
    const expected = stepsOf(one.step);
    const two = inSession();
    two.step();
    two.step();
    const saved = saveVariables(two.session);
    const three = inSession();
    expect(loadVariables(three.session, saved).restored).toEqual(["random/counter"]);
    expect([three.step(), three.step(), three.step()]).toEqual(expected.slice(2));
  });

  test("values of a session go on in define-by-run", () => {
    const { session, random: inGraph, step } = inSession();
    step();
    const random = new EagerState({ seed: 1 });
    assign(random.counter, session.value(inGraph.counter).item());
    const x = tensor(X);
    expect(bitsOf(random.step(() => draws(random, x)) as EagerTensor[])).toEqual(step());
  });

  test("a graph from a file draws the same", () => {
    const { graph, step } = inSession();
    const parsed = parseGraph(JSON.parse(JSON.stringify(serializeGraph(graph))));
    const session = new Session(parsed);
    session.run(parsed.initializer);
    const values = () => bitsOf(session.run(["randomUniform", "randomNormal"]));
    expect([values(), values()]).toEqual([step().slice(0, 2), step().slice(0, 2)]);
  });
});

describe("a stream", () => {
  test("does not change with operations elsewhere, nor with runs that draw nothing", () => {
    const expected = stepsOf(inSession().step);
    const graph = new Graph();
    const weights = graph.variable("weights", [3], { initial: 1 });
    const other = new RandomState(graph, { seed: 1, name: "other" });
    const noise = randomNormal(other.key(), [3]);
    const random = new RandomState(graph, { seed: 1 });
    const x = graph.placeholder("x", [4, 3]);
    const evaluation = sum(add(x, weights));
    const fetches = draws(random, x);
    const session = new Session(graph);
    session.run(graph.initializer);
    const step = () => {
      session.run([evaluation, noise], { x: X });
      return bitsOf(session.run(fetches, { x: X }) as NDArray[]);
    };
    expect(stepsOf(step)).toEqual(expected);
    expect(session.value(other.counter).item()).toBe(STEPS);
    expect(session.value(random.counter).item()).toBe(STEPS);
  });

  test("differs by seed and by name, also where one name begins the other", () => {
    const firsts = [{}, { seed: 2 }, { name: "a" }, { name: "ab" }, { seed: 2 ** 40 }].map((options) =>
      String(inSession(options).step()[0]),
    );
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  test("has the seed of its graph if it is given none", () => {
    const graph = new Graph({ seed: 7 });
    expect(new RandomState(graph).seed).toBe(7);
  });

  test("gives the mask of dropout to its gradient", () => {
    const graph = new Graph();
    const random = new RandomState(graph, { seed: 5 });
    const x = graph.variable("x", [50], { initial: 1 });
    const y = dropout(x, random.key(), 0.5);
    const [dx] = gradients(sum(y), [x]);
    const session = new Session(graph);
    session.run(graph.initializer);
    for (let i = 0; i < 3; i++) {
      const [value, gradient] = session.run([y, dx!]);
      expect(value!.data).toEqual(gradient!.data);
    }
    expect(session.value(random.counter).item()).toBe(3);
  });

  test("takes the number of a turn, for loops", () => {
    const graph = new Graph();
    const turn = graph.placeholder("turn", [], { dtype: "int32" });
    const bits = randomBits(new RandomState(graph, { seed: 5 }).key(turn), [4]);
    const session = new Session(graph);
    const drawn = [0, 1, 0].map((value) => {
      session.run(graph.initializer);
      return String(session.run(bits, { turn: value }));
    });
    expect(drawn[0]).toBe(drawn[2]);
    expect(drawn[0]).not.toBe(drawn[1]);
  });

  test("has a name of its own in its graph", () => {
    const graph = new Graph({ name: "net" });
    new RandomState(graph, { name: "dropout" });
    expect(() => new RandomState(graph, { name: "dropout" })).toThrow(
      /graph "net" has a random state "dropout" already: both would draw the same numbers[\s\S]*random\.test\.ts[\s\S]*dropout_1/,
    );
    expect(() => new RandomState(graph, { seed: -1, name: "a" })).toThrow(/RandomState: -1 is not a seed/);
  });
});
