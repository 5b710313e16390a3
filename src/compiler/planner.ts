import { byteSize, type TypedArray } from "../core/dtype.ts";
import { CompileError, MemoryError } from "../core/errors.ts";
import { bytesText } from "../core/number-text.ts";
import { addSizes, isKnown, multiplySizes, namedSize, productOf, type Size, subtractSizes } from "../core/size.ts";
import { constantValue, describeTensor, type Tensor, Variable } from "../graph/operation.ts";
import { childrenOf, type Expr } from "../kernel/expr.ts";
import { capacityOf } from "../kernel/extent.ts";
import { divide } from "../kernel/parallel.ts";
import { type Buffer, bodyOf, expressionsOf, type Kernel, type Stmt } from "../kernel/statement.ts";
import { type Block, bytesOf, copyStride, liveBytes, placeBlocks } from "./arena.ts";
import { type Frame, frameOf } from "./frame.ts";
import type { PassContext, TraceEvent } from "./pass.ts";
import type { Call, KernelCall, LoweredProgram } from "./passes/lower.ts";
import {
  type ArrayPart,
  bytesTaken,
  type CopyStep,
  kernelSteps,
  type Plan,
  type PlanArray,
  type PlanSizes,
  type PlanStep,
  type Step,
} from "./plan.ts";
import { controlSteps } from "./structured.ts";

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

/** Bytes a tensor has, of which those of its array are the most there can be. */
const bytesIn = ({ shape, dtype }: Tensor): Size => multiplySizes(productOf(shape!), byteSize(dtype));

/** Gives every value of a program a place, and writes down the steps that work there. */
export class Planner {
  readonly #program: LoweredProgram;
  readonly #context: PassContext;
  readonly #reuse: boolean;
  readonly #arrays: PlanArray[] = [];
  readonly #arrayOf = new Map<Tensor, number>();
  /** Memory that is reused; for each array of the arena its block. */
  readonly #blocks: Block[] = [];
  readonly #blockOf = new Map<number, Block>();
  /** What to tell about each buffer, once its offset is known. */
  readonly #placed: { readonly block: Block; readonly event: Omit<TraceEvent & { kind: "buffer" }, "offset"> }[] = [];
  readonly #variables: Variable[] = [];
  readonly #constants: TypedArray[] = [];
  /** What the array of sizes holds: names first, then what is worked out of them. */
  readonly #slots: Size[];
  readonly #results: ReadonlySet<Tensor>;
  /** Variable that each written value ends up in. */
  readonly #target = new Map<Tensor, Variable>();
  /** Tensors whose memory another one has taken over. */
  readonly #handedOn = new Set<Tensor>();
  readonly #commits: { from: number; to: number }[] = [];
  #totalBytes = 0;
  #loops = 0;
  /** The end of the whole program. */
  readonly #last: number;

  constructor(program: LoweredProgram, context: PassContext, reuse: boolean) {
    this.#program = program;
    this.#context = context;
    this.#reuse = reuse;
    this.#results = new Set(program.fn.results);
    this.#slots = context.runTime.map(({ name }) => namedSize(name));
    this.#last = frameOf(program, 0).end;
  }

  plan(): UntracedPlan {
    const { fn } = this.#program;
    fn.params.forEach((param, at) => void this.#place(param, { region: "feed", at }));
    if (this.#program.sizes) this.#place(this.#program.sizes, { region: "feed", at: fn.params.length });
    for (const { variable, value } of fn.writes) {
      // A value that two variables take, or that is read from elsewhere, is copied at the end.
      if (!this.#target.has(value)) this.#target.set(value, variable);
    }
    const program = this.steps(frameOf(this.#program, 0));
    for (const write of fn.writes) this.#commit(write.variable, write.value);
    const results = fn.results.map((result) => this.array(result));
    const sizes = this.#sizes();
    const arenaBytes = placeBlocks(this.#blocks);
    for (const { block, event } of this.#placed) this.#context.note({ ...event, offset: block.offset });
    return {
      fn,
      arrays: this.#arrays.map((array, i) => {
        const block = this.#blockOf.get(array.part?.of ?? i);
        return block ? { ...array, at: block.offset } : array;
      }),
      steps: kernelSteps(program),
      program,
      loops: this.#loops,
      phases: [],
      arenaBytes,
      liveBytes: liveBytes(this.#blocks),
      totalBytes: this.#totalBytes,
      feeds: fn.params,
      variables: this.#variables,
      constants: this.#constants,
      sizes,
      results,
      commits: this.#commits,
    };
  }

  #sizes(): PlanSizes | null {
    const { sizes } = this.#program;
    if (!sizes) return null;
    return { names: this.#context.runTime, array: this.array(sizes), slots: this.#slots };
  }

  /** The steps of a program, the main one or a body. */
  steps(frame: Frame): readonly PlanStep[] {
    return frame.calls.flatMap((call, i) =>
      call.kind === "kernel" ? [this.#step(call, i, frame)] : controlSteps(this, call, i, frame),
    );
  }

  /** A size, which gets a slot if it is known only at run time. */
  #slot(size: Size): Size {
    const slots = this.#slots;
    if (!isKnown(size) && !slots.includes(size)) slots.push(size);
    return size;
  }

  /** How often a loop turns. */
  turns(count: Size): Size {
    return this.#slot(count);
  }

  /** A copy of a tensor's array, of those bytes only that it has. */
  copy(tensor: Tensor, from: number, to: number): CopyStep {
    const bytes = this.#slot(bytesIn(tensor));
    return isKnown(bytes) ? { kind: "copy", from, to } : { kind: "copy", from, to, bytes };
  }

  /** The number of a new loop. */
  newLoop(): number {
    return this.#loops++;
  }

  /** In a body: lets a param stand for an array that is there already. */
  bind(param: Tensor, array: number): void {
    this.#arrayOf.set(param, array);
  }

  /** A slice of an array, along its first axis, that moves by one row a turn. */
  row(tensor: Tensor, of: number, loop: number, turns: Size, reverse: boolean): number {
    const length = capacityOf(tensor.shape);
    const stride = this.#slot(bytesIn(tensor));
    const last = multiplySizes(subtractSizes(turns, 1), stride);
    const around: ArrayPart = this.#arrays[of]!.part ?? { of, offset: 0, moves: [] };
    const part: ArrayPart = {
      of: around.of,
      offset: reverse ? this.#slot(addSizes(around.offset, last)) : around.offset,
      moves: [...around.moves, { loop, stride: reverse ? this.#slot(multiplySizes(-1, stride)) : stride }],
    };
    const { region, at } = this.#arrays[of]!;
    return this.#arrays.push({ region, at, dtype: tensor.dtype, length, of: tensor.op.name, tensor, part }) - 1;
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
    const length = capacityOf(tensor.shape);
    this.#arrays.push({ ...where, dtype: tensor.dtype, length, of: tensor.op.name, tensor });
    this.#arrayOf.set(tensor, this.#arrays.length - 1);
    return this.#arrays.length - 1;
  }

  /** New memory in the arena for the times given; for all of them if nothing is to be reused. */
  #block(bytes: number, from: number, to: number): Block {
    const block = this.#reuse ? { bytes, from, to, offset: 0 } : { bytes, from: 0, to: this.#last, offset: 0 };
    this.#blocks.push(block);
    return block;
  }

  /** Position of a tensor's array; variables and constants are placed when first met. */
  array(tensor: Tensor): number {
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

  #step(call: KernelCall, i: number, frame: Frame): Step {
    const { kernel, group, arguments: tensors } = call;
    // Inputs first: an output may take over the memory of one that dies here.
    const args = new Array<number>(tensors.length);
    tensors.forEach((tensor, k) => {
      if (kernel.buffers[k]!.role === "in") args[k] = this.array(tensor!);
    });
    tensors.forEach((tensor, k) => {
      if (kernel.buffers[k]!.role === "out") args[k] = this.output(call, k, tensor!, i, frame);
    });
    kernel.buffers.forEach((buffer, k) => {
      if (buffer.role !== "scratch") return;
      args[k] = this.#arrays.push(this.#scratch(kernel, buffer)) - 1;
      const time = frame.starts[i]!;
      this.#blockOf.set(args[k]!, this.#block(bytesTaken(this.#arrays[args[k]!]!), time, time));
    });
    return { kind: "kernel", kernel, args, fuses: group.ops, roots: group.roots };
  }

  #scratch(kernel: Kernel, { name, dtype, size: length }: Buffer): PlanArray {
    const array: PlanArray = { region: "arena", at: 0, dtype, length, of: `${kernel.name}/${name}`, tensor: null };
    const count = divide(kernel).own.has(name) ? (this.#context.options.threads ?? 1) : 1;
    return count > 1 ? { ...array, copies: { count, stride: copyStride(length * byteSize(dtype)) } } : array;
  }

  /** Where call number `i` stores its argument number `k`. */
  output(call: Call, k: number, tensor: Tensor, i: number, frame: Frame): number {
    this.#totalBytes += bytesOf(tensor);
    const place = frame.places.get(tensor);
    if (place && (place.instead === null || this.#mayOverwrite(place.instead, call, k, i, frame))) {
      this.#arrayOf.set(tensor, place.array);
      return place.array;
    }
    const variable = frame.isMain ? this.#target.get(tensor) : undefined;
    if (variable && this.#mayUpdate(variable) && this.#mayOverwrite(variable, call, k, i, frame)) {
      const at = this.#variable(variable);
      this.#arrayOf.set(tensor, at);
      return at;
    }
    const bytes = bytesOf(tensor);
    const start = frame.starts[i]!;
    const end = frame.lastReadOf(tensor) ?? frame.ends[i]!;
    // A value that is copied into a variable is needed until the end.
    const until = variable ? this.#last : end;
    const victim = this.#reuse && call.kind === "kernel" ? this.#dyingInput(call, k, i, frame) : undefined;
    let block: Block;
    if (victim) {
      this.#handedOn.add(victim);
      block = this.#blockOf.get(this.#arrayOf.get(victim)!)!;
      block.to = until;
    } else block = this.#block(bytes, start, until);
    this.#placed.push({ block, event: { kind: "buffer", value: tensor.op.name, bytes, live: [start, end] } });
    const at = this.#place(tensor, { region: "arena", at: 0 });
    this.#blockOf.set(at, block);
    return at;
  }

  /** An input that nobody reads later, lies in the arena, has the same bytes, and is read element for element. */
  #dyingInput(call: KernelCall, k: number, i: number, frame: Frame): Tensor | undefined {
    const { kernel, arguments: tensors } = call;
    const output = kernel.buffers[k]!;
    return tensors.find((input, n): input is Tensor => {
      const buffer = kernel.buffers[n]!;
      if (!input || buffer.role !== "in" || frame.readLast.get(input) !== i || frame.params.has(input)) return false;
      if (this.#handedOn.has(input) || this.#target.has(input)) return false;
      if (this.#arrays[this.array(input)]!.region !== "arena") return false;
      const sameBytes = buffer.size * byteSize(buffer.dtype) === output.size * byteSize(output.dtype);
      return sameBytes && buffer.dtype === output.dtype && this.#mayReplace(call, buffer, output);
    });
  }

  #mayUpdate(variable: Variable): boolean {
    return this.#reuse && this.#context.options.inPlace !== false && !this.#results.has(variable);
  }

  /**
   * True if a call may write its argument number `k` over `old`: no later call reads that, and this one reads it element
   * for element, if at all.
   */
  #mayOverwrite(old: Tensor, call: Call, k: number, i: number, frame: Frame): boolean {
    if (!this.#reuse || (frame.readLast.get(old) ?? -1) > i) return false;
    const from = call.group.roots.length;
    const read = call.arguments.findIndex((tensor, n) => n >= from && tensor === old);
    if (read < 0) return true;
    return call.kind === "kernel" && this.#mayReplace(call, call.kernel.buffers[read]!, call.kernel.buffers[k]!);
  }

  /** A kernel written as loops may store an element several times, so it never works in place. */
  #mayReplace({ kernel, group }: KernelCall, input: Buffer, output: Buffer): boolean {
    return !group.roots.some((root) => root.op.def.kernel) && mayUpdateInPlace(kernel, input, output);
  }

  #commit(variable: Variable, value: Tensor): void {
    const from = this.array(value);
    const to = this.#variable(variable);
    if (from !== to) this.#commits.push({ from, to });
  }
}
