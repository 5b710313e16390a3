/**
 * Initial values of variables, for `graph.variable(name, shape, { initial: glorotUniform })`. The random ones are
 * ordinary operations of the graph: a variable's value follows from the seed it was given and nothing else, so the
 * same program begins with the same numbers on every machine.
 */
import { type DType, isFloat } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import { recipeOf, withRecipe } from "../core/recipe.ts";
import type { Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { mul } from "../ops/arithmetic.ts";
import { cast } from "../ops/comparison.ts";
import { matmul } from "../ops/contraction.ts";
import { eye } from "../ops/grids.ts";
import { cholesky, matrixInverse } from "../ops/matrices.ts";
import { reshape, transpose } from "../ops/movement.ts";
import {
  randomNormal as drawNormal,
  truncatedNormal as drawTruncated,
  randomUniform as drawUniform,
  randomKey,
} from "../ops/random.ts";
import type { Initializer } from "../runtime/graph.ts";

/** Every element has this value. */
export const constant = (value: number): Initializer =>
  withRecipe(({ graph, shape, dtype }) => graph.constant(value, { shape, dtype, name: "initialValue" }), {
    name: "constant",
    value,
  });

export const zeros: Initializer = withRecipe(constant(0), "zeros");
export const ones: Initializer = withRecipe(constant(1), "ones");

/** The same initializer with a seed of your own, instead of the one that follows from the graph's. */
export function withSeed(initializer: Initializer, seed: number): Initializer {
  const seeded: Initializer = (context) => initializer({ ...context, seed });
  const recipe = recipeOf(initializer);
  if (recipe === null) return seeded;
  return withRecipe(seeded, { ...(typeof recipe === "string" ? { name: recipe } : recipe), seed });
}

/** Evenly distributed in [minimum, maximum). Default [-0.05, 0.05), as in Keras. */
export const randomUniform = (options: { readonly minimum?: number; readonly maximum?: number } = {}): Initializer => {
  const { minimum = -0.05, maximum = 0.05 } = options;
  const draw: Initializer = ({ graph, shape, dtype, seed }) =>
    drawUniform(randomKey(graph, seed), shape, { minimum, maximum, dtype: requireFloat(dtype) });
  return withRecipe(draw, { name: "randomUniform", minimum, maximum });
};

export interface NormalInitializerOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Standard deviation; default 0.05 as in Keras. */
  readonly deviation?: number;
}

/** Normally distributed. */
export const randomNormal = ({ mean = 0, deviation = 0.05 }: NormalInitializerOptions = {}): Initializer => {
  const draw: Initializer = ({ graph, shape, dtype, seed }) =>
    drawNormal(randomKey(graph, seed), shape, { mean, deviation, dtype: requireFloat(dtype) });
  return withRecipe(draw, { name: "randomNormal", mean, deviation });
};

/** Normally distributed, and drawn again where it is further than two standard deviations from the mean. */
export const truncatedNormal = ({ mean = 0, deviation = 0.05 }: NormalInitializerOptions = {}): Initializer => {
  const draw: Initializer = ({ graph, shape, dtype, seed }) =>
    drawTruncated(randomKey(graph, seed), shape, { mean, deviation, dtype: requireFloat(dtype) });
  return withRecipe(draw, { name: "truncatedNormal", mean, deviation });
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

/** By what the variance is divided. */
const COUNTS = {
  fanIn: ({ fanIn }: Fans): number => fanIn,
  fanOut: ({ fanOut }: Fans): number => fanOut,
  fanAvg: ({ fanIn, fanOut }: Fans): number => (fanIn + fanOut) / 2,
} as const;

export interface VarianceScalingOptions {
  /** The variance times the number of connections. Default 1. */
  readonly scale?: number;
  /** Which connections count: those that come in, those that go out, or the mean of both. Default `"fanIn"`. */
  readonly mode?: keyof typeof COUNTS;
  /** Default `"truncatedNormal"`. */
  readonly distribution?: "truncatedNormal" | "untruncatedNormal" | "uniform";
}

/** Standard deviation of a standard normal distribution that is cut off at ±2. */
const TRUNCATED_DEVIATION = 0.8796256610342398;

/**
 * Mean 0 and variance scale / n, where n is the number of connections. A truncated normal distribution is cut off at two
 * standard deviations and widened to make up for it; a uniform one has the limits ±√(3 scale / n). As in Keras.
 */
export function varianceScaling(options: VarianceScalingOptions = {}): Initializer {
  const { scale = 1, mode = "fanIn", distribution = "truncatedNormal" } = options;
  const draw: Initializer = (context) => {
    const count = Math.max(1, COUNTS[mode](fansOf(context.shape))) / scale;
    if (distribution === "uniform") {
      const limit = Math.sqrt(3 / count);
      return randomUniform({ minimum: -limit, maximum: limit })(context);
    }
    const deviation = Math.sqrt(1 / count);
    if (distribution === "untruncatedNormal") return randomNormal({ deviation })(context);
    return truncatedNormal({ deviation: deviation / TRUNCATED_DEVIATION })(context);
  };
  return withRecipe(draw, { name: "varianceScaling", scale, mode, distribution });
}

const scaled = (name: string, scale: number, mode: keyof typeof COUNTS, isUniform: boolean): Initializer =>
  withRecipe(varianceScaling({ scale, mode, distribution: isUniform ? "uniform" : "truncatedNormal" }), name);

/** Glorot and Bengio (2010), for sigmoid and tanh: uniform in ±√(6 / (fanIn + fanOut)). */
export const glorotUniform: Initializer = scaled("glorotUniform", 1, "fanAvg", true);
/** The same variance, 2 / (fanIn + fanOut), from a truncated normal distribution. */
export const glorotNormal: Initializer = scaled("glorotNormal", 1, "fanAvg", false);
/** He and others (2015), for ReLU: uniform in ±√(6 / fanIn). */
export const heUniform: Initializer = scaled("heUniform", 2, "fanIn", true);
/** The same variance, 2 / fanIn, from a truncated normal distribution. */
export const heNormal: Initializer = scaled("heNormal", 2, "fanIn", false);
/** LeCun and others (1998), for SELU: uniform in ±√(3 / fanIn). */
export const lecunUniform: Initializer = scaled("lecunUniform", 1, "fanIn", true);
/** The same variance, 1 / fanIn, from a truncated normal distribution. */
export const lecunNormal: Initializer = scaled("lecunNormal", 1, "fanIn", false);

/**
 * A matrix with orthonormal columns (or rows, if there are fewer of those), evenly distributed among all such; Saxe and
 * others (2014). Axes before the last count as one. Times `gain`, default 1.
 *
 * The Q of a random normal matrix A = QR, where R = Lᵀ of the Cholesky decomposition AᵀA = LLᵀ. What that loses where A
 * is nearly singular a second round brings back.
 */
export const orthogonal = ({ gain = 1 }: { readonly gain?: number } = {}): Initializer => {
  const draw: Initializer = ({ graph, shape, dtype, seed }) => {
    requireFloat(dtype);
    if (shape.length < 2) throw wrongRank("orthogonal", "rank 2 or more", shape);
    const columns = shape.at(-1)!;
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const [long, short] = rows < columns ? [columns, rows] : [rows, columns];
    const normal = drawNormal(randomKey(graph, seed), [long, short], { dtype: "float64" });
    const q = orthonormal(orthonormal(normal));
    return cast(mul(reshape(rows < columns ? transpose(q) : q, shape), gain), dtype);
  };
  return withRecipe(draw, { name: "orthogonal", gain });
};

const orthonormal = (a: Tensor): Tensor => {
  const lower = cholesky(matmul(a, a, { transposeA: true }));
  return matmul(a, matrixInverse(lower), { transposeB: true });
};

/** Ones on the diagonal of a matrix and zeros elsewhere, times `gain`, default 1. */
export const identity = ({ gain = 1 }: { readonly gain?: number } = {}): Initializer => {
  const make: Initializer = ({ graph, shape, dtype }) => {
    if (shape.length !== 2) throw wrongRank("identity", "rank 2", shape);
    return mul(eye(graph, shape[0]!, { columns: shape[1]!, dtype }), gain);
  };
  return withRecipe(make, { name: "identity", gain });
};

const wrongRank = (name: string, wanted: string, shape: readonly number[]): GraphError =>
  new GraphError({
    what: `initializer ${name}: takes a variable of ${wanted}, got [${shape.join(", ")}]`,
    at: lineOf(captureStack()),
    fix: "use another one for this variable: glorotUniform, zeros",
  });

function requireFloat(dtype: DType): "float32" | "float64" {
  if (isFloat(dtype)) return dtype as "float32" | "float64";
  throw new GraphError({
    what: `initializer: random initial values are floating point, the variable is ${dtype}`,
    at: lineOf(captureStack()),
    fix: "give a constant or a list as initial value, or make the variable float32",
  });
}
