import { describe, expect, test } from "vitest";
import type { Tensor } from "../../src/index.ts";
import * as fr from "../../src/index.ts";
import { Adam } from "../../src/train/index.ts";
import { type Place, sessionAt, valueFor } from "./support.ts";

const [BATCH, HIDDEN, LETTERS] = [4, 6, 8];

/** A network that reads text letter by letter and says which one comes next: an LSTM, with a masked loss. */
function readingNetwork() {
  const graph = new fr.Graph();
  const letters = graph.placeholder("letters", [BATCH, "length"], { dtype: "int32" }) as Tensor;
  const next = graph.placeholder("next", [BATCH, "length"], { dtype: "int32" }) as Tensor;
  const lengths = graph.placeholder("lengths", [BATCH]) as Tensor;
  const weights = (name: string, rows: number, columns: number): Tensor => {
    const initial = Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (_column, j) => Math.sin(i * 3.7 + j * 1.3) / 2),
    );
    return graph.variable(name, [rows, columns], { initial }) as Tensor;
  };
  const [embedding, cell, out] = [
    weights("embedding", LETTERS, 5),
    weights("cell", 5 + HIDDEN, 4 * HIDDEN),
    weights("out", HIDDEN, LETTERS),
  ];
  const start = fr.fill(graph, [BATCH, HIDDEN], 0) as Tensor;
  const [, states] = fr.scan(
    ([h, c]: Tensor[], x: Tensor) => {
      const gates = fr.matmul(fr.concat([x, h!], 1) as never, cell as never) as Tensor;
      const [input, forget, value, output] = fr.split(gates, 4, 1) as unknown as Tensor[];
      const kept = fr.add(fr.mul(fr.sigmoid(forget!), c!), fr.mul(fr.sigmoid(input!), fr.tanh(value!)));
      const shown = fr.mul(fr.sigmoid(output!), fr.tanh(kept));
      return [[shown, kept], shown];
    },
    [start, start],
    fr.transpose(fr.gather(embedding, letters), [1, 0, 2]) as Tensor,
  ) as unknown as [Tensor[], Tensor];
  const rows = fr.reshape(fr.transpose(states, [1, 0, 2]), [-1, HIDDEN]) as Tensor;
  const scores = fr.matmul(rows as never, out as never) as Tensor;
  const losses = fr.sparseSoftmaxCrossEntropy(fr.reshape(next, [-1]) as never, scores as never, { reduction: "none" });
  const inside = fr.less(fr.range(graph, "length", "float32"), fr.expandDims(lengths, -1) as never);
  const mask = fr.reshape(fr.cast(inside as Tensor, "float32"), [-1]) as Tensor;
  const loss = fr.div(fr.sum(fr.mul(losses as Tensor, mask)), fr.sum(mask)) as Tensor;
  const step = new Adam(0.02, { clipGlobalNorm: 1 }).minimize(loss as never);
  return { graph, feeds: [letters, next, lengths], loss, step, variables: [embedding, cell, out] };
}

/** Losses and weights after 30 steps with batches of changing lengths, and how many plans were compiled. */
function train(place: Place, options: fr.SessionOptions) {
  const { graph, feeds, loss, step, variables } = readingNetwork();
  const session = sessionAt(graph, place, options);
  try {
    session.run(graph.initializer);
    const plans = session.plansCompiled;
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) {
      const length = 4 + ((i * 7) % 25);
      const fed = feeds.map((tensor, k) => [tensor, valueFor(tensor, [["length", length]], i + k)] as const);
      fed[2] = [feeds[2]!, Array.from({ length: BATCH }, (_, row) => Math.max(1, length - 2 * row))] as never;
      losses.push(Number((session.run([loss, step], fed as never) as unknown as [fr.NDArray])[0].item()));
    }
    const made = session.plansCompiled - plans;
    const values = variables.map((variable) => [...session.value(variable as fr.Variable).data]);
    return { losses, values, plans: made };
  } finally {
    session.close();
  }
}

describe("an LSTM trained on texts of 25 lengths", () => {
  const exact = train("wasm", { sizes: "exact" });

  test.each(["interpreter", "javascript", "wasm", "2 threads", "3 threads"] as const)(
    "has the weights of exact plans, to the bit, on %s",
    (place) => {
      const many = train(place, { sizes: "run-time" });
      expect(many.losses).toEqual(exact.losses);
      expect(many.values).toEqual(exact.values);
      // Capacities of 8, 16 and 32.
      expect([exact.plans, many.plans]).toEqual([25, 3]);
    },
    60_000,
  );

  test("as it is, with exact plans for the first two lengths", () => {
    const many = train("wasm", {});
    expect(many.values).toEqual(exact.values);
    expect(many.plans).toBe(3);
  });
});
