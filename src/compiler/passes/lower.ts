import { getOrMake } from "../../core/collections.ts";
import type { GraphFunction } from "../../graph/function.ts";
import type { Tensor } from "../../graph/operation.ts";
import { withFreshExpressions } from "../../kernel/expr.ts";
import { inheritKey, kernelKey } from "../../kernel/key.ts";
import { printKernel } from "../../kernel/print.ts";
import { expandReductions } from "../../kernel/reduce.ts";
import type { Kernel } from "../../kernel/statement.ts";
import { verifyKernel } from "../../kernel/verify.ts";
import type { FusedGraph, FusionGroup } from "../fused.ts";
import { lowerGroup } from "../lowering.ts";
import { type Pass, type Target, unchanged } from "../pass.ts";
import { tileContraction } from "../schedule/tile.ts";

/** A kernel, what it computes, and the tensors behind its parameters (null for scratch). */
export interface KernelCall {
  readonly group: FusionGroup;
  /** Calls that do the same thing share one kernel: a deep network has few different ones. */
  readonly kernel: Kernel;
  readonly arguments: readonly (Tensor | null)[];
}

export interface LoweredProgram {
  readonly fn: GraphFunction;
  readonly calls: readonly KernelCall[];
}

export const printCalls = ({ calls }: LoweredProgram): string =>
  calls.map((call) => printKernel(call.kernel)).join("\n\n");
export function verifyCalls({ calls }: LoweredProgram): void {
  for (const call of calls) verifyKernel(call.kernel);
}

export const lower: Pass<FusedGraph, LoweredProgram> = {
  name: "lower",
  doc: "Writes each group as a loop nest (LoopIR). A tensor of the group is its formula, any other a load.\n\ngroup { y = relu(x) }  →  for i0 < 4: y[i0] = x[i0] < 0 ? 0 : x[i0]",
  run({ fn, groups }) {
    const shared = new Map<string, Kernel>();
    const calls = groups.map((group) =>
      withFreshExpressions(() => {
        const lowered = lowerGroup(group);
        return { group, ...lowered, kernel: getOrMake(shared, kernelKey(lowered.kernel), () => lowered.kernel) };
      }),
    );
    return { fn, calls };
  },
  verify: verifyCalls,
  print: printCalls,
};

/** A pass that replaces each kernel by one that does the same, for one target or for both. */
export function kernelPass(
  { name, doc, target }: { readonly name: string; readonly doc: string; readonly target?: Target },
  replace: (kernel: Kernel) => Kernel,
): Pass<LoweredProgram> {
  return {
    name,
    doc,
    run: (program, { options }) =>
      target && (options.target ?? "scalar") !== target ? program : replaceKernels(program, replace),
    // What is written for one target only can be left out.
    ...(target ? { skip: unchanged } : {}),
    verify: verifyCalls,
    print: printCalls,
  };
}

export const tile = kernelPass(
  {
    name: "tile",
    doc: "Runs the two loops around a sum of products in tiles of 4 x 4, so that each value loaded is used four times.\n\nfor i < 8: for j < 8: y = Σ a·b  →  for i < 2: for j < 2: sixteen sums side by side",
    target: "scalar",
  },
  tileContraction,
);

export const expand = kernelPass(
  {
    name: "expand-reductions",
    doc: "Writes every reduction as loops, in the order that is promised: see kernel/reduce.ts.\n\nsum = reduce add over r < 6: x[r]  →  var sum = 0; for r < 6: sum = sum + x[r]",
  },
  expandReductions,
);

/**
 * Replaces each kernel by another that does the same; buffers it has more are scratch. Shared ones are done once, and
 * the same `replace` gives the same kernel of the same kernel.
 */
export function replaceKernels({ fn, calls }: LoweredProgram, replace: (kernel: Kernel) => Kernel): LoweredProgram {
  const done = new Map<Kernel, Kernel>();
  const next = calls.map((call): KernelCall => {
    const kernel = getOrMake(done, call.kernel, () => withFreshExpressions(() => replace(call.kernel)));
    inheritKey(kernel, call.kernel, replace);
    const scratch = kernel.buffers.slice(call.kernel.buffers.length).map(() => null);
    return { ...call, kernel, arguments: [...call.arguments, ...scratch] };
  });
  return { fn, calls: next };
}
