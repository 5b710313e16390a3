import { byteSize, type DType, type TypedArray } from "../core/dtype.ts";
import type { Size, SymbolicSize } from "../core/size.ts";
import type { GraphFunction } from "../graph/function.ts";
import type { Operation, Tensor, Variable } from "../graph/operation.ts";
import type { RunTimeSize } from "../kernel/extent.ts";
import type { Part } from "../kernel/parallel.ts";
import type { ForStmt, Kernel } from "../kernel/statement.ts";
import type { PassRecord, Target } from "./pass.ts";

/** A typed array a plan works on, and where it lives. */
export interface PlanArray {
  readonly region: "arena" | "feed" | "variable" | "constant";
  readonly dtype: DType;
  readonly length: number;
  /** Byte offset in the arena; position among feeds, variables or constants. */
  readonly at: number;
  /** Name of the value, for people. */
  readonly of: string;
  /** What it holds; null for scratch memory of a kernel. */
  readonly tensor: Tensor | null;
  /** A slice of another array that moves on as loops around it turn. */
  readonly part?: ArrayPart;
  /** Scratch memory that each thread has for itself: how many there are, and bytes from one to the next. */
  readonly copies?: { readonly count: number; readonly stride: number };
}

/**
 * Where a slice lies: `offset + Σ turn · stride` bytes behind the beginning of the array it is of. What is no number is
 * in `PlanSizes.slots`.
 */
export interface ArrayPart {
  readonly of: number;
  readonly offset: Size;
  /** Loops from the outermost in, by their numbers. */
  readonly moves: readonly { readonly loop: number; readonly stride: Size }[];
}

/** Sizes a plan takes as run-time integers. */
export interface PlanSizes {
  readonly names: readonly RunTimeSize[];
  /** The int32 array that holds them and what is worked out of them; filled before each run. */
  readonly array: number;
  /** What its elements are. */
  readonly slots: readonly Size[];
}

/** Bytes an array takes, with all its copies. */
export function bytesTaken({ dtype, length, copies }: Pick<PlanArray, "dtype" | "length" | "copies">): number {
  return length * byteSize(dtype) + (copies ? (copies.count - 1) * copies.stride : 0);
}

/** What a plan does, one after another: mostly kernel calls. Arrays are positions in `Plan.arrays`. */
export type PlanStep = Step | CopyStep | BranchStep | LoopStep;

/** Copies an array to another of the same bytes. */
export interface CopyStep {
  readonly kind: "copy";
  readonly from: number;
  readonly to: number;
  /** Bytes, where they are known only at run time: what lies behind them is of others. */
  readonly bytes?: SymbolicSize;
}
/** Does the steps of one branch. */
export interface BranchStep {
  readonly kind: "branch";
  /** A bool, for the first branch or the second; or an int32, the number of the branch, out of bounds the nearest. */
  readonly by: number;
  readonly branches: readonly (readonly PlanStep[])[];
  readonly op: Operation;
}
/** What is done before each turn, and the bool that it leaves. */
export interface Test {
  readonly steps: readonly PlanStep[];
  readonly test: number;
}
export const isTest = (until: LoopStep["until"]): until is Test => typeof until === "object" && "test" in until;

/** Does its steps again and again. */
export interface LoopStep {
  readonly kind: "loop";
  /** Its number among the loops of the plan: what moves with it names it by that. */
  readonly loop: number;
  /** How often; or what is done before each turn, and the bool that it leaves: the loop ends at the first false. */
  readonly until: Size | Test;
  readonly steps: readonly PlanStep[];
  readonly op: Operation;
}

/** Every kernel call in these steps, those of branches and loops too. */
export const kernelSteps = (steps: readonly PlanStep[]): readonly Step[] =>
  steps.flatMap((step): readonly Step[] => (step.kind === "kernel" ? [step] : innerLists(step).flatMap(kernelSteps)));

/** The lists of steps inside of a step. */
export function innerLists(step: PlanStep): readonly (readonly PlanStep[])[] {
  switch (step.kind) {
    case "branch":
      return step.branches;
    case "loop":
      return isTest(step.until) ? [step.until.steps, step.steps] : [step.steps];
    default:
      return [];
  }
}

/** One kernel call; `args` are positions in `Plan.arrays`, in the order of the kernel's buffers. */
export interface Step {
  readonly kind: "kernel";
  /** Steps that do the same thing share one kernel object, which is compiled once. */
  readonly kernel: Kernel;
  readonly args: readonly number[];
  /** What it computes, for traces, pictures and error messages. */
  readonly fuses: readonly Operation[];
  readonly roots: readonly Tensor[];
}

/** Work that threads do between two meetings, in any order: nothing in it needs what else is made in it. */
export interface Phase {
  readonly works: readonly Work[];
}

/** Work that is given out in shares, each to one thread; serial work is one share. */
export type Work = SharedWork | SerialWork;
export interface SharedWork {
  readonly kind: "shared";
  readonly step: Step;
  readonly part: Part & { readonly loop: ForStmt };
  readonly shares: number;
}
/** Parts that one thread does one after another. */
export interface SerialWork {
  readonly kind: "serial";
  readonly parts: SerialPart[];
}

/** A part of a kernel call, or a whole step of another kind. */
export type SerialPart =
  | { readonly step: Step; readonly part: Part }
  | { readonly step: Exclude<PlanStep, Step>; readonly part: null };

/** Program over one arena: everything a backend needs, nothing it must look up. */
export interface Plan {
  readonly fn: GraphFunction;
  readonly arrays: readonly PlanArray[];
  /** Every kernel call there is, those in branches and loops too. */
  readonly steps: readonly Step[];
  /** What is done, in order: the steps, in the branches and loops they stand in. */
  readonly program: readonly PlanStep[];
  /** How many loops the program has. */
  readonly loops: number;
  /** The steps as several threads do them; empty for one thread. */
  readonly phases: readonly Phase[];
  readonly arenaBytes: number;
  /** The largest sum of bytes in use at once, scratch included: no arena could be smaller. */
  readonly liveBytes: number;
  /** Bytes of all tensors of the function, had each its own buffer. */
  readonly totalBytes: number;
  readonly feeds: readonly Tensor[];
  readonly variables: readonly Variable[];
  readonly constants: readonly TypedArray[];
  /** Those of its sizes that it takes as they come; null for a plan for exact sizes. */
  readonly sizes: PlanSizes | null;
  /** For each result of the function the array that holds it. */
  readonly results: readonly number[];
  /** New values that were not computed in place: copied once the run has succeeded. */
  readonly commits: readonly { readonly from: number; readonly to: number }[];
  readonly trace: readonly PassRecord[];
}

/** Arrays of one execution, in the order of `Plan.arrays`. */
export type PlanMemory = TypedArray[];

/**
 * The memory of one session: variables, constants and fed values in blocks of their own, and one arena that all plans
 * share, since only one runs at a time. Where there is no more memory, both `reserve` throw MemoryError.
 */
export interface Storage {
  /** Bytes it can hold at most, whatever the machine has. */
  readonly capacity: number;
  /** Byte address of a new block, aligned for vectors. Blocks never move; `release` gives one back. */
  reserve(bytes: number): number;
  release(address: number, bytes: number): void;
  /** Makes the arena at least this large. It may move; what it held is lost. */
  reserveArena(bytes: number): void;
  /** Byte address of the arena now. */
  readonly arena: number;
  /** A view of memory as it lies now; see `generation`. */
  view(dtype: DType, address: number, length: number): TypedArray;
  /** Lets go of threads; the memory goes when nobody refers to it. */
  close?(): void;
  /** Changes whenever views made before may show the memory no longer: it has grown, or the arena has moved. */
  readonly generation: number;
}

/** Where the arrays of a plan lie in a storage. */
export interface Placement {
  readonly storage: Storage;
  /** For each of `Plan.arrays`: a byte address, for those of the arena an offset in it. */
  readonly addresses: readonly number[];
}

export interface Executable {
  /** What a student reads: JavaScript text, LoopIR text, or WAT. */
  readonly source: string;
  /** Runs every step. Feeds have been put in their places. `memory` holds current views of the placement. */
  run(memory: PlanMemory): void;
  /**
   * Runs every step on other threads, and calls `finished` later, with null or what went wrong. False if there are none
   * at the moment, or never.
   */
  runAsync?(finished: (error: unknown) => void): boolean;
  /** Runs one step alone, for measuring; what it reads must be there. Not every backend can. */
  runStep?(step: number): void;
  /** Lets go of what it has outside of the plan's own arrays. */
  release?(): void;
}

/** Turns plans into something that runs. Backends implement this upwards; the compiler never imports one. */
export interface Backend {
  readonly name: string;
  /** What its plans are scheduled for. */
  readonly target: Target;
  /** Threads that may share the work of a plan; 1 without. */
  readonly threads?: number;
  /**
   * New memory for a session.
   * @param budget bytes above which it should not grow ahead of what is asked for
   */
  open(budget?: number): Storage;
  link(plan: Plan, placement: Placement): Executable;
}
