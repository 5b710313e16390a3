import { allocate, type TypedArray } from "../../core/dtype.ts";
import { elementCount, isFullyKnown, knownShape } from "../../core/shape.ts";
import { type GraphFunction, rebuild, verifyFunction } from "../../graph/function.ts";
import { constantValue, type Operation, type Tensor } from "../../graph/operation.ts";
import { functionText } from "../../graph/print.ts";
import { withFreshExpressions } from "../../kernel/expr.ts";
import { interpretKernel } from "../../kernel/interpret.ts";
import type { Stmt, StoreStmt } from "../../kernel/statement.ts";
import { constantOp } from "../../ops/state.ts";
import { lowerGroup } from "../lowering.ts";
import { type Pass, unchanged } from "../pass.ts";
import { holdsSize } from "./bind-sizes.ts";
import { pruneFunction } from "./prune.ts";

/** Elements of a result that is still worth computing at compile time. */
const FOLD_LIMIT = 1024;

/** Value of a primitive on constants, by the interpreter: the same bits any backend would give. */
function evaluate(op: Operation, inputs: readonly Tensor[]): TypedArray {
  return withFreshExpressions(() => {
    const [root] = op.outputs;
    const domain = knownShape(root!.shape);
    const { kernel, arguments: tensors } = lowerGroup({
      ops: [op],
      roots: [root!],
      domain,
      loopOrder: [...domain.keys()],
      scratch: new Map(),
    });
    const result = allocate(root!.dtype, elementCount(domain));
    const byTensor = new Map(inputs.map((input) => [input, constantValue(input)!]));
    const arrays = tensors.map((tensor) => (tensor === root ? result : byTensor.get(tensor!)!));
    const store = op.def.compute ? onlyStore(kernel.body) : null;
    if (store?.value.kind === "const") return result.fill(store.value.value);
    if (store?.value.kind === "load" && store.value.at === store.at && store.value.buffer.size === result.length)
      return arrays[kernel.buffers.indexOf(store.value.buffer)]!;
    interpretKernel(kernel, arrays);
    return result;
  });
}

/**
 * What the loops over all elements do, if that is one store. Most constants are one number everywhere or another
 * constant as it is (the initial value of a variable), and then the interpreter need not even be prepared.
 */
function onlyStore(body: readonly Stmt[]): StoreStmt | null {
  const [only] = body;
  if (body.length !== 1 || !only) return null;
  if (only.kind === "for") return onlyStore(only.body);
  return only.kind === "store" ? only : null;
}

const isFoldable = (op: Operation, inputs: readonly Tensor[]): boolean =>
  (op.def.compute !== undefined || op.def.kernel !== undefined) &&
  inputs.every((input) => constantValue(input) !== null) &&
  op.outputs.length === 1 &&
  !Object.values(op.attrs).some(holdsSize) &&
  [...op.inputs, ...op.outputs].every(({ shape }) => isFullyKnown(shape)) &&
  elementCount(knownShape(op.outputs[0]!.shape)) <= FOLD_LIMIT &&
  inputs.every((input) => elementCount(knownShape(input.shape)) <= FOLD_LIMIT);

/** Makes one such pass; it runs twice, on composites and again on what they decompose into. */
export const foldConstants = (name: string): Pass<GraphFunction> => ({
  name,
  doc: "Computes at compile time what depends on constants alone, if it is small.\n\n{ a = 2 * 3; y = x + a }  →  { y = x + 6 }",
  run(fn, context) {
    const folded = rebuild(fn, (op, inputs, builder) => {
      if (!isFoldable(op, inputs)) return null;
      const current = builder.on(op, inputs);
      const [output] = op.outputs;
      const attrs = { value: evaluate(current, inputs), shape: knownShape(output!.shape), dtype: output!.dtype };
      const constant = builder.derive({ kind: "rewrite", of: op, by: name }, () =>
        builder.apply(constantOp, [], attrs, { name: `${op.name}/folded` }),
      );
      context.note({ kind: "rewrite", rule: name, before: op, after: constant.outputs[0]! });
      return constant.outputs;
    });
    return pruneFunction(folded);
  },
  skip: unchanged,
  verify: verifyFunction,
  print: functionText,
});
