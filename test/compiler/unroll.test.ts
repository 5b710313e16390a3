import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  averagePool1d,
  averagePool2d,
  averagePool3d,
  cast,
  Graph,
  gradients,
  max,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  min,
  mul,
  Session,
  type SessionOptions,
  sum,
  type Tensor,
} from "../../src/index.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { difference } from "../support/run-op.ts";

/** The kernels of what `build` makes of an image, as the session for WebAssembly compiles them. */
function kernelsOf(shape: readonly number[], build: (x: Tensor) => Tensor): string[] {
  const graph = new Graph();
  const x = graph.placeholder("x", shape);
  const session = new Session(graph, { backend: "wasm", compile: { verify: true } });
  const plan = session.plan(build(x), { x: new Float32Array(shape.reduce((product, size) => product * size, 1)) });
  return plan.steps.map(({ kernel }) => printKernel(kernel));
}

const trained = (pool: (x: Tensor) => Tensor) => (x: Tensor) => {
  const y = pool(x);
  return gradients(sum(mul(y, y)), [x])[0]!;
};

describe("short folds, term by term", () => {
  test("a window inside of the image: no loop, no test of bounds, the last element wins untested", () => {
    const [forward] = kernelsOf(
      [2, 8, 8, 8],
      trained((x) => maxPool2d(x)),
    );
    expect(forward).toMatch(/let max = max\(max\(max\(x\[/);
    expect(forward).not.toMatch(/for r/);
    expect(forward).not.toMatch(/<=/);
    expect(forward).not.toMatch(/min\(/);
    expect(forward!.match(/==/g)).toHaveLength(3);
  });

  test("a padded window keeps the tests that can fail, and only those", () => {
    const [forward] = kernelsOf([2, 9, 8, 8], (x) => maxPool2d(x, { window: 3, strides: 1, padding: "same" }));
    // Rows before the first and after the last, columns likewise; the middle tap has none.
    expect(forward).toMatch(/0 <= i1 - 1/);
    expect(forward).not.toMatch(/0 <= i1 \?/);
    expect(forward).not.toMatch(/reduce|for r/);
  });

  test("long folds stay loops", () => {
    const [forward] = kernelsOf([2, 12, 12, 8], (x) => maxPool2d(x, { window: 5 }));
    expect(forward).toMatch(/for r/);
  });
});

describe("turns written out by a divisor", () => {
  test("no division is left in the innermost loop of a pooling gradient", () => {
    const backward = kernelsOf(
      [2, 8, 8, 8],
      trained((x) => maxPool2d(x)),
    ).at(-1)!;
    expect(backward).toMatch(/for i2 < 4/);
    expect(backward).not.toMatch(/i2 \/ 2/);
    // Two neighbours read one gradient.
    expect(backward.match(/for lane/g)).toHaveLength(2);
  });

  test("turns that are left over follow the loop", () => {
    const backward = kernelsOf(
      [2, 8, 11, 8],
      trained((x) => averagePool2d(x)),
    ).at(-1)!;
    expect(backward).toMatch(/for i2 < 5/);
    expect(backward.match(/for lane/g)).toHaveLength(3);
  });
});

describe("chunks of long sums side by side", () => {
  test("few columns: several running sums, added in their order", () => {
    const [kernel] = kernelsOf([64, 10, 10, 8], (x) => sum(x, { axis: [0, 1, 2] }));
    expect(kernel).toMatch(/var sum_part_3 = 0/);
    expect(kernel).toMatch(/sum = sum \+ sum_part\n +sum = sum \+ sum_part_1\n +sum = sum \+ sum_part_2\n/);
  });

  test("a maximum has as many as there is room for", () => {
    const [kernel] = kernelsOf([64, 10, 10, 8], (x) => max(x, { axis: [0, 1, 2] }));
    expect(kernel).toMatch(/max_part_3 = max\(max_part_3, x\[/);
    expect(kernel).not.toMatch(/max_part_4/);
  });

  test.each([
    [64, 100, 8],
    [61, 100, 8],
    [9, 700, 16],
    [7, 4097, 4],
    [4100, 1, 12],
    [67, 71, 31],
  ])("%i × %i rows of %i: the bits of one chunk after the other", (rows, inner, columns) => {
    const data = Float32Array.from({ length: rows * inner * columns }, (_, i) => Math.sin(i * 1.7) * 3);
    const graph = new Graph();
    const x = graph.placeholder("x", [rows, inner, columns]);
    const axis = [0, 1];
    const whole = cast(x, "int32");
    const wide = cast(x, "float64");
    const fetches = [
      sum(x, { axis }),
      sum(wide, { axis }),
      max(x, { axis }),
      sum(whole, { axis }),
      min(whole, { axis }),
    ];
    const plain = new Session(graph, { backend: "javascript" }).run(fetches, { x: data });
    const lanes = new Session(graph, { backend: "wasm", compile: { verify: true } }).run(fetches, { x: data });
    plain.forEach((value, i) => void expect(difference(lanes[i]!, value)).toBeNull());
  });
});

// ── bits ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Options are drawn at random, so there are no literals that the types of the functions could follow. */
type AnyPool = (x: Tensor, options: object) => Tensor;
const MAX = [maxPool1d, maxPool2d, maxPool3d] as unknown as readonly AnyPool[];
const AVERAGE = [averagePool1d, averagePool2d, averagePool3d] as unknown as readonly AnyPool[];

interface Pooling {
  readonly pool: AnyPool;
  readonly shape: readonly number[];
  readonly options: {
    readonly window: readonly number[];
    readonly strides: readonly number[];
    readonly padding: unknown;
  };
  readonly dtype: "float32" | "float64";
  readonly values: readonly number[];
}

const SPECIAL = [0, -0, Number.NaN, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2.5];
const poolings: fc.Arbitrary<Pooling> = fc
  .record({
    dims: fc.constantFrom(1, 2, 3),
    largest: fc.boolean(),
    axes: fc.array(
      fc.record({
        window: fc.integer({ min: 1, max: 3 }),
        stride: fc.integer({ min: 1, max: 4 }),
        more: fc.nat(6),
        pads: fc.tuple(fc.nat(), fc.nat()),
      }),
      { minLength: 3, maxLength: 3 },
    ),
    padding: fc.constantFrom("valid", "same", "pads"),
    batch: fc.integer({ min: 1, max: 2 }),
    channels: fc.constantFrom(1, 3, 4, 5, 8, 16),
    dtype: fc.constantFrom("float32" as const, "float64" as const),
    values: fc.array(fc.oneof(fc.constantFrom(...SPECIAL), fc.double({ min: -4, max: 4 })), {
      minLength: 7,
      maxLength: 90,
    }),
  })
  .map(({ dims, largest, axes, padding, batch, channels, dtype, values }) => {
    const used = axes.slice(0, dims);
    const window = used.map((axis) => axis.window);
    return {
      pool: (largest ? MAX : AVERAGE)[dims - 1]!,
      shape: [batch, ...used.map((axis) => axis.window + axis.more), channels],
      options: {
        window,
        strides: used.map((axis) => axis.stride),
        padding: padding === "pads" ? used.map(({ pads }, i) => pads.map((pad) => pad % window[i]!)) : padding,
      },
      dtype,
      values,
    };
  });

/** What pooling gives, and its gradient. */
function results({ pool, shape, options, dtype, values }: Pooling, how: SessionOptions) {
  const graph = new Graph();
  const x = graph.placeholder("x", shape, { dtype });
  const y = pool(x, options);
  const fetches = [y, gradients(sum(mul(y, y)), [x])[0]!];
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = Array.from({ length: size }, (_, i) => values[i % values.length]!);
  return new Session(graph, how).run(fetches, { x: (dtype === "float32" ? Float32Array : Float64Array).from(data) });
}

test("pooling and its gradient: the bits of plain loops for any window, stride and padding", () => {
  fc.assert(
    fc.property(poolings, (pooling) => {
      const plain = results(pooling, { backend: "interpreter", compile: { target: "scalar" } });
      for (const backend of ["interpreter", "javascript", "wasm"] as const) {
        const found = results(pooling, {
          backend,
          compile: { verify: true, target: backend === "javascript" ? "scalar" : "vector" },
        });
        plain.forEach((value, i) => void expect(difference(found[i]!, value)).toBeNull());
      }
    }),
    { numRuns: 120 },
  );
}, 60_000);
