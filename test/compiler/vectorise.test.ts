import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CompileOptions } from "../../src/compiler/pass.ts";
import { vectoriseKernel } from "../../src/compiler/schedule/vectorise.ts";
import {
  argmax,
  cumsum,
  Graph,
  max,
  mul,
  relu,
  Session,
  softmax,
  sub,
  sum,
  type Tensor,
  tile,
  transpose,
} from "../../src/index.ts";
import { withFreshExpressions } from "../../src/kernel/expr.ts";
import { interpretKernel } from "../../src/kernel/interpret.ts";
import { expandReductions } from "../../src/kernel/reduce.ts";
import type { Stmt } from "../../src/kernel/statement.ts";
import { walkStatements } from "../../src/kernel/statement.ts";
import { verifyKernel } from "../../src/kernel/verify.ts";
import { difference } from "../support/run-op.ts";
import { runWasm } from "../support/wasm-kernel.ts";
import { randomLoops } from "./random-loops.ts";

type Build = (x: Tensor, y: Tensor) => Tensor;

/** Values of a program on two matrices, as a backend and a schedule give them. */
function values(build: Build, rows: number, columns: number, backend: "wasm" | "interpreter", compile: CompileOptions) {
  const graph = new Graph();
  const x = graph.placeholder("x", [rows, columns]);
  const y = graph.placeholder("y", [rows, columns]);
  const session = new Session(graph, { backend, compile: { verify: true, ...compile } });
  const data = (phase: number) =>
    Float32Array.from({ length: rows * columns }, (_, i) => Math.fround(Math.sin(i * 1.7 + phase) * 3));
  const feeds = { x: data(0), y: data(1) };
  const fetch = build(x, y);
  const plan = session.plan(fetch, feeds);
  return { value: session.run(fetch, feeds), bodies: plan.steps.map((step) => step.kernel.body) };
}

const lanesIn = (bodies: readonly (readonly Stmt[])[]): number => {
  let count = 0;
  for (const body of bodies)
    walkStatements(body, (statement) => {
      if (statement.kind === "for" && statement.lanes) count++;
    });
  return count;
};

const PROGRAMS: Readonly<Record<string, Build>> = {
  pointwise: (x, y) => sub(relu(mul(x, y)), x),
  "sum along memory": (x, y) => sum(mul(x, y), { axis: 1 }),
  "sum across memory": (x, y) => sum(mul(x, y), { axis: 0 }),
  "sum of all": (x) => sum(x),
  "maximum along memory": (x) => max(x, { axis: 1 }),
  "maximum of zeros": (x) => max(relu(sub(x, 3)), { axis: 1 }),
  softmax: (x) => softmax(x),
  transposed: (x, y) => mul(transpose(x), transpose(y)),
  "place of the maximum": (x) => argmax(x, 1),
  "running sum across memory": (x) => cumsum(x, 0),
  "rows repeated": (x) => tile(x, [1, 3]),
};

describe("loops in lanes", () => {
  test.each(Object.entries(PROGRAMS))("%s: the bits of plain loops, for every size", (_, build) => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70 }));
    fc.assert(
      fc.property(sizes, ([rows, columns]) => {
        const plain = values(build, rows, columns, "interpreter", { target: "scalar" }).value;
        const lanes = values(build, rows, columns, "interpreter", { target: "vector" }).value;
        expect(difference(lanes, plain)).toBeNull();
        expect(difference(values(build, rows, columns, "wasm", {}).value, plain)).toBeNull();
      }),
      { numRuns: 25 },
    );
  });

  test.each(Object.entries(PROGRAMS))("%s: runs in lanes", (_, build) => {
    expect(lanesIn(values(build, 33, 65, "wasm", {}).bodies)).toBeGreaterThan(0);
  });

  test("long sums keep their chunks, along memory and across it", () => {
    for (const [rows, columns] of [
      [5003, 70],
      [2, 40_000],
      [70, 1100],
    ] as const) {
      for (const axis of [0, 1, undefined]) {
        const build: Build = (x) => sum(x, axis === undefined ? {} : { axis });
        const plain = values(build, rows, columns, "interpreter", { target: "scalar" }).value;
        expect(difference(values(build, rows, columns, "wasm", {}).value, plain)).toBeNull();
      }
    }
  });
});

test("random loops: the bits of plain loops, on the interpreter and in WebAssembly", () => {
  let inLanes = 0;
  let all = 0;
  fc.assert(
    fc.property(randomLoops, ({ kernel, arrays }) => {
      verifyKernel(kernel);
      const scheduled = withFreshExpressions(() => vectoriseKernel(kernel));
      verifyKernel(scheduled);
      const expanded = withFreshExpressions(() => expandReductions(scheduled));
      verifyKernel(expanded);
      all++;
      if (lanesIn([expanded.body]) > 0) inLanes++;
      const plain = arrays.map((array) => array.slice());
      interpretKernel(kernel, plain);
      const interpreted = arrays.map((array) => array.slice());
      interpretKernel(expanded, interpreted);
      // toEqual compares with Object.is: NaN equals NaN, -0 differs from 0.
      expect(interpreted).toEqual(plain);
      expect(runWasm(expanded, arrays).slice(0, plain.length)).toEqual(plain);
    }),
    { numRuns: 300, endOnFailure: true },
  );
  expect(inLanes).toBeGreaterThan(all / 2);
}, 60_000);
