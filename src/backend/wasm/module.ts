import type { Plan, Step } from "../../compiler/plan.ts";
import { getOrMake } from "../../core/collections.ts";
import { kernelKey } from "../../kernel/key.ts";
import type { Kernel } from "../../kernel/statement.ts";
import { Code, encodeBody, type Func, ModuleBuilder } from "./assembler.ts";
import type { MemoryImport } from "./code.ts";
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

/** A kernel as a plan calls it. */
export interface Callable {
  readonly kernel: Kernel;
  /** It does part of the turns of its parallel loop: see `emitKernel`. */
  readonly shared?: boolean;
  /** Structure of what it was made of: two with equal keys are the same. */
  readonly key: string;
}

function emitted({ kernel, shared, key }: Callable): EmittedKernel {
  return getOrMake(byKernel, kernel, () => {
    const known = byStructure.get(key);
    if (known) byStructure.delete(key);
    const made = known ?? emit(kernel, shared);
    byStructure.set(key, made);
    if (byStructure.size > KERNEL_LIMIT) byStructure.delete(byStructure.keys().next().value!);
    return made;
  });
}
function emit(kernel: Kernel, shared?: boolean): EmittedKernel {
  const func = emitKernel(kernel, REMAINDER, shared);
  return { func, body: encodeBody(func) };
}

/** How arrays outside of the arena are imported: a global each, with the byte address. */
export const addressImport = (array: number): string => `array${array}`;

/**
 * The module of a plan under construction. It imports
 *
 * - `env.memory`, `env.remainder` (JavaScript's `%`) and `env.arena`, the address of the arena, which may change;
 * - an address for each array outside of the arena, so that the module serves any session.
 */
export class PlanModule {
  readonly plan: Plan;
  readonly builder: ModuleBuilder;
  readonly #arena: number;
  readonly #addresses: readonly (number | null)[];
  readonly #functions = new Map<Kernel, number>();
  readonly #taken = new Map<string, number>();

  /** @param globals further addresses to import */
  constructor(plan: Plan, memory: MemoryImport, globals: readonly string[] = []) {
    this.plan = plan;
    this.builder = new ModuleBuilder({ memory });
    this.builder.importFunction("remainder", ["f64", "f64"], ["f64"]);
    this.#arena = this.builder.importGlobal("arena", "i32", true);
    this.#addresses = plan.arrays.map((array, i) =>
      array.region === "arena" ? null : this.builder.importGlobal(addressImport(i), "i32", false),
    );
    for (const name of globals) this.builder.importGlobal(name, "i32", false);
  }

  /** Index of the function that is this kernel. */
  kernel(callable: Callable): number {
    return getOrMake(this.#functions, callable.kernel, () => {
      const { name } = callable.kernel;
      const count = this.#taken.get(name) ?? 0;
      this.#taken.set(name, count + 1);
      const { func, body } = emitted(callable);
      return this.builder.add({ ...func, name: count === 0 ? name : `${name}_${count}`, body });
    });
  }

  /**
   * Pushes the addresses of a step's arrays.
   * @param thread local with the number of the thread, where arrays may have copies
   */
  addresses(code: Code, { args }: Step, thread: number | null = null): void {
    for (const arg of args) {
      const address = this.#addresses[arg];
      if (address !== null && address !== undefined) code.op("global.get", address);
      else {
        code.op("global.get", this.#arena);
        const { at, copies } = this.plan.arrays[arg]!;
        // Addresses above 2 GiB are negative numbers to the encoder.
        if (at > 0) code.op("i32.const", at | 0).op("i32.add");
        if (copies && thread !== null)
          code.op("local.get", thread).op("i32.const", copies.stride).op("i32.mul").op("i32.add");
      }
    }
  }

  /** A whole step on one thread. */
  step(code: Code, step: Step): void {
    this.addresses(code, step);
    code.op("call", this.kernel({ kernel: step.kernel, key: kernelKey(step.kernel) }));
  }
}

/**
 * A plan as one module: its kernels and `run`, which calls them. With `steps`, every step is exported too, as `step0`,
 * `step1`, …: for measuring them one by one.
 *
 * @param memory how it is imported
 */
export function planModule(plan: Plan, steps = false, memory: MemoryImport = { initial: 1 }): ModuleBuilder {
  const module = new PlanModule(plan, memory);
  const procedure = (name: string, code: Code): Func => ({
    name,
    params: [],
    results: [],
    locals: [],
    code,
    exported: true,
  });
  const run = new Code();
  for (const step of plan.steps) module.step(run, step);
  module.builder.add(procedure("run", run));
  if (steps) {
    plan.steps.forEach((step, i) => {
      const one = new Code();
      module.step(one, step);
      module.builder.add(procedure(`step${i}`, one));
    });
  }
  return module.builder;
}
