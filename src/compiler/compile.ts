import type { SizeBinding } from "../core/size.ts";
import type { GraphFunction } from "../graph/function.ts";
import type { CompileOptions } from "./pass.ts";
import { PIPELINE } from "./pipeline.ts";
import type { Plan } from "./plan.ts";

/**
 * The single lowering path: `Session.run`, and later eager ops and traced functions, all end here.
 *
 * @param fn what to compute
 * @param shapes fed shape of each param
 * @param sizes values of the named sizes those shapes decide
 * @throws ShapeError if fed sizes do not fit; GraphError for unknown pass names; CompileError for a bug of the library
 */
export function compile(
  fn: GraphFunction,
  shapes: readonly (readonly number[])[],
  sizes: SizeBinding,
  options: CompileOptions = {},
): Plan {
  const { output, trace } = PIPELINE.run({ fn, shapes }, { options, sizes });
  return { ...output, trace };
}
