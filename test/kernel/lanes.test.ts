import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as k from "../../src/kernel/expr.ts";
import { turnsProblem } from "../../src/kernel/lanes.ts";
import { expandReductions } from "../../src/kernel/reduce.ts";
import type { Kernel, Stmt } from "../../src/kernel/statement.ts";
import { verifyKernel } from "../../src/kernel/verify.ts";
import { randomVectorCase } from "./random-kernel.ts";
import { buffer, define, loop, store } from "./sample-kernels.ts";

const y = buffer("y", 64, "out");
const x = buffer("x", 64, "in");
const n = buffer("n", 64, "in", "int32");
const lane = k.indexVariable("lane", 8);
const i = k.indexVariable("i", 4);
const j = k.indexVariable("j", 4);
const t = k.variable("t", "float32");
const one = k.constant(1, "float32");
const row = k.add(k.mul(i, k.int(8)), lane);
const lanes = (body: readonly Stmt[], count = 8): Stmt => ({
  kind: "for",
  index: lane,
  extent: k.int(8),
  lanes: count,
  body,
});
const kernelOf = (...body: readonly Stmt[]): Kernel => ({ name: "probe", buffers: [y, x, n], body });
const when = (test: k.Expr, ...body: Stmt[]): Stmt => ({ kind: "if", test, body });
const sum = (order: "serial" | "interleaved"): Stmt => ({
  kind: "reduce",
  variable: t,
  op: "add",
  order,
  loops: [{ index: j, extent: 4 }],
  body: [],
  value: k.load(x, k.add(k.mul(j, k.int(8)), lane)),
});

describe("vector loops that verify", () => {
  const accepted: Record<string, Kernel> = {
    "each lane an element": kernelOf(lanes([store(y, lane, k.load(x, lane))])),
    "in place": kernelOf(lanes([store(y, lane, k.add(k.load(y, lane), one))])),
    backwards: kernelOf(lanes([store(y, k.sub(k.int(7), lane), one)])),
    "a row of its own for each": kernelOf(
      lanes([loop(i, 4, [store(y, k.add(k.mul(lane, k.int(4)), i), one)])]),
      lanes([loop(i, 4, [store(y, row, k.load(y, row))])]),
    ),
    "the next row from the last": kernelOf(
      lanes([loop(i, 4, [store(y, k.add(row, k.int(8)), k.load(y, row)), store(y, row, one)])]),
    ),
    "the upper half onto the lower": kernelOf(lanes([store(y, lane, k.load(y, k.add(lane, k.int(8))))])),
    "a row out of memory": kernelOf(
      loop(i, 4, [lanes([store(y, k.add(k.mul(k.binary("and", k.load(n, i), k.int(3)), k.int(8)), lane), one)])]),
    ),
    "the lanes of a tail only": kernelOf(
      lanes([
        when(
          k.lt(lane, k.int(5)),
          store(y, lane, one),
          store(y, k.add(lane, k.int(5)), k.load(y, k.add(lane, k.int(5)))),
        ),
      ]),
    ),
    "a variable of its own": kernelOf(
      lanes([define(t, one, true), { kind: "set", variable: t, value: k.load(x, lane) }, store(y, lane, t)]),
    ),
    "a serial fold": kernelOf(lanes([sum("serial"), store(y, lane, t)])),
  };
  test.each(Object.entries(accepted))("%s", (_, kernel) => {
    verifyKernel(kernel);
    verifyKernel(expandReductions(kernel));
  });

  test("random ones", () => {
    fc.assert(
      fc.property(randomVectorCase, ({ kernel }) => {
        verifyKernel(kernel);
        verifyKernel(expandReductions(kernel));
      }),
      { numRuns: 500 },
    );
  });
});

describe("vector loops that do not", () => {
  const rejected: readonly (readonly [string, Kernel, string])[] = [
    ["fewer turns than lanes", kernelOf(lanes([], 4)), "4 lanes for 8 turns"],
    [
      "an odd number of lanes",
      kernelOf({ kind: "for", index: k.indexVariable("lane", 6), extent: k.int(6), lanes: 6, body: [] }),
      "6 lanes, expected 4, 8, … 32",
    ],
    [
      "one in another",
      kernelOf(lanes([{ kind: "for", index: j, extent: k.int(4), lanes: 4, body: [] }])),
      "a vector loop stands in another",
    ],
    ["one element for all", kernelOf(lanes([store(y, k.int(3), one)])), "lanes may share y[3]"],
    ["the element before", kernelOf(lanes([store(y, k.add(lane, k.int(1)), k.load(y, lane))])), "one lane may write"],
    ["rows that overlap", kernelOf(lanes([loop(i, 4, [store(y, k.add(k.mul(i, k.int(7)), lane), one)])])), "share y"],
    ["an index out of memory", kernelOf(lanes([store(y, k.binary("and", k.load(n, lane), k.int(7)), one)])), "share y"],
    [
      "a tail that is too long",
      kernelOf(
        lanes([when(k.lt(lane, k.int(6)), store(y, lane, one), store(y, lane, k.load(y, k.add(lane, k.int(5)))))]),
      ),
      "one lane may write",
    ],
    [
      "a variable from outside",
      kernelOf(define(t, one, true), lanes([{ kind: "set", variable: t, value: one }])),
      "all lanes set t",
    ],
    [
      "loops of different lengths",
      kernelOf(lanes([{ kind: "for", index: k.indexVariable("q", 7), extent: lane, body: [] }])),
      "each lane has a number of turns of its own",
    ],
    [
      "a while that ends differently",
      kernelOf(lanes([{ kind: "while", test: k.lt(k.load(x, lane), one), body: [] }])),
      "each lane has an end of its own",
    ],
    [
      "partial results of a fold",
      kernelOf(lanes([sum("interleaved"), store(y, lane, t)])),
      "all lanes would share the partial results of a fold",
    ],
  ];
  test.each(rejected)("%s", (_, kernel, message) => {
    expect(() => verifyKernel(kernel)).toThrow(message);
  });
});

test("independence of turns is exact: a search over small loops finds the same", () => {
  const small = fc.integer({ min: -6, max: 6 });
  const shapes = fc.tuple(small, small, small, small, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5 }));
  fc.assert(
    fc.property(shapes, ([a, b, c, d, turns, steps]) => {
      const turn = k.indexVariable("turn", turns);
      const step = k.indexVariable("step", steps);
      const at = (offset: number) => k.add(k.add(k.mul(turn, k.int(a)), k.mul(step, k.int(b))), k.int(offset));
      const body = [loop(step, steps, [store(y, at(c), k.load(y, at(d)))])];
      const places = (offset: number, q: number) => Array.from({ length: steps }, (_, s) => a * q + b * s + offset);
      let meet = false;
      for (let p = 0; p < turns; p++) {
        for (let q = 0; q < turns; q++) {
          if (p === q) continue;
          const used = [...places(c, q), ...places(d, q)];
          meet ||= places(c, p).some((place) => used.includes(place));
        }
      }
      expect(turnsProblem(turn, body) !== null).toBe(meet);
    }),
    { numRuns: 2000 },
  );
});
