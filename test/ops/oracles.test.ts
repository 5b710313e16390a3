/**
 * Values and derivatives that PyTorch computed. They know nothing of our formulas, so they find what differences of
 * our own values never would: a wrong op with the right derivative of the wrong thing.
 */
import { afterAll, describe, expect, test } from "vitest";
import { allocate, type DType, isFloat, type TypedArray } from "../../src/core/dtype.ts";
import type { Tensor } from "../../src/graph/operation.ts";
import * as fr from "../../src/index.ts";
import { OPS } from "../../src/ops/registry.ts";
import {
  type GradientCase,
  gradientGroups,
  loadGradientCases,
  type OracleTensor,
  ownGradientGroups,
} from "../oracles/shared.ts";
import { COMPOSED, COMPOSITES, DIRECT, type Inputs, NOT_IN_THE_LIBRARY } from "../support/oracle-ops.ts";

const CASES = [...gradientGroups, ...ownGradientGroups].flatMap((group) =>
  loadGradientCases(group).map((oracle) => ({ label: `${group} ${oracle.name}`, oracle })),
);
const buildOf = ({ op, name }: GradientCase) =>
  op === "composite" ? COMPOSITES[name] : (DIRECT[op] ?? COMPOSED[op]?.build);

type Precision = "float64" | "float32";
const dtypeIn = (precision: Precision, { dtype }: OracleTensor): DType => (dtype === "float" ? precision : dtype);
const arrayOf = (dtype: DType, values: readonly number[]): TypedArray => {
  const data = allocate(dtype, values.length);
  data.set(values);
  return data;
};

/** Largest distance that is still the same number; `lost` is what plain float32 arithmetic loses on the case. */
function tolerance(precision: Precision, wanted: readonly number[], lost: number): number {
  const scale = Math.max(1, ...wanted.map(Math.abs));
  return precision === "float64" ? 1e-12 * scale : 8 * lost + 4 * 2 ** -23 * scale;
}

function expectClose(actual: fr.NDArray, wanted: readonly number[], within: number, what: string): void {
  expect(actual.data.length, what).toBe(wanted.length);
  wanted.forEach((x, i) => {
    const error = Math.abs(actual.data[i]! - x);
    // A NaN is close to nothing.
    if (!(error <= within)) throw new Error(`${what}[${i}] is ${actual.data[i]}, PyTorch has ${x}; ±${within}`);
  });
}

function checkCase(oracle: GradientCase, precision: Precision): void {
  const graph = new fr.Graph();
  const feeds: (readonly [Tensor, fr.NDArray])[] = [];
  const feed = (name: string, dtype: DType, shape: readonly number[], data: readonly number[]): Tensor => {
    const placeholder = graph.placeholder(name, shape, { dtype });
    feeds.push([placeholder, new fr.NDArray(arrayOf(dtype, data), shape, dtype)]);
    return placeholder;
  };
  const inputs: Inputs = Object.fromEntries(
    Object.entries(oracle.in).map(([name, tensor]) => [
      name,
      feed(name, dtypeIn(precision, tensor), tensor.shape, tensor.data),
    ]),
  );
  const built = buildOf(oracle)!(inputs, oracle.attrs, oracle.in);
  const outputs = Array.isArray(built) ? (built as readonly Tensor[]) : [built as Tensor];
  const names = Object.keys(oracle.grad);
  const ys = outputs.filter(({ dtype }) => isFloat(dtype));
  const gradYs = oracle.out.flatMap(({ dtype, shape }, k) =>
    dtype === "float" ? [feed(`cotangent${k}`, precision, shape, oracle.cot[k]!)] : [],
  );
  const derivatives =
    names.length === 0
      ? []
      : fr.gradients(
          ys,
          names.map((name) => inputs[name]!),
          { gradYs },
        );
  const session = new fr.Session(graph, { compile: { verify: true } });
  const { values, found } = session.run({ values: outputs, found: derivatives }, feeds);
  expect(values.length).toBe(oracle.out.length);
  oracle.out.forEach(({ shape, dtype, data }, k) => {
    expect(values[k]!.shape).toEqual(shape);
    expect(values[k]!.dtype).toBe(dtypeIn(precision, { shape, dtype, data }));
    const within = dtype === "float" ? tolerance(precision, data, oracle.f32loss.out) : 0;
    expectClose(values[k]!, data, within, `output ${k}`);
  });
  names.forEach((name, i) => {
    expect(found[i]!.shape).toEqual(oracle.in[name]!.shape);
    const wanted = oracle.grad[name]!;
    expectClose(found[i]!, wanted, tolerance(precision, wanted, oracle.f32loss.grad), `gradient of ${name}`);
  });
}

const counts = { passed: 0, composed: 0, gradients: 0 };

describe.each(CASES.filter(({ oracle }) => buildOf(oracle)))("PyTorch: $label", ({ oracle }) => {
  test("float64", () => {
    checkCase(oracle, "float64");
    counts.passed++;
    counts.gradients += Object.keys(oracle.grad).length;
    if (oracle.op in COMPOSED) counts.composed++;
  });
  test("float32", () => {
    checkCase(oracle, "float32");
  });
});

describe("the table of oracle operations", () => {
  const operations = new Set(CASES.map(({ oracle }) => oracle.op).filter((op) => op !== "composite"));
  const tables = [DIRECT, COMPOSED, NOT_IN_THE_LIBRARY].flatMap((table) => Object.keys(table));

  test("every operation is in one of them, and no other", () => {
    expect(tables.sort()).toEqual([...operations].sort());
    const composites = CASES.filter(({ oracle }) => oracle.op === "composite").map(({ oracle }) => oracle.name);
    expect(Object.keys(COMPOSITES).sort()).toEqual(composites.sort());
  });

  test("what is listed as missing is missing", () => {
    const exported = new Set([...Object.keys(fr), ...OPS.map((def) => def.name)].map((name) => name.toLowerCase()));
    const missing = [...Object.values(NOT_IN_THE_LIBRARY), ...Object.values(COMPOSED).map(({ name }) => name)];
    expect(missing.filter((name) => exported.has(name.toLowerCase()))).toEqual([]);
  });
});

afterAll(() => {
  const open = CASES.filter(({ oracle }) => !buildOf(oracle));
  const ops = new Set(open.map(({ oracle }) => oracle.op));
  const done = `${counts.passed} of ${CASES.length} cases pass (${counts.composed} through compositions)`;
  console.log(`oracles: ${done} with ${counts.gradients} gradients; ${open.length} cases of ${ops.size} ops to come`);
});
