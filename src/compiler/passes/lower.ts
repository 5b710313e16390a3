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

/** A kernel, what it computes, and the tensors behind its parameters (null for scratch). */
export interface KernelCall {
  readonly group: FusionGroup;
  /** As lowered, reductions whole: what schedules and people read. */
  readonly structured: Kernel;
  /** Reductions written out as loops: what backends run. */
  readonly kernel: Kernel;
  readonly key: string;
  readonly arguments: readonly (Tensor | null)[];
}

export interface LoweredProgram {
  readonly fn: GraphFunction;
  readonly calls: readonly KernelCall[];
}

function lowerCall(group: FusionGroup): KernelCall {
  return withFreshExpressions(() => {
    const { kernel: structured, arguments: tensors } = lowerGroup(group);
    const kernel = expandReductions(structured);
    const scratch = kernel.buffers.slice(structured.buffers.length).map(() => null);
    return { group, structured, kernel, key: kernelKey(kernel), arguments: [...tensors, ...scratch] };
  });
}

export const lower: Pass<FusedGraph, LoweredProgram> = {
  name: "lower",
  doc: "Writes each group as a loop nest (LoopIR). A tensor of the group is its formula, any other a load.\n\ngroup { y = relu(x) }  →  for i0 < 4: y[i0] = x[i0] < 0 ? 0 : x[i0]",
  run: ({ fn, groups }) => ({ fn, calls: groups.map(lowerCall) }),
  verify(program) {
    for (const call of program.calls) verifyKernel(call.kernel);
  },
  print: ({ calls }) => calls.map((call) => printKernel(call.structured)).join("\n\n"),
};
