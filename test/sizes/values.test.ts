import { describe, expect, test } from "vitest";
import type { Graph, Tensor } from "../../src/index.ts";
import * as fr from "../../src/index.ts";
import { compare, PLACES, type Place, type Values } from "./support.ts";

type Program = (graph: Graph, x: Tensor, y: Tensor, indices: Tensor) => readonly Tensor[];

const t = (value: unknown): Tensor => value as Tensor; // shapes are beside the point here
const spread = (tensor: Tensor): Tensor => fr.mul(tensor, 0.37);

/** What text models are made of. `x` is `[n, m]`, `y` is `[n, m, 3]`, `indices` is `[n, m]` with numbers from 0 to 7. */
const PROGRAMS: Record<string, Program> = {
  "element by element": (_, x, y) => [
    fr.add(fr.exp(x), 1),
    fr.mul(y, fr.expandDims(x, -1)),
    t(fr.where(fr.greater(x, 0), x, fr.neg(x))),
    fr.cast(fr.less(x, 0.5), "int32"),
  ],
  reductions: (_, x, y) => [
    fr.sum(x),
    fr.sum(x, { axis: 0 }),
    fr.mean(x, { axis: 1, keepDims: true }),
    fr.max(y, { axis: [0, 2] }),
    fr.mean(y, { axis: [0, 1] }),
    fr.prod(x, { axis: 1 }),
    t(fr.argmax(x, 1)),
    t(fr.argmin(x, 0)),
    fr.variance(y, { axis: 1 }),
    fr.logSumExp(x, { axis: 0 }),
    fr.sum(fr.exp(fr.cast(x, "float64"))),
    fr.max(fr.cast(x, "float64"), { axis: 1 }),
    fr.sum(fr.cast(fr.mul(x, 50), "int32"), { axis: 1 }),
    fr.min(fr.cast(fr.mul(x, 50), "int32")),
  ],
  "matrix products": (graph, x, y) => {
    const w = graph.constant([
      [1, -2, 0.5, 3],
      [0.25, 1, -1, 2],
      [2, 2, -0.5, 1],
    ]);
    return [
      t(fr.matmul(y, t(w))),
      t(fr.matmul(x, x, { transposeB: true })),
      t(fr.matmul(x, x, { transposeA: true })),
      t(fr.matmul(y, y, { transposeB: true })),
      fr.einsum("nmk,nmj->kj", y, y),
      fr.einsum("nm,nmk->nk", x, y),
    ];
  },
  "matrix products in register tiles": (graph, x) => {
    const numbers = (rows: number, columns: number) =>
      Array.from({ length: rows }, (_row, i) => Array.from({ length: columns }, (_column, j) => Math.sin(i + 3 * j)));
    const spreadOut = t(fr.mul(fr.expandDims(x, -1), graph.constant(numbers(1, 40)[0]!) as never));
    const [w, u] = [graph.constant(numbers(40, 24)), graph.constant(numbers(24, 9))];
    const hidden = fr.relu(fr.add(t(fr.matmul(t(fr.reshape(spreadOut, [-1, 40])), t(w))), 0.5));
    return [
      t(fr.matmul(hidden, t(u))),
      t(fr.matmul(fr.tanh(spreadOut), t(w))),
      // Over the rows, as the gradient of weights is.
      t(fr.matmul(t(fr.reshape(spreadOut, [-1, 40])), hidden, { transposeA: true })),
      fr.add(1, t(fr.einsum("nmi,nmj->ij", spreadOut, fr.tanh(spreadOut)))),
    ];
  },
  shapes: (_, x, y) => [
    t(fr.reshape(fr.exp(y), [-1, 3])),
    t(fr.transpose(fr.exp(y), [1, 0, 2])),
    t(fr.reshape(fr.tanh(fr.reshape(y, [-1, 3]) as never), y.shape!)),
    t(fr.reshape(fr.transpose(fr.exp(y), [1, 0, 2]), [-1])),
    t(fr.squeeze(fr.expandDims(x, 1), 1)),
    t(fr.broadcastTo(fr.expandDims(x, 0), [2, ...x.shape!])),
    t(fr.flatten(y)),
  ],
  "parts and wholes": (_, x, y) => [
    t(fr.slice(x, [0, 1], [-1, -1])),
    fr.sum(t(fr.slice(x, [1, 0], [-1, -1])), { axis: 0 }),
    t(fr.concat([x, fr.exp(x)], 1)),
    t(fr.concat([x, x], 0)),
    t(
      fr.pad(x, [
        [1, 2],
        [0, 1],
      ]),
    ),
    t(fr.stack([x, fr.neg(x)], 1)),
    t(fr.reverse(y, [1])),
    t(fr.tile(x, [2, 1])),
    fr.cumsum(x, 1),
    fr.cumsum(y, 0, { reverse: true, exclusive: true }),
  ],
  lookups: (graph, x, _, indices) => {
    const table = graph.constant(
      Array.from({ length: 8 }, (_row, i) => [i, i * 0.5, -i]),
      { dtype: "float32" },
    );
    return [
      t(fr.gather(t(table), indices)),
      t(fr.gather(x, t(fr.slice(indices, [0, 0], [1, -1])), 0)),
      t(fr.oneHot(indices, 8)),
      t(fr.scatterAdd(t(fr.reshape(indices, [-1])), t(fr.reshape(x, [-1, 1])), [8, 1])),
    ];
  },
  "rows of classes": (graph, x, y, indices) => [
    fr.softmax(x),
    fr.logSoftmax(y),
    fr.softmax(t(fr.transpose(x))),
    t(fr.sparseSoftmaxCrossEntropy(t(fr.minimum(indices, 2)), y as never, { reduction: "none" })),
    t(fr.softmaxCrossEntropy(fr.softmax(x) as never, x as never)),
    t(fr.sigmoidCrossEntropy(fr.cast(fr.greater(x, 0), "float32") as never, x as never)),
    t(fr.layerNorm(y as never, graph.constant([1, 0.5, 2]) as never, graph.constant([0, 0.25, -1]) as never)),
  ],
  masks: (graph, x) => {
    const places = fr.range(graph, x.shape![1]!, "float32");
    const mask = fr.less(places, fr.expandDims(fr.add(fr.mean(x, { axis: 1 }), 5), -1));
    return [t(fr.where(mask, x, 0)), fr.sum(fr.cast(mask, "float32")), t(fr.fill(graph, x.shape!, 3))];
  },
  random: (graph, x) => {
    const key = fr.randomKey(graph, 5);
    return [fr.randomUniform(key, x.shape!), fr.randomNormal(key, x.shape!), fr.randomPermutation(key, x.shape![0]!)];
  },
  "a recurrent network": (_, x, y) => {
    const rows = t(fr.transpose(y, [1, 0, 2]));
    const start = fr.sum(fr.mul(y, 0), { axis: 1 });
    const [last, all] = fr.scan(
      (h: Tensor, row: Tensor) => {
        const next = fr.tanh(fr.add(fr.mul(h, 0.5), row));
        return [next, next];
      },
      start,
      rows,
    ) as unknown as [Tensor, Tensor];
    const [back] = fr.scan((h: Tensor, row: Tensor) => [fr.add(fr.mul(h, 0.9), row), h], start, rows, {
      reverse: true,
    }) as unknown as [Tensor];
    return [last, all, back, t(fr.map((row: Tensor) => fr.mul(row, row) as never, x as never))];
  },
};

PROGRAMS["branches and other loops"] = (_, x, y) => [
  t(
    fr.cond(
      fr.greater(fr.sum(x), 0) as never,
      () => fr.exp(x) as never,
      () => fr.neg(x) as never,
    ),
  ),
  t(
    fr.whileLoop(
      (v: Tensor) => fr.less(fr.sum(fr.abs(v)), 5000) as never,
      (v: Tensor) => fr.add(fr.mul(v, 1.75), 0.25) as never,
      x as never,
      { maxSteps: 12 } as never,
    ),
  ),
  // A loop whose results are rows of another one's, backwards.
  t(
    fr.map(
      (row: Tensor) =>
        (
          fr.scan(
            (h: Tensor, one: Tensor) => [fr.add(h, one), fr.mul(h, one)],
            fr.mul(fr.sum(row, { axis: 0 }), 0.5),
            row,
            {
              reverse: true,
            },
          ) as unknown as Tensor[]
        )[1] as never,
      y as never,
    ),
  ),
];

/** Fifty lengths, in no order. */
const LENGTHS: readonly Values[] = Array.from({ length: 50 }, (_, i) => [
  ["n", 4 + ((i * 5) % 3)],
  ["m", 1 + ((i * 37) % 50)],
]);
/** All of them where most is different from an exact plan, and which is fast; some elsewhere. */
const lengthsFor = (place: Place): readonly Values[] => {
  const every = place === "wasm" ? 1 : place === "interpreter" ? 10 : 4;
  return LENGTHS.filter((_, i) => i % every === 0);
};

/** A plan for each `n`, times those for capacities of `m` of 8, 16, 32 and 64, and those for `m` of 1, 2 and 3. */
const MOST_PLANS = 4 + 3;

const built = (program: Program, gradients: boolean) => {
  const graph = new fr.Graph();
  const x = t(graph.placeholder("x", ["n", "m"]));
  const y = t(graph.placeholder("y", ["n", "m", 3]));
  const indices = t(graph.placeholder("indices", ["n", "m"], { dtype: "int32" }));
  let fetches = program(graph, x, y, indices);
  if (gradients) {
    const floats = fetches.filter(({ dtype }) => dtype === "float32").map((one) => fr.sum(fr.mul(one, spread(one))));
    fetches = [x, y].flatMap((one) =>
      floats.flatMap((sum) => {
        try {
          return fr.gradients(sum, [one]) as Tensor[];
        } catch {
          return []; // it does not depend on it
        }
      }),
    );
  }
  return { graph, feeds: [x, y, indices], fetches };
};

describe.each(Object.entries(PROGRAMS))("%s", (_, program) => {
  test.each(PLACES)(
    "the bits of exact plans at fifty lengths, on %s",
    (place) => {
      const { graph, feeds, fetches } = built(program, false);
      const plans = compare(graph, feeds, fetches, lengthsFor(place), place);
      expect(plans).toBeLessThanOrEqual(MOST_PLANS);
    },
    60_000,
  );

  test.each(["interpreter", "wasm", "3 threads"] as const)(
    "and of their gradients, on %s",
    (place) => {
      const { graph, feeds, fetches } = built(program, true);
      if (fetches.length > 0) compare(graph, feeds, fetches, lengthsFor(place), place);
    },
    60_000,
  );
});

describe("long sums, in chunks that go by the number of elements", () => {
  const graph = new fr.Graph();
  const x = t(graph.placeholder("x", ["n"]));
  const y = t(graph.placeholder("y", ["n", 3]));
  const fetches = [
    fr.sum(x),
    fr.prod(fr.add(1, fr.mul(x, 1e-3)) as Tensor),
    t(fr.dot(x as never, fr.exp(x) as never)),
    fr.sum(y, { axis: 0 }),
    fr.sum(y),
    fr.max(y, { axis: 0 }),
    t(fr.matmul(y, y, { transposeA: true })),
    fr.sum(y, { axis: [0, 1], keepDims: true }),
  ];
  // Around the lengths from which on there are chunks.
  const lengths = [100, 1365, 1366, 4096, 4097, 5000, 10_922, 10_923, 32_768, 32_769, 40_000];

  test.each(["interpreter", "javascript", "wasm", "3 threads"] as const)(
    "have the bits of exact plans, on %s",
    (place) => {
      const some = place === "interpreter" ? lengths.slice(0, 6) : lengths;
      compare(
        graph,
        [x, y],
        fetches,
        [...some].reverse().map((length): Values => [["n", length]]),
        place,
      );
    },
    60_000,
  );
});
