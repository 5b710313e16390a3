import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as fr from "../../src/index.ts";
import { feedsFor, type Values } from "./support.ts";

/** The kernels of a plan for many sizes, as a pass left them. */
function kernels(build: (graph: fr.Graph) => { feeds: Tensor[]; y: Tensor }, values: Values, pass: string): string {
  const graph = new fr.Graph();
  const { feeds, y } = build(graph);
  const session = new fr.Session(graph, { threads: 1, sizes: "run-time", compile: { target: "vector" } });
  const { trace, sizes } = session.plan(y, feedsFor(feeds, values));
  expect(sizes?.names.map(({ name }) => name)).toEqual(values.map(([name]) => name));
  return trace.find(({ name }) => name === pass)!.after();
}
const count = (text: string, part: string): number => text.split(part).length - 1;

describe("loops whose number of turns is known only at run time", () => {
  test("run in lanes, in blocks; the last turns alone", () => {
    const text = kernels(
      (graph) => {
        const x = graph.placeholder("x", ["n"]) as Tensor;
        return { feeds: [x], y: fr.mul(x, 2) as Tensor };
      },
      [["n", 1000]],
      "vectorise",
    );
    expect(text).toContain(
      [
        "  let $n = min(max(sizes[0], 4), 1024)",
        "  for i0 < $n / 16",
        "    for lane < 16 in lanes",
        "      y[i0*16 + lane] = x[i0*16 + lane]*2",
        "  for i0_1 < $n % 16 / 4",
        "    for lane_1 < 4 in lanes",
      ].join("\n"),
    );
  });

  test("sums along memory keep 32 partial results", () => {
    const text = kernels(
      (graph) => {
        const x = graph.placeholder("x", ["n"]) as Tensor;
        return { feeds: [x], y: fr.sum(x) as Tensor };
      },
      [["n", 1000]],
      "vectorise",
    );
    expect(text).toContain(
      "for step < $n / 32\n    for lane_1 < 32 in lanes\n      partial[lane_1] = partial[lane_1] + x[step*32 + lane_1]",
    );
  });

  test("matrix products have register tiles for rows in blocks of 16 and 4", () => {
    const text = kernels(
      (graph) => {
        const x = graph.placeholder("x", ["n", 64]) as Tensor;
        const w = graph.placeholder("w", [64, 32]) as Tensor;
        return { feeds: [x, w], y: fr.matmul(x as never, w as never) as Tensor };
      },
      [["n", 100]],
      "contract",
    );
    expect(text).toContain("for i0_block < $n / 16\n");
    expect(text).toContain("< $n % 16 / 4\n");
    expect(count(text, "var sum_3 = 0")).toBe(2);
  });

  test("and for terms, of which eight are written out", () => {
    const text = kernels(
      (graph) => {
        const x = graph.placeholder("x", ["n", 64]) as Tensor;
        const g = graph.placeholder("g", ["n", 32]) as Tensor;
        return { feeds: [x, g], y: fr.matmul(x as never, g as never, { transposeA: true }) as Tensor };
      },
      [["n", 100]],
      "contract",
    );
    expect(text).toMatch(/for i1_1 < 4\n\s+for i0_1 < 16\n\s+for lane < 8 in lanes\n/);
    expect(text).toMatch(/for r_1 < \$n \/ 8\n\s+for r_2 < 8 unroll 8\n/);
    expect(count(text, "var sum_3 = 0")).toBe(1);
  });
});
