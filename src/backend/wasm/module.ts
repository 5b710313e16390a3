import type { Plan } from "../../compiler/plan.ts";
import { getOrMake } from "../../core/collections.ts";
import { kernelKey } from "../../kernel/key.ts";
import type { Kernel } from "../../kernel/statement.ts";
import { Code, encodeBody, type Func, ModuleBuilder } from "./assembler.ts";
import { emitKernel } from "./emit.ts";

/** A kernel's function, with its body as bytes: it names nothing by a number that differs between modules. */
interface EmittedKernel {
  readonly func: Func;
  readonly body: Uint8Array;
}
/** Kernels kept by structure, for plans that come later. */
const KERNEL_LIMIT = 512;
const byStructure = new Map<string, EmittedKernel>();
const byKernel = new WeakMap<Kernel, EmittedKernel>();

/** The imported function `%`: always the first. */
const REMAINDER = 0;

function emitted(kernel: Kernel): EmittedKernel {
  return getOrMake(byKernel, kernel, () => {
    const key = kernelKey(kernel);
    const known = byStructure.get(key);
    if (known) byStructure.delete(key);
    const made = known ?? emit(kernel);
    byStructure.set(key, made);
    if (byStructure.size > KERNEL_LIMIT) byStructure.delete(byStructure.keys().next().value!);
    return made;
  });
}
function emit(kernel: Kernel): EmittedKernel {
  const func = emitKernel(kernel, REMAINDER);
  return { func, body: encodeBody(func) };
}

/** How arrays outside of the arena are imported: a global each, with the byte address. */
export const addressImport = (array: number): string => `array${array}`;

/**
 * A plan as one module: its kernels and `run`, which calls them. It imports
 *
 * - `env.memory`, `env.remainder` (JavaScript's `%`) and `env.arena`, the address of the arena, which may change;
 * - an address for each array outside of the arena, so that the module serves any session.
 *
 * With `steps`, every step is exported too, as `step0`, `step1`, …: for measuring them one by one.
 */
export function planModule(plan: Plan, steps = false): ModuleBuilder {
  const builder = new ModuleBuilder({ memory: { initial: 1 } });
  builder.importFunction("remainder", ["f64", "f64"], ["f64"]);
  const arena = builder.importGlobal("arena", "i32", true);
  const addresses = plan.arrays.map((array, i) =>
    array.region === "arena" ? null : builder.importGlobal(addressImport(i), "i32", false),
  );
  const functions = new Map<Kernel, number>();
  const taken = new Map<string, number>();
  for (const { kernel } of plan.steps) {
    if (functions.has(kernel)) continue;
    const count = taken.get(kernel.name) ?? 0;
    taken.set(kernel.name, count + 1);
    const { func, body } = emitted(kernel);
    functions.set(kernel, builder.add({ ...func, name: count === 0 ? kernel.name : `${kernel.name}_${count}`, body }));
  }
  const call = (code: Code, step: Plan["steps"][number]): void => {
    for (const arg of step.args) {
      const address = addresses[arg];
      if (address !== null && address !== undefined) code.op("global.get", address);
      else {
        code.op("global.get", arena);
        const { at } = plan.arrays[arg]!;
        // Addresses above 2 GiB are negative numbers to the encoder.
        if (at > 0) code.op("i32.const", at | 0).op("i32.add");
      }
    }
    code.op("call", functions.get(step.kernel)!);
  };
  const procedure = (name: string, code: Code): Func => ({
    name,
    params: [],
    results: [],
    locals: [],
    code,
    exported: true,
  });
  const run = new Code();
  for (const step of plan.steps) call(run, step);
  builder.add(procedure("run", run));
  if (steps) {
    plan.steps.forEach((step, i) => {
      const one = new Code();
      call(one, step);
      builder.add(procedure(`step${i}`, one));
    });
  }
  return builder;
}
