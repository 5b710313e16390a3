/** Small random networks, trained step by step, as a traced function, and as a graph in a session. */
import fc from "fast-check";
import { func, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import {
  add,
  type DType,
  Graph,
  gelu,
  matmul,
  mean,
  NDArray,
  relu,
  Session,
  type SessionOptions,
  sigmoid,
  softmaxCrossEntropy,
  square,
  sub,
  type Tensor,
  tanh,
  type Variable,
} from "../../src/index.ts";
import { Adam, type Optimizer, SGD } from "../../src/train/index.ts";
import { RandomStream } from "../support/random.ts";

const ACTIVATIONS = { relu, tanh, sigmoid, gelu };
const LOSSES = {
  squares: (wanted: Tensor, found: Tensor): Tensor => mean(square(sub(found, wanted))),
  crossEntropy: (wanted: Tensor, found: Tensor): Tensor => mean(softmaxCrossEntropy(wanted, found)),
};
const OPTIMIZERS = {
  sgd: (rate: number, clip: object) => new SGD(rate, clip),
  momentum: (rate: number, clip: object) => new SGD(rate, { momentum: 0.9, ...clip }),
  nesterov: (rate: number, clip: object) => new SGD(rate, { momentum: 0.5, nesterov: true, ...clip }),
  adam: (rate: number, clip: object) => new Adam(rate, clip),
};

export interface Training {
  readonly dtype: DType;
  readonly batch: number;
  /** Numbers of units, from the inputs to the outputs. */
  readonly units: readonly number[];
  readonly activation: keyof typeof ACTIVATIONS;
  readonly loss: keyof typeof LOSSES;
  readonly optimizer: keyof typeof OPTIMIZERS;
  readonly rate: number;
  readonly clip: number | null;
  readonly seed: number;
  readonly steps: number;
}

const oneOf = <T extends object>(choices: T): fc.Arbitrary<keyof T> =>
  fc.constantFrom(...(Object.keys(choices) as (keyof T)[]));

export const trainings: fc.Arbitrary<Training> = fc.record({
  dtype: fc.constantFrom<DType>("float32", "float32", "float64"),
  batch: fc.integer({ min: 1, max: 9 }),
  units: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 4 }),
  activation: oneOf(ACTIVATIONS),
  loss: oneOf(LOSSES),
  optimizer: oneOf(OPTIMIZERS),
  rate: fc.constantFrom(0.1, 0.01, 0.5),
  clip: fc.option(fc.constantFrom(0.1, 1, 10)),
  seed: fc.nat(0xffff),
  steps: fc.constantFrom(5, 10, 20, 100),
});

/** What the three have in common: the first weights, the data, the model and its loss. */
interface Parts {
  readonly weights: readonly NDArray[];
  readonly optimizer: Optimizer;
  loss(x: Tensor, y: Tensor, weights: readonly Tensor[]): Tensor;
  /** Data for each step. */
  readonly batches: readonly (readonly [x: NDArray, y: NDArray])[];
}

function partsOf(training: Training): Parts {
  const { dtype, batch, units, rate, clip, steps } = training;
  const random = new RandomStream(training.seed);
  const draw = (...shape: readonly number[]): NDArray => {
    const data = new (dtype === "float64" ? Float64Array : Float32Array)(shape.reduce((a, b) => a * b, 1));
    return new NDArray(
      data.map(() => random.between(-1, 1)),
      shape,
      dtype,
    );
  };
  const layers = units.slice(1).map((outputs, i) => [draw(units[i]!, outputs), draw(outputs)]);
  return {
    weights: layers.flat(),
    optimizer: OPTIMIZERS[training.optimizer](rate, clip === null ? {} : { clipGlobalNorm: clip }),
    loss(x, y, weights) {
      let hidden = x;
      for (let i = 0; i < weights.length; i += 2) {
        if (i > 0) hidden = ACTIVATIONS[training.activation](hidden);
        hidden = add(matmul(hidden, weights[i]!), weights[i + 1]!);
      }
      return LOSSES[training.loss](y, hidden);
    },
    batches: Array.from({ length: steps }, () => [draw(batch, units[0]!), draw(batch, units.at(-1)!)] as const),
  };
}

/** What comes out: the loss before each step, and the weights after the last. */
export type Trained = readonly unknown[];

export function trainInSession(training: Training, options: SessionOptions): Trained {
  const { weights, optimizer, loss, batches } = partsOf(training);
  const graph = new Graph();
  const [inputs, outputs] = [training.units[0]!, training.units.at(-1)!];
  const { dtype, batch } = training;
  const x = graph.placeholder("x", [batch, inputs], { dtype });
  const y = graph.placeholder("y", [batch, outputs], { dtype });
  const variables = weights.map((initial, i) => graph.variable(`w${i}`, initial.shape, { dtype, initial }));
  const target = loss(x, y, variables);
  const step = optimizer.minimize(target);
  using session = new Session(graph, options);
  session.run(graph.initializer);
  const run = session.prepare([target, step], [x, y]);
  const losses = batches.map(([x, y]) => run(x, y)[0].item());
  return [...losses, ...variables.map((variable) => session.value(variable).data)];
}

/** One step of define-by-run, to be run as it is or traced. */
function stepOf({ optimizer, loss }: Parts, weights: readonly Variable[]) {
  return (x: Tensor, y: Tensor): Tensor => {
    using tape = new GradientTape();
    const value = loss(x, y, weights);
    const gradients = tape.gradient(value, weights) as readonly Tensor[];
    optimizer.applyGradients(gradients.map((gradient, i) => [gradient, weights[i]!] as const));
    return value;
  };
}

const variablesOf = ({ weights }: Parts) => weights.map((value) => variable(value, { dtype: value.dtype }));

export function trainEagerly(training: Training): Trained {
  const parts = partsOf(training);
  const variables = variablesOf(parts);
  const step = stepOf(parts, variables);
  const losses = parts.batches.map(([x, y]) => Number(step(tensor(x), tensor(y))));
  return [...losses, ...variables.map(({ data }) => data)];
}

export function trainTraced(training: Training, session: SessionOptions): Trained {
  const parts = partsOf(training);
  const variables = variablesOf(parts);
  const step = func(stepOf(parts, variables), { session });
  try {
    const losses = parts.batches.map(([x, y]) => step(tensor(x), tensor(y)).item());
    return [...losses, ...variables.map(({ data }) => data)];
  } finally {
    step.close();
  }
}
