import { expect, test } from "vitest";
import {
  add,
  cond,
  Graph,
  gradients,
  greater,
  less,
  map,
  matmul,
  mul,
  neg,
  scan,
  sum,
  switchCase,
  type Tensor,
  tanh,
  whileLoop,
} from "../../src/index.ts";
import { everywhere, values } from "./support.ts";

test("structures are inferred from what is given and returned", () => {
  const graph = new Graph();
  const h0 = graph.placeholder("h0", ["batch", 4]);
  const xs = graph.placeholder("xs", ["steps", "batch", 4]);
  const w = graph.variable("w", [4, 4]);
  const [last, all] = scan(
    (h, x) => {
      const next = tanh(add(matmul(x, w), h));
      return [next, next];
    },
    h0,
    xs,
  );
  const [{ h, c }, ys] = scan(
    ({ h, c }, { x, y }) => [
      { h: add(h, x), c: mul(c, y) },
      { out: h, list: [c, x] },
    ],
    { h: h0, c: h0 },
    { x: xs, y: xs },
  );
  const [count] = scan((k) => [add(k, 1), null], graph.constant(0), null, { length: 3 });
  const [both] = map(({ x, y }) => [add(x, y), x] as const, { x: xs, y: xs });
  const [p, q] = cond(
    greater(sum(last), 0),
    () => [neg(last), last] as const,
    () => [last, last],
  );
  const { v } = whileLoop(
    ({ k }) => less(k, 3),
    ({ v, k }) => ({ v: mul(v, 2), k: add(k, 1) }),
    { v: last, k: graph.constant(0) },
  );
  const chosen = switchCase(graph.constant(1), [() => last, () => neg(last)]);
  const tensors: readonly Tensor[] = [last, all, h, c, ys.out, ys.list[0]!, count, both, p, q, v, chosen];
  expect(gradients(sum(add(p, q)), [w])[0].shape).toEqual([4, 4]);
  expect(tensors.map(({ rank }) => rank)).toEqual([2, 3, 2, 2, 3, 3, 0, 3, 2, 2, 2, 2]);
});

test("sizes without names, and ranks that are not known", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [null, 2], { dtype: "float64" });
  const w = graph.placeholder("w", null, { dtype: "float64" });
  const [last, all] = scan(
    (c, row) => [mul(add(c, row), sum(mul(w, w))), mul(w, row)],
    graph.constant([1, 2], { dtype: "float64" }),
    x,
  );
  const dw = gradients(add(sum(last), sum(all)), [w])[0];
  const feeds = [
    [
      x,
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ],
    [w, [0.5, 0.25]],
  ] as const;
  const found = everywhere(graph, [last, all, dw], feeds);
  expect(found[1]).toEqual([0.5, 0.5, 1.5, 1, 2.5, 1.5]);
  const at = (by: number): number =>
    values(graph, [last, all], [feeds[0], [w, [0.5 + by, 0.25]]])
      .flat()
      .reduce((a, b) => a + b, 0);
  expect(found[2]![0]).toBeCloseTo((at(1e-6) - at(-1e-6)) / 2e-6, 6);
});
