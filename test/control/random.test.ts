import { expect, test } from "vitest";
import {
  add,
  concat,
  cond,
  Graph,
  gradients,
  greater,
  less,
  map,
  mul,
  scan,
  sin,
  slice,
  sub,
  sum,
  switchCase,
  type Tensor,
  tanh,
  whileLoop,
} from "../../src/index.ts";
import { noise, shaped, values } from "./support.ts";

/** A stream of whole numbers below a limit. */
function dice(seed: number): (limit: number) => number {
  const list = noise(4000, seed);
  let next = 0;
  return (limit) => Math.floor(((list[next++ % list.length]! + 1) / 2) * limit);
}

/** A random value of shape [3] made of those given, with branches and loops in it down to a depth. */
function grow(
  graph: Graph,
  pick: (limit: number) => number,
  given: readonly Tensor[],
  rows: Tensor,
  depth: number,
): Tensor {
  const pool = [...given];
  const any = (): Tensor => pool[pick(pool.length)]!;
  const inside = (more: readonly Tensor[]): Tensor => grow(graph, pick, [...pool.slice(-3), ...more], rows, depth - 1);
  const test = (x: Tensor): Tensor => greater(sum(x), 0);
  for (let i = 0; i < 2 + pick(3); i++) {
    const kind = pick(depth > 0 ? 10 : 4);
    const [a, b] = [any(), any()];
    if (kind === 0) pool.push(tanh(add(a, b)));
    else if (kind === 1) pool.push(sin(mul(a, b)));
    else if (kind === 2) pool.push(sub(mul(a, 0.5), b));
    else if (kind === 3) pool.push(concat([slice(a, [1], [2]), slice(b, [0], [1])], 0) as Tensor);
    else if (kind === 4 || kind === 5) {
      const { u, v } = cond(
        test(a),
        () => ({ u: inside([a]), v: b }),
        () => ({ u: a, v: inside([b]) }),
      );
      pool.push(u, v);
    } else if (kind === 6) {
      const index = cond(
        test(b),
        () => graph.constant(1),
        () => graph.constant(2),
      );
      pool.push(switchCase(index, [() => a, () => inside([]), () => b]));
    } else if (kind === 7) {
      const [[last, other], ys] = scan(
        ([c, d]: Tensor[], row: Tensor) => [
          pick(2) ? [d!, inside([c!, row])] : [inside([c!, d!]), row],
          [c!, mul(row, d!)],
        ],
        [a, b],
        rows,
        { reverse: pick(2) === 1, checkpoint: pick(3) === 0 },
      );
      pool.push(last!, other!, sum(ys[0]!, { axis: 0 }), sum(ys[1]!, { axis: 0 }));
    } else if (kind === 8) {
      const kept = map((row: Tensor) => inside([row]), rows);
      pool.push(sum(kept, { axis: 0 }));
    } else {
      const { v } = whileLoop(
        (c) => less(c.n, 3),
        (c) => ({ v: inside([c.v]), n: add(c.n, 1) }),
        { v: a, n: graph.constant(pick(3)) },
        { maxSteps: 4 },
      );
      pool.push(v);
    }
  }
  return pool.slice(given.length).reduce((p, q) => add(p, mul(q, 0.5)));
}

test.each(Array.from({ length: 12 }, (_, i) => i + 1))("random program %s", (seed) => {
  const graph = new Graph();
  const pick = dice(seed);
  const x = graph.placeholder("x", [3], { dtype: "float64" });
  const w = graph.placeholder("w", [3], { dtype: "float64" });
  const rows = graph.placeholder("rows", ["n", 3], { dtype: "float64" });
  const y = grow(graph, pick, [x, w], rows, 2);
  const dx = gradients(y, [x, w, rows], { unconnected: "zero" });
  const fetches = [y, ...dx];
  const feeds = [
    [x, noise(3, seed)],
    [w, noise(3, seed + 100)],
    [rows, shaped(noise(9, seed + 200), [3, 3])],
  ] as const;
  const wanted = values(graph, fetches, feeds, "interpreter", { disable: ["fuse", "memory", "prune-outputs"] });
  for (const backend of ["interpreter", "javascript", "wasm", "threads"] as const)
    expect(values(graph, fetches, feeds, backend), backend).toEqual(wanted);
  const step = 1e-6;
  const at = (by: number): number => {
    const moved = noise(3, seed).map((v, i) => (i === 1 ? v + by : v));
    return values(graph, [y], [[x, moved], ...feeds.slice(1)])[0]!.reduce((p, q) => p + q, 0);
  };
  const difference = (at(step) - at(-step)) / (2 * step);
  expect(Math.abs(wanted[1]![1]! - difference) / Math.max(1, Math.abs(difference))).toBeLessThan(1e-4);
});
