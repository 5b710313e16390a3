import type { DType, TypedArray } from "../core/dtype.ts";
import type { GraphFunction } from "../graph/function.ts";
import type { Operation, Tensor, Variable } from "../graph/operation.ts";
import type { Kernel } from "../kernel/statement.ts";
import type { PassRecord } from "./pass.ts";

/** A typed array a plan works on, and where it lives. */
export interface PlanArray {
  readonly region: "arena" | "feed" | "variable" | "constant";
  readonly dtype: DType;
  readonly length: number;
  /** Byte offset in the arena; position among feeds, variables or constants. */
  readonly at: number;
  /** Name of the value, for people. */
  readonly of: string;
}

/** One kernel call; `args` are positions in `Plan.arrays`, in the order of the kernel's buffers. */
export interface Step {
  /** Steps that do the same thing share one kernel object, which is compiled once. */
  readonly kernel: Kernel;
  readonly args: readonly number[];
  /** What it computes, for traces, pictures and error messages. */
  readonly fuses: readonly Operation[];
  readonly roots: readonly Tensor[];
}

/** Program over one arena: everything a backend needs, nothing it must look up. */
export interface Plan {
  readonly fn: GraphFunction;
  readonly arrays: readonly PlanArray[];
  readonly steps: readonly Step[];
  readonly arenaBytes: number;
  /** Bytes of all tensors of the function, had each its own buffer. */
  readonly totalBytes: number;
  readonly feeds: readonly Tensor[];
  readonly variables: readonly Variable[];
  readonly constants: readonly TypedArray[];
  /** For each result of the function the array that holds it. */
  readonly results: readonly number[];
  /** New values that were not computed in place: copied once the run has succeeded. */
  readonly commits: readonly { readonly from: number; readonly to: number }[];
  readonly trace: readonly PassRecord[];
}

/** Arrays of one execution, in the order of `Plan.arrays`. */
export type PlanMemory = TypedArray[];

export interface Executable {
  /** What a student reads: JavaScript text, LoopIR text, or WAT. */
  readonly source: string;
  /** Runs every step. Feeds have been put in their places. */
  run(memory: PlanMemory): void;
}

/** Turns plans into something that runs. Backends implement this upwards; the compiler never imports one. */
export interface Backend {
  readonly name: string;
  link(plan: Plan): Executable;
}
