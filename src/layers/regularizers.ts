/** Penalties on weights and outputs, added to the loss: Keras' `regularizers`. */
import { GraphError } from "../core/errors.ts";
import { type RecipeOptions, withRecipe } from "../core/recipe.ts";
import type { Tensor } from "../graph/operation.ts";
import { abs, add, mul, square } from "../ops/arithmetic.ts";
import { matmul } from "../ops/contraction.ts";
import { bandPart } from "../ops/matrices.ts";
import { sum } from "../ops/reduction.ts";
import { l2Normalize } from "../ops/statistics.ts";
import { here } from "../runtime/reading.ts";
import { chosenFrom } from "./catalogue.ts";
import type { Regularizer } from "./core/weight.ts";

const DEFAULT = 0.01;

const sumOfMagnitudes = (weight: Tensor, factor: number): Tensor => mul(sum(abs(weight)), factor);
const sumOfSquares = (weight: Tensor, factor: number): Tensor => mul(sum(square(weight)), factor);

/** `factor · Σ |w|`: drives weights to 0. @throws GraphError for a factor below 0 */
export function l1(factor = DEFAULT): Regularizer {
  requireFactor("l1", factor);
  return withRecipe((weight: Tensor) => sumOfMagnitudes(weight, factor), { name: "l1", l1: factor });
}

/** `factor · Σ w²`: keeps weights small. @throws GraphError for a factor below 0 */
export function l2(factor = DEFAULT): Regularizer {
  requireFactor("l2", factor);
  return withRecipe((weight: Tensor) => sumOfSquares(weight, factor), { name: "l2", l2: factor });
}

/** `l1 · Σ |w| + l2 · Σ w²`. Both are 0 unless given. @throws GraphError for a factor below 0 */
export function l1l2(factors: { readonly l1?: number; readonly l2?: number } = {}): Regularizer {
  const { l1 = 0, l2 = 0 } = factors;
  requireFactor("l1l2", l1);
  requireFactor("l1l2", l2);
  const penalty = (weight: Tensor): Tensor => add(sumOfMagnitudes(weight, l1), sumOfSquares(weight, l2));
  return withRecipe(penalty, { name: "l1l2", l1, l2 });
}

export interface OrthogonalOptions {
  /** Default 0.01. */
  readonly factor?: number;
  /** Whether rows are to be orthogonal to one another, or columns. Default `"rows"`. */
  readonly mode?: "rows" | "columns";
}

/**
 * Keeps the rows (or columns) of a matrix orthogonal: `factor` times the mean of |cos| of the angle between two of them.
 * @throws GraphError for a factor below 0, or for a weight that is no matrix
 */
export function orthogonalRegularizer({ factor = DEFAULT, mode = "rows" }: OrthogonalOptions = {}): Regularizer {
  requireFactor("orthogonalRegularizer", factor);
  const isRows = mode === "rows";
  const penalty = (weight: Tensor): Tensor => {
    const count = weight.shape?.[isRows ? 0 : 1];
    if (weight.rank !== 2 || typeof count !== "number") throw noMatrix(weight);
    const unit = l2Normalize(weight, { axis: isRows ? 1 : 0 });
    const cosines = matmul(unit, unit, isRows ? { transposeB: true } : { transposeA: true });
    // Each pair once: above the diagonal.
    const pairs = (count * (count - 1)) / 2;
    const aboveDiagonal = add(bandPart(cosines, 0, -1), mul(bandPart(cosines, 0, 0), -1));
    return mul(sum(abs(aboveDiagonal)), factor / Math.max(1, pairs));
  };
  return withRecipe(penalty, { name: "orthogonalRegularizer", factor, mode });
}

const MAKERS = {
  l1: (options: { readonly l1?: number }) => l1(options.l1),
  l2: (options: { readonly l2?: number }) => l2(options.l2),
  l1l2: (options: { readonly l1?: number; readonly l2?: number; readonly name: string }) =>
    // By name alone both count, as in Keras.
    l1l2(Object.keys(options).length > 1 ? options : { l1: DEFAULT, l2: DEFAULT }),
  orthogonalRegularizer,
} as const;

export type RegularizerName = keyof typeof MAKERS;
/** By name, `"l2"`; by name and options, `{ name: "l2", l2: 0.001 }`; or a function, `l2(0.001)`. */
export type RegularizerChoice =
  | RegularizerName
  | "l1_l2"
  | "orthogonal_regularizer"
  | (RecipeOptions & { readonly name: RegularizerName })
  | Regularizer;

/** @throws GraphError for a name that is none, listing near ones */
export const regularizerFrom = (choice: RegularizerChoice): Regularizer =>
  chosenFrom<Regularizer>("regularizer", MAKERS, choice);

function requireFactor(name: string, factor: number): void {
  if (Number.isFinite(factor) && factor >= 0) return;
  throw new GraphError({
    what: `${name}: ${factor} is not a factor`,
    at: here(),
    fix: "give a number from 0 on: 0.01",
  });
}

const noMatrix = (weight: Tensor): GraphError =>
  new GraphError({
    what: `orthogonalRegularizer: weight "${weight.op.name}" has rank ${weight.rank}: only matrices have rows and columns`,
    at: here(),
    fix: "use it for kernels of Dense; for others l2(0.01)",
  });
