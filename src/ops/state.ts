import type { DType } from "../core/dtype.ts";
import { GraphError } from "../core/errors.ts";
import type { Sizes } from "../core/shape.ts";
import type { AssignConflict, BroadcastTo } from "../core/shape-rules.ts";
import type { Shape, Unless, Valid } from "../core/shape-types.ts";
import { sizeText } from "../core/size.ts";
import { builderOf } from "../graph/builder.ts";
import { defineOp, type GradientContext } from "../graph/define.ts";
import { Operation, type Tensor, Variable } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { addOp } from "./arithmetic.ts";
import { apply, f32, type Operand, type OpOptions, operands, type ShapeOf, sameShapeRule } from "./support.ts";

export { constantOp } from "./constant.ts";

/** Attributes of everything that has a spec but no operands. `shape: null` is unknown rank. */
type SourceAttrs = { readonly dtype: DType; readonly shape: Sizes | null };

const sourceDTypes = (_inputs: readonly DType[], attrs: { readonly dtype: DType }): readonly DType[] => [attrs.dtype];

export const placeholderOp = defineOp<SourceAttrs>({
  name: "placeholder",
  category: "source",
  doc: "A value that is fed at each run.",
  inputs: [],
  dtypes: sourceDTypes,
  shapes: (_inputs, attrs) => [attrs.shape],
  gradient: "none",
  effect: "placeholder",
  examples: [],
});

export const variableOp = defineOp<SourceAttrs & { readonly trainable: boolean }>({
  name: "variable",
  category: "source",
  doc: "A value the session keeps between runs. Reading it gives the value at the start of the run.",
  inputs: [],
  dtypes: sourceDTypes,
  shapes: (_inputs, attrs) => [attrs.shape],
  gradient: "none",
  effect: "variable",
  examples: [],
});

export const assignOp = defineOp<Record<never, never>>({
  name: "assign",
  category: "state",
  doc: "Gives a variable a new value when the run ends; the output is that value.\n$v \\leftarrow x$",
  inputs: ["variable", "value"],
  dtypes: ([variable, value], _attrs, context) =>
    variable === value
      ? [variable!]
      : context.fail(`variable is ${variable}, value is ${value}`, `convert the value: cast(value, "${variable}")`),
  shapes: ([variable, value], _attrs, context) => {
    if (variable!.length !== value!.length)
      context.fail(`variable has rank ${variable!.length}, value ${value!.length}`, {
        fix: "a variable keeps its shape; reshape or reduce the value first",
      });
    variable!.forEach((size, axis) => {
      context.require(size, value![axis]!, `axis ${axis} differs: ${size} against ${sizeText(value![axis]!)}`, {
        marks: [[axis], [axis]],
        fix: "a variable keeps its shape; assign a value of that shape",
      });
    });
    return [variable!];
  },
  gradient: "none",
  effect: "assign",
  examples: [],
});

export const groupOp = defineOp<Record<never, never>>({
  name: "group",
  category: "state",
  doc: "Runs other operations together; has no value of its own.",
  inputs: [],
  dtypes: () => [],
  shapes: () => [],
  gradient: "none",
  effect: "group",
  examples: [],
});

export const identityOp = defineOp<Record<never, never>>({
  name: "identity",
  category: "movement",
  doc: "The same value under another name.\n$y = x$",
  inputs: ["x"],
  dtypes: (inputs) => inputs,
  shapes: sameShapeRule,
  shapesOfUnknown: ([x]) => [x!],
  gradient: ({ g }) => [g],
  compute: ({ in: [x] }, index) => x!(...index),
  cost: "free",
  examples: [{ inputs: [f32([2, 3])], attrs: {} }],
});

export const stopGradientOp = defineOp<Record<never, never>>({
  ...identityOp,
  name: "stopGradient",
  doc: "The same value, through which no gradient flows back.\n$y = x,\\; \\partial y / \\partial x := 0$",
  gradient: "none",
});

type CustomRule = (context: never) => readonly (Tensor | null)[];
export const customGradientOp = defineOp<{ readonly rule: CustomRule }>({
  name: "customGradient",
  category: "state",
  doc: "The value of its first operand, with a gradient rule of the user's own for the others.",
  inputs: "many",
  dtypes: ([value]) => [value!],
  shapes: sameShapeRule,
  gradient: (context) => [null, ...(context.op.attrs.rule as (c: GradientContext) => (Tensor | null)[])(context)],
  // Once gradients are built, only the value is left.
  decompose: ({ inputs: [value] }) => [value!],
  examples: [],
});

/** The same value under another name. */
export const identity = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(identityOp, [x], {}, options);

/** The same value, through which no gradient flows back. */
export const stopGradient = <S extends Shape>(x: Tensor<S>, options?: OpOptions): Tensor<S> =>
  apply<S>(stopGradientOp, [x], {}, options);

/**
 * A function with a gradient of your own, as `tf.custom_gradient`.
 *
 * @param inputs tensors `forward` takes
 * @param forward builds the value
 * @param gradient from the incoming gradient, the operands and the value, the gradient of each operand
 * @throws GraphError when `gradient` returns another number of gradients than there are inputs
 */
export function customGradient<S extends Shape>(
  inputs: readonly Tensor[],
  forward: (...inputs: Tensor[]) => Tensor<S>,
  gradient: (dy: Tensor, inputs: readonly Tensor[], y: Tensor) => readonly (Tensor | null)[],
): Tensor<S> {
  const value = forward(...inputs);
  const rule = ({ x, y, g }: GradientContext): readonly (Tensor | null)[] => {
    const operandsOfRule = x.slice(1);
    const result = gradient(g, operandsOfRule, y[0]!);
    if (result.length === operandsOfRule.length) return result;
    throw new GraphError({
      what: `customGradient: the rule gave ${result.length} gradients for ${operandsOfRule.length} inputs`,
      fix: "return one gradient per input, null where none flows",
    });
  };
  return apply<S>(customGradientOp, [value, ...inputs], { rule });
}

/** `variable ← value` at the end of the run. The result is the new value. */
export function assign<S extends Shape, const V extends Operand>(
  variable: Variable<S>,
  value: V & Unless<AssignConflict<S, ShapeOf<V>>>,
  options?: OpOptions,
): Tensor<S> {
  if (!(variable instanceof Variable)) {
    throw new GraphError({
      what: "assign: the target is not a variable",
      details: [String(variable)],
      at: lineOf(captureStack()),
      fix: "make it with graph.variable(…)",
    });
  }
  const [, newValue] = operands("assign", [variable, value]);
  return apply<S>(assignOp, [variable, newValue!], {}, options);
}

/** `variable ← variable + value` at the end of the run. The result is the new value. */
export const assignAdd = <S extends Shape, const V extends Operand>(
  variable: Variable<S>,
  value: V & Valid<BroadcastTo<ShapeOf<V>, S, "assignAdd">>,
  options?: OpOptions,
): Tensor<S> =>
  assign<Shape, Tensor>(variable, apply(addOp, [variable, value], {}), { name: "assignAdd", ...options }) as Tensor<S>;

/**
 * One operation that runs all of these; fetch it to run them, its value is null.
 * @throws GraphError if the list is empty
 */
export function group(members: readonly (Tensor | Operation)[], options?: OpOptions): Operation {
  const controls = members.map((member) => (member instanceof Operation ? member : member.op));
  const first = controls[0];
  if (!first)
    throw new GraphError({
      what: "group: nothing to group",
      at: lineOf(captureStack()),
      fix: "pass at least one operation",
    });
  const builder = first.outputs[0] ? builderOf(first.outputs[0]) : first.graph;
  const foreign = controls.find((op) => op.graph !== first.graph);
  if (foreign) {
    throw new GraphError({
      what: `group: "${first.name}" belongs to graph "${first.graph.name}", "${foreign.name}" to "${foreign.graph.name}"`,
      fix: "group operations of one graph",
    });
  }
  return builder.apply(groupOp, [], {}, { ...options, controls });
}
