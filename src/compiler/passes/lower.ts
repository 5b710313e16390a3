import { getOrMake } from "../../core/collections.ts";
import { type GraphFunction, PassBuilder } from "../../graph/function.ts";
import type { Operation, Tensor } from "../../graph/operation.ts";
import { withFreshExpressions } from "../../kernel/expr.ts";
import { inheritKey, kernelKey } from "../../kernel/key.ts";
import { printKernel } from "../../kernel/print.ts";
import { expandReductions } from "../../kernel/reduce.ts";
import type { Kernel } from "../../kernel/statement.ts";
import { verifyKernel } from "../../kernel/verify.ts";
import { placeholderOp } from "../../ops/state.ts";
import type { FusedGraph, FusionGroup } from "../fused.ts";
import { lowerGroup } from "../lowering.ts";
import { type Pass, type Target, unchanged } from "../pass.ts";
import { tileContraction } from "../schedule/tile.ts";

/** A kernel, what it computes, and the tensors behind its parameters (null for scratch). */
export interface KernelCall {
  readonly kind: "kernel";
  readonly group: FusionGroup;
  /** Calls that do the same thing share one kernel: a deep network has few different ones. */
  readonly kernel: Kernel;
  readonly arguments: readonly (Tensor | null)[];
}

/** An operation that runs functions, lowered in turn; its arguments are its outputs, then its inputs. */
export interface ControlCall {
  readonly kind: "control";
  readonly group: FusionGroup;
  readonly op: Operation;
  readonly bodies: readonly LoweredProgram[];
  readonly arguments: readonly Tensor[];
}

export type Call = KernelCall | ControlCall;

export interface LoweredProgram {
  readonly fn: GraphFunction;
  /** The array of sizes that are known only at run time, which all kernels may read; null if there are none. */
  readonly sizes: Tensor | null;
  readonly calls: readonly Call[];
}

/** What a call is named after, for people. */
export const callName = (call: Call): string => (call.kind === "kernel" ? call.kernel.name : call.op.def.name);

export const printCalls = ({ calls }: LoweredProgram): string =>
  calls
    .map((call) => {
      if (call.kind === "kernel") return printKernel(call.kernel);
      const bodies = call.bodies.map((body) => `${body.fn.name}:\n${printCalls(body)}`.replace(/^/gm, "  "));
      return [`${call.op.def.name} ${call.op.name}`, ...bodies].join("\n");
    })
    .join("\n\n");
export function verifyCalls({ calls }: LoweredProgram): void {
  for (const call of calls) {
    if (call.kind === "kernel") verifyKernel(call.kernel);
    else call.bodies.forEach(verifyCalls);
  }
}

/** Every program in a program: itself, then those of its calls. */
export const mapPrograms = (
  program: LoweredProgram,
  replace: (program: LoweredProgram) => LoweredProgram,
): LoweredProgram => {
  const next = replace(program);
  const calls = next.calls.map((call) =>
    call.kind === "kernel" ? call : { ...call, bodies: call.bodies.map((body) => mapPrograms(body, replace)) },
  );
  return { ...next, calls };
};

export const lower: Pass<FusedGraph, LoweredProgram> = {
  name: "lower",
  doc: "Writes each group as a loop nest (LoopIR). A tensor of the group is its formula, any other a load.\n\ngroup { y = relu(x) }  →  for i0 < 4: y[i0] = x[i0] < 0 ? 0 : x[i0]",
  run: (fused, { runTime }) =>
    lowerFused(fused, new Map(), runTime.length === 0 ? null : sizesTensor(runTime.length + workedOut(fused))),
  verify: verifyCalls,
  print: printCalls,
};

/** How many numbers loops may need that are worked out of sizes: turns, and for each array a start, a step and bytes. */
const workedOut = ({ groups }: FusedGraph): number =>
  groups.reduce((sum, { ops: [op], bodies }) => {
    if (!bodies || !op) return sum;
    return (
      sum + 1 + 3 * (op.inputs.length + op.outputs.length) + bodies.reduce((more, body) => more + workedOut(body), 0)
    );
  }, 0);

/** An array in the place of a feed, for the session to fill. */
function sizesTensor(count: number): Tensor {
  const attrs = { dtype: "int32" as const, shape: [count] };
  return new PassBuilder("sizes").apply(placeholderOp, [], attrs, { name: "sizes" }).outputs[0]!;
}

function lowerFused({ fn, groups }: FusedGraph, shared: Map<string, Kernel>, sizes: Tensor | null): LoweredProgram {
  const calls = groups.map((group): Call => {
    if (group.bodies) {
      const op = group.ops[0]!;
      const bodies = group.bodies.map((body) => lowerFused(body, shared, sizes));
      return { kind: "control", group, op, bodies, arguments: [...op.outputs, ...op.inputs] };
    }
    return withFreshExpressions(() => {
      const lowered = lowerGroup(group, sizes);
      const kernel = getOrMake(shared, kernelKey(lowered.kernel), () => lowered.kernel);
      return { kind: "kernel", group, ...lowered, kernel };
    });
  });
  return { fn, sizes, calls };
}

/** A pass that replaces each kernel by one that does the same, for one target or for both. */
export function kernelPass(
  { name, doc, target }: { readonly name: string; readonly doc: string; readonly target?: Target },
  replace: (kernel: Kernel) => Kernel,
): Pass<LoweredProgram> {
  return {
    name,
    doc,
    run: (program, { options }) =>
      target && (options.target ?? "scalar") !== target
        ? program
        : mapPrograms(program, (one) => replaceKernels(one, replace)),
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
 * Replaces each kernel of a program, but not of its bodies, by another that does the same; buffers it has more are scratch. Shared ones are done once, and
 * the same `replace` gives the same kernel of the same kernel.
 */
export function replaceKernels(
  { calls, ...program }: LoweredProgram,
  replace: (kernel: Kernel) => Kernel,
): LoweredProgram {
  const done = new Map<Kernel, Kernel>();
  const next = calls.map((call): Call => {
    if (call.kind === "control") return call;
    const kernel = getOrMake(done, call.kernel, () => withFreshExpressions(() => replace(call.kernel)));
    inheritKey(kernel, call.kernel, replace);
    const scratch = kernel.buffers.slice(call.kernel.buffers.length).map(() => null);
    return { ...call, kernel, arguments: [...call.arguments, ...scratch] };
  });
  return { ...program, calls: next };
}
