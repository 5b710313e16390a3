/**
 * Every example of every op record, run in all the ways there are. That two ways give the same bits is the promise
 * the whole compiler rests on: a pass may change how something is computed, never what.
 */
import { describe, expect, test } from "vitest";
import type { DType } from "../../src/core/dtype.ts";
import { ShapeError } from "../../src/core/errors.ts";
import { knownShape } from "../../src/core/shape.ts";
import { buildInto } from "../../src/graph/builder.ts";
import { OPS } from "../../src/ops/registry.ts";
import {
  buildOp,
  EXAMPLE_CASES,
  exampleValues,
  expectSameBits,
  hasNamedAxis,
  NEEDS_RANK,
  OPTIONAL_PASSES,
  runOnce,
} from "../support/run-op.ts";

/** Records without examples, each with the reason. */
const WITHOUT_EXAMPLES: Readonly<Record<string, string>> = {
  placeholder: "has no value of its own",
  variable: "has no value of its own",
  constant: "its value is an attribute; the fuzzer makes plenty",
  assign: "needs a variable; the fuzzer makes some",
  group: "has no output",
  tap: "has no output; tested in tap.test.ts",
  customGradient: "its rule is a function; tested with the gradients",
  cond: "its branches are functions; tested in test/control",
  switchCase: "its branches are functions; tested in test/control",
  scan: "its step is a function; tested in test/control",
  whileLoop: "its test and body are functions; tested in test/control",
};

test("every record has examples, or a reason for having none", () => {
  const without = OPS.filter((def) => def.examples.length === 0).map((def) => def.name);
  expect(without.sort()).toEqual(Object.keys(WITHOUT_EXAMPLES).sort());
});

test("names of records are distinct", () => {
  expect(new Set(OPS.map((def) => def.name)).size).toBe(OPS.length);
});

describe.each(EXAMPLE_CASES)("$name", (one) => {
  const { def, example } = one;
  const values = exampleValues(one);
  const built = buildOp(def, example);
  const { outputs } = built.op;
  const wanted = runOnce(built, outputs, values);

  test("has the shape and dtype its rules say", () => {
    expect(wanted.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
      outputs.map(({ shape, dtype }) => ({ shape: knownShape(shape), dtype })),
    );
  });

  test("gives the same bits on every backend, from either schedule", () => {
    for (const backend of ["interpreter", "javascript", "wasm"] as const) {
      for (const target of ["scalar", "vector"] as const) {
        const actual = runOnce(built, outputs, values, { backend, compile: { target } });
        expectSameBits(actual, wanted, `${backend}, ${target} schedule`);
      }
    }
  });

  test("gives the same bits without passes", () => {
    for (const disable of [OPTIONAL_PASSES, ...OPTIONAL_PASSES.map((pass) => [pass])]) {
      const actual = runOnce(built, outputs, values, { compile: { disable } });
      expectSameBits(actual, wanted, `without ${disable.join(", ")}`);
    }
  });

  if (hasNamedAxis(def, example))
    test("gives the same bits with a named size for axis 0", () => {
      const symbolic = buildOp(def, example, "symbolic");
      expectSameBits(runOnce(symbolic, symbolic.op.outputs, values), wanted, "named size");
    });

  if (example.inputs.length > 0)
    test("gives the same bits with unknown ranks", () => {
      if (def.name in NEEDS_RANK) {
        expect(() => buildOp(def, example, "unknown")).toThrow(ShapeError);
        return;
      }
      const unknown = buildOp(def, example, "unknown");
      expectSameBits(runOnce(unknown, unknown.op.outputs, values), wanted, "unknown ranks");
    });

  if (def.decompose)
    test("is what it decomposes into, every step on its own", () => {
      const first = built.graph.operations.length;
      const parts = buildInto(built.graph, () => def.decompose!(built.op));
      // Fetching every step keeps them in memory, so that nothing fuses.
      const steps = built.graph.operations.slice(first).flatMap((op) => op.outputs);
      const options = { backend: "interpreter", compile: { disable: OPTIONAL_PASSES } } as const;
      const results = runOnce(built, [...parts, ...steps], values, options);
      expectSameBits(results.slice(0, parts.length), wanted, "decomposed");
    });
});

// ── operands the other way round ─────────────────────────────────────────────────────────────────────────────────

const EVERY_KIND: Readonly<Record<DType, readonly number[]>> = {
  float32: [0, -0, 1, -1, 1.5, NaN, Infinity, -Infinity, 2 ** -149, 3e38],
  float64: [0, -0, 1, -1, 0.1, NaN, Infinity, -Infinity, 5e-324, 1e308],
  int32: [0, 1, -1, 7, 2 ** 31 - 1, -(2 ** 31)],
  uint32: [0, 1, 7, 2 ** 31, 2 ** 32 - 1],
  bool: [0, 1],
};
const COMMUTATIVE = OPS.filter((def) => def.commutative);

test("some ops say that they are commutative", () => {
  const names = COMMUTATIVE.map((def) => def.name);
  expect(names).toEqual(expect.arrayContaining(["add", "mul", "maximum", "minimum", "equal", "logicalAnd"]));
});

// merge-duplicates takes them at their word.
describe.each(COMMUTATIVE)("$name, which says that it is commutative,", (def) => {
  const dtypes = [...new Set(def.examples.map(({ inputs }) => inputs[0]!.dtype))];
  test.each(dtypes)("gives the same bits with its operands swapped: %s", (dtype) => {
    const kinds = EVERY_KIND[dtype];
    const pairs = kinds.flatMap((left) => kinds.map((right) => [left, right] as const));
    const inputs = [0, 1].map((side) => ({ dtype, shape: [pairs.length], values: pairs.map((pair) => pair[side]!) }));
    const [straight, swapped] = [inputs, inputs.toReversed()].map((list) => {
      const example = { inputs: list, attrs: {} };
      const built = buildOp(def, example);
      return runOnce(built, built.op.outputs, exampleValues({ def, example, index: 0 }));
    });
    expectSameBits(swapped!, straight!, "swapped");
  });
});
