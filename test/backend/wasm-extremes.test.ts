import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as k from "../../src/kernel/expr.ts";
import { interpretKernel } from "../../src/kernel/interpret.ts";
import type { Kernel } from "../../src/kernel/statement.ts";
import { buffer, store } from "../kernel/sample-kernels.ts";
import { kernelModule, runWasm } from "../support/wasm-kernel.ts";

type Extreme = "max" | "min";
type Float = "float32" | "float64";

const LANES = 8;

/** `y[lane]` = the maximum or minimum of x[lane], x[lane + 8], …; `twice` uses that of the first two once more. */
function kernelOf(op: Extreme, type: Float, count: number, twice = false): Kernel {
  return k.withFreshExpressions(() => {
    const x = buffer("x", count * LANES, "in", type);
    const y = buffer("y", LANES, "out", type);
    const lane = k.indexVariable("lane", LANES);
    const terms = Array.from({ length: count }, (_, i) => k.load(x, k.add(lane, k.int(i * LANES))));
    const whole = terms.reduce((left, right) => k.binary(op, left, right));
    const value = twice ? k.add(whole, k.binary(op, terms[0]!, terms[1]!)) : whole;
    const body = [store(y, lane, value)];
    return {
      name: "extremes",
      buffers: [y, x],
      body: [{ kind: "for", index: lane, extent: k.int(LANES), lanes: LANES, body }],
    };
  });
}

const SPECIAL = [0, -0, Number.NaN, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-45, -1e-45, 3.5];

describe("maxima and minima of several vectors at once", () => {
  test.each<[Extreme, Float]>([
    ["max", "float32"],
    ["max", "float64"],
    ["min", "float32"],
    ["min", "float64"],
  ])("%s of %s: the bits of one by one, with NaN and zeros of both signs", (op, type) => {
    const inputs = fc.integer({ min: 2, max: 9 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        twice: fc.boolean(),
        values: fc.array(fc.constantFrom(...SPECIAL), { minLength: count * LANES, maxLength: count * LANES }),
      }),
    );
    const of = type === "float32" ? Float32Array : Float64Array;
    fc.assert(
      fc.property(inputs, ({ count, twice, values }) => {
        const kernel = kernelOf(op, type, count, twice);
        const arrays = [new of(LANES), of.from(values)];
        const expected = arrays.map((array) => array.slice());
        interpretKernel(kernel, expected);
        // toEqual compares with Object.is: NaN equals NaN, -0 differs from 0.
        expect(runWasm(kernel, arrays)[0]).toEqual(expected[0]);
      }),
      { numRuns: 400 },
    );
  });

  test("two are compared by the instruction for two, one of several is not taken apart if it is used again", () => {
    const text = (count: number, twice = false) => kernelModule(kernelOf("max", "float32", count, twice), 2).wat();
    expect(text(2)).toContain("f32x4.max");
    expect(text(2)).not.toContain("pmax");
    expect(text(5)).toContain("f32x4.pmax");
    expect(text(5)).not.toContain("f32x4.max");
    expect(text(4, true)).toContain("f32x4.max");
  });
});
