/**
 * The derivative of every op, against differences of its values. Random directions see every element of every
 * gradient at once: a wrong one anywhere changes the inner product. Gradients are graphs too, so what holds for the
 * values of ops holds for them: the same bits on every backend and whatever is known of the shapes.
 */
import { describe, expect, test } from "vitest";
import { isFloat } from "../../src/core/dtype.ts";
import type { Tensor } from "../../src/graph/operation.ts";
import { add, cast, customGradient, Graph, gradients, mul, NDArray, Session, sum } from "../../src/index.ts";
import { RandomStream, seedOf } from "../support/random.ts";
import {
  type BuiltOp,
  buildOp,
  caseKey,
  EXAMPLE_CASES,
  type ExampleCase,
  exampleValues,
  expectSameBits,
  feedsOf,
  hasNamedAxis,
  inFloat64,
  type KnownShapes,
  NEEDS_RANK,
  OPTIONAL_PASSES,
  runOnce,
} from "../support/run-op.ts";

/** Examples at a point where the function has a kink, a pole or no value, each with the reason. */
const NOT_SMOOTH: Readonly<Record<string, string>> = {
  "max 6": "the largest of nothing is -Infinity",
  "min 6": "the smallest of nothing is Infinity",
};

/** Records that take unknown ranks, with derivatives that do not; each with the reason. */
const GRADIENT_NEEDS_RANK: Readonly<Record<string, string>> = {
  prodOfOthers: "prod has three derivatives, of which this test takes the third",
  prodOfOthersGradient: "the same",
  diag: "its derivative is diagPart, which needs to know the rank",
  stridedPad: "its derivative is stridedSlice, which needs to know the rank",
  scatterNd: "its derivative is gatherNd, which needs to know the ranks",
  averagePool1dGradient: "as averagePool2dGradient",
  averagePool2dGradient: "its derivative is averagePool2d, which needs to know the rank",
  averagePool3dGradient: "as averagePool2dGradient",
  resizeNearestNeighborGradient: "as averagePool2dGradient",
  resizeBilinearGradient: "as averagePool2dGradient",
};

/** Relative error of a difference quotient that is still a difference quotient. */
const TOLERANCE = 1e-6;
/** For central differences: its square is the error of the method, its inverse times 1e-16 that of rounding. */
const STEP = 1e-4;

/** The op, its cotangents, its first derivatives, a direction for them, and theirs. */
interface GradientGraph extends BuiltOp {
  /** Floating-point inputs: what is differentiated with respect to. */
  readonly xs: readonly Tensor[];
  /** Σ ⟨cotangent, output⟩. */
  readonly value: Tensor;
  readonly first: readonly Tensor[];
  /** Σ ⟨direction, first⟩, and its derivatives. */
  readonly slope: Tensor;
  readonly second: readonly Tensor[];
  /** All placeholders, the example's first; `values` in the same order. */
  readonly inputs: readonly Tensor[];
  readonly values: readonly NDArray[];
}

/** Inner product over lists of tensors, as a scalar. */
const innerProduct = (left: readonly Tensor[], right: readonly Tensor[]): Tensor =>
  left.map((x, i) => sum(mul(x, right[i]!))).reduce((total, next) => add(total, cast(next, total.dtype)));

const randomLike = ({ shape, dtype }: NDArray, seed: string): NDArray => {
  const random = new RandomStream(seedOf(seed));
  const data = dtype === "float32" ? new Float32Array(sizeOf(shape)) : new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = random.between(-1, 1);
  return new NDArray(data, shape, dtype);
};
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

function gradientGraph(one: ExampleCase, known: KnownShapes = "static"): GradientGraph {
  const { def, example } = one;
  const built = buildOp(def, example, known);
  const { graph, op } = built;
  const given = exampleValues(one);
  const outputs = op.outputs.filter(({ dtype }) => isFloat(dtype));
  const results = runOnce(built, outputs, given);
  const placeholderLike = (tensor: Tensor, name: string): Tensor => {
    const { shape, dtype } = tensor;
    return shape === null
      ? graph.placeholder(name, null, { dtype })
      : graph.placeholder(name, shape.map(dimOf), { dtype });
  };
  // A size such as n2 + 3 has no name, so these placeholders may know less than the outputs do.
  const cotangents = outputs.map((y, i) => placeholderLike(y, `cotangent${i}`));
  const xs = built.inputs.filter(({ dtype }) => isFloat(dtype));
  const value = innerProduct(outputs, cotangents);
  const first = gradients(value, xs, { unconnected: "zero" });
  const directions = xs.map((x, i) => placeholderLike(x, `direction${i}`));
  const slope = innerProduct(first, directions);
  const second = gradients(slope, xs, { unconnected: "zero" });
  const xValues = given.filter(({ dtype }) => isFloat(dtype));
  return {
    ...built,
    xs,
    value,
    first,
    slope,
    second,
    inputs: [...built.inputs, ...cotangents, ...directions],
    values: [
      ...given,
      ...results.map((y, i) => randomLike(y, `${one.name} cotangent ${i}`)),
      ...xValues.map((x, i) => randomLike(x, `${one.name} direction ${i}`)),
    ],
  };
}
const dimOf = (size: unknown): number | string | null =>
  typeof size === "number" ? size : /^\w+$/.test(String(size)) ? String(size) : null;

const dot = (left: readonly NDArray[], right: readonly NDArray[]): { total: number; magnitude: number } => {
  let [total, magnitude] = [0, 0];
  left.forEach(({ data }, i) => {
    data.forEach((x, k) => {
      const term = x * right[i]!.data[k]!;
      total += term;
      magnitude += Math.abs(term);
    });
  });
  return { total, magnitude };
};

/** Compares ⟨gradients, direction⟩ with the difference of `f` along the direction. */
function checkAlong(graph: GradientGraph, f: Tensor, derivatives: readonly Tensor[], name: string): void {
  const { xs, inputs, values } = graph;
  const session = new Session(graph.graph, { compile: { verify: true } });
  const at = inputs.flatMap((input, i) => (xs.includes(input) ? [i] : []));
  const direction = at.map((i) => randomLike(values[i]!, `${name} ${i}`));
  const found = session.run(derivatives, feedsOf(inputs, values));
  const evaluate = session.prepare(f, inputs);
  const moved = (step: number): number => {
    const shifted = [...values];
    at.forEach((i, k) => {
      const { data, shape, dtype } = values[i]!;
      const along = direction[k]!.data;
      shifted[i] = new NDArray(
        Float64Array.from(data, (x, e) => x + step * along[e]!),
        shape,
        dtype,
      );
    });
    return evaluate(...shifted).item();
  };
  const { total, magnitude } = dot(found, direction);
  // Richardson: the error of the step and that of half of it differ by a factor of 4.
  const quotient = (step: number) => (moved(step) - moved(-step)) / (2 * step);
  const wanted = (4 * quotient(STEP / 2) - quotient(STEP)) / 3;
  const scale = Math.max(magnitude, Math.abs(wanted), 1e-3);
  if (Math.abs(total - wanted) <= TOLERANCE * scale) return;
  throw new Error(`${name}: the gradient says ${total}, the difference quotient ${wanted}\n${found.join("\n")}`);
}

const isDifferentiable = ({ def, example }: ExampleCase): boolean =>
  (typeof def.gradient === "function" || def.gradient === "via-decompose") &&
  example.inputs.some(({ dtype }) => isFloat(dtype)) &&
  isFloat(buildOp(def, example).op.outputs[0]!.dtype);

const DIFFERENTIABLE = EXAMPLE_CASES.filter(isDifferentiable);

describe.each(DIFFERENTIABLE)("$name", (one) => {
  if (caseKey(one) in NOT_SMOOTH) {
    test("is finite or NaN, but the same everywhere, where it is not smooth", () => {
      const graph = gradientGraph(one);
      const wanted = runOnce(graph, graph.first, graph.values);
      expectSameBits(runOnce(graph, graph.first, graph.values, { backend: "interpreter" }), wanted, "interpreter");
    });
    return;
  }
  const double = gradientGraph({ ...one, example: inFloat64(one.example) });

  test("has the gradient that differences show", () => {
    checkAlong(double, double.value, double.first, "first order");
  });

  test("has the second derivatives that differences show", () => {
    checkAlong(double, double.slope, double.second, "second order");
  });

  test("has the same gradient bits everywhere", () => {
    const own = gradientGraph(one);
    const fetches = [...own.first, ...own.second];
    const wanted = runOnce(own, fetches, own.values);
    expectSameBits(runOnce(own, fetches, own.values, { backend: "interpreter" }), wanted, "interpreter");
    expectSameBits(runOnce(own, fetches, own.values, { compile: { disable: OPTIONAL_PASSES } }), wanted, "no passes");
  });

  if (hasNamedAxis(one.def, one.example))
    test("has the same gradient bits with a named size for axis 0", () => {
      const own = gradientGraph(one);
      const named = gradientGraph(one, "symbolic");
      const wanted = runOnce(own, [...own.first, ...own.second], own.values);
      expectSameBits(runOnce(named, [...named.first, ...named.second], named.values), wanted, "named size");
    });

  if (!(one.def.name in NEEDS_RANK || one.def.name in GRADIENT_NEEDS_RANK))
    // Not the same bits: rules that do not know the rank write other formulas, and sums come in another order.
    test("has the same gradient with unknown ranks", () => {
      const unknown = gradientGraph({ ...one, example: inFloat64(one.example) }, "unknown");
      const wanted = runOnce(double, [...double.first, ...double.second], double.values);
      const found = runOnce(unknown, [...unknown.first, ...unknown.second], unknown.values);
      expect(found.map(({ shape }) => shape)).toEqual(wanted.map(({ shape }) => shape));
      wanted.forEach(({ data }, i) => {
        const scale = Math.max(1e-3, ...Array.from(data, Math.abs));
        data.forEach((x, k) => {
          expect(Math.abs(found[i]!.data[k]! - x)).toBeLessThan(1e-13 * scale);
        });
      });
    });
});

// ── ops that are flat, and ops that end the path ─────────────────────────────────────────────────────────────────

const withGradient = (gradient: "zero" | "none"): readonly ExampleCase[] =>
  EXAMPLE_CASES.filter(({ def, example }) => def.gradient === gradient && example.inputs.length > 0);

describe.each(withGradient("zero").filter(({ example }) => example.inputs.some(({ dtype }) => isFloat(dtype))))(
  "$name",
  (one) => {
    test("has a gradient of zeros, not a missing one", () => {
      const built = buildOp(one.def, one.example);
      const xs = built.inputs.filter(({ dtype }) => isFloat(dtype));
      const found = gradients(built.op.outputs, xs, { unconnected: "error" });
      const values = exampleValues(one);
      const zeros = values
        .filter(({ dtype }) => isFloat(dtype))
        .map(({ data, shape, dtype }) => new NDArray(data.slice().fill(0), shape, dtype));
      expectSameBits(runOnce(built, found, values), zeros, "zero gradient");
    });
  },
);

describe.each(withGradient("none"))("$name", ({ def, example }) => {
  test("cuts the path, and the error names it", () => {
    const { op, inputs } = buildOp(def, example);
    const y = sum(cast(op.outputs[0]!, "float64"));
    expect(gradients(y, inputs, { unconnected: "none" })).toEqual(inputs.map(() => null));
    const text = `the path is cut by ${def.name} "${op.name}"`;
    for (const x of inputs) expect(() => gradients(y, [x])).toThrow(text);
  });
});

test("customGradient: the rule given is the gradient, and what differentiates it", () => {
  const graph = new Graph();
  const x = graph.placeholder("x", [3], { dtype: "float64" });
  // The identity, but with the gradient of x³: a lie that is easy to tell from the truth.
  const y = customGradient(
    [x],
    (only) => mul(only, 1),
    (dy, [only]) => [mul(dy, mul(3, mul(only!, only!)))],
  );
  const [first] = gradients(y, [x]);
  const [second] = gradients(first!, [x]);
  const at = NDArray.of([1, 2, -3], { dtype: "float64" });
  const values = new Session(graph).run([y, first!, second!], [[x, at]]);
  expect(values.map((value) => value.toArray())).toEqual([
    [1, 2, -3],
    [3, 12, 27],
    [6, 12, -18],
  ]);
});
