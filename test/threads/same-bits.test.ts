import { expect, test } from "vitest";
import { convolutional, dense, train } from "../support/networks.ts";
import { buildOp, EXAMPLE_CASES, exampleValues, expectSameBits, runOnce } from "../support/run-op.ts";
import { ALL_LOOPS, gathered } from "./support.ts";

test.each([
  ["dense network", dense, 60, 32],
  ["convolutional network", convolutional, 20, 16],
] as const)(
  "training the %s gives the same bits on 1, 2, 3 and 8 threads",
  (_, network, steps, batch) => {
    const wanted = train(network, { threads: 1 }, steps, batch);
    expect(wanted.every(Number.isFinite)).toBe(true);
    for (const threads of [2, 3, 8]) {
      // With the loops that pay, and with all of them.
      for (const options of [{}, { compile: ALL_LOOPS }]) {
        const actual = train(network, { backend: gathered(threads), ...options }, steps, batch);
        expect(actual.length).toBe(wanted.length);
        expect(actual.findIndex((value, i) => !Object.is(value, wanted[i]))).toBe(-1);
      }
    }
  },
  300_000,
);

test.each(EXAMPLE_CASES)("$name gives the same bits on 3 threads", (one) => {
  const built = buildOp(one.def, one.example);
  const values = exampleValues(one);
  const wanted = runOnce(built, built.op.outputs, values);
  const actual = runOnce(built, built.op.outputs, values, { backend: gathered(3), compile: ALL_LOOPS });
  expectSameBits(actual, wanted, "3 threads");
});
