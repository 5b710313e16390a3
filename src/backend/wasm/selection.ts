import type { DType } from "../../core/dtype.ts";
import { CompileError } from "../../core/errors.ts";
import type { Code, ValueType } from "./code.ts";

/**
 * What instruction selection needs of the function under construction: the code it appends to, and spare locals.
 *
 * Every function of the `select-…` files writes the instructions of one operation of LoopIR. Its operands are on the
 * stack, the first one deepest, and are replaced by the result.
 */
export interface Selection {
  readonly code: Code;
  /** A local that nobody else uses until it is released. */
  temp(type: ValueType): number;
  release(local: number): void;
  /** Index of the imported function (f64, f64) -> f64 that is JavaScript's `%`. */
  readonly remainder: number;
}

/** The first or the second two lanes of a piece of four. */
export type Half = 0 | 1;

/** Lends locals for the time of `build`. */
export function withTemps(s: Selection, types: readonly ValueType[], build: (...locals: number[]) => void): void {
  const locals = types.map((type) => s.temp(type));
  build(...locals);
  for (const local of locals) s.release(local);
}

/** The instructions of `type` have this as the first part of their names. */
export const scalarShape = (type: DType): "i32" | "f32" | "f64" =>
  type === "float32" ? "f32" : type === "float64" ? "f64" : "i32";
export const vectorShape = (type: DType): "i32x4" | "f32x4" | "f64x2" =>
  type === "float32" ? "f32x4" : type === "float64" ? "f64x2" : "i32x4";

/** LoopIR that the verifier lets through has an instruction for everything, so this is a mistake in the compiler. */
export const unsupported = (op: string, type: DType): CompileError =>
  new CompileError({ what: `wasm: ${op} of ${type}` });
