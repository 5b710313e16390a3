import { describe, expect, test } from "vitest";
import { CompileError } from "../../src/core/errors.ts";
import * as k from "../../src/kernel/expr.ts";
import { interpretKernel, interpretMath } from "../../src/kernel/interpret.ts";
import type { MathFunction } from "../../src/kernel/math/define.ts";
import type { Kernel, Stmt } from "../../src/kernel/statement.ts";
import { buffer, define, loop, softmax, store } from "./sample-kernels.ts";

const y = buffer("y", 4, "out");
const x = buffer("x", 4, "in");
const n = buffer("n", 4, "in", "int32");
const kernelOf = (...body: readonly Stmt[]): Kernel => ({ name: "probe", buffers: [y, x, n], body });
const run = (kernel: Kernel, ints: readonly number[] = [0, 0, 0, 0]) => {
  const out = new Float32Array(4);
  interpretKernel(kernel, [out, Float32Array.of(1, 2, 3, 4), Int32Array.from(ints)]);
  return [...out];
};
const zero = k.int(0);
const one = k.constant(1, "float32");

test("softmax of rows", () => {
  const out = new Float32Array(24);
  interpretKernel(softmax(), [out, Float32Array.from({ length: 24 }, (_, i) => i % 6)]);
  const total = [0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + Math.exp(i), 0);
  out.forEach((value, i) => {
    expect(value).toBeCloseTo(Math.exp(i % 6) / total, 6);
  });
});

test("float32 is rounded after every operation", () => {
  const third = k.div(one, k.constant(3, "float32"));
  const tiny = k.constant(2 ** -30, "float32");
  const t = k.variable("t", "float32");
  const [a, b] = run(
    kernelOf(define(t, k.add(k.load(x, zero), tiny)), store(y, zero, k.sub(t, one)), store(y, k.int(1), third)),
  );
  expect(a).toBe(0);
  expect(b).toBe(Math.fround(1 / 3));
});

test("while, if, set, and a select that guards its load", () => {
  const count = k.variable("count", "int32");
  const i = k.indexVariable("i", 4);
  const before = k.sub(i, k.int(2));
  const guarded = k.select(k.le(zero, before), k.load(x, before), k.constant(-1, "float32"));
  const kernel = kernelOf(
    define(count, k.load(n, zero), true),
    {
      kind: "while",
      test: k.lt(zero, count),
      body: [
        { kind: "set", variable: count, value: k.sub(count, k.int(2)) },
        { kind: "if", test: k.lt(count, k.int(3)), body: [store(y, k.int(3), k.cast(count, "float32"))] },
      ],
    },
    loop(i, 4, [{ kind: "if", test: k.lt(i, k.int(3)), body: [store(y, i, guarded)] }]),
  );
  expect(run(kernel, [7, 0, 0, 0])).toEqual([-1, -1, 1, -1]);
});

test("a kernel may be run again, with other arrays", () => {
  const i = k.indexVariable("i", 4);
  const kernel = kernelOf(loop(i, 4, [store(y, i, k.mul(k.load(x, i), k.cast(k.load(n, i), "float32")))]));
  expect(run(kernel, [1, 2, 3, 4])).toEqual([1, 4, 9, 16]);
  expect(run(kernel, [0, 1, 0, -1])).toEqual([0, 2, 0, -4]);
});

test("math functions are LoopIR too", () => {
  const a = k.variable("a", "float32");
  const t = k.variable("t", "float32");
  const fn: MathFunction = {
    name: "poly",
    type: "float32",
    doc: "a * a, or 0 below 0",
    params: [a],
    body: [
      define(t, k.mul(a, a), true),
      {
        kind: "if",
        test: k.lt(a, k.constant(0, "float32")),
        body: [{ kind: "set", variable: t, value: k.constant(0, "float32") }],
      },
    ],
    result: t,
  };
  expect(interpretMath(fn, [3])).toBe(9);
  expect(interpretMath(fn, [-3])).toBe(0);
  expect(interpretMath(fn, [0.1])).toBe(Math.fround(Math.fround(0.1) ** 2)); // the argument is rounded first
});

describe("everything is checked", () => {
  const t = k.variable("t", "float32");
  const m = k.variable("m", "int32");
  const small = k.variable("small", "int32", { min: 0, max: 3 });
  const cases: readonly (readonly [string, Kernel, string, string])[] = [
    [
      "load outside",
      kernelOf(store(y, zero, k.load(x, k.load(n, zero)))),
      "x[9] is outside its 4 elements",
      "y[0] = x[n[0]]",
    ],
    ["store outside", kernelOf(store(y, k.load(n, zero), one)), "y[9] is outside its 4 elements", "y[n[0]] = 1"],
    [
      "range of a variable",
      kernelOf(define(small, k.load(n, zero))),
      "small is int32 in 0 … 3, got 9",
      "let small = n[0]",
    ],
    ["undefined variable", kernelOf(store(y, zero, t)), "t is not defined here", "y[0] = t"],
    [
      "out of scope",
      kernelOf({ kind: "if", test: k.truth(true), body: [define(t, one)] }, store(y, zero, t)),
      "t is not defined here",
      "y[0] = t",
    ],
    ["defined twice", kernelOf(define(t, one), define(t, one)), "t is defined twice", "let t = 1"],
    [
      "set of a constant",
      kernelOf(define(t, one), { kind: "set", variable: t, value: one }),
      "t is not mutable",
      "t = 1",
    ],
    ["type of a value", kernelOf(define(t, zero)), "t is float32, the value int32", "let t = 0"],
    [
      "type of a use",
      kernelOf(define(m, zero), store(y, zero, k.variable("m", "float32"))),
      "m is int32, used as float32",
      "y[0] = m",
    ],
    ["store to an input", kernelOf(store(x, zero, one)), "x is an input", "x[0] = 1"],
    [
      "type of an operand",
      kernelOf(store(y, zero, k.binary("shl", one, k.load(x, zero)))),
      "shl of float32",
      "y[0] = 1 << x[0]",
    ],
    ["foreign buffer", kernelOf(store(y, zero, k.load(buffer("z", 4, "in"), zero))), "z is no buffer", "y[0] = z[0]"],
    [
      "same name",
      kernelOf(store(y, zero, k.load(buffer("x", 5, "in"), zero))),
      "x is not the buffer declared",
      "y[0] = x[0]",
    ],
  ];
  test.each(cases)("%s", (_, kernel, message, statement) => {
    expect(() => run(kernel, [9, 0, 0, 0])).toThrow(CompileError);
    expect(() => run(kernel, [9, 0, 0, 0])).toThrow(`kernel probe: ${message}`);
    expect(() => run(kernel, [9, 0, 0, 0])).toThrow(`in: ${statement}`);
  });

  test("the arrays", () => {
    const kernel = kernelOf();
    const [a, b, c] = [new Float32Array(4), new Float32Array(4), new Int32Array(4)];
    expect(() => interpretKernel(kernel, [a, b])).toThrow("no array for n");
    expect(() => interpretKernel(kernel, [a, b, new Float32Array(4)])).toThrow("n is int32, got an array of float32");
    expect(() => interpretKernel(kernel, [a, new Float32Array(5), c])).toThrow("x has 4 elements, got an array of 5");
  });

  test("a bool that is neither 0 nor 1", () => {
    const flags = buffer("flags", 1, "in", "bool");
    const kernel: Kernel = {
      name: "flag",
      buffers: [flags],
      body: [{ kind: "if", test: k.load(flags, zero), body: [] }],
    };
    expect(() => interpretKernel(kernel, [Uint8Array.of(2)])).toThrow("flags is bool and holds 2");
  });
});
