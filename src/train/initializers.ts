/**
 * Initial values of variables, for `graph.variable(name, shape, { initial: glorotUniform })`. The random ones are
 * ordinary operations of the graph: a variable's value follows from the seed it was given and nothing else, so the
 * same program begins with the same numbers on every machine.
 */
import { type DType, isFloat } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { randomNormal as drawNormal, randomUniform as drawUniform, randomKey, truncatedNormal } from "../ops/random.ts";
import type { Initializer } from "../runtime/graph.ts";

/** Every element has this value. */
export const constant =
  (value: number): Initializer =>
  ({ graph, shape, dtype }) =>
    graph.constant(value, { shape, dtype, name: "initialValue" });

export const zeros: Initializer = constant(0);
export const ones: Initializer = constant(1);

/** The same initializer with a seed of your own, instead of the one that follows from the graph's. */
export const withSeed =
  (initializer: Initializer, seed: number): Initializer =>
  (context) =>
    initializer({ ...context, seed });

/** Evenly distributed in [minimum, maximum). Default [-0.05, 0.05), as in Keras. */
export const randomUniform =
  (options: { readonly minimum?: number; readonly maximum?: number } = {}): Initializer =>
  ({ graph, shape, dtype, seed }) => {
    const { minimum = -0.05, maximum = 0.05 } = options;
    return drawUniform(randomKey(graph, seed), shape, { minimum, maximum, dtype: requireFloat(dtype) });
  };

/** Normally distributed. Default mean 0 and standard deviation 0.05, as in Keras. */
export const randomNormal =
  (options: { readonly mean?: number; readonly deviation?: number } = {}): Initializer =>
  ({ graph, shape, dtype, seed }) => {
    const { mean = 0, deviation = 0.05 } = options;
    return drawNormal(randomKey(graph, seed), shape, { mean, deviation, dtype: requireFloat(dtype) });
  };

/**
 * How many inputs and outputs one weight of this shape connects, as Keras counts:
 *
 *     [in, out]                    a dense layer: in and out
 *     [height, width, in, out]     a convolution (any number of spatial axes): in and out, each times height · width
 *     [n]                          n and n
 *     []                           1 and 1
 */
export function fansOf(shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  const last = shape.at(-1) ?? 1;
  if (shape.length < 2) return { fanIn: last, fanOut: last };
  const positions = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return { fanIn: shape.at(-2)! * positions, fanOut: last * positions };
}

type Fans = ReturnType<typeof fansOf>;

/** Uniform with variance 1/n: the limits are ±√(3/n). */
const scaledUniform =
  (count: (fans: Fans) => number): Initializer =>
  (context) => {
    const limit = Math.sqrt(3 / Math.max(1, count(fansOf(context.shape))));
    return randomUniform({ minimum: -limit, maximum: limit })(context);
  };

/** Standard deviation of a standard normal distribution that is cut off at ±2. */
const TRUNCATED_DEVIATION = 0.8796256610342398;

/** Normal with variance 1/n, cut off at two standard deviations and widened to make up for it, as in Keras. */
const scaledNormal =
  (count: (fans: Fans) => number): Initializer =>
  ({ graph, shape, dtype, seed }) => {
    const deviation = Math.sqrt(1 / Math.max(1, count(fansOf(shape)))) / TRUNCATED_DEVIATION;
    return truncatedNormal(randomKey(graph, seed), shape, { deviation, dtype: requireFloat(dtype) });
  };

/** Glorot and Bengio (2010), for sigmoid and tanh: uniform in ±√(6 / (fanIn + fanOut)). */
export const glorotUniform: Initializer = scaledUniform(({ fanIn, fanOut }) => (fanIn + fanOut) / 2);
/** The same variance, 2 / (fanIn + fanOut), from a truncated normal distribution. */
export const glorotNormal: Initializer = scaledNormal(({ fanIn, fanOut }) => (fanIn + fanOut) / 2);
/** He and others (2015), for ReLU: uniform in ±√(6 / fanIn). */
export const heUniform: Initializer = scaledUniform(({ fanIn }) => fanIn / 2);
/** The same variance, 2 / fanIn, from a truncated normal distribution. */
export const heNormal: Initializer = scaledNormal(({ fanIn }) => fanIn / 2);

function requireFloat(dtype: DType): "float32" | "float64" {
  if (isFloat(dtype)) return dtype as "float32" | "float64";
  throw new GraphError({
    what: `initializer: random initial values are floating point, the variable is ${dtype}`,
    at: lineOf(captureStack()),
    fix: "give a constant or a list as initial value, or make the variable float32",
  });
}
