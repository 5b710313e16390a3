import { byteSize, type TypedArray } from "../../core/dtype.ts";
import { CompileError, MemoryError } from "../../core/errors.ts";
import { bytesText } from "../../core/number-text.ts";
import { elementCount, knownShape } from "../../core/shape.ts";
import { constantValue, describeTensor, type Tensor, Variable } from "../../graph/operation.ts";
import { childrenOf, type Expr } from "../../kernel/expr.ts";
import { divide } from "../../kernel/parallel.ts";
import { type Buffer, bodyOf, expressionsOf, type Kernel, type Stmt } from "../../kernel/statement.ts";
import { type Block, bytesOf, copyStride, liveBytes, placeBlocks } from "../arena.ts";
import type { Pass, PassContext, TraceEvent } from "../pass.ts";
import { bytesTaken, type Plan, type PlanArray, type Step } from "../plan.ts";
import type { KernelCall, LoweredProgram } from "./lower.ts";
import { readsOf } from "./order.ts";

/** A plan before its trace is known. */
export type UntracedPlan = Omit<Plan, "trace">;

/** Largest tensor, in bytes: kernels count in signed 32-bit integers. */
const LARGEST = 2 ** 31 - 1;

/**
 * True if `input` may share its memory with `output`. A kernel over a domain stores each element once, so it is enough
 * that every load of the input is followed, in the same block, by the store of the output at the very same index.
 */
export function mayUpdateInPlace(kernel: Kernel, input: Buffer, output: Buffer): boolean {
  const fits = (block: readonly Stmt[]): boolean =>
    block.every((statement, i) => {
      const stored = (at: Expr): boolean =>
        block.slice(i).some((later) => later.kind === "store" && later.buffer === output && later.at === at);
      return loadsOf(input, statement).every(stored) && fits(bodyOf(statement));
    });
  return input.size === output.size && fits(kernel.body);
}

/** Indices at which a statement itself, without its body, loads from a buffer. */
function loadsOf(buffer: Buffer, statement: Stmt): readonly Expr[] {
  const found: Expr[] = [];
  const stack = [...expressionsOf(statement)];
  for (let expr = stack.pop(); expr; expr = stack.pop()) {
    if (expr.kind === "load" && expr.buffer === buffer) found.push(expr.at);
    stack.push(...childrenOf(expr));
  }
  return found;
}

class Planner {
  readonly #program: LoweredProgram;
  readonly #context: PassContext;
  readonly #reuse: boolean;
  readonly #arrays: PlanArray[] = [];
  readonly #arrayOf = new Map<Tensor, number>();
  readonly #lastRead = new Map<Tensor, number>();
  /** Memory that is reused; for each array of the arena its block. */
  readonly #blocks: Block[] = [];
  readonly #blockOf = new Map<number, Block>();
  /** What to tell about each buffer, once its offset is known. */
  readonly #placed: { readonly block: Block; readonly event: Omit<TraceEvent & { kind: "buffer" }, "offset"> }[] = [];
  readonly #variables: Variable[] = [];
  readonly #constants: TypedArray[] = [];
  readonly #results: ReadonlySet<Tensor>;
  /** Variable that each written value ends up in. */
  readonly #target = new Map<Tensor, Variable>();
  /** Tensors whose memory another one has taken over. */
  readonly #handedOn = new Set<Tensor>();
  readonly #commits: { from: number; to: number }[] = [];
  #totalBytes = 0;

  constructor(program: LoweredProgram, context: PassContext, reuse: boolean) {
    this.#program = program;
    this.#context = context;
    this.#reuse = reuse;
    this.#results = new Set(program.fn.results);
  }

  plan(): UntracedPlan {
    const { fn, calls } = this.#program;
    fn.params.forEach((param, at) => void this.#place(param, { region: "feed", at }));
    calls.forEach((call, step) => {
      for (const tensor of readsOf(call)) this.#lastRead.set(tensor, step);
    });
    for (const result of fn.results) this.#lastRead.set(result, calls.length);
    for (const { variable, value } of fn.writes) {
      // A value that two variables take, or that is read from elsewhere, is copied at the end.
      if (!this.#target.has(value)) this.#target.set(value, variable);
    }
    const steps = calls.map((call, step) => this.#step(call, step));
    for (const write of fn.writes) this.#commit(write.variable, write.value);
    const results = fn.results.map((result) => this.#array(result));
    const arenaBytes = placeBlocks(this.#blocks);
    for (const { block, event } of this.#placed) this.#context.note({ ...event, offset: block.offset });
    return {
      fn,
      arrays: this.#arrays.map((array, i) => {
        const block = this.#blockOf.get(i);
        return block ? { ...array, at: block.offset } : array;
      }),
      steps,
      phases: [],
      arenaBytes,
      liveBytes: liveBytes(this.#blocks),
      totalBytes: this.#totalBytes,
      feeds: fn.params,
      variables: this.#variables,
      constants: this.#constants,
      results,
      commits: this.#commits,
    };
  }

  #place(tensor: Tensor, where: Pick<PlanArray, "region" | "at">): number {
    if (bytesOf(tensor) > LARGEST) {
      throw new MemoryError({
        what: `"${tensor.op.name}" would have ${bytesText(bytesOf(tensor))}; one tensor may have ${bytesText(LARGEST)}`,
        details: [describeTensor(tensor)],
        at: tensor.op.line,
        fix: "compute it in parts, along its first axis for example",
      });
    }
    const length = elementCount(knownShape(tensor.shape));
    this.#arrays.push({ ...where, dtype: tensor.dtype, length, of: tensor.op.name, tensor });
    this.#arrayOf.set(tensor, this.#arrays.length - 1);
    return this.#arrays.length - 1;
  }

  /** New memory in the arena for the steps given; for all of them if nothing is to be reused. */
  #block(bytes: number, from: number, to: number): Block {
    const last = this.#program.calls.length;
    const block = this.#reuse ? { bytes, from, to, offset: 0 } : { bytes, from: 0, to: last, offset: 0 };
    this.#blocks.push(block);
    return block;
  }

  /** Position of a tensor's array; variables and constants are placed when first met. */
  #array(tensor: Tensor): number {
    const known = this.#arrayOf.get(tensor);
    if (known !== undefined) return known;
    if (tensor instanceof Variable) return this.#variable(tensor);
    const value = constantValue(tensor);
    if (value) {
      this.#constants.push(value);
      return this.#place(tensor, { region: "constant", at: this.#constants.length - 1 });
    }
    throw new CompileError({ what: `memory: nothing makes "${tensor.name}"` });
  }

  #variable(variable: Variable): number {
    const known = this.#arrayOf.get(variable);
    if (known !== undefined) return known;
    this.#variables.push(variable);
    return this.#place(variable, { region: "variable", at: this.#variables.length - 1 });
  }

  #step(call: KernelCall, step: number): Step {
    const { kernel, group, arguments: tensors } = call;
    // Inputs first: an output may take over the memory of one that dies here.
    const args = new Array<number>(tensors.length);
    tensors.forEach((tensor, i) => {
      if (kernel.buffers[i]!.role === "in") args[i] = this.#array(tensor!);
    });
    tensors.forEach((tensor, i) => {
      if (kernel.buffers[i]!.role === "out") args[i] = this.#output(call, i, tensor!, step);
    });
    kernel.buffers.forEach((buffer, i) => {
      if (buffer.role !== "scratch") return;
      args[i] = this.#arrays.push(this.#scratch(kernel, buffer)) - 1;
      this.#blockOf.set(args[i]!, this.#block(bytesTaken(this.#arrays[args[i]!]!), step, step));
    });
    return { kernel, args, fuses: group.ops, roots: group.roots };
  }

  #scratch(kernel: Kernel, { name, dtype, size: length }: Buffer): PlanArray {
    const array: PlanArray = { region: "arena", at: 0, dtype, length, of: `${kernel.name}/${name}`, tensor: null };
    const count = divide(kernel).own.has(name) ? (this.#context.options.threads ?? 1) : 1;
    return count > 1 ? { ...array, copies: { count, stride: copyStride(length * byteSize(dtype)) } } : array;
  }

  /** Where a kernel stores one of its results. */
  #output(call: KernelCall, i: number, tensor: Tensor, step: number): number {
    this.#totalBytes += bytesOf(tensor);
    const variable = this.#target.get(tensor);
    if (variable && this.#mayOverwrite(variable, call, i, step)) {
      const at = this.#variable(variable);
      this.#arrayOf.set(tensor, at);
      return at;
    }
    const bytes = bytesOf(tensor);
    const end = this.#lastRead.get(tensor) ?? step;
    // A value that is copied into a variable is needed until the end.
    const until = variable ? this.#program.calls.length : end;
    const victim = this.#reuse ? this.#dyingInput(call, i, step) : undefined;
    let block: Block;
    if (victim) {
      this.#handedOn.add(victim);
      block = this.#blockOf.get(this.#arrayOf.get(victim)!)!;
      block.to = until;
    } else block = this.#block(bytes, step, until);
    this.#placed.push({ block, event: { kind: "buffer", value: tensor.op.name, bytes, live: [step, end] } });
    const at = this.#place(tensor, { region: "arena", at: 0 });
    this.#blockOf.set(at, block);
    return at;
  }

  /** An input that nobody reads later, lies in the arena, has the same bytes, and is read element for element. */
  #dyingInput(call: KernelCall, i: number, step: number): Tensor | undefined {
    const { kernel, arguments: tensors } = call;
    const output = kernel.buffers[i]!;
    return tensors.find((input, k): input is Tensor => {
      const buffer = kernel.buffers[k]!;
      if (!input || buffer.role !== "in" || this.#lastRead.get(input) !== step) return false;
      if (this.#handedOn.has(input) || this.#target.has(input)) return false;
      if (this.#arrays[this.#array(input)]!.region !== "arena") return false;
      const sameBytes = buffer.size * byteSize(buffer.dtype) === output.size * byteSize(output.dtype);
      return sameBytes && buffer.dtype === output.dtype && this.#mayReplace(call, buffer, output);
    });
  }

  /**
   * True if the kernel may write straight into the variable: no later kernel and no fetch reads the old value, and
   * this kernel reads it element for element, if at all.
   */
  #mayOverwrite(variable: Variable, call: KernelCall, i: number, step: number): boolean {
    if (!this.#reuse || this.#context.options.inPlace === false || this.#results.has(variable)) return false;
    if ((this.#lastRead.get(variable) ?? -1) > step) return false;
    const read = call.arguments.findIndex((tensor, k) => tensor === variable && call.kernel.buffers[k]!.role === "in");
    return read < 0 || this.#mayReplace(call, call.kernel.buffers[read]!, call.kernel.buffers[i]!);
  }

  /** A kernel written as loops may store an element several times, so it never works in place. */
  #mayReplace({ kernel, group }: KernelCall, input: Buffer, output: Buffer): boolean {
    return !group.roots.some((root) => root.op.def.kernel) && mayUpdateInPlace(kernel, input, output);
  }

  #commit(variable: Variable, value: Tensor): void {
    const from = this.#array(value);
    const to = this.#variable(variable);
    if (from !== to) this.#commits.push({ from, to });
  }
}

export const memory: Pass<LoweredProgram, UntracedPlan> = {
  name: "memory",
  doc: "Gives every value a place: buffers are reused once their value is dead, updates happen in place where no one can tell.\n\n{ a = f(x); b = g(a); c = h(b) }  →  a and c share an offset",
  run: (program, context) => new Planner(program, context, true).plan(),
  skip: (program, context) => new Planner(program, context, false).plan(),
  verify: verifyPlan,
  print: planText,
};

const placeText = (array: PlanArray): string =>
  array.region === "arena" ? `@${array.at}` : `${array.region} ${array.of}`;

/** A plan as text: its steps with where they read and write. */
export function planText(plan: UntracedPlan): string {
  const lines = plan.steps.map(({ kernel, args }, i) => {
    const operands = args.map((arg, k) => `${kernel.buffers[k]!.role} ${placeText(plan.arrays[arg]!)}`);
    return `  ${i}: ${kernel.name}(${operands.join(", ")})`;
  });
  for (const { from, to } of plan.commits) {
    lines.push(`  commit ${placeText(plan.arrays[to]!)} = ${placeText(plan.arrays[from]!)}`);
  }
  const results = plan.results.map((at) => placeText(plan.arrays[at]!)).join(", ");
  const size = `arena ${plan.arenaBytes} bytes (${plan.liveBytes} live at once), all tensors ${plan.totalBytes} bytes`;
  return [`plan ${plan.fn.name}: ${plan.steps.length} kernels, ${size} {`, ...lines, `  return ${results}`, "}"].join(
    "\n",
  );
}

/** Runs the plan on paper: a step may only read what still holds the value it wants. */
function verifyPlan(plan: UntracedPlan): void {
  /** Who wrote each live range last, as [start, end) → array position. */
  const owner = new Map<number, number>();
  const overlaps = (a: PlanArray, b: PlanArray): boolean =>
    a.region === "arena" && b.region === "arena" && a.at < b.at + bytesTaken(b) && b.at < a.at + bytesTaken(a);
  const check = (at: number, by: string): void => {
    const array = plan.arrays[at]!;
    if (array.region === "arena" && owner.get(at) === undefined) {
      throw new CompileError({ what: `memory: ${by} reads ${array.of}, which is not in its place any more` });
    }
  };
  for (const { kernel, args } of plan.steps) {
    args.forEach((at, k) => {
      if (kernel.buffers[k]!.role === "in") check(at, kernel.name);
    });
    args.forEach((at, k) => {
      if (kernel.buffers[k]!.role === "in") return;
      for (const other of [...owner.keys()])
        if (other !== at && overlaps(plan.arrays[at]!, plan.arrays[other]!)) owner.delete(other);
      owner.set(at, at);
    });
  }
  for (const at of plan.results) check(at, "a result");
  for (const { from } of plan.commits) check(from, "a commit");
}
