import { bindSizes } from "../../compiler/passes/bind-sizes.ts";
import { isKnown, type SizeBinding, soleName } from "../../core/size.ts";
import type { Attrs, Operation, Tensor } from "../../graph/operation.ts";

/** What the named sizes of a model's inputs are, on the tensors it is called on: those that are numbers. */
export function sizesOn(inputs: readonly Tensor[], given: readonly Tensor[]): SizeBinding {
  const sizes = new Map<string, number>();
  inputs.forEach(({ shape }, i) => {
    shape?.forEach((size, axis) => {
      const name = soleName(size);
      const actual = given[i]!.shape?.[axis];
      if (name !== null && actual !== undefined && isKnown(actual)) sizes.set(name, actual);
    });
  });
  return sizes;
}

/**
 * The attributes of an operation of a drawing, for tensors whose sizes are numbers: named sizes among them are replaced,
 * also in the bodies of branches and loops.
 */
export function attrsOn(op: Operation, inputs: readonly Tensor[], sizes: SizeBinding): Attrs {
  if (sizes.size === 0) return op.attrs;
  const fn = { name: op.name, params: op.inputs, results: op.outputs, writes: [], ops: [op] };
  const shapes = inputs.map(({ shape }) => shape ?? []);
  const bound = bindSizes.run({ fn, shapes }, { options: {}, sizes, runTime: [], note() {} });
  return bound.ops.at(-1)?.attrs ?? op.attrs;
}
