/** Twenty updates of a small regression by each optimizer, against the runs of `test/oracles/shared/training`. */
import { describe, expect, test } from "vitest";
import { Graph, mean, NDArray, Session, square, type Tensor, tanh, type Variable } from "../../src/index.ts";
import { Adagrad, Adam, GradientDescent, globalNorm, type Optimizer, RMSprop, SGD } from "../../src/train/index.ts";
import { loadTraining, type OracleArray, type RegressionWeights, type TrainingRun } from "../oracles/shared.ts";

const oracle = loadTraining();
const names = ["w1", "b1", "w2", "b2"] as const;

interface Recipe {
  readonly make: (hyper: Readonly<Record<string, number>>, rate: Tensor) => Optimizer;
  /** Learning rate in step i = 0, 1 …, for the runs with a schedule. */
  readonly rate?: (i: number) => number;
}
const scheduled = (rate: (i: number) => number): Recipe => ({ make: (_, fed) => new GradientDescent(fed), rate });

const recipes: Readonly<Record<string, Recipe>> = {
  sgd: { make: ({ lr }) => new SGD(lr) },
  momentum: { make: ({ lr, momentum }) => new SGD(lr, { momentum: momentum! }) },
  nesterov: { make: ({ lr, momentum }) => new SGD(lr, { momentum: momentum!, nesterov: true }) },
  adam_tf: {
    make: ({ lr, beta1, beta2, eps }) => new Adam(lr, { beta1: beta1!, beta2: beta2!, epsilon: eps! }),
  },
  adam_torch: {
    make: ({ lr, beta1, beta2, eps }) =>
      new Adam(lr, { beta1: beta1!, beta2: beta2!, epsilon: eps!, correctedEpsilon: true }),
  },
  adagrad_tf1: {
    make: ({ lr, initial_accumulator: initial }) => new Adagrad(lr, { initialAccumulatorValue: initial!, epsilon: 0 }),
  },
  rmsprop_keras3: { make: ({ lr, rho, eps }) => new RMSprop(lr, { rho: rho!, epsilon: eps! }) },
  rmsprop_tf1: {
    make: ({ lr, rho, eps }) => new RMSprop(lr, { rho: rho!, epsilon: eps!, initialAccumulatorValue: 1 }),
  },
  sgd_clip_global_norm: { make: () => new GradientDescent(0.1, { clipGlobalNorm: 0.25 }) },
  sgd_exponential_decay: scheduled((i) => 0.1 * 0.9 ** i),
  sgd_step_decay: scheduled((i) => 0.1 * 0.5 ** Math.floor(i / 5)),
  sgd_cosine: scheduled((i) => 0.05 * (1 + Math.cos((Math.PI * i) / 20))),
  sgd_inverse_time: scheduled((i) => 0.1 / (1 + 0.3 * i)),
};

function train(run: TrainingRun, recipe: Recipe, dtype: "float32" | "float64") {
  const array = ({ shape, data }: OracleArray): NDArray => NDArray.of(data, { shape, dtype });
  const graph = new Graph();
  const x = graph.placeholder("x", ["batch", 8], { dtype });
  const y = graph.placeholder("y", ["batch", 1], { dtype });
  const rate = graph.placeholder("rate", [], { dtype: "float64" });
  const variables: readonly Variable[] = names.map((name) =>
    graph.variable(name, oracle.init[name].shape, { initial: array(oracle.init[name]), dtype }),
  );
  const [w1, b1, w2, b2] = variables;
  const loss = mean(square(tanh(x.matmul(w1!).add(b1!)).matmul(w2!).add(b2!).sub(y)));
  const optimizer = recipe.make(run.hyper ?? {}, rate);
  const pairs = optimizer.computeGradients(loss);
  const norm = globalNorm(pairs.map(([gradient]) => gradient));
  const update = optimizer.applyGradients(pairs);

  const session = new Session(graph);
  session.run(graph.initializer);
  const losses: number[] = [];
  const norms: number[] = [];
  const weights = (): readonly NDArray[] => session.run(variables);
  let first: readonly NDArray[] = [];
  for (let i = 0; i < run.losses.length; i++) {
    const batch = oracle.batches[i % oracle.batches.length]!;
    const feeds = { x: array(batch.x), y: array(batch.y), rate: recipe.rate?.(i) ?? 0 };
    const values = session.run({ loss, norm, update }, feeds);
    losses.push(values.loss.item());
    norms.push(values.norm.item());
    if (i === 0) first = weights();
  }
  return { losses, norms, first, last: weights() };
}

const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
const farthest = (found: readonly NDArray[], wanted: RegressionWeights): number =>
  Math.max(...names.map((name, i) => distance(found[i]!.data, wanted[name].data)));

test("every run of the oracle is followed", () => {
  expect(oracle.runs.map(({ optimizer }) => optimizer).sort()).toEqual(Object.keys(recipes).sort());
});

describe.each(oracle.runs)("$optimizer: $formula", (run) => {
  test("float64, within 1e-12", () => {
    const { losses, norms, first, last } = train(run, recipes[run.optimizer]!, "float64");
    expect(distance(losses, run.losses)).toBeLessThan(1e-12);
    expect(distance(norms, run.grad_norms)).toBeLessThan(1e-12);
    if (run.weights.after_1) expect(farthest(first, run.weights.after_1)).toBeLessThan(1e-12);
    expect(farthest(last, run.weights.after_20)).toBeLessThan(1e-12);
  });

  test("float32, about as near as another float32 run", () => {
    const { losses, last } = train(run, recipes[run.optimizer]!, "float32");
    const scale = run.float32_run_deviation ?? { loss: 1e-6, weights_after_20: 1e-5 };
    expect(distance(losses, run.losses)).toBeLessThan(20 * scale.loss);
    expect(farthest(last, run.weights.after_20)).toBeLessThan(20 * scale.weights_after_20);
  });
});
