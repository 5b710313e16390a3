/** Softmax where exponentials vanish, on every backend. */
import { describe, expect, test } from "vitest";
import * as fr from "../../src/index.ts";

const { NEGATIVE_INFINITY: LOWEST, NaN: MISSING } = Number;
const TYPES = ["float32", "float64"] as const;
const BACKENDS = ["interpreter", "javascript", "wasm"] as const;

describe.each(TYPES)("in %s", (dtype) => {
  describe.each(BACKENDS)("on %s", (backend) => {
    const evaluate = (op: (x: fr.Tensor) => fr.Tensor, scores: readonly number[]): number[] => {
      const graph = new fr.Graph();
      const x = graph.placeholder("x", [scores.length], { dtype });
      return [...new fr.Session(graph, { backend }).run(op(x), { x: scores }).data];
    };

    test("a score far below the largest has the probability 0, never a subnormal one", () => {
      expect(evaluate((x) => fr.softmax(x), [0, -1000, LOWEST])).toEqual([1, 0, 0]);
      const below = evaluate((x) => fr.softmax(x), [1000, 1000 - 104]);
      expect(below).toEqual(dtype === "float32" ? [1, 0] : [1, expect.closeTo(Math.exp(-104), 60)]);
    });

    test("equal scores have equal probabilities, whatever their size", () => {
      expect(evaluate((x) => fr.softmax(x), [1e30, 1e30])).toEqual([0.5, 0.5]);
      expect(evaluate((x) => fr.softmax(x), [-1e30, -1e30, -1e30, -1e30])).toEqual([0.25, 0.25, 0.25, 0.25]);
    });

    test("NaN makes its whole row NaN, and so does a row without a finite maximum", () => {
      for (const row of [
        [1, MISSING, 2],
        [LOWEST, LOWEST],
        [1, Infinity],
      ]) {
        const found = evaluate((x) => fr.softmax(x), row);
        expect(found.some(Number.isNaN), `softmax([${row}]) = [${found}]`).toBe(true);
      }
      expect(evaluate((x) => fr.softmax(x), [1, MISSING, 2])).toEqual([MISSING, MISSING, MISSING]);
    });

    test("the logarithm stays exact where the probability is 0", () => {
      expect(evaluate((x) => fr.logSoftmax(x), [0, -1000])).toEqual([0, -1000]);
      const slope = (x: fr.Tensor) => fr.gradients(fr.sum(fr.mul(fr.logSoftmax(x), [1, 0])), [x])[0]!;
      expect(evaluate(slope, [-1000, 0])).toEqual([1, -1]);
    });
  });
});
