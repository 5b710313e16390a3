import { expect, test } from "vitest";
import { buildClassifier } from "../../samples/mnist/model.ts";
import { countOps } from "../../src/graph/function.ts";
import { type Feeds, type Fetches, Graph, layerNorm, type Plan, Session, softmax } from "../../src/index.ts";
import { expectGolden } from "../support/golden.ts";

/** What a program becomes, as text: its size on every level, the kernels, the plan. */
function figures(graph: Graph, fetches: Fetches, feeds: Feeds): { readonly plan: Plan; readonly text: string } {
  const plan = new Session(graph, { compile: { verify: true, target: "scalar" } }).plan(fetches, feeds);
  const at = (pass: string) => plan.trace.find((record) => record.name === pass)!;
  const text = [
    `operations after decomposition   ${countOps(plan.fn)}`,
    `kernels after fusion             ${plan.steps.length}`,
    `arena                            ${plan.arenaBytes} bytes`,
    `sum of all computed tensors      ${tensorBytes(plan)} bytes`,
    `sum of those that are stored     ${plan.totalBytes} bytes`,
    "",
    at("prune").after(),
    "",
    at("fuse").after(),
    "",
    at("lower").after(),
    "",
    at("memory").after(),
  ].join("\n");
  return { plan, text };
}

/** Bytes of every tensor the function computes, had each a buffer of its own. */
function tensorBytes({ fn }: Plan): number {
  const sizes = { float32: 4, float64: 8, int32: 4, uint32: 4, bool: 1 };
  return fn.ops
    .filter((op) => op.def.effect === undefined)
    .flatMap((op) => op.outputs)
    .reduce(
      (bytes, { dtype, shape }) => bytes + sizes[dtype] * (shape as number[]).reduce((n, size) => n * size, 1),
      0,
    );
}

test("softmax is one kernel", () => {
  const g = new Graph({ name: "g" });
  const x = g.placeholder("x", [64, 128]);
  const { plan, text } = figures(g, softmax(x), [[x, new Float32Array(64 * 128)]]);
  expect(plan.steps.length).toBe(1);
  expectGolden("figures/softmax", text);
});

test("layer norm is one kernel", () => {
  const g = new Graph({ name: "g" });
  const x = g.placeholder("x", [64, 128]);
  const gamma = g.variable("gamma", [128], { initial: 1 });
  const beta = g.variable("beta", [128]);
  const { plan, text } = figures(g, layerNorm(x, gamma, beta), [[x, new Float32Array(64 * 128)]]);
  expect(plan.steps.length).toBe(1);
  expectGolden("figures/layer-norm", text);
});

test("a training step of the MNIST network", () => {
  const model = buildClassifier();
  const { plan, text } = figures(
    model.graph,
    [model.loss, model.trainStep],
    [
      [model.images, new Float32Array(32 * 784)],
      [model.labels, new Int32Array(32)],
      [model.learningRate, 0.001],
    ],
  );
  // Every weight is updated in place, so nothing is left to commit.
  expect(plan.commits).toEqual([]);
  expect(plan.arenaBytes).toBeLessThan(plan.totalBytes / 2);
  expectGolden("figures/mnist-training-step", text);
});
