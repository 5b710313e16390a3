import { expect, test } from "vitest";
import { Graph, graphHash, mul } from "../../src/index.ts";
import { Adam, type Optimizer, type OptimizerName, optimizer, optimizerNames, SGD } from "../../src/train/index.ts";

/** Hash of the update graph that an optimizer makes for J = w². */
function updateGraph(choice: OptimizerName | Optimizer, rate?: number): string {
  const graph = new Graph();
  const w = graph.variable("w", [3], { initial: 1 });
  const loss = mul(w, w).sum();
  return graphHash([optimizer(choice, rate).minimize(loss)]);
}

test("row 62: by name or as an object, the update graph is the same", () => {
  expect(updateGraph("adam")).toBe(updateGraph(new Adam()));
  expect(updateGraph("adam", 0.01)).toBe(updateGraph(new Adam(0.01)));
  expect(updateGraph("sgd", 0.1)).toBe(updateGraph(new SGD(0.1)));
  expect(updateGraph("adam", 0.01)).not.toBe(updateGraph(new Adam(0.02)));
  expect(updateGraph("adam")).not.toBe(updateGraph("sgd"));
});

test("row 62: each name gives an optimizer of its own", () => {
  for (const name of optimizerNames()) expect(optimizer(name)).not.toBe(optimizer(name));
});

test("a wrong name is a compile error and lists near names", () => {
  // @ts-expect-error not a name
  expect(() => optimizer("adma")).toThrow(
    /^optimizer: there is none called "adma"\nat .*:\d+:\d+\nfix: near names: adam/,
  );
});
