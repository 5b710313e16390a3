import type { GraphFunction } from "../../graph/function.ts";
import type { Tensor } from "../../graph/operation.ts";
import { withFreshExpressions } from "../../kernel/expr.ts";
import { kernelKey } from "../../kernel/key.ts";
import { printKernel } from "../../kernel/print.ts";
import { expandReductions } from "../../kernel/reduce.ts";
import type { Kernel } from "../../kernel/statement.ts";
import { verifyKernel } from "../../kernel/verify.ts";
import type { FusedGraph, FusionGroup } from "../fused.ts";
import { lowerGroup } from "../lowering.ts";
import type { Pass } from "../pass.ts";
import { tileContraction } from "../schedule/tile.ts";

/** A kernel, what it computes, and the tensors behind its parameters (null for scratch). */
export interface KernelCall {
  readonly group: FusionGroup;
  readonly kernel: Kernel;
  readonly arguments: readonly (Tensor | null)[];
}
/** A kernel as backends run it; kernels with equal keys do the same thing. */
export interface FinishedCall extends KernelCall {
  readonly key: string;
}

export interface LoweredProgram<Call extends KernelCall = KernelCall> {
  readonly fn: GraphFunction;
  readonly calls: readonly Call[];
}
export type FinishedProgram = LoweredProgram<FinishedCall>;

const printCalls = ({ calls }: LoweredProgram): string => calls.map((call) => printKernel(call.kernel)).join("\n\n");
function verifyCalls({ calls }: LoweredProgram): void {
  for (const call of calls) verifyKernel(call.kernel);
}

export const lower: Pass<FusedGraph, LoweredProgram> = {
  name: "lower",
  doc: "Writes each group as a loop nest (LoopIR). A tensor of the group is its formula, any other a load.\n\ngroup { y = relu(x) }  →  for i0 < 4: y[i0] = x[i0] < 0 ? 0 : x[i0]",
  run: ({ fn, groups }) => ({
    fn,
    calls: groups.map((group) => withFreshExpressions(() => ({ group, ...lowerGroup(group) }))),
  }),
  verify: verifyCalls,
  print: printCalls,
};

export const tile: Pass<LoweredProgram> = {
  name: "tile",
  doc: "Runs the two loops around a sum of products in tiles of 4 x 4, so that each value loaded is used four times.\n\nfor i < 8: for j < 8: y = Σ a·b  →  for i < 2: for j < 2: sixteen sums side by side",
  run: ({ fn, calls }) => ({
    fn,
    calls: calls.map((call) => withFreshExpressions(() => ({ ...call, kernel: tileContraction(call.kernel) }))),
  }),
  skip: (program) => program,
  verify: verifyCalls,
  print: printCalls,
};

export const expand: Pass<LoweredProgram, FinishedProgram> = {
  name: "expand-reductions",
  doc: "Writes every reduction as loops, in the order that is promised: see kernel/reduce.ts.\n\nsum = reduce add over r < 6: x[r]  →  var sum = 0; for r < 6: sum = sum + x[r]",
  run: ({ fn, calls }) => ({ fn, calls: calls.map(finish) }),
  verify: verifyCalls,
  print: printCalls,
};

function finish(call: KernelCall): FinishedCall {
  return withFreshExpressions(() => {
    const kernel = expandReductions(call.kernel);
    const scratch = kernel.buffers.slice(call.kernel.buffers.length).map(() => null);
    return { ...call, kernel, key: kernelKey(kernel), arguments: [...call.arguments, ...scratch] };
  });
}
