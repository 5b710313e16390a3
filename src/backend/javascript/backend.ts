import type { Backend, Plan, PlanMemory } from "../../compiler/plan.ts";
import type { TypedArray } from "../../core/dtype.ts";
import { CompileError } from "../../core/errors.ts";
import type { Kernel } from "../../kernel/statement.ts";
import { ArrayStorage } from "../storage.ts";
import { emitProgram } from "./emit.ts";
import { emitSteps } from "./steps.ts";

/** Names of the kernels of a plan: the kernel's own, numbered where they clash. */
function nameKernels(plan: Plan): ReadonlyMap<Kernel, { readonly name: string; readonly kernel: Kernel }> {
  const named = new Map<Kernel, { name: string; kernel: Kernel }>();
  const taken = new Map<string, number>();
  for (const { kernel } of plan.steps) {
    if (named.has(kernel)) continue;
    // A kernel called `exp` must not shadow the library's function of that name.
    const base = `kernel_${kernel.name}`.replace(/[^A-Za-z0-9_]/g, "_");
    const count = taken.get(base) ?? 0;
    taken.set(base, count + 1);
    named.set(kernel, { name: count === 0 ? base : `${base}_${count}`, kernel });
  }
  return named;
}

/** The whole plan as one JavaScript text: the kernels, and `run(m)`, which calls them on the plan's arrays. */
export function planSource(plan: Plan): string {
  const kernels = nameKernels(plan);
  const body = emitSteps(plan, (kernel) => kernels.get(kernel)!.name);
  return `${emitProgram([...kernels.values()])}\n${body}\n`;
}

/**
 * Readable kernels for teaching, and the fallback where WebAssembly is not to be had. Needs `new Function`, which a
 * content-security policy may forbid.
 */
export const javascript: Backend = {
  name: "javascript",
  target: "scalar",
  open: () => new ArrayStorage(),
  link(plan) {
    const source = planSource(plan);
    let run: (memory: readonly TypedArray[]) => void;
    try {
      run = new Function(`"use strict";\n${source}\nreturn run;`)() as typeof run;
    } catch (cause) {
      throw linkError(cause);
    }
    return { source, run: (memory: PlanMemory) => run(memory) };
  },
};

/** True if code may be made at run time, as this backend does. */
export function mayEvaluate(): boolean {
  try {
    new Function("");
    return true;
  } catch {
    return false;
  }
}

function linkError(cause: unknown): CompileError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof SyntaxError) return new CompileError({ what: `javascript backend: ${message}` });
  return new CompileError({
    what: `javascript backend: this page forbids code made at run time (${message})`,
    fix: "its content-security policy lacks 'unsafe-eval'; use { backend: \"interpreter\" } there",
  });
}
