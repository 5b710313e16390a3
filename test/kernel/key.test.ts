import { describe, expect, test } from "vitest";
import * as k from "../../src/kernel/expr.ts";
import { kernelKey } from "../../src/kernel/key.ts";
import { exp, log } from "../../src/kernel/math/index.ts";
import { expandReductions } from "../../src/kernel/reduce.ts";
import type { Kernel, Stmt } from "../../src/kernel/statement.ts";
import { buffer, define, loop, softmax, store } from "./sample-kernels.ts";

const other = { y: "out", x: "y", i0: "a", i1: "b", r0: "c", r1: "c", max: "m", sum: "s" };

test("names do not matter, not even names used twice", () => {
  expect(kernelKey({ ...softmax(other), name: "another" })).toBe(kernelKey(softmax()));
  expect(kernelKey(expandReductions(softmax(other)))).toBe(kernelKey(expandReductions(softmax())));
  expect(kernelKey(k.withFreshExpressions(() => softmax()))).toBe(kernelKey(softmax()));
});

describe("everything else does", () => {
  const x = buffer("x", 8, "in");
  const y = buffer("y", 8, "out");
  const i = k.indexVariable("i", 8);
  const t = k.variable("t", "float32");
  const u = k.variable("u", "float32");
  const one = k.constant(1, "float32");
  const at = k.load(x, i);
  const kernelOf = (...body: readonly Stmt[]): Kernel => ({ name: "probe", buffers: [y, x], body });
  const reduce = (order: "serial" | "interleaved", op: "add" | "max"): Stmt => ({
    kind: "reduce",
    variable: t,
    op,
    order,
    loops: [{ index: i, extent: 8 }],
    body: [],
    value: at,
  });
  const kernels: readonly Kernel[] = [
    kernelOf(),
    { name: "probe", buffers: [x, y], body: [] },
    { name: "probe", buffers: [y, buffer("x", 9, "in")], body: [] },
    { name: "probe", buffers: [y, buffer("x", 8, "scratch")], body: [] },
    { name: "probe", buffers: [y, buffer("x", 8, "in", "float64")], body: [] },
    kernelOf(loop(i, 8, [])),
    kernelOf(loop(k.indexVariable("i", 7), 7, [])),
    kernelOf(loop(i, 8, [store(y, i, at)])),
    kernelOf(loop(i, 8, [store(y, i, k.load(y, i))])),
    kernelOf(loop(i, 8, [store(y, i, k.add(at, one))])),
    kernelOf(loop(i, 8, [store(y, i, k.sub(at, one))])),
    kernelOf(loop(i, 8, [store(y, i, k.add(one, at))])),
    kernelOf(loop(i, 8, [store(y, i, k.add(at, k.constant(2, "float32")))])),
    kernelOf(loop(i, 8, [store(y, i, k.add(at, k.constant(0, "float32")))])),
    kernelOf(loop(i, 8, [store(y, i, k.add(at, k.constant(-0, "float32")))])),
    kernelOf(loop(i, 8, [store(y, i, k.call(exp, at))])),
    kernelOf(loop(i, 8, [store(y, i, k.call(log, at))])),
    kernelOf(define(t, one)),
    kernelOf(define(t, one, true)),
    kernelOf(define(t, one, true), { kind: "set", variable: t, value: one }),
    kernelOf(define(t, one, true), define(u, one, true), { kind: "set", variable: t, value: one }),
    kernelOf(define(t, one, true), define(u, one, true), { kind: "set", variable: u, value: one }),
    kernelOf(loop(i, 8, [store(y, i, at)]), loop(i, 8, [])),
    kernelOf(loop(i, 8, [store(y, i, at), loop(k.indexVariable("j", 8), 8, [])])),
    kernelOf(loop(i, 8, [loop(k.indexVariable("j", 8), 8, [store(y, i, one)])])),
    kernelOf(loop(i, 8, [loop(k.indexVariable("j", 8), 8, [store(y, k.indexVariable("j", 8), one)])])),
    kernelOf({ kind: "if", test: k.lt(at, one), body: [] }),
    kernelOf({ kind: "while", test: k.lt(at, one), body: [] }),
    kernelOf(store(y, k.int(0), k.cast(k.bitcast(at, "int32"), "float32"))),
    kernelOf(store(y, k.int(0), k.bitcast(k.bitcast(at, "int32"), "float32"))),
    kernelOf(reduce("serial", "add")),
    kernelOf(reduce("interleaved", "add")),
    kernelOf(reduce("serial", "max")),
  ];
  test("no two of these share a key", () => {
    expect(new Set(kernels.map(kernelKey)).size).toBe(kernels.length);
  });
});

test("the key is linear in the number of distinct expressions", () => {
  const y = buffer("y", 1, "out");
  let sum: k.Expr = k.load(y, k.int(0));
  for (let i = 0; i < 200; i++) sum = k.add(sum, sum); // a tree of 2^200 leaves
  expect(kernelKey({ name: "deep", buffers: [y], body: [store(y, k.int(0), sum)] }).length).toBeLessThan(10_000);
});
