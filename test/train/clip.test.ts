import { describe, expect, test } from "vitest";
import { Graph, Session, square } from "../../src/index.ts";
import { clipByGlobalNorm, GradientDescent } from "../../src/train/index.ts";

const lists = [
  [3, -4, 12],
  [0.5, 84],
];

/** The formula in plain numbers. */
function clipped(limit: number): { readonly lists: readonly number[][]; readonly norm: number } {
  const norm = Math.sqrt(lists.flat().reduce((total, x) => total + x * x, 0));
  return { lists: lists.map((list) => list.map((x) => (x * limit) / Math.max(norm, limit))), norm };
}

describe("clipByGlobalNorm", () => {
  const run = (
    limit: number,
    values: readonly (readonly number[])[] = lists,
    dtype: "float32" | "float64" = "float64",
  ) => {
    const graph = new Graph();
    const [small, norm] = clipByGlobalNorm(
      values.map((list) => graph.constant(list, { dtype })),
      limit,
    );
    return new Session(graph).run({ small, norm });
  };

  test.each([0.25, 1, 85, 1000])("scales down to a norm of %d, and leaves shorter ones alone", (limit) => {
    const { small, norm } = run(limit);
    const wanted = clipped(limit);
    expect(norm.item()).toBeCloseTo(wanted.norm, 12);
    small.forEach((array, i) => {
      array.data.forEach((x, j) => {
        expect(x).toBeCloseTo(wanted.lists[i]![j]!, 12);
      });
    });
    if (limit > wanted.norm) expect(small.map((array) => Array.from(array.data))).toEqual(lists);
  });

  test("is all NaN if the norm is not finite", () => {
    for (const bad of [Number.POSITIVE_INFINITY, Number.NaN]) {
      const { small } = run(1, [[1, bad], [2]]);
      expect(small.flatMap((array) => Array.from(array.data))).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    }
  });

  test("of zeros is zeros", () => {
    expect(run(1, [[0, 0]]).small[0]!.toArray()).toEqual([0, 0]);
  });

  test("as an option of an optimizer it sees all gradients together", () => {
    const graph = new Graph();
    const a = graph.variable("a", [], { initial: 3, dtype: "float64" });
    const b = graph.variable("b", [], { initial: 4, dtype: "float64" });
    const loss = square(a).add(square(b)).mul(0.5);
    const train = new GradientDescent(1, { clipGlobalNorm: 1 }).minimize(loss);
    const session = new Session(graph);
    session.run(graph.initializer);
    session.run(train);
    // The gradient [3, 4] has norm 5.
    expect(session.value(a).item()).toBeCloseTo(3 - 3 / 5, 14);
    expect(session.value(b).item()).toBeCloseTo(4 - 4 / 5, 14);
    expect(graph.has("gradientDescent/clip/globalNorm")).toBe(true);
  });
});
