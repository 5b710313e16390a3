import { describe, expect, test } from "vitest";
import { allocate, type DType, roundTo } from "../../src/core/dtype.ts";
import * as k from "../../src/kernel/expr.ts";
import { interpretKernel } from "../../src/kernel/interpret.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { expandReductions, identityOf } from "../../src/kernel/reduce.ts";
import type { Buffer, Kernel, ReduceOp, ReduceStmt } from "../../src/kernel/statement.ts";
import { verifyKernel } from "../../src/kernel/verify.ts";

type Order = ReduceStmt["order"];
const product = (extents: readonly number[]): number => extents.reduce((a, b) => a * b, 1);

/** `y[0] = fold of x` over the given extents. */
function foldKernel(op: ReduceOp, type: DType, order: Order, extents: readonly number[]): Kernel {
  const x: Buffer = { name: "x", dtype: type, size: product(extents), role: "in" };
  const y: Buffer = { name: "y", dtype: type, size: 1, role: "out" };
  const loops = extents.map((extent, i) => ({ index: k.indexVariable(`r${i}`, extent), extent }));
  const at = loops.reduce((flat: k.Expr, l) => k.add(k.mul(flat, k.int(l.extent)), l.index), k.int(0));
  const variable = k.variable("s", type);
  return {
    name: "fold",
    buffers: [y, x],
    body: [
      { kind: "reduce", variable, op, order, loops, body: [], value: x.size > 0 ? k.load(x, at) : k.constant(1, type) },
      { kind: "store", buffer: y, at: k.int(0), value: variable },
    ],
  };
}

function run(kernel: Kernel, values: readonly number[]): number {
  const [y, x] = kernel.buffers.map((buffer) => allocate(buffer.dtype, buffer.size));
  x!.set(values);
  interpretKernel(kernel, [y!, x!]);
  return y![0]!;
}

/** The documented order once more, in the plainest way. */
function reference(
  op: "add" | "mul",
  type: DType,
  order: Order,
  extents: readonly number[],
  x: readonly number[],
): number {
  const zero = op === "add" ? 0 : 1;
  const join = (a: number, b: number) => roundTo(type, op === "add" ? a + b : a * b);
  const fold = (list: readonly number[]) => list.reduce(join, zero);
  const chunks = (size: number) =>
    Array.from({ length: Math.ceil(x.length / size) }, (_, c) => x.slice(c * size, (c + 1) * size));
  if (order === "serial") {
    if (x.length <= 4096) return fold(x);
    const inner = x.length / extents[0]!;
    return fold(chunks(Math.ceil(extents[0]! / 8) * inner).map(fold));
  }
  const tree = (list: readonly number[], n: number) => {
    let width = 1;
    while (width < Math.min(n, 32)) width *= 2;
    let partial = Array.from({ length: width }, (_, j) => fold(list.filter((__, i) => i % width === j)));
    for (let step = width / 2; step >= 1; step /= 2) {
      partial = partial.slice(0, step).map((p, j) => join(p, partial[j + step]!));
    }
    return partial[0]!;
  };
  if (x.length === 0) return zero;
  if (x.length <= 32768) return tree(x, x.length);
  return fold(chunks(Math.ceil(Math.ceil(x.length / 8) / 32) * 32).map((part) => tree(part, 32)));
}

/** Values of very different size and both signs, so that nearly any other order gives another sum. */
const spread = (n: number): readonly number[] =>
  Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * 12.9898 + 1) * 2 ** (((i * 7919) % 23) - 11)));
/** Factors near 1. */
const factors = (n: number): readonly number[] =>
  Array.from({ length: n }, (_, i) => Math.fround(1 + 0.01 * Math.sin(i * 78.233)));

const SERIAL = [
  [0],
  [1],
  [5],
  [4096],
  [4097],
  [5000],
  [8, 513],
  [9, 600],
  [700, 10],
  [1, 5000],
  [5000, 1],
  [3, 5, 300],
];
const INTERLEAVED = [
  ...[[0], [1], [2], [3], [5], [31], [32], [33], [64], [100], [5, 7], [4096], [1, 40], [40, 1], [2, 0, 3]],
  ...[[32768], [32769], [70000], [33000, 1], [1, 33000], [181, 182], [7, 5, 1000], [3, 11000], [11000, 3], [2, 17000]],
];

describe("the order of a reduction", () => {
  for (const [order, shapes] of [
    ["serial", SERIAL],
    ["interleaved", INTERLEAVED],
  ] as const) {
    test(`${order} sums and products follow the documented rule to the bit`, () => {
      for (const extents of shapes) {
        for (const type of ["float32", "float64"] as const) {
          for (const op of ["add", "mul"] as const) {
            const kernel = foldKernel(op, type, order, extents);
            verifyKernel(kernel);
            verifyKernel(expandReductions(kernel));
            const values = (op === "add" ? spread : factors)(product(extents));
            const name = `${order} ${op} ${type} ${extents}`;
            expect([name, run(kernel, values)]).toEqual([name, reference(op, type, order, extents, values)]);
          }
        }
      }
    });
  }

  test("the orders differ from one another, so the test above can tell them apart", () => {
    for (const n of [100, 5000, 70000]) {
      const a = run(foldKernel("add", "float32", "serial", [n]), spread(n));
      const b = run(foldKernel("add", "float32", "interleaved", [n]), spread(n));
      const plain = spread(n).reduce((s, v) => Math.fround(s + v), 0);
      expect(a === b).toBe(false);
      expect(n > 4096 && a === plain).toBe(false);
    }
  });

  test("starts from +0, so that a sum of -0 is 0", () => {
    for (const order of ["serial", "interleaved"] as const) {
      for (const n of [1, 4]) expect(run(foldKernel("add", "float32", order, [n]), Array(n).fill(-0))).toBe(0);
    }
  });
});

describe("folds whose order can not be seen", () => {
  test.each([
    ["max", "float32", [3, -1, 7], 7, -Infinity],
    ["min", "float64", [3, -1, 7], -1, Infinity],
    ["max", "float32", [3, Number.NaN, 7], Number.NaN, -Infinity],
    ["max", "int32", [-3, -1, -7], -1, -(2 ** 31)],
    ["min", "int32", [3, -1, 7], -1, 2 ** 31 - 1],
    ["max", "uint32", [3, 4294967295, 7], 4294967295, 0],
    ["min", "uint32", [3, 4294967295, 7], 3, 4294967295],
    ["add", "int32", [2147483647, 1, 1], -2147483647, 0],
    ["mul", "uint32", [65536, 65537, 3], 196608, 1],
    ["or", "bool", [0, 1, 0], 1, 0],
    ["and", "bool", [1, 1, 0], 0, 1],
    ["or", "int32", [1, 4, -8], -3, 0],
    ["and", "int32", [7, 14, -1], 6, -1],
    ["and", "uint32", [7, 14, 4294967295], 6, 4294967295],
  ] as const)("%s of %s", (op, type, values, expected, identity) => {
    for (const order of ["serial", "interleaved"] as const) {
      expect(run(foldKernel(op, type, order, [3]), values)).toBe(expected);
      expect(run(foldKernel(op, type, order, [0]), [])).toBe(identity);
      expect(identityOf(op, type)).toBe(identity);
    }
    expect(printKernel(expandReductions(foldKernel(op, type, "interleaved", [9999])))).not.toContain("chunk");
  });

  test("a narrowed result is folded in an accumulator of its own", () => {
    const kernel = foldKernel("min", "int32", "serial", [3]);
    const [reduce, store] = kernel.body as [ReduceStmt, (typeof kernel.body)[number]];
    const narrow = { ...reduce, variable: k.variable("s", "int32", { min: 0, max: 9 }) };
    const expanded = expandReductions({ ...kernel, body: [narrow, store] });
    verifyKernel(expanded);
    expect(run({ ...kernel, body: [narrow, store] }, [8, 3, 9])).toBe(3);
  });
});

test("nested interleaved reductions do not share their partials, neighbours do", () => {
  const [x, y]: [Buffer, Buffer] = [
    { name: "x", dtype: "float32", size: 12, role: "in" },
    { name: "partial", dtype: "float32", size: 1, role: "out" },
  ];
  const sum = (name: string, index: k.VarExpr, body: readonly ReduceStmt[], value: k.Expr): ReduceStmt => {
    const loops = [{ index, extent: index.max + 1 }];
    return {
      kind: "reduce",
      variable: k.variable(name, "float32"),
      op: "add",
      order: "interleaved",
      loops,
      body,
      value,
    };
  };
  const [i, j, l] = [k.indexVariable("i", 3), k.indexVariable("j", 4), k.indexVariable("l", 2)];
  const inner = sum("inner", j, [], k.load(x, k.add(k.mul(i, k.int(4)), j)));
  const outer = sum("outer", i, [inner], k.mul(inner.variable, inner.variable));
  const next = sum("next", l, [], k.load(x, l));
  const value = k.add(outer.variable, next.variable);
  const kernel: Kernel = {
    name: "nested",
    buffers: [y, x],
    body: [outer, next, { kind: "store", buffer: y, at: k.int(0), value }],
  };
  const expanded = expandReductions(kernel);
  verifyKernel(expanded);
  // The name `partial` is taken; one array for `outer` and `next`, one for `inner`.
  expect(expanded.buffers.slice(2).map((b) => `${b.name}[${b.size}]`)).toEqual(["partial1[4]", "partial2[4]"]);
  const result = new Float32Array(1);
  interpretKernel(kernel, [result, Float32Array.from({ length: 12 }, (_, n) => n)]);
  expect(result[0]).toBe(6 ** 2 + 22 ** 2 + 38 ** 2 + 1);
});

test("a kernel without reductions is left alone", () => {
  const kernel: Kernel = { name: "empty", buffers: [], body: [] };
  expect(expandReductions(kernel)).toBe(kernel);
});
