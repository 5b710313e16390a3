import { ShapeError } from "../../core/errors.ts";
import { bindShape, isFullyKnown, shapeText, type TensorSpec } from "../../core/shape.ts";
import { bindSize, type SizeBinding, SymbolicSize } from "../../core/size.ts";
import { type GraphFunction, PassBuilder, rebuild, verifyFunction } from "../../graph/function.ts";
import type { Attr, Attrs, Operation, Tensor } from "../../graph/operation.ts";
import { functionText } from "../../graph/print.ts";
import { placeholderOp } from "../../ops/state.ts";
import type { Pass } from "../pass.ts";

function bindAttr(attr: Attr, sizes: SizeBinding): Attr {
  if (attr instanceof SymbolicSize) return bindSize(attr, sizes);
  return Array.isArray(attr) ? attr.map((item: Attr) => bindAttr(item, sizes)) : attr;
}
const holdsSize = (attr: Attr): boolean =>
  attr instanceof SymbolicSize || (Array.isArray(attr) && attr.some((item: Attr) => holdsSize(item)));

/** Attributes with symbolic sizes replaced; the same object if there are none. */
function bindAttrs(attrs: Attrs, sizes: SizeBinding): Attrs {
  if (!Object.values(attrs).some(holdsSize)) return attrs;
  return Object.fromEntries(Object.entries(attrs).map(([name, attr]) => [name, bindAttr(attr, sizes)]));
}

/** Equalities the shape rules left open, now that numbers are known. */
function checkSizes(op: Operation, sizes: SizeBinding): void {
  for (const { left, right, why } of op.checks) {
    const [a, b] = [bindSize(left, sizes), bindSize(right, sizes)];
    if (a === b) continue;
    throw new ShapeError({
      what: `${why}`,
      details: [`${left} is ${a}, ${right} is ${b} with what was fed (${bindingText(sizes)})`],
      at: op.line,
      fix: "feed sizes that agree",
    });
  }
}

export const bindingText = (sizes: SizeBinding): string =>
  [...sizes].map(([name, value]) => `${name.startsWith("?") ? "?" : name} = ${value}`).join(", ");

/** What is compiled: a function, and what is fed to it. */
export interface BindInput {
  readonly fn: GraphFunction;
  /** Shape fed for each param. */
  readonly shapes: readonly (readonly number[])[];
}

/** True if nothing is left to bind: every spec is known and params are placeholders. */
const isBound = (fn: GraphFunction): boolean =>
  fn.params.every((param) => param.op.def === placeholderOp) &&
  [...fn.params, ...fn.ops.flatMap((op) => op.outputs)].every((tensor) => isFullyKnown(tensor.shape));

export const bindSizes: Pass<BindInput, GraphFunction> = {
  name: "bind-sizes",
  doc: "Replaces named sizes by the numbers that were fed, and works out every spec again.\n\nx: float32[batch, 784], fed 32 rows  →  x: float32[32, 784]",
  run({ fn, shapes }, { sizes }) {
    if (isBound(fn)) return fn;
    const builder = new PassBuilder(fn.name);
    const params = fn.params.map((param, i): Tensor => {
      const spec: TensorSpec = { dtype: param.dtype, shape: shapes[i]! };
      const attrs = { dtype: spec.dtype, shape: spec.shape };
      // A fed intermediate value becomes a placeholder of the same name.
      const { name } = param.op;
      return builder.derive(
        { kind: "rewrite", of: param.op, by: "feed" },
        () => builder.apply(placeholderOp, [], attrs, { name }).outputs[0]!,
      );
    });
    return rebuild(
      fn,
      (op, inputs, rebuilder) => {
        if (op.def.effect === "variable" || op.def.effect === "constant") return null;
        checkSizes(op, sizes);
        const bound = rebuilder.clone(op, inputs, bindAttrs(op.attrs, sizes));
        bound.outputs.forEach((output, i) => {
          const promised = op.outputs[i]!.shape;
          if (promised === null || String(bindShape(promised, sizes)) === String(output.shape)) return;
          throw new ShapeError({
            what: `${op.def.name}: shape ${shapeText(promised)} becomes ${shapeText(output.shape)} with ${bindingText(sizes)}`,
            at: op.line,
            fix: "a named size broadcasts only with a literal 1, even when 1 is fed for it",
          });
        });
        return bound.outputs;
      },
      params,
    );
  },
  verify: verifyFunction,
  print: functionText,
};
