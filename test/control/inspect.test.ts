import { expect, test } from "vitest";
import {
  add,
  cond,
  createSession,
  Graph,
  gradients,
  greater,
  mul,
  Session,
  scan,
  sum,
  type Tensor,
  tanh,
} from "../../src/index.ts";
import { checkGradients, explain, flopsOf, stats, toDot, toMermaid } from "../../src/inspect/index.ts";
import { noise, shaped, values } from "./support.ts";

function build() {
  const graph = new Graph();
  const x = graph.placeholder("x", ["n", 2]);
  const w = graph.variable("w", [2], { initial: [0.5, -0.5] });
  const [last, ys] = scan(
    (h: Tensor, row: Tensor) => {
      const next = cond(
        greater(sum(row), 0),
        () => tanh(add(mul(h, w), row)),
        () => mul(h, row),
      );
      return [next, mul(next, w)];
    },
    w,
    x,
  );
  const loss = add(sum(last), sum(ys));
  return { graph, x, w, loss, dw: gradients(loss, [w])[0], feeds: [[x, shaped(noise(6, 5), [3, 2])]] as const };
}

test("pictures, counts and explanations take graphs with loops in them", async () => {
  const { graph, loss, dw, feeds } = build();
  const session = new Session(graph);
  const plan = session.plan([loss, dw], feeds as never);
  for (const subject of [graph, plan.fn, plan]) {
    expect(await toDot(subject)).toContain("scan");
    expect(await toMermaid(subject as never)).toContain("scan");
  }
  expect(String(stats(graph))).toContain("FLOPs");
  // Of the longer branch 3 operations, of the test and of the rest of a step 2 more, for 2 elements, and for each row.
  expect(String(flopsOf(graph.operation("scan")))).toMatch(/^\d+\*n$/);
  expect(explain(loss)).toContain("scan");
  for (const record of plan.trace) expect(record.after().length).toBeGreaterThan(0);
});

test("gradients are checked in float64, bodies too", () => {
  const { loss, w, feeds } = build();
  const report = checkGradients(loss, [w], feeds as never);
  expect(report.passed, String(report)).toBe(true);
});

test("a session in a worker runs them", async () => {
  const { graph, loss, dw, feeds } = build();
  const session = createSession(graph, { worker: true } as never) as unknown as {
    run(fetches: unknown, feeds?: unknown): Promise<readonly { data: ArrayLike<number> }[]>;
    close(): Promise<void>;
  };
  await session.run(graph.initializer);
  const found = await session.run([loss, dw], feeds);
  expect(found.map(({ data }) => Array.from(data))).toEqual(values(graph, [loss, dw], feeds));
  await session.close();
});
