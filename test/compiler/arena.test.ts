/** Where the values of a plan lie: no two that are needed at once share a byte, and the arena is as small as can be. */
import { describe, expect, test } from "vitest";
import { type Block, liveBytes, placeBlocks } from "../../src/compiler/arena.ts";
import {
  add,
  conv2d,
  Graph,
  matmul,
  maxPool2d,
  relu,
  reshape,
  Session,
  sparseSoftmaxCrossEntropy,
  type Tensor,
} from "../../src/index.ts";
import { Adam } from "../../src/train/index.ts";
import { RandomStream } from "../support/random.ts";

const block = (bytes: number, from: number, to: number): Block => ({ bytes, from, to, offset: 0 });

function overlaps(a: Block, b: Block): boolean {
  const inTime = a.from <= b.to && b.from <= a.to;
  return inTime && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

test("live bytes are the largest sum at one step", () => {
  expect(liveBytes([])).toBe(0);
  expect(liveBytes([block(10, 0, 1), block(20, 1, 2), block(40, 2, 5), block(1, 3, 3)])).toBe(60);
});

test("large blocks go first: small ones fit into the gaps they leave", () => {
  // In order of time, the third would lie above the first two, and the fourth above all: 512 bytes.
  const blocks = [block(64, 0, 1), block(64, 0, 3), block(128, 2, 5), block(256, 4, 6)];
  expect(placeBlocks(blocks)).toBe(384);
});

test("random lives: aligned, apart, near the lower bound", () => {
  const random = new RandomStream(11);
  let worst = 1;
  for (let turn = 0; turn < 100; turn++) {
    const blocks = Array.from({ length: random.whole(1, 60) }, () => {
      const from = random.whole(0, 40);
      return block(random.whole(0, 100) * 64, from, from + random.whole(0, 10));
    });
    const bytes = placeBlocks(blocks);
    blocks.forEach((one, i) => {
      expect(one.offset % 64).toBe(0);
      expect(one.offset + one.bytes).toBeLessThanOrEqual(bytes);
      for (const other of blocks.slice(i + 1)) expect(overlaps(one, other)).toBe(false);
    });
    const live = liveBytes(blocks);
    expect(bytes).toBeGreaterThanOrEqual(live);
    // A block of no bytes takes 64 all the same.
    if (live > 0) worst = Math.max(worst, bytes / (live + 64 * 60));
  }
  expect(worst).toBeLessThan(1.2);
});

describe("a training step", () => {
  const dense = (graph: Graph, x: Tensor, from: number, to: number): Tensor =>
    add(matmul(x, graph.variable(`kernel${from}`, [from, to])), graph.variable(`bias${from}`, [to]));
  const convolution = (graph: Graph, x: Tensor, from: number, to: number): Tensor => {
    const kernel = graph.variable(`filter${from}`, [5, 5, from, to]);
    const bias = graph.variable(`shift${from}`, [to]);
    return maxPool2d(relu(add(conv2d(x, kernel, { padding: "same" }), bias)));
  };
  const networks: Readonly<Record<string, (graph: Graph, x: Tensor) => Tensor>> = {
    mlp(graph, x) {
      return dense(graph, relu(dense(graph, relu(dense(graph, x, 784, 128)), 128, 64)), 64, 10);
    },
    cnn(graph, x) {
      const pictures = reshape(x, [-1, 28, 28, 1]);
      const features = convolution(graph, convolution(graph, pictures, 1, 8), 8, 16);
      return dense(graph, reshape(features, [-1, 784]), 784, 10);
    },
  };
  test.each(Object.keys(networks))("of the %s needs at most a twentieth more than is live at once", (name) => {
    const batch = 32;
    for (const target of ["scalar", "vector"] as const) {
      const graph = new Graph();
      const x = graph.placeholder("x", [batch, 784]);
      const labels = graph.placeholder("labels", [batch], { dtype: "int32" });
      const loss = sparseSoftmaxCrossEntropy(labels, networks[name]!(graph, x)).mean();
      const session = new Session(graph, { compile: { target, verify: true } });
      const fetches = [loss, new Adam(0.001).minimize(loss)];
      const plan = session.plan(fetches, [
        [x, new Float32Array(batch * 784)],
        [labels, new Int32Array(batch)],
      ]);
      expect(plan.arenaBytes).toBeGreaterThanOrEqual(plan.liveBytes);
      expect(plan.arenaBytes).toBeLessThan(1.05 * plan.liveBytes);
    }
  });
});
