import { expect, test } from "vitest";
import { add, Graph, gradients, map, mul, Session, scan, sum, type Tensor, tanh } from "../../src/index.ts";

/** A network of so many steps, and its gradient; the number of steps is bound as it is fed. */
function build() {
  const graph = new Graph();
  const x = graph.placeholder("x", ["steps", 8]);
  const w = graph.placeholder("w", [8]);
  const [last, ys] = scan(
    (h: Tensor, row: Tensor) => {
      const next = tanh(add(mul(h, w), row));
      return [next, map((v: Tensor) => mul(v, 2), next)];
    },
    w,
    x,
  );
  return { graph, x, w, loss: add(sum(last), sum(ys)), gradient: gradients(add(sum(last), sum(ys)), [w])[0] };
}

test("memory and time grow with the number of steps, kernels do not", () => {
  const { graph, x, w, loss, gradient } = build();
  const session = new Session(graph, { threads: 1, sizes: "exact" });
  const figures = [100, 1000, 10_000].map((steps) => {
    const feeds = [
      [x, new Float32Array(steps * 8).fill(0.1)],
      [w, new Float32Array(8).fill(0.5)],
    ] as never;
    const { arenaBytes, steps: kernels } = session.plan([loss, gradient], feeds);
    let best = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 5; round++) {
      const start = performance.now();
      session.run([loss, gradient], feeds);
      best = Math.min(best, performance.now() - start);
    }
    return { arenaBytes, kernels: kernels.length, best };
  });
  const [few, more, many] = figures;
  expect(Math.max(...figures.map(({ kernels }) => kernels))).toBeLessThan(20);
  expect(more!.arenaBytes).toBeLessThan(few!.arenaBytes * 11);
  expect(many!.arenaBytes).toBeLessThan(more!.arenaBytes * 11);
  expect(many!.arenaBytes).toBeGreaterThan(more!.arenaBytes * 8);
  // Ten times the steps, ten times the time; the factor leaves room for a busy machine.
  expect(many!.best).toBeLessThan(more!.best * 40);
});
