/**
 * Learning to learn (MAML; Finn, Abbeel and Levine, 2017): weights from which a step on ten points of a new sine is
 * enough to draw the whole of it. The gradient goes through that step.
 * `npx tsx samples/layers/meta-learning.ts`, some seconds.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EagerTensor, func, GradientTape, tensor } from "../../src/eager/index.ts";
import { add, matmul, mean, mul, NDArray, square, sub, type Tensor, tanh, unstack } from "../../src/index.ts";
import { Dense, input, sequential } from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { seededRandom } from "../mnist/data.ts";
import { folderFor } from "../support/output.ts";
import { writeChart } from "../support/plot.ts";

const shots = 10;
const tasks = 8;
/** Size of the step on the points of a task. */
export const innerRate = 0.1;

/** Points of some sines, [tasks, shots, 1] each: to learn from, and to be judged by. */
export interface Tasks<Values> {
  readonly x: Values;
  readonly y: Values;
  readonly testX: Values;
  readonly testY: Values;
}

/** Sines of random height and phase, and random points of each. */
export function drawTasks(random: () => number): Tasks<NDArray> {
  const values: Tasks<number[]> = { x: [], y: [], testX: [], testY: [] };
  for (let task = 0; task < tasks; task++) {
    const height = 0.5 + 2 * random();
    const phase = Math.PI * random();
    for (let shot = 0; shot < 2 * shots; shot++) {
      const [xs, ys] = shot < shots ? [values.x, values.y] : [values.testX, values.testY];
      const at = 2 * random() - 1;
      xs.push(at);
      ys.push(height * Math.sin(3 * at - phase));
    }
  }
  const shaped = (list: number[]) => new NDArray(Float32Array.from(list), [tasks, shots, 1], "float32");
  return { x: shaped(values.x), y: shaped(values.y), testX: shaped(values.testX), testY: shaped(values.testY) };
}

/** The network as a function of its weights, so that it can be computed with others than its own. */
export function predict(x: Tensor, weights: readonly Tensor[]): Tensor {
  const [w1, b1, w2, b2, w3, b3] = weights as readonly [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const hidden = tanh(add(matmul(tanh(add(matmul(x, w1), b1)), w2), b2));
  return add(matmul(hidden, w3), b3);
}
export const error = (y: Tensor, prediction: Tensor): Tensor => mean(square(sub(y, prediction)));

/** Weights after one step on the points of a task. An outer tape sees the gradient that is taken here. */
export function adapt(x: Tensor, y: Tensor, weights: readonly Tensor[]): readonly Tensor[] {
  const tape = new GradientTape();
  tape.watch(weights);
  const gradients = tape.gradient(error(y, predict(x, weights)), weights);
  return weights.map((weight, i) => sub(weight, mul(innerRate, gradients[i]!)));
}

/** The loss after a step on each task's own points, averaged over the tasks: what the weights are chosen for. */
export function adaptedLoss({ x, y, testX, testY }: Tasks<Tensor>, weights: readonly Tensor[]): Tensor {
  const [xs, ys, testXs, testYs] = [unstack(x), unstack(y), unstack(testX), unstack(testY)];
  const losses = xs.map((points, task) => {
    const adapted = adapt(points, ys[task]!, weights);
    return error(testYs[task]!, predict(testXs[task]!, adapted));
  });
  return mul(
    losses.reduce((sum, loss) => add(sum, loss)),
    1 / losses.length,
  );
}

export class MetaLearner {
  readonly network;
  readonly #step;
  readonly #random = seededRandom(9);

  constructor(seed = 1, units = 32) {
    const layers = [
      input([1]),
      new Dense(units, { activation: "tanh" }),
      new Dense(units, { activation: "tanh" }),
      new Dense(1),
    ] as const;
    this.network = sequential(layers, { name: "sines", seed });
    const weights = this.network.trainableVariables;
    const optimizer = new Adam(0.005);
    this.#step = func((x: Tensor, y: Tensor, testX: Tensor, testY: Tensor) => {
      // This tape sees what those of the tasks do: second derivatives.
      const tape = new GradientTape();
      const loss = adaptedLoss({ x, y, testX, testY }, weights);
      const gradients = tape.gradient(loss, weights);
      optimizer.applyGradients(gradients.map((gradient, i) => [gradient, weights[i]!]));
      return loss;
    });
  }

  /** @returns the loss after the inner step, for each outer step */
  train(steps: number): readonly number[] {
    return Array.from({ length: steps }, () => {
      const { x, y, testX, testY } = drawTasks(this.#random);
      return this.#step(tensor(x), tensor(y), tensor(testX), tensor(testY)).item();
    });
  }

  /** Loss on new tasks, before the inner step and after it. */
  test(seed = 77): { readonly before: number; readonly after: number } {
    const weights = this.network.trainableVariables;
    const { x, y, testX, testY } = drawTasks(seededRandom(seed));
    const before = error(tensor(testY), predict(tensor(testX), weights));
    const after = adaptedLoss({ x: tensor(x), y: tensor(y), testX: tensor(testX), testY: tensor(testY) }, weights);
    return { before: Number(before), after: Number(after) };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const learner = new MetaLearner();
  const report = (): void => {
    const { before, after } = learner.test();
    console.log(`new sines: loss ${before.toFixed(3)}, after one step on ten points ${after.toFixed(3)}`);
  };
  report();
  for (let part = 0; part < 5; part++) {
    const losses = learner.train(400);
    const average = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    console.log(`400 outer steps: loss after the inner step ${average.toFixed(3)}`);
  }
  report();
  await drawSine(learner.network.trainableVariables);
}

/** One new sine: what the network says of it before the step on its ten points, and after. */
async function drawSine(weights: readonly Tensor[]): Promise<void> {
  const { x, y } = drawTasks(seededRandom(78));
  const points = Array.from({ length: shots }, (_, i) => ({ x: x.at(0, i, 0) as number, y: y.at(0, i, 0) as number }));
  const column = (values: readonly number[]) => tensor(values.map((value) => [value]));
  const adapted = adapt(column(points.map((point) => point.x)), column(points.map((point) => point.y)), weights);
  const along = Array.from({ length: 101 }, (_, i) => i / 50 - 1);
  const curve = (network: string, chosen: readonly Tensor[]) => {
    const values = (predict(column(along), chosen) as EagerTensor).value;
    return along.map((at, i) => ({ x: at, y: values.at(i, 0), network }));
  };
  const encoding = { x: { field: "x", type: "quantitative" }, y: { field: "y", type: "quantitative" } };
  await writeChart(join(folderFor(import.meta.url), "meta-learning.svg"), {
    width: 400,
    height: 260,
    title: "A sine it never saw, and ten points of it",
    layer: [
      {
        data: { values: [...curve("before the step", weights), ...curve("after the step", adapted)] },
        mark: "line",
        encoding: { ...encoding, color: { field: "network", type: "nominal", title: null, sort: null } },
      },
      { data: { values: points }, mark: { type: "point", filled: true, color: "black", size: 50 }, encoding },
    ],
  });
}
