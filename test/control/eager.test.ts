import { describe, expect, test } from "vitest";
import * as eager from "../../src/eager/index.ts";
import {
  add,
  cond,
  Graph,
  gradients,
  greater,
  less,
  map,
  mul,
  neg,
  scan,
  sin,
  sum,
  switchCase,
  type Tensor,
  tanh,
  whileLoop,
} from "../../src/index.ts";
import { noise, shaped, values } from "./support.ts";

/** A program with all of them in it. */
function program(x: Tensor, w: Tensor): Tensor {
  const [last, ys] = scan(
    (c: Tensor, row: Tensor) => {
      const next = cond(
        greater(sum(row), 0),
        () => sin(add(mul(c, w), row)),
        () => neg(mul(c, tanh(row))),
      );
      return [next, { twice: mul(next, w), c }];
    },
    w,
    x,
    { reverse: true },
  );
  const rows = map((row: Tensor) => sum(mul(row, w)), ys.twice);
  const grown = whileLoop(
    (c) => less(sum(mul(c, c)), 40),
    (c) => add(mul(c, 2), last),
    last,
    { maxSteps: 6 },
  );
  return add(add(sum(rows), sum(mul(ys.c, ys.c))), sum(grown));
}

// More rows than are taken apart at once.
const ROWS = 20;
const [X, W] = [noise(3 * ROWS, 5), noise(3, 7)];

test("define-by-run gives the bits of a plan, values and gradients", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [ROWS, 3], { dtype: "float64" });
  const w = graph.placeholder("w", [3], { dtype: "float64" });
  const y = program(x, w);
  const [dx, dw] = gradients(y, [x, w]);
  const wanted = values(
    graph,
    [y, dx, dw],
    [
      [x, shaped(X, [ROWS, 3])],
      [w, W],
    ],
  );
  const [ex, ew] = [
    eager.tensor(shaped(X, [ROWS, 3]) as number[][], { dtype: "float64" }),
    eager.tensor(W, { dtype: "float64" }),
  ];
  const tape = new eager.GradientTape();
  tape.watch(ex, ew);
  const value = program(ex, ew);
  const [ax, aw] = tape.gradient(value, [ex, ew]);
  const flat = (tensor: Tensor): number[] => Array.from((tensor as eager.EagerTensor).data);
  expect(flat(value)).toEqual(wanted[0]);
  expect(flat(ax).map((g, i) => Math.abs(g - wanted[1]![i]!) < 1e-12)).toEqual(X.map(() => true));
  expect(flat(aw).map((g, i) => Math.abs(g - wanted[2]![i]!) < 1e-12)).toEqual(W.map(() => true));
});

describe("define-by-run", () => {
  const number = (tensor: Tensor): number => (tensor as eager.EagerTensor).item();

  test("runs one branch only", () => {
    const seen: string[] = [];
    const p = eager.tensor(true);
    const ran = (name: string) => () => {
      seen.push(name);
      return p;
    };
    cond(p, ran("then"), ran("else"));
    switchCase(eager.tensor(7, { dtype: "int32" }), [ran("0"), ran("1")]);
    expect(seen).toEqual(["then", "1"]);
  });

  test("whileLoop without a bound runs step by step, and a tape follows it", () => {
    const x = eager.tensor(3, { dtype: "float32" });
    const tape = new eager.GradientTape();
    tape.watch(x);
    const y = whileLoop(
      (c) => less(c, 100),
      (c) => mul(c, c),
      x,
    );
    expect(number(y)).toBe(6561);
    expect(number(tape.gradient(y, x))).toBe(8 * 3 ** 7);
  });
});
