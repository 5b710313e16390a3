import { DTYPES, type DType, isFloat } from "../../src/core/dtype.ts";
import { DTypeError, ForerunError } from "../../src/core/errors.ts";
import type { OpDef, OpExample } from "../../src/graph/define.ts";
import { gradients, Session } from "../../src/index.ts";
import { walkStatements } from "../../src/kernel/statement.ts";
import { OPS } from "../../src/ops/registry.ts";
import { buildOp, difference, exampleValues, feedsOf, runOnce } from "../support/run-op.ts";

/**
 * What an op does with one dtype:
 * - `runs`: the interpreter, JavaScript and WebAssembly give the same bits;
 * - `refused`: the record's own dtype rule says no, with the reason;
 * - `fails`: neither, which is a hole.
 */
export type Cell = { readonly kind: "runs" } | { readonly kind: "refused" | "fails"; readonly why: string };

/** How derivatives pass: built and built again, 0 everywhere, or a declared reason why there are none. */
export type GradientCell = "yes" | "zero" | "through parts" | "none" | `fails: ${string}`;

export interface Coverage {
  readonly def: OpDef;
  readonly dtypes: Readonly<Record<DType, Cell>>;
  /** True if WebAssembly runs it in lanes. */
  readonly lanes: boolean;
  readonly first: GradientCell;
  readonly second: GradientCell;
}

const BACKENDS = ["interpreter", "javascript", "wasm"] as const;

/** Ops that WebAssembly does not run in lanes, with the reason. */
export const SCALAR: Readonly<Record<string, string>> = {
  identity: "there is nothing to compute",
  stopGradient: "there is nothing to compute",
  elementCount: "one number",
  cholesky: "every column needs those before it",
  averagePool3dGradient: "the example is shorter than a vector",
  maxPool3dGradient: "as averagePool3dGradient",
  stridedSlice: "the examples run backwards, or are shorter than a vector",
  randomPermutation: "a shuffle swaps one pair after another",
  foldIn: "a key is two words",
};

/** True if an example, or the same with all its axes eight times as long, has a loop in lanes. */
function runsInLanes(def: OpDef): boolean {
  const longer = (example: OpExample): OpExample => ({
    ...example,
    inputs: example.inputs.map(({ shape, dtype, domain }) => ({
      shape: shape.map((size) => (size > 1 ? size * 8 : size)),
      dtype,
      ...(domain && { domain }),
    })),
  });
  const inLanes = (example: OpExample): boolean => {
    try {
      const { graph, op, inputs } = buildOp(def, example);
      const values = exampleValues({ def, example, index: 0 });
      const plan = new Session(graph, { backend: "wasm" }).plan(op.outputs, feedsOf(inputs, values));
      let found = false;
      for (const { kernel } of plan.steps) {
        walkStatements(kernel.body, (statement) => {
          found ||= statement.kind === "for" && statement.lanes !== undefined;
        });
      }
      return found;
    } catch (error) {
      // Attributes may not fit the longer axes.
      if (error instanceof ForerunError) return false;
      throw error;
    }
  };
  return def.examples.some((example) => inLanes(longer(example)) || inLanes(example));
}

/** The example with `dtype` in the place of the dtype of its main operand. */
function withDType(example: OpExample, dtype: DType): OpExample {
  const main = example.inputs[0]?.dtype;
  const inputs = example.inputs.map((input) => {
    if (input.dtype !== main) return input;
    const { domain, values, ...spec } = input;
    // Signed or fractional values mean nothing to some dtypes.
    const signed = dtype === "float32" || dtype === "float64" || dtype === "int32";
    const kept = dtype === "bool" || !signed ? {} : { ...(domain && { domain }), ...(values && { values }) };
    return { ...spec, ...kept, dtype };
  });
  return { ...example, inputs };
}

function cellOf(def: OpDef, dtype: DType): Cell {
  const own = def.examples.findIndex(({ inputs }) => inputs[0]?.dtype === dtype);
  const index = Math.max(own, 0);
  const example = own >= 0 ? def.examples[own]! : withDType(def.examples[0]!, dtype);
  try {
    const built = buildOp(def, example);
    const values = exampleValues({ def, example, index });
    const results = BACKENDS.map((backend) => runOnce(built, built.op.outputs, values, { backend }));
    const gap = results
      .slice(1)
      .flatMap((result) => result.map((value, i) => difference(value, results[0]![i]!)))
      .find((text) => text !== null);
    return gap ? { kind: "fails", why: gap } : { kind: "runs" };
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    return { kind: error instanceof DTypeError ? "refused" : "fails", why };
  }
}

/** Builds first and second derivatives of the first floating-point example. */
function gradientsOf(def: OpDef): { readonly first: GradientCell; readonly second: GradientCell } {
  if (def.gradient === "none") return { first: "none", second: "none" };
  const example = def.examples.find(({ inputs }) => inputs.some(({ dtype }) => isFloat(dtype)));
  if (!example) return { first: "none", second: "none" };
  if (def.gradient === "zero") return { first: "zero", second: "zero" };
  const kind: GradientCell = def.gradient === "via-decompose" ? "through parts" : "yes";
  try {
    const { op, inputs } = buildOp(def, example);
    const y = op.outputs[0]!;
    const xs = inputs.filter((input) => isFloat(input.dtype));
    if (!isFloat(y.dtype)) return { first: "none", second: "none" };
    const first = gradients(y, xs, { unconnected: "zero" });
    gradients(first, xs, { unconnected: "zero" });
    return { first: kind, second: kind };
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0]! : String(error);
    return { first: `fails: ${why}`, second: `fails: ${why}` };
  }
}

/** Sources and assigns are tested by the sessions that use them: they have no examples. */
export const COVERED = OPS.filter((def) => def.examples.length > 0 && def.examples[0]!.inputs.length > 0);

/** op × dtype × backend × gradient × second gradient, from the records. */
export const coverage = (): readonly Coverage[] =>
  COVERED.map((def) => {
    const cells = DTYPES.map((dtype) => [dtype, cellOf(def, dtype)] as const);
    return {
      def,
      lanes: runsInLanes(def),
      dtypes: Object.fromEntries(cells) as Record<DType, Cell>,
      ...gradientsOf(def),
    };
  });
