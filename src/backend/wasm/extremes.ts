import type { DType } from "../../core/dtype.ts";
import type { BinaryExpr, Expr } from "../../kernel/expr.ts";
import type { Selection } from "./selection.ts";

/** Operands from which on all together are cheaper than one by one. */
const FEWEST = 3;

/**
 * What a maximum of maxima is taken of: `max(max(a, b), c)` of a, b and c. Inner ones that are `kept` for other uses are
 * operands themselves. Null for a few.
 */
export function extremeOperands(root: BinaryExpr, kept: (expr: Expr) => boolean): readonly Expr[] | null {
  const of = (expr: Expr): readonly Expr[] =>
    expr === root || (expr.kind === "binary" && expr.op === root.op && !kept(expr))
      ? [...of(expr.x), ...of(expr.y)]
      : [expr];
  const operands = of(root);
  return operands.length < FEWEST ? null : operands;
}

/**
 * The maximum or minimum of several pieces of floats, in locals. WebAssembly's own takes eight instructions on x86, as
 * the processor's knows neither NaN nor the sign of a zero. Of n pieces both can be seen to at the end:
 *
 * - `pmax` of all is right but for NaN and the sign of a zero: n - 1 instructions;
 * - a maximum is negative where all are, one of zeros too, so its sign is theirs joined by "and": n + 1. A minimum is
 *   negative where any is: "or";
 * - where some piece is not equal to itself, all bits are set, which is a NaN: 2n.
 */
export function vectorExtreme(s: Selection, op: "max" | "min", type: DType, pieces: readonly number[]): void {
  const { code } = s;
  const shape = type === "float64" ? "f64x2" : "f32x4";
  const fold = (push: (piece: number) => void, join: () => void): void =>
    pieces.forEach((piece, k) => {
      push(piece);
      if (k > 0) join();
    });
  const get = (piece: number): void => void code.op("local.get", piece);
  const high = -(2 ** 31);
  const signs = type === "float64" ? [0, high, 0, high] : [high, high, high, high];
  fold(get, () => code.op(`${shape}.p${op}`));
  if (op === "max") {
    fold(get, () => code.op("v128.and"));
    code.op("v128.const", ...signs.map((word) => ~word)).op("v128.or");
    code.op("v128.and");
  } else {
    fold(get, () => code.op("v128.or"));
    code.op("v128.const", ...signs).op("v128.and");
    code.op("v128.or");
  }
  fold(
    (piece) => {
      get(piece);
      get(piece);
      code.op(`${shape}.ne`);
    },
    () => code.op("v128.or"),
  );
  code.op("v128.or");
}
