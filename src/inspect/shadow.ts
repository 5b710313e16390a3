import { type DType, type TypedArray, viewOf } from "../core/dtype.ts";
import { elementCount } from "../core/shape.ts";
import { FunctionBody } from "../graph/body.ts";
import { PassBuilder, reachable } from "../graph/function.ts";
import type { Attr, Operation, Tensor } from "../graph/operation.ts";
import { Variable } from "../graph/operation.ts";
import type { Origin } from "../graph/origin.ts";
import { placeholderOp } from "../ops/state.ts";
import { type FedValue, type Feeds, readFeeds } from "../runtime/feeds.ts";
import { Graph } from "../runtime/graph.ts";
import { NDArray } from "../runtime/ndarray.ts";
import { Session } from "../runtime/session.ts";

/**
 * A copy of what some tensors are computed from, to try things out on: gradients and perturbed inputs that are none of
 * the user's graph's business. Variables become placeholders that are fed their current values, and all of it may be
 * in float64, where finite differences still have digits.
 */
export interface Shadow {
  readonly graph: Graph;
  /** The copy of a tensor. */
  of(tensor: Tensor): Tensor;
  /** Values for all placeholders of the copy. */
  readonly feeds: ReadonlyMap<Tensor, NDArray>;
}

export interface ShadowOptions {
  /** Where variables have their values. Default: a session of its own, in which their initializers run. */
  readonly session?: Session | undefined;
  readonly float64?: boolean;
  /** What the copy of `op` takes for an operand, given the copy of that operand. Default: that itself. */
  readonly operandOf?: (copy: Tensor, op: Operation, operand: number) => Tensor;
}

export function shadowOf(roots: readonly Tensor[], feeds: Feeds, options: ShadowOptions): Shadow {
  const from = roots[0]!.graph as Graph;
  const fed = new Map(readFeeds(from, feeds, { checkFinite: false }).map((value) => [value.tensor, value]));
  const dtypeOf = (dtype: DType): DType => (options.float64 && dtype === "float32" ? "float64" : dtype);
  const ops = reachable(
    roots.filter((root) => !fed.has(root)).map((root) => root.op),
    (tensor) => fed.has(tensor),
  );
  const variables = ops.flatMap((op) => op.outputs.filter((y): y is Variable => y instanceof Variable && !fed.has(y)));
  const values = valuesOf(from, variables, options.session);
  const graph = new Graph({ name: `${from.name}_shadow`, seed: from.seed });
  const copies = new Map<Tensor, Tensor>();
  const copiedFeeds = new Map<Tensor, NDArray>();
  const source = (tensor: Tensor, value: FedValue | NDArray | null): void => {
    const { dtype, shape } = tensor.spec;
    const copy = derived(graph, tensor.op, () =>
      graph.apply(placeholderOp, [], { dtype: dtypeOf(dtype), shape }, { name: tensor.op.name }),
    ).outputs[0]!;
    copies.set(tensor, copy);
    if (value) copiedFeeds.set(copy, new NDArray(inDType(value.data, dtype, dtypeOf(dtype)), value.shape, copy.dtype));
  };
  for (const [tensor, value] of fed) source(tensor, value);
  variables.forEach((variable, i) => {
    source(variable, values[i]!);
  });
  for (const op of ops) {
    if (op.outputs.length === 0 || op.outputs.every((output) => copies.has(output))) continue;
    const inputs = op.inputs.map((input, i) => {
      const operand = copies.get(input)!;
      return options.operandOf?.(operand, op, i) ?? operand;
    });
    const attrs = Object.fromEntries(Object.entries(op.attrs).map(([name, attr]) => [name, attrIn(attr, dtypeOf)]));
    const copy = derived(graph, op, () => graph.apply(op.def, inputs, attrs, { name: op.name }));
    op.outputs.forEach((output, i) => {
      if (!copies.has(output)) copies.set(output, copy.outputs[i]!);
    });
  }
  return { graph, of: (tensor) => copies.get(tensor)!, feeds: copiedFeeds };
}

/** Copies point at the lines of what they copy. */
const derived = <T>(graph: Graph, of: Operation, build: () => T): T =>
  graph.derive({ kind: "rewrite", of, by: "copy" }, build);

const attrIn = (attr: Attr, dtypeOf: (dtype: DType) => DType): Attr => {
  if (attr === "float32") return dtypeOf("float32");
  if (attr instanceof FunctionBody) return bodyIn(attr, dtypeOf);
  if (Array.isArray(attr)) return attr.map((item: Attr) => attrIn(item, dtypeOf));
  return attr instanceof Float32Array ? inDType(attr, "float32", dtypeOf("float32")) : attr;
};

/** A function that an operation runs, in other dtypes. */
function bodyIn({ name, params, results, ops }: FunctionBody, dtypeOf: (dtype: DType) => DType): FunctionBody {
  const builder = new PassBuilder(name);
  const copies = new Map<Tensor, Tensor>();
  const made = [...params.map(({ op }) => op), ...ops].map((op) => {
    const inputs = op.inputs.map((input) => copies.get(input)!);
    const attrs = Object.fromEntries(Object.entries(op.attrs).map(([key, attr]) => [key, attrIn(attr, dtypeOf)]));
    const origin: Origin = { kind: "rewrite", of: op, by: "copy" };
    const copy = builder.derive(origin, () => builder.apply(op.def, inputs, attrs, { name: op.name }));
    op.outputs.forEach((output, i) => void copies.set(output, copy.outputs[i]!));
    return copy;
  });
  const copyOf = (tensor: Tensor): Tensor => copies.get(tensor)!;
  return new FunctionBody({
    name,
    params: params.map(copyOf),
    results: results.map(copyOf),
    ops: made.slice(params.length),
  });
}

function inDType(data: TypedArray, from: DType, to: DType): TypedArray {
  if (from === to) return data;
  const converted = viewOf(to, new ArrayBuffer(data.length * 8), 0, data.length);
  converted.set(data);
  return converted;
}

/** Values of variables in a session, or the ones they begin with. */
export function valuesOf(graph: Graph, variables: readonly Variable[], given?: Session): readonly NDArray[] {
  if (variables.length === 0) return [];
  const session = given ?? new Session(graph);
  if (!given) session.run(variables.map((variable) => variable.initializer));
  return session.run(variables) as readonly NDArray[];
}

/** True for a value of one element. */
export const isSingle = (value: NDArray): boolean => elementCount(value.shape) === 1;
