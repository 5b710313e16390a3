import { describe, expect, test, vi } from "vitest";
import { memory } from "../../src/compiler/passes/memory.ts";
import { replaceIn } from "../../src/compiler/schedule/replace.ts";
import { renewBody } from "../../src/compiler/schedule/statements.ts";
import { allocate, isFloat, type TypedArray } from "../../src/core/dtype.ts";
import { Session } from "../../src/index.ts";
import { add, binary, type Expr, indexVariable, int, load, mul, withFreshExpressions } from "../../src/kernel/expr.ts";
import { interpretKernel } from "../../src/kernel/interpret.ts";
import { sharingProblem } from "../../src/kernel/lanes.ts";
import { divide, nestOf, turnsOf } from "../../src/kernel/parallel.ts";
import { printKernel } from "../../src/kernel/print.ts";
import type { Buffer, ForStmt, Kernel, Stmt } from "../../src/kernel/statement.ts";
import { RandomStream, seedOf } from "../support/random.ts";
import { buildOp, differenceOfData, EXAMPLE_CASES, exampleValues } from "../support/run-op.ts";

/** The kernels of a plan for threads in which every loop that may be is parallel. */
function kernelsOf(plan: () => unknown): readonly Kernel[] {
  const run = vi.spyOn(memory, "run");
  plan();
  const kernels = run.mock.calls.flatMap(([program]) =>
    program.calls.flatMap((call) => (call.kind === "kernel" ? [call.kernel] : [])),
  );
  run.mockRestore();
  return [...new Set(kernels)];
}

function randomArrays(kernel: Kernel): TypedArray[] {
  const random = new RandomStream(seedOf(kernel.name));
  return kernel.buffers.map(({ dtype, size }) => {
    const array = allocate(dtype, size);
    for (let i = 0; i < size; i++) array[i] = isFloat(dtype) ? random.between(-1, 1) : random.whole(0, 1);
    return array;
  });
}

/** Runs a kernel part by part, turn by turn in any order, each with scratch memory of its own full of rubbish. */
function runInShares(kernel: Kernel, arrays: readonly TypedArray[], random: RandomStream): void {
  const { parts, own } = divide(kernel);
  const run = (body: readonly Stmt[]): void => {
    const mine = kernel.buffers.map(({ name, dtype, size }, i) =>
      own.has(name) ? allocate(dtype, size).fill(isFloat(dtype) ? Number.NaN : 77) : arrays[i]!,
    );
    interpretKernel({ ...kernel, body }, mine);
  };
  for (const { prologue, loop, body } of parts) {
    if (!loop) {
      run(body);
      continue;
    }
    const turns = Array.from({ length: turnsOf(loop) }, (_, turn) => turn);
    for (let i = turns.length - 1; i > 0; i--) {
      const other = random.whole(0, i);
      [turns[i], turns[other]] = [turns[other]!, turns[i]!];
    }
    for (const turn of turns.slice(0, 6).concat(turns.slice(6).sort((a, b) => b - a)))
      withFreshExpressions(() => {
        const [renewed] = renewBody([loop]) as [ForStmt];
        const nest = nestOf(renewed);
        const place = new Map<Expr, Expr>();
        let left = turn;
        for (const { index } of [...nest].reverse()) {
          place.set(index, int(left % (index.max + 1)));
          left = Math.floor(left / (index.max + 1));
        }
        run([...renewBody(prologue), ...replaceIn(nest.at(-1)!.body, place)]);
      });
  }
}

describe("parts of kernels", () => {
  let parallel = 0;
  test.each(EXAMPLE_CASES)("$name: turns in any order give the same bits", (one) => {
    const { graph, op, inputs } = buildOp(one.def, one.example);
    const feeds = exampleValues(one).map((value, i) => [inputs[i]!, value] as const);
    const compile = { threads: 2, parallelFrom: 0, target: "vector", verify: true } as const;
    if (op.outputs.length === 0) return;
    const kernels = kernelsOf(() =>
      new Session(graph, { compile, backend: "interpreter" }).plan([...op.outputs], feeds),
    );
    for (const kernel of kernels) {
      if (!kernel.body.some((statement) => statement.kind === "for" && statement.parallel)) continue;
      parallel++;
      const [expected, actual] = [randomArrays(kernel), randomArrays(kernel)];
      interpretKernel(kernel, expected);
      runInShares(kernel, actual, new RandomStream(3));
      kernel.buffers.forEach(({ role, name }, i) => {
        if (role !== "out") return;
        const problem = differenceOfData(actual[i]!, expected[i]!);
        if (problem) throw new Error(`${name}: ${problem}\n${printKernel(kernel)}`);
      });
    }
  });
  test("most examples have parallel loops", () => {
    expect(parallel).toBeGreaterThan(400);
  });
});

describe("what may be shared", () => {
  const buffer = (name: string, size: number, role: Buffer["role"]): Buffer => ({ name, dtype: "float32", size, role });
  const [x, y, s] = [buffer("x", 64, "in"), buffer("y", 64, "out"), buffer("s", 8, "scratch")];
  const loop = (
    name: string,
    extent: number,
    body: (i: Expr) => readonly Stmt[],
    how: Partial<ForStmt> = {},
  ): ForStmt => {
    const index = indexVariable(name, extent);
    return { kind: "for", index, extent: int(extent), body: body(index), ...how };
  };
  const store = (to: Buffer, at: Expr, value: Expr): Stmt => ({ kind: "store", buffer: to, at, value });
  const at = (i: Expr, j: Expr): Expr => add(mul(i, int(8)), j);
  const kernel = (body: readonly Stmt[]): Kernel => ({ name: "k", buffers: [y, x, s], body });
  const parallel = { parallel: true };

  test("scratch memory that each turn fills before it reads is each thread's own", () => {
    const copy = (i: Expr): Stmt => loop("j", 8, (j) => [store(s, j, load(x, at(i, j)))]);
    const back = (i: Expr): Stmt => loop("k", 8, (k) => [store(y, at(i, k), load(s, k))]);
    const { own, parts } = divide(kernel([loop("i", 8, (i) => [copy(i), back(i)], parallel)]));
    expect([...own]).toEqual(["s"]);
    expect(sharingProblem(parts[0]!.loop!, own)).toBeNull();
  });

  test("scratch memory that carries a sum from turn to turn is not", () => {
    const sum = loop("i", 8, (i) => [loop("j", 8, (j) => [store(s, j, add(load(s, j), load(x, at(i, j))))])], parallel);
    const { own } = divide(kernel([sum]));
    expect(own.size).toBe(0);
    expect(sharingProblem(sum, own)).toBe("lanes may share s[j]");
  });

  test("scratch memory that is filled in part only is not, unless what is read was filled by the turn or before all", () => {
    const half = (i: Expr): Stmt => loop("j", 4, (j) => [store(s, add(j, i), load(x, at(i, j)))]);
    const back = (i: Expr): Stmt => loop("k", 8, (k) => [store(y, at(i, k), load(s, k))]);
    expect(divide(kernel([loop("i", 4, (i) => [half(i), back(i)], parallel)])).own.size).toBe(0);
    const same = (i: Expr): Stmt => loop("j", 4, (j) => [store(s, mul(j, int(2)), load(x, at(i, j)))]);
    const clear = loop("z", 8, (z) => [store(s, z, load(x, z))]);
    const { own, parts } = divide(kernel([clear, loop("i", 8, (i) => [same(i), back(i)], parallel)]));
    expect([...own]).toEqual(["s"]);
    expect(parts).toHaveLength(1);
    expect(parts[0]!.prologue).toEqual([clear]);
  });

  test("scratch memory that a later part reads is there once", () => {
    const fill = loop("i", 8, (i) => [store(s, i, load(x, i))], parallel);
    const use = loop("j", 8, (j) => [store(y, j, load(s, j))], parallel);
    const { own, parts } = divide(kernel([fill, use]));
    expect(own.size).toBe(0);
    expect(parts.map(({ loads, stores }) => [[...loads], [...stores]])).toEqual([
      [["x"], ["s"]],
      [["s"], ["y"]],
    ]);
  });

  test("scratch memory that one thread fills along with an output is there once", () => {
    const t = buffer("t", 8, "scratch");
    const fill = loop("i", 8, (i) => [store(t, i, load(x, i)), store(y, add(i, int(8)), load(x, i))]);
    const use = loop("j", 8, (j) => [store(y, j, load(t, j))], parallel);
    const { own, parts } = divide({ name: "k", buffers: [y, x, t], body: [fill, use] });
    expect(own.size).toBe(0);
    expect(parts.map(({ stores }) => [...stores].sort())).toEqual([["t", "y"], ["y"]]);
  });

  test("a loop whose turns write one element, or set a variable from outside, is not shared", () => {
    const last = loop("i", 8, (i) => [store(y, int(0), load(x, i))]);
    expect(sharingProblem(last, new Set())).toBe("lanes may share y[0]");
    const next = loop("i", 7, (i) => [store(y, i, load(y, add(i, int(1))))]);
    expect(sharingProblem(next, new Set())).toContain("one lane may write y[i] and another use");
    const apart = loop("i", 8, (i) => [store(y, i, binary("add", load(y, i), load(x, i)))]);
    expect(sharingProblem(apart, new Set())).toBeNull();
  });
});
