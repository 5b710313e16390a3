/** The regression of `test/oracles/optimizers.py`, trained by any optimizer in a graph, step by step, and traced. */
import { func, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import {
  add,
  Graph,
  matmul,
  mean,
  NDArray,
  Session,
  type SessionOptions,
  square,
  sub,
  type Tensor,
  tanh,
} from "../../src/index.ts";
import type { Optimizer } from "../../src/train/index.ts";
import { loadOptimizers } from "../oracles/optimizers.ts";

export type Float = "float32" | "float64";
export const STEPS = 20;
const { data } = loadOptimizers();

const array = (name: keyof typeof data, dtype: Float): NDArray =>
  NDArray.of(data[name].data, { shape: data[name].shape, dtype });
const lossOf = (x: Tensor, y: Tensor, kernel: Tensor, bias: Tensor): Tensor =>
  mean(square(sub(tanh(add(matmul(x, kernel), bias)), y)));

/** Losses before each step; the kernel, row by row, and the bias after the last; their averages, if there are any. */
export interface Trained {
  readonly losses: readonly number[];
  readonly weights: readonly number[];
  readonly averages: readonly number[];
}

export function trainInGraph(optimizer: Optimizer, dtype: Float, steps = STEPS, options: SessionOptions = {}): Trained {
  const graph = new Graph();
  const x = graph.constant(array("x", dtype), { dtype });
  const y = graph.constant(array("y", dtype), { dtype });
  const kernel = graph.variable("kernel", [3, 2], { initial: array("kernel", dtype), dtype });
  const bias = graph.variable("bias", [2], { initial: array("bias", dtype), dtype });
  const loss = lossOf(x, y, kernel, bias);
  const train = optimizer.minimize(loss);
  using session = new Session(graph, options);
  session.run(graph.initializer);
  const losses = Array.from({ length: steps }, () => session.run([loss, train])[0].item());
  const valuesOf = (tensors: readonly Tensor[]) => session.run(tensors).flatMap(({ data }) => [...data]) as number[];
  const variables = [kernel, bias];
  const averages = optimizer.useEma ? valuesOf(variables.map((each) => optimizer.average(each))) : [];
  return { losses, weights: valuesOf(variables), averages };
}

/** Fresh variables of define-by-run, and a step that trains them. */
export function stepByStep(optimizer: Optimizer, dtype: Float) {
  const variables = [
    variable(array("kernel", dtype), { name: "kernel", dtype }),
    variable(array("bias", dtype), { name: "bias", dtype }),
  ] as const;
  const step = (x: Tensor, y: Tensor): Tensor => {
    using tape = new GradientTape();
    const loss = lossOf(x, y, ...variables);
    const gradients = tape.gradient(loss, variables);
    optimizer.applyGradients(gradients.map((gradient, i) => [gradient, variables[i]!] as const));
    return loss;
  };
  const inputs = [tensor(array("x", dtype), { dtype }), tensor(array("y", dtype), { dtype })] as const;
  return { variables, step, inputs };
}

function trainBy(optimizer: Optimizer, dtype: Float, steps: number, traced: boolean): Trained {
  const { variables, step, inputs } = stepByStep(optimizer, dtype);
  const compiled = func(step);
  const run = traced ? compiled : step;
  const losses = Array.from({ length: steps }, () => Number(run(...inputs)));
  const weights = variables.flatMap(({ data }) => [...(data as Float64Array)]);
  if (optimizer.useEma) optimizer.applyAverages();
  const averages = optimizer.useEma ? variables.flatMap(({ data }) => [...(data as Float64Array)]) : [];
  compiled.close();
  return { losses, weights, averages };
}

export const trainEagerly = (optimizer: Optimizer, dtype: Float, steps = STEPS): Trained =>
  trainBy(optimizer, dtype, steps, false);
export const trainTraced = (optimizer: Optimizer, dtype: Float, steps = STEPS): Trained =>
  trainBy(optimizer, dtype, steps, true);
