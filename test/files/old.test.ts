/** Files of earlier versions stay readable, and mean what they meant. */
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type NDArray, Session } from "../../src/index.ts";
import { loadGraphFile, loadVariablesFile } from "../../src/node/index.ts";
import { trainingBatch } from "./support.ts";

const old = (name: string) => fileURLToPath(new URL(`old/${name}`, import.meta.url));

describe("version 1", () => {
  test("a classifier goes on training", () => {
    const session = new Session(loadGraphFile(old("v1-classifier.json")));
    const { restored, metadata } = loadVariablesFile(session, old("v1-classifier.safetensors"));
    expect(restored).toHaveLength(10);
    expect(metadata.steps).toBe("3");
    const losses = [3, 4, 5].map((step) => {
      const [loss] = session.run(["dense/loss", "train"], trainingBatch(step)) as readonly (NDArray | null)[];
      return loss!.item();
    });
    // Not bit for bit: a later version may compute an exponential in another way.
    const wanted = [1.2787017822265625, 1.2351449728012085, 1.2000823020935059];
    losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(wanted[i]!, 5);
    });
  });

  test("a graph of awkward sizes and numbers", () => {
    const graph = loadGraphFile(old("v1-awkward.json"));
    expect(graph.seed).toBe(0xdeadbeef);
    expect(String(graph.tensor("image"))).toBe('Tensor("image:0", shape=(?, ?, ?, 3), dtype=float32)');
    expect(graph.tensor("unknown").shape).toBeNull();
    expect(graph.tensor("broadcastTo").shape!.map(String)).toEqual(["floor((n)/(2)) + 1", "max(n, 3)"]);
    const value = new Session(graph).run("special") as NDArray;
    expect([...value.data]).toEqual([Number.NaN, -0, Number.POSITIVE_INFINITY, 5e-324]);
  });
});
