/** Activations as layers take them: by the name Keras has for them, or as a function. */
import type { Tensor } from "../graph/operation.ts";
import {
  elu,
  gelu,
  hardSigmoid,
  hardSwish,
  leakyRelu,
  mish,
  relu,
  relu6,
  selu,
  sigmoid,
  silu,
  softplus,
  softsign,
  swish,
  tanh,
} from "../ops/activation.ts";
import { abs, add, clipByValue, maximum, mul, neg, square, sub } from "../ops/arithmetic.ts";
import { greater, where } from "../ops/comparison.ts";
import { exp, sqrt } from "../ops/elementary.ts";
import { split } from "../ops/slicing.ts";
import { logSoftmax, softmax } from "../ops/softmax.ts";
import { identity } from "../ops/state.ts";
import { chosenFrom, type SnakeCase } from "./catalogue.ts";

type Activation = (x: Tensor) => Tensor;

/** Halves of the last axis: one is let through as far as the other says. */
function glu(x: Tensor): Tensor {
  const [value, gate] = split(x, 2, -1) as readonly Tensor[];
  return mul(value!, sigmoid(gate!));
}

/** leakyRelu has the slope 0.1 of the lecture, where Keras has 0.2. */
const ACTIVATIONS = {
  linear: identity as Activation,
  relu: relu as Activation,
  leakyRelu: leakyRelu as Activation,
  elu: elu as Activation,
  celu: elu as Activation,
  selu: selu as Activation,
  gelu: gelu as Activation,
  swish: swish as Activation,
  silu: silu as Activation,
  mish: mish as Activation,
  relu6: relu6 as Activation,
  hardSigmoid: hardSigmoid as Activation,
  hardSwish: hardSwish as Activation,
  hardSilu: hardSwish as Activation,
  hardTanh: (x: Tensor) => clipByValue(x, -1, 1),
  hardShrink: (x: Tensor) => where(greater(abs(x), 0.5), x, 0),
  softShrink: (x: Tensor) => sub(x, clipByValue(x, -0.5, 0.5)),
  softsign: softsign as Activation,
  sigmoid: sigmoid as Activation,
  logSigmoid: (x: Tensor) => neg(softplus(neg(x))),
  tanh: tanh as Activation,
  tanhShrink: (x: Tensor) => sub(x, tanh(x)),
  softplus: softplus as Activation,
  squareplus: (x: Tensor) => mul(add(x, sqrt(add(square(x), 4))), 0.5),
  sparsePlus: (x: Tensor) => where(greater(x, 1), x, mul(square(maximum(add(x, 1), 0)), 0.25)),
  sparseSigmoid: (x: Tensor) => clipByValue(mul(add(x, 1), 0.5), 0, 1),
  exponential: exp as Activation,
  glu,
  softmax: softmax as Activation,
  logSoftmax: logSoftmax as Activation,
} as const;

export type ActivationName = keyof typeof ACTIVATIONS;
/** What is done to a layer's output: by name, or a function of it. */
export type ActivationChoice = ActivationName | SnakeCase<ActivationName> | Activation;

const makers = Object.fromEntries(Object.entries(ACTIVATIONS).map(([name, op]) => [name, () => op]));

/**
 * The function that was chosen, without options: a name stands for the defaults.
 * @throws GraphError for a name that is none, listing near ones
 */
export const activationFrom = (choice: ActivationChoice): Activation =>
  chosenFrom<Activation>("activation", makers, choice);

/** The name of a function that is an op: `relu` of `forerun` is the same as `"relu"`. */
export const activationNameOf = (choice: unknown): string | null =>
  Object.entries(ACTIVATIONS).find(([, op]) => op === choice)?.[0] ?? null;
