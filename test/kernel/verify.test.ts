import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as k from "../../src/kernel/expr.ts";
import { exp, mathFunction, mathFunctionNames } from "../../src/kernel/math/index.ts";
import { expandReductions } from "../../src/kernel/reduce.ts";
import type { Kernel, Stmt } from "../../src/kernel/statement.ts";
import { verifyKernel, verifyMathFunction } from "../../src/kernel/verify.ts";
import { randomCase } from "./random-kernel.ts";
import { buffer, define, loop, softmax, store } from "./sample-kernels.ts";

const y = buffer("y", 8, "out");
const x = buffer("x", 8, "in");
const n = buffer("n", 8, "in", "int32");
const kernelOf = (...body: readonly Stmt[]): Kernel => ({ name: "probe", buffers: [y, x, n], body });
const one = k.constant(1, "float32");
const zero = k.int(0);
const i = k.indexVariable("i", 8);
const j = k.indexVariable("j", 4);
const t = k.variable("t", "float32");
const m = k.variable("m", "int32");

describe("accepts", () => {
  const inside = k.and(k.le(zero, k.sub(i, k.int(2))), k.lt(i, k.int(8)));
  const accepted: Record<string, Kernel> = {
    softmax: softmax(),
    "softmax expanded": expandReductions(softmax()),
    "a guarded load": kernelOf(loop(i, 8, [store(y, i, k.select(inside, k.load(x, k.sub(i, k.int(2))), one))])),
    "a store under if": kernelOf(loop(i, 8, [{ kind: "if", test: inside, body: [store(y, k.sub(i, k.int(2)), one)] }])),
    "an index from memory": kernelOf(loop(i, 8, [store(y, i, k.load(x, k.load(n, i)))])),
    "an index from memory through a let": kernelOf(
      loop(i, 8, [define(m, k.mul(k.load(n, i), k.int(2))), store(y, i, k.load(x, k.add(m, k.int(1))))]),
    ),
    "names used again in another block": kernelOf(loop(i, 8, [define(t, one)]), loop(i, 8, [define(t, one)])),
  };
  test.each(Object.entries(accepted))("%s", (_, kernel) => {
    verifyKernel(kernel);
  });

  test("random kernels, and what becomes of them when reductions are expanded", () => {
    fc.assert(
      fc.property(randomCase, ({ kernel }) => {
        verifyKernel(kernel);
        verifyKernel(expandReductions(kernel));
      }),
      { numRuns: 500 },
    );
  });

  test("every math function", () => {
    const names = mathFunctionNames();
    for (const name of names)
      for (const type of ["float32", "float64"] as const) verifyMathFunction(mathFunction(name, type));
    expect(names.length).toBeGreaterThan(0);
  });
});

describe("rejects", () => {
  const small = k.variable("small", "int32", { min: 0, max: 3 });
  const rejected: readonly (readonly [string, Kernel, string])[] = [
    [
      "a load past the end",
      kernelOf(loop(i, 8, [store(y, i, k.load(x, k.add(i, k.int(1))))])),
      "x[i + 1] may be 1 … 8, the size is 8",
    ],
    [
      "a load before the start",
      kernelOf(loop(i, 8, [store(y, i, k.load(x, k.sub(i, k.int(1))))])),
      "x[i - 1] may be -1 … 6",
    ],
    ["a store past the end", kernelOf(loop(i, 8, [store(y, k.mul(i, k.int(2)), one)])), "y[i*2] may be 0 … 14"],
    [
      "a load in the test of a select",
      kernelOf(loop(i, 8, [store(y, i, k.select(k.lt(k.load(x, k.add(i, k.int(1))), one), one, k.load(x, i)))])),
      "x[i + 1] may be",
    ],
    ["a store to an input", kernelOf(store(x, zero, one)), "x is an input"],
    ["an undefined variable", kernelOf(store(y, zero, t)), "t is not defined here"],
    ["an index after its loop", kernelOf(loop(i, 8, []), store(y, i, one)), "i is not defined here"],
    ["a variable defined twice", kernelOf(define(t, one), loop(i, 8, [define(t, one)])), "t is defined twice"],
    ["a set of a constant", kernelOf(define(t, one), { kind: "set", variable: t, value: one }), "t is not mutable"],
    ["a set of an undefined", kernelOf({ kind: "set", variable: t, value: one }), "t is not defined here"],
    ["a loop shorter than its index", kernelOf(loop(i, 7, [])), "i ranges over 0 … 7, the loop over 0 … 6"],
    ["a loop longer than its index", kernelOf(loop(i, 9, [])), "i ranges over 0 … 7, the loop over 0 … 8"],
    [
      "a variable narrower than its value",
      kernelOf(loop(i, 8, [define(small, i)])),
      "small is declared 0 … 3, the value may be 0 … 7",
    ],
    [
      "a use narrower than the variable",
      kernelOf(loop(i, 8, [store(y, k.indexVariable("i", 4), one)])),
      "i is 0 … 7, used as 0 … 3",
    ],
    ["a value of another type", kernelOf(store(y, zero, zero)), "y is float32, the value int32"],
    [
      "a condition that is no bool",
      kernelOf({ kind: "if", test: k.load(n, zero), body: [] }),
      "condition of type int32",
    ],
    ["sums of bool", kernelOf({ kind: "if", test: k.add(k.lt(t, one), k.lt(one, t)), body: [] }), "add of bool"],
    [
      "functions of no float",
      kernelOf(define(k.variable("whole", "int32"), k.call(exp, zero))),
      "no function exp for int32",
    ],
    ["two buffers of one name", { name: "probe", buffers: [y, { ...y }], body: [] }, "two buffers have the same name"],
    [
      "a reduction whose index is wrong",
      kernelOf({
        kind: "reduce",
        variable: t,
        op: "add",
        order: "serial",
        loops: [{ index: j, extent: 5 }],
        body: [],
        value: one,
      }),
      "j ranges over 0 … 3, the loop over 0 … 4",
    ],
    [
      "a reduction of the wrong type",
      kernelOf({
        kind: "reduce",
        variable: m,
        op: "add",
        order: "serial",
        loops: [{ index: j, extent: 4 }],
        body: [],
        value: one,
      }),
      "m is int32, the value float32",
    ],
    [
      "a reduction's variables outside it",
      kernelOf(
        {
          kind: "reduce",
          variable: t,
          op: "add",
          order: "serial",
          loops: [{ index: j, extent: 4 }],
          body: [],
          value: one,
        },
        store(y, j, t),
      ),
      "j is not defined here",
    ],
  ];
  test.each(rejected)("%s", (_, kernel, message) => {
    if (message.startsWith("add of bool")) {
      expect(() => verifyKernel({ ...kernel, body: [define(t, one), ...kernel.body] })).toThrow(message);
    } else expect(() => verifyKernel(kernel)).toThrow(message);
  });
});

test("a short last chunk is proved by the loop's end, a wrong end is not", () => {
  const big = buffer("big", 100, "in");
  const chunk = k.indexVariable("chunk", 4);
  const offset = k.indexVariable("offset", 30);
  const start = k.mul(chunk, k.int(30));
  const kernel = (end: number): Kernel => ({
    name: "chunks",
    buffers: [y, big],
    body: [
      loop(chunk, 4, [
        {
          kind: "for",
          index: offset,
          extent: k.binary("min", k.int(30), k.sub(k.int(end), start)),
          body: [store(y, zero, k.load(big, k.add(start, offset)))],
        },
      ]),
    ],
  });
  verifyKernel(kernel(100));
  expect(() => verifyKernel(kernel(101))).toThrow("may be 0 … 100, the size is 100");
});
