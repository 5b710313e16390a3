import * as k from "../../src/kernel/expr.ts";
import { exp } from "../../src/kernel/math/index.ts";
import type { Buffer, Kernel, ReduceStmt, Stmt } from "../../src/kernel/statement.ts";

export const buffer = (
  name: string,
  size: number,
  role: Buffer["role"],
  dtype: Buffer["dtype"] = "float32",
): Buffer => ({
  name,
  dtype,
  size,
  role,
});
export const loop = (index: k.VarExpr, extent: number, body: readonly Stmt[]): Stmt => ({
  kind: "for",
  index,
  extent: k.int(extent),
  body,
});
export const store = (target: Buffer, at: k.Expr, value: k.Expr): Stmt => ({
  kind: "store",
  buffer: target,
  at,
  value,
});
export const define = (variable: k.VarExpr, value: k.Expr, mutable = false): Stmt => ({
  kind: "let",
  variable,
  value,
  mutable,
});

/** Softmax over rows of 6, with names to choose. */
export function softmax(
  names = { y: "y", x: "x", i0: "i0", i1: "i1", r0: "r0", r1: "r1", max: "max1", sum: "sum2" },
): Kernel {
  const [y, x] = [buffer(names.y, 24, "out"), buffer(names.x, 24, "in")];
  const [i0, i1] = [k.indexVariable(names.i0, 4), k.indexVariable(names.i1, 6)];
  const [r0, r1] = [k.indexVariable(names.r0, 6), k.indexVariable(names.r1, 6)];
  const [max, sum] = [k.variable(names.max, "float32"), k.variable(names.sum, "float32")];
  const at = (j: k.Expr) => k.add(k.mul(i0, k.int(6)), j);
  const shifted = (j: k.Expr) => k.call(exp, k.sub(k.load(x, at(j)), max));
  const fold = (variable: k.VarExpr, op: "max" | "add", index: k.VarExpr, value: k.Expr): ReduceStmt => ({
    kind: "reduce",
    variable,
    op,
    order: op === "max" ? "serial" : "interleaved",
    loops: [{ index, extent: 6 }],
    body: [],
    value,
  });
  return {
    name: "softmax",
    buffers: [y, x],
    body: [
      loop(i0, 4, [
        fold(max, "max", r0, k.load(x, at(r0))),
        fold(sum, "add", r1, shifted(r1)),
        loop(i1, 6, [store(y, at(i1), k.div(shifted(i1), sum))]),
      ]),
    ],
  };
}
