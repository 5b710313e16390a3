import {
  type BranchStep,
  bytesTaken,
  isTest,
  type LoopStep,
  type Plan,
  type PlanStep,
  type Step,
} from "../../compiler/plan.ts";
import { getOrMake } from "../../core/collections.ts";
import { isKnown, type Size } from "../../core/size.ts";
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
  /** The first of the locals that count the turns of the plan's loops, wherever steps are. */
  readonly counters: number;
  readonly #arena: number;
  readonly #addresses: readonly (number | null)[];
  readonly #functions = new Map<Kernel, number>();
  readonly #taken = new Map<string, number>();

  /**
   * @param globals further addresses to import
   * @param counters see there
   */
  constructor(plan: Plan, memory: MemoryImport, globals: readonly string[] = [], counters = 0) {
    this.counters = counters;
    this.plan = plan;
    this.builder = new ModuleBuilder({ memory });
    this.builder.importFunction("remainder", ["f64", "f64"], ["f64"]);
    this.#arena = this.builder.importGlobal("arena", "i32", true);
    this.#addresses = plan.arrays.map((array, i) =>
      array.region === "arena" || array.part ? null : this.builder.importGlobal(addressImport(i), "i32", false),
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
    for (const arg of args) this.address(code, arg, thread);
  }

  /** Pushes the address of an array; of a slice, where it is at this turn of its loops. */
  address(code: Code, array: number, thread: number | null = null): void {
    const { at, copies, part } = this.plan.arrays[array]!;
    const imported = this.#addresses[part?.of ?? array];
    const start = part?.offset ?? 0;
    const offset = (imported === null ? at : 0) + (isKnown(start) ? start : 0);
    code.op("global.get", imported ?? this.#arena);
    // Addresses above 2 GiB are negative numbers to the encoder.
    if (offset > 0) code.op("i32.const", offset | 0).op("i32.add");
    if (copies && thread !== null)
      code.op("local.get", thread).op("i32.const", copies.stride).op("i32.mul").op("i32.add");
    if (!isKnown(start)) this.#size(code, start).op("i32.add");
    for (const { loop, stride } of part?.moves ?? [])
      this.#size(code.op("local.get", this.counters + loop), stride)
        .op("i32.mul")
        .op("i32.add");
  }

  /** Pushes the number of a size: itself, or an element of the array of sizes. */
  #size(code: Code, size: Size): Code {
    if (isKnown(size)) return code.op("i32.const", size);
    const { array, slots } = this.plan.sizes!;
    return code.op("global.get", this.#addresses[array]!).op("i32.load", 4 * slots.indexOf(size));
  }

  /** A whole step on one thread. */
  step(code: Code, step: PlanStep): void {
    switch (step.kind) {
      case "kernel":
        this.addresses(code, step);
        code.op("call", this.kernel({ kernel: step.kernel, key: kernelKey(step.kernel) }));
        return;
      case "copy":
        this.address(code, step.to);
        this.address(code, step.from);
        this.#size(code, step.bytes ?? bytesTaken(this.plan.arrays[step.from]!)).op("memory.copy");
        return;
      case "branch":
        this.#branch(code, step, 0);
        return;
      case "loop":
        this.#loop(code, step);
    }
  }
  steps(code: Code, steps: readonly PlanStep[]): void {
    for (const step of steps) this.step(code, step);
  }

  /** Branch number `which` if that is the one, else one of those behind it. */
  #branch(code: Code, step: BranchStep, which: number): void {
    const { by, branches } = step;
    if (which === branches.length - 1) {
      this.steps(code, branches[which]!);
      return;
    }
    this.address(code, by);
    if (this.plan.arrays[by]!.dtype === "bool") code.op("i32.load8_u", 0);
    else code.op("i32.load", 0).op("i32.const", which).op("i32.le_s");
    code.if();
    this.steps(code, branches[which]!);
    code.else();
    this.#branch(code, step, which + 1);
    code.end();
  }

  #loop(code: Code, { loop, until, steps }: LoopStep): void {
    const turn = this.counters + loop;
    code.op("i32.const", 0).op("local.set", turn).block().loop();
    if (isTest(until)) {
      this.steps(code, until.steps);
      this.address(code, until.test);
      code.op("i32.load8_u", 0).op("i32.eqz").op("br_if", 1);
    }
    this.steps(code, steps);
    code.op("local.get", turn).op("i32.const", 1).op("i32.add").op("local.tee", turn);
    if (isTest(until)) code.op("drop").op("br", 0);
    else this.#size(code, until).op("i32.lt_s").op("br_if", 0);
    code.end().end();
  }
}

/** A counter for each loop of a plan: what `PlanModule.counters` is the first of. */
export const counterLocals = ({ loops }: Plan): "i32"[] => new Array(loops).fill("i32");

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
    locals: counterLocals(plan),
    code,
    exported: true,
  });
  const run = new Code();
  module.steps(run, plan.program);
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
