/** What the random graphs found, as small as it gets. */
import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/graph/operation.ts";
import * as fr from "../../src/index.ts";
import { opNamed } from "../../src/ops/registry.ts";
import { expectSameBits, OPTIONAL_PASSES, runOnce } from "../support/run-op.ts";

interface Found {
  readonly name: string;
  readonly shape: readonly number[];
  build(x: Tensor): readonly Tensor[];
}

const FOUND: readonly Found[] = [
  {
    name: "nothing is loaded ahead of a loop that is empty",
    shape: [0, 3],
    build: (x) => fr.gradients(fr.sum(fr.norm(x, { axis: 1 })), [x]),
  },
  {
    name: "an operand that is read nowhere, the product of all others along no axes, may still be computed twice",
    shape: [2],
    build: (x) => {
      const product = fr.prod(fr.add(fr.neg(x), 0), { axis: [] });
      return [product, ...fr.gradients(fr.sum(product), [x])];
    },
  },
  {
    name: "a value used twice under a guard is named under it: outside, its index is out of bounds",
    shape: [7, 5],
    build: (x) => {
      const line = fr.slice(fr.reshape(fr.cast(x, "float64"), [35]), [0], [14]);
      const attrs = { window: [3, 1], strides: [2, 1], padding: "same" };
      return x.graph.apply(opNamed("maxPool2dWinners"), [fr.reshape(line, [2, 7, 1, 1])], attrs).outputs;
    },
  },
];

describe("found by random graphs", () => {
  test.each(FOUND)("$name", ({ shape, build }) => {
    const graph = new fr.Graph();
    const x = graph.placeholder("x", shape);
    const fetches = build(x);
    const data = Float32Array.from({ length: shape.reduce((n, size) => n * size, 1) }, (_, i) => Math.sin(i + 1));
    const values = [new fr.NDArray(data, shape)];
    const of = { graph, inputs: [x] };
    const wanted = runOnce(of, fetches, values, { backend: "interpreter", compile: { disable: OPTIONAL_PASSES } });
    expectSameBits(runOnce(of, fetches, values), wanted, "javascript");
    expectSameBits(runOnce(of, fetches, values, { backend: "interpreter" }), wanted, "interpreter");
    expect(wanted.length).toBe(fetches.length);
  });
});
