import { describe, expect, test } from "vitest";
import {
  add,
  cond,
  customGradient,
  exp,
  Graph,
  gradients,
  greater,
  less,
  matmul,
  mul,
  reshape,
  Session,
  scan,
  sin,
  softmax,
  sum,
  switchCase,
  type Tensor,
  tanh,
  whileLoop,
} from "../../src/index.ts";
import { checkTwice, everywhere, noise, shaped, values } from "./support.ts";

const F64 = { dtype: "float64" } as const;

describe("first and second order against finite differences", () => {
  test.each([0.7, -0.7])("cond, at %s", (at) => {
    const graph = new Graph();
    const x = graph.placeholder("x", [3], F64);
    const w = graph.placeholder("w", [], F64);
    const y = cond(
      greater(w, 0),
      () => tanh(mul(mul(x, x), w)),
      () => exp(mul(x, sin(w))),
    );
    checkTwice(
      graph,
      y,
      [x, w],
      [
        [x, noise(3)],
        [w, at],
      ],
    );
  });

  test.each([0, 1, 2])("switchCase %s", (which) => {
    const graph = new Graph();
    const i = graph.placeholder("i", [], { dtype: "int32" });
    const x = graph.placeholder("x", [3], F64);
    const y = switchCase(i, [() => mul(x, mul(x, x)), () => softmax(x), () => sin(x)]);
    checkTwice(
      graph,
      mul(y, x),
      [x],
      [
        [x, noise(3)],
        [i, which],
      ],
    );
  });

  test.each([false, true])("scan (checkpoint: %s)", (checkpoint) => {
    const graph = new Graph();
    const x = graph.placeholder("x", ["n", 3], F64);
    const h0 = graph.placeholder("h0", [3], F64);
    const w = graph.placeholder("w", [3, 3], F64);
    const [h, ys] = scan(
      (h: Tensor, v: Tensor) => {
        const next = tanh(add(reshape(matmul(reshape(h, [1, 3]), w), [3]), mul(v, h)));
        return [next, mul(next, softmax(v))];
      },
      h0,
      x,
      { checkpoint, reverse: checkpoint },
    );
    const y = add(sum(mul(ys, ys)), sum(h));
    checkTwice(
      graph,
      y,
      [x, h0, w],
      [
        [x, noise(12), [4, 3]],
        [h0, noise(3, 2)],
        [w, noise(9, 3), [3, 3]],
      ],
    );
  });

  test("whileLoop with maxSteps", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [2], F64);
    const w = graph.placeholder("w", [], F64);
    const y = whileLoop(
      (c) => less(sum(mul(c, c)), 30),
      (c) => add(mul(c, w), sin(c)),
      x,
      { maxSteps: 8 },
    );
    checkTwice(
      graph,
      y,
      [x, w],
      [
        [x, [0.6, 0.4]],
        [w, 1.3],
      ],
    );
  });

  test("scan in cond in scan", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [4, 3], F64);
    const w = graph.placeholder("w", [], F64);
    const [total, ys] = scan(
      (c: Tensor, row: Tensor) => {
        const next = cond(
          greater(sum(row), 0),
          () => {
            const [d, all] = scan((d: Tensor, v: Tensor) => [sin(add(mul(d, w), v)), mul(d, d)], c, row);
            return add(d, sum(all));
          },
          () => mul(c, tanh(sum(mul(row, w)))),
        );
        return [next, mul(next, c)];
      },
      w,
      x,
    );
    checkTwice(
      graph,
      add(total, sum(ys)),
      [x, w],
      [
        [x, noise(12, 5), [4, 3]],
        [w, 0.8],
      ],
    );
  });
});

describe("same bits everywhere", () => {
  test("first and second order through nested loops", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [4, 3], F64);
    const w = graph.placeholder("w", [3], F64);
    const [last, ys] = scan(
      (c: Tensor, row: Tensor) => {
        const next = cond(
          greater(sum(row), 0),
          () => scan((d: Tensor, v: Tensor) => [sin(add(mul(d, w), v)), mul(d, d)], c, row),
          () => [mul(c, tanh(mul(row, w))), shapedLike(c, row)],
        );
        return [next[0]!, next[1]!];
      },
      w,
      x,
    );
    const loss = add(sum(last), sum(mul(ys, ys)));
    const [dx, dw] = gradients(loss, [x, w]);
    const [ddw] = gradients(add(sum(mul(dx, dx)), sum(mul(dw, dw))), [w]);
    const feeds = [
      [x, shaped(noise(12, 5), [4, 3])],
      [w, noise(3, 7)],
    ] as const;
    const found = everywhere(graph, [loss, dx, dw, ddw], feeds);
    expect(found.flat().every(Number.isFinite)).toBe(true);
  });
  const shapedLike = (c: Tensor, row: Tensor): Tensor => mul(reshape(row, [3, 1]), c);

  test("a gradient runs the way forward once, and what it does not need is gone", () => {
    const graph = new Graph();
    const x = graph.placeholder("x", [50, 3], F64);
    const w = graph.placeholder("w", [3], F64);
    const [last] = scan((c: Tensor, v: Tensor) => [tanh(add(mul(c, w), v)), null], w, x);
    const [dw] = gradients(sum(last), [w]);
    const plan = (fetches: readonly Tensor[]) =>
      new Session(graph, { threads: 1 }).plan([...fetches], [
        [x, shaped(noise(150), [50, 3])],
        [w, noise(3)],
      ] as never);
    const exponentials = (fetches: readonly Tensor[]): number =>
      plan(fetches).steps.filter(({ fuses }) => fuses.some((op) => op.def.name === "tanh")).length;
    expect(exponentials([last])).toBe(1);
    expect(exponentials([last, dw])).toBe(1);
    // Without the gradient nothing is stacked: a row, and not fifty.
    expect(plan([last]).arenaBytes).toBeLessThan(50 * 3 * 8);
  });
});

test("checkpoints keep less, and give the same bits", () => {
  const build = (checkpoint: boolean) => {
    const graph = new Graph();
    const x = graph.placeholder("x", [40, 16], F64);
    const w = graph.placeholder("w", [16], F64);
    const step = (c: Tensor, v: Tensor): [Tensor, null] => {
      let h = add(mul(c, w), v);
      for (let i = 0; i < 6; i++) h = sin(mul(tanh(h), w));
      return [h, null];
    };
    const [last] = scan(step, w, x, { checkpoint });
    const [dx, dw] = gradients(sum(last), [x, w]);
    const feeds = [
      [x, shaped(noise(640), [40, 16])],
      [w, noise(16, 3)],
    ] as const;
    const bytes = new Session(graph, { threads: 1 }).plan([dx, dw], feeds as never).arenaBytes;
    return { bytes, found: values(graph, [dx, dw], feeds) };
  };
  const [all, few] = [build(false), build(true)];
  expect(few.found).toEqual(all.found);
  expect(few.bytes).toBeLessThan(all.bytes / 3);
});

test("gradients of one's own inside of bodies, that use what lies around", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [3, 2], F64);
  const w = graph.placeholder("w", [2], F64);
  const p = graph.placeholder("p", [], { dtype: "bool" });
  const tripled = (v: Tensor): Tensor =>
    customGradient(
      [v],
      (a) => mul(a!, 2),
      (g) => [mul(g, w)],
    );
  const [last] = scan((c: Tensor, row: Tensor) => [add(c, tripled(row)), null], w, x);
  const y = cond(
    p,
    () => tripled(w),
    () => w,
  );
  const dx = gradients(sum(last), [x])[0];
  const dw = gradients(sum(y), [w])[0];
  const feeds = (yes: boolean) =>
    [
      [x, shaped(noise(6), [3, 2])],
      [w, [5, 7]],
      [p, yes],
    ] as const;
  expect(everywhere(graph, [dx, dw], feeds(true))).toEqual([
    [5, 7, 5, 7, 5, 7],
    [5, 7],
  ]);
  expect(everywhere(graph, [dw], feeds(false))).toEqual([[1, 1]]);
});
