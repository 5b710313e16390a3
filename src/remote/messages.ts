/** What a session's client and the worker that holds it say to each other. */
import type { TypedArray } from "../core/dtype.ts";
import type { GraphDef } from "../files/serialize.ts";
import type { SessionOptions } from "../runtime/session.ts";
import type { Failure } from "./failure.ts";

/** Names of tensors and operations: nothing else of a graph is the same on both sides. */
export interface Wanted {
  readonly tensors: readonly string[];
  readonly targets: readonly string[];
}

/** Packed values, by names of tensors. */
export interface Fed {
  readonly tensors: readonly string[];
  readonly values: unknown;
}

/** One thing asked of the session. `values` are packed: see `pack`. */
export type Call =
  | { readonly kind: "run"; readonly wanted: Wanted; readonly feeds: Fed }
  | {
      readonly kind: "prepare";
      readonly wanted: Wanted;
      readonly tensors: readonly string[];
      readonly shapes: readonly (readonly number[])[] | undefined;
    }
  /** `prepared` is the number of the call that prepared it. */
  | { readonly kind: "step"; readonly prepared: number; readonly values: unknown }
  | { readonly kind: "plan"; readonly wanted: Wanted; readonly feeds: Fed }
  | { readonly kind: "set"; readonly variable: string; readonly values: unknown };

export type Request =
  | { readonly kind: "open"; readonly options: SessionOptions }
  /** What the graph has in addition to what it had before, and the elements of constants in it. */
  | { readonly kind: "grow"; readonly part: GraphDef; readonly arrays: readonly TypedArray[] }
  | { readonly kind: "call"; readonly id: number; readonly call: Call; readonly progress: boolean }
  /** Takes back a call that has not begun. */
  | { readonly kind: "cancel"; readonly id: number };

export type Reply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly failure: Failure }
  | { readonly kind: "compiling"; readonly id: number; readonly done: number; readonly total: number }
  | { readonly kind: "warning"; readonly text: string };

/** What can be told of a plan in another thread. */
export interface PlanSummary {
  /** The code that runs. */
  readonly source: string;
  /** Names of the kernels, in the order in which they run. */
  readonly kernels: readonly string[];
  readonly arenaBytes: number;
  /** The largest sum of bytes in use at once. */
  readonly liveBytes: number;
  /** Bytes of all tensors, had each its own buffer. */
  readonly totalBytes: number;
  /** The passes that made it, with the time each took. */
  readonly passes: readonly { readonly name: string; readonly skipped: boolean; readonly milliseconds: number }[];
}
