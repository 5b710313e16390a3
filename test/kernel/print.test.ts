import { expect, test } from "vitest";
import * as k from "../../src/kernel/expr.ts";
import { printExpr, printHead, printKernel, printStatements } from "../../src/kernel/print.ts";
import { buffer, define, loop, softmax, store } from "./sample-kernels.ts";

test("a kernel reads like pseudo-code", () => {
  expect(printKernel(softmax())).toBe(`kernel softmax(out y: float32[24], in x: float32[24])
  for i0 < 4
    let max1 = reduce max over r0 < 6: x[i0*6 + r0]
    let sum2 = reduce add interleaved over r1 < 6: exp(x[i0*6 + r1] - max1)
    for i1 < 6
      y[i0*6 + i1] = exp(x[i0*6 + i1] - max1) / sum2`);
});

test("every statement has its line", () => {
  const y = buffer("y", 4, "out", "int32");
  const n = k.variable("n", "int32");
  const s = k.variable("s", "int32");
  const r = k.indexVariable("r", 3);
  const t = k.variable("t", "int32");
  const body = [
    define(n, k.load(y, k.int(0)), true),
    { kind: "while", test: k.lt(k.int(0), n), body: [{ kind: "set", variable: n, value: k.sub(n, k.int(1)) }] },
    { kind: "if", test: k.eq(n, k.int(0)), body: [store(y, k.int(1), n)] },
    {
      kind: "reduce",
      variable: s,
      op: "add",
      order: "serial",
      loops: [{ index: r, extent: 3 }],
      body: [define(t, k.mul(r, n))],
      value: t,
    },
  ] as const;
  expect(printStatements(body)).toBe(`var n = y[0]
while 0 < n
  n = n - 1
if n == 0
  y[1] = n
let s = reduce add over r < 3
  let t = r*n
  yield t`);
  expect(body.map(printHead)).toEqual(["var n = y[0]", "while 0 < n", "if n == 0", "let s = reduce add over r < 3"]);
  expect(printHead(loop(r, 3, []))).toBe("for r < 3");
});

test("parentheses only where they are needed", () => {
  const [a, b, c] = ["a", "b", "c"].map((name) => k.variable(name, "float64")) as [k.Expr, k.Expr, k.Expr];
  const [i, j] = ["i", "j"].map((name) => k.variable(name, "int32")) as [k.Expr, k.Expr];
  const cases: readonly (readonly [k.Expr, string])[] = [
    [k.add(k.add(a, b), c), "a + b + c"],
    [k.add(a, k.add(b, c)), "a + (b + c)"],
    [k.sub(a, k.sub(b, c)), "a - (b - c)"],
    [k.mul(k.add(a, b), c), "(a + b)*c"],
    [k.div(a, k.mul(b, c)), "a / (b*c)"],
    [k.unary("neg", k.unary("neg", a)), "-(-a)"],
    [k.unary("neg", k.add(a, b)), "-(a + b)"],
    [k.select(k.lt(a, b), a, k.select(k.lt(b, c), b, c)), "a < b ? a : b < c ? b : c"],
    [k.select(k.select(k.lt(a, b), k.lt(a, c), k.lt(b, c)), a, b), "(a < b ? a < c : b < c) ? a : b"],
    [k.and(k.le(k.int(0), i), k.lt(i, k.int(5))), "0 <= i & i < 5"],
    [k.and(k.add(i, j), k.int(7)), "(i + j) & 7"],
    [k.binary("shl", k.binary("xor", i, j), k.int(3)), "(i ^ j) << 3"],
    [k.add(i, k.int(-2)), "i - 2"],
    [k.add(a, k.constant(-0, "float64")), "a + -0"],
    [k.binary("max", a, k.unary("sqrt", b)), "max(a, sqrt(b))"],
    [k.cast(k.add(i, j), "float64"), "float64(i + j)"],
    [k.bitcast(i, "uint32"), "uint32Bits(i)"],
    [k.unary("not", k.cast(a, "bool")), "!bool(a)"],
    [k.truth(true), "true"],
  ];
  for (const [expr, text] of cases) expect(printExpr(expr)).toBe(text);
});
