import { describe, expect, test } from "vitest";
import {
  add,
  concat,
  Graph,
  gradients,
  matmul,
  mean,
  mul,
  Session,
  scan,
  sigmoid,
  split,
  square,
  stack,
  sub,
  type Tensor,
  tanh,
  unstack,
  type Variable,
} from "../../src/index.ts";
import { SGD } from "../../src/train/index.ts";
import { noise, shaped } from "./support.ts";

const [STEPS, BATCH, INPUTS, UNITS] = [7, 4, 3, 5];

type Cell = (graph: Graph) => { weights: Variable[]; step: (carry: Tensor[], x: Tensor) => Tensor[] };

const lstm: Cell = (graph) => {
  const w = graph.variable("w", [INPUTS + UNITS, 4 * UNITS], { initial: weights(INPUTS + UNITS, 4 * UNITS) });
  const b = graph.variable("b", [4 * UNITS]);
  return {
    weights: [w, b],
    step: ([h, c], x) => {
      const gates = add(matmul(concat([x, h!], 1), w), b);
      const [i, f, g, o] = split(gates, 4, 1) as unknown as Tensor[];
      const cell = add(mul(sigmoid(f!), c!), mul(sigmoid(i!), tanh(g!)));
      return [mul(sigmoid(o!), tanh(cell)), cell];
    },
  };
};

const gru: Cell = (graph) => {
  const w = graph.variable("w", [INPUTS + UNITS, 2 * UNITS], { initial: weights(INPUTS + UNITS, 2 * UNITS) });
  const u = graph.variable("u", [INPUTS + UNITS, UNITS], { initial: weights(INPUTS + UNITS, UNITS) });
  return {
    weights: [w, u],
    step: ([h], x) => {
      const [z, r] = split(sigmoid(matmul(concat([x, h!], 1), w)), 2, 1) as unknown as Tensor[];
      const candidate = tanh(matmul(concat([x, mul(r!, h!)], 1), u));
      return [add(mul(sub(1 as never, z!), h!), mul(z!, candidate))];
    },
  };
};
const weights = (rows: number, columns: number) =>
  shaped(
    noise(rows * columns, rows).map((x) => x / 2),
    [rows, columns],
  ) as number[][];

/** The network on scan, or written out; its loss reads the last state, and every output if `all`. */
function network(cell: Cell, states: number, unrolled: boolean, all: boolean) {
  const graph = new Graph();
  const x = graph.placeholder("x", [STEPS, BATCH, INPUTS]);
  const t = graph.placeholder("t", [BATCH, UNITS]);
  const { weights, step } = cell(graph);
  const start = Array.from(
    { length: states },
    () =>
      graph.constant(shaped(new Array(BATCH * UNITS).fill(0), [BATCH, UNITS]) as number[][], {
        dtype: "float32",
      }) as Tensor,
  );
  let last: Tensor[] = start;
  let ys: Tensor;
  if (unrolled) {
    const outputs = (unstack(x) as unknown as Tensor[]).map((row) => {
      last = step(last, row);
      return last[0]!;
    });
    ys = stack(outputs);
  } else {
    [last, ys] = scan(
      (carry: Tensor[], row: Tensor) => {
        const next = step(carry, row);
        return [next, next[0]!];
      },
      start,
      x,
    );
  }
  const loss = all ? mean(square(sub(ys, t))) : mean(square(sub(last[0]!, t)));
  const train = new SGD(0.5).minimize(loss);
  return { graph, x, t, loss, weights, ys, train, gradients: gradients(loss, weights) };
}

describe.each([
  ["LSTM", lstm, 2, true],
  ["LSTM, last state", lstm, 2, false],
  ["GRU, last state", gru, 1, false],
] as const)("%s on scan", (_, cell, states, all) => {
  test.each(["interpreter", "wasm"] as const)(
    "equals the one written out, bit for bit, as it trains (%s)",
    (backend) => {
      const run = (unrolled: boolean): number[][] => {
        const { graph, x, t, loss, ys, train, weights, gradients } = network(cell, states, unrolled, all);
        const session = new Session(graph, { backend, threads: 1, compile: { verify: true } });
        session.run(graph.initializer);
        const feeds = [
          [x, shaped(noise(STEPS * BATCH * INPUTS), [STEPS, BATCH, INPUTS])],
          [
            t,
            shaped(
              noise(BATCH * UNITS, 9).map((v) => v / 2),
              [BATCH, UNITS],
            ),
          ],
        ] as never;
        const losses: number[] = [];
        for (let i = 0; i < 10; i++)
          losses.push(Number((session.run([loss, train], feeds) as unknown as [{ item(): number }])[0].item()));
        const found = session.run([ys, ...weights, ...gradients], feeds) as unknown as { data: ArrayLike<number> }[];
        return [losses, ...found.map(({ data }) => Array.from(data))];
      };
      const [loop, written] = [run(false), run(true)];
      expect(loop).toEqual(written);
      expect(loop[0]!.at(-1)).toBeLessThan(loop[0]![0]!);
    },
  );
});
