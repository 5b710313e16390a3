import { knownShape } from "../core/shape.ts";
import type { SizeBinding } from "../core/size.ts";
import type { GraphFunction } from "../graph/function.ts";
import { type RunTimeSize, withRunTimeSizes } from "../kernel/extent.ts";
import type { CompileOptions } from "./pass.ts";
import { type BindInput, bindSizes } from "./passes/bind-sizes.ts";
import { pruneFunction } from "./passes/prune.ts";
import { PIPELINE } from "./pipeline.ts";
import type { Plan } from "./plan.ts";

/**
 * The single lowering path: `Session.run`, and later eager ops and traced functions, all end here.
 *
 * @param fn what to compute
 * @param shapes fed shape of each param
 * @param sizes values of the named sizes those shapes decide
 * @param many sizes among them that are to be run-time integers; for all of these the plan is made
 * @throws OpenSizeError if something needs a number for one of those; ShapeError if fed sizes do not fit; GraphError for unknown pass names; CompileError for a bug of the library
 */
export function compile(
  fn: GraphFunction,
  shapes: readonly (readonly number[])[],
  sizes: SizeBinding,
  options: CompileOptions = {},
  { runTime = [], exact = [] }: ManySizes = {},
): Plan {
  return withRunTimeSizes(runTime, () => {
    const { output, trace } = PIPELINE.run({ fn, shapes, exact }, { options, sizes, runTime });
    return { ...output, trace };
  });
}

export interface ManySizes {
  readonly runTime?: readonly RunTimeSize[];
  /** Sizes that could have been, and why they are not: for the trace. */
  readonly exact?: NonNullable<BindInput["exact"]>;
}

/**
 * Checks sizes as `compile` would, for a plan that is there already, and works out the shapes of the results.
 * @throws ShapeError if fed sizes do not fit
 */
export function shapesOfResults(
  fn: GraphFunction,
  shapes: readonly (readonly number[])[],
  sizes: SizeBinding,
): readonly (readonly number[])[] {
  const bound = bindSizes.run({ fn: pruneFunction(fn), shapes }, { options: {}, sizes, runTime: [], note() {} });
  return bound.results.map(({ shape }) => knownShape(shape));
}
