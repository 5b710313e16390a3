import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { interpretKernel } from "../../src/kernel/interpret.ts";
import { expandReductions } from "../../src/kernel/reduce.ts";
import { randomCase, randomVectorCase } from "../kernel/random-kernel.ts";
import { runWasm } from "../support/wasm-kernel.ts";

describe("emitted WebAssembly", () => {
  test.each([
    ["kernels", randomCase],
    ["vector loops", randomVectorCase],
  ])("gives the bits of the interpreter on random %s", (_, cases) => {
    fc.assert(
      fc.property(cases, ({ kernel, arrays }) => {
        const expected = arrays.map((array) => array.slice());
        interpretKernel(kernel, expected);
        const actual = runWasm(expandReductions(kernel), arrays).slice(0, expected.length);
        // toEqual compares with Object.is: NaN equals NaN, -0 differs from 0.
        expect(actual).toEqual(expected);
      }),
      { numRuns: 3000 },
    );
  });
});
