import { ShapeError } from "../../core/errors.ts";
import { bindShape, isFullyKnown, shapeText, type TensorSpec } from "../../core/shape.ts";
import {
  bindSize,
  isKnown,
  namedSize,
  namesIn,
  type Size,
  type SizeBinding,
  SymbolicSize,
  sizeText,
  soleName,
} from "../../core/size.ts";
import { withBodies } from "../../graph/body.ts";
import { type GraphFunction, PassBuilder, rebuild, verifyFunction } from "../../graph/function.ts";
import { operandDetails, operandOf } from "../../graph/infer.ts";
import type { Attr, Attrs, Operation, Tensor } from "../../graph/operation.ts";
import { captureStack, lineOf } from "../../graph/origin.ts";
import { functionText } from "../../graph/print.ts";
import { placeholderOp } from "../../ops/state.ts";
import { shapesOfParams } from "../bodies.ts";
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

/** With the problem, the place and the fix a message has at most 12 lines. */
const LINES = 9;

/** Equalities the shape rules left open, now that numbers are known. */
function checkSizes(op: Operation, input: BindInput, sizes: SizeBinding): void {
  for (const { left, right, why, marks, fix } of op.checks) {
    const [a, b] = [bindSize(left, sizes), bindSize(right, sizes)];
    if (a === b) continue;
    const values = [left, right].flatMap((size, i) =>
      isKnown(size) || soleName(size) !== null ? [] : [`${sizeText(size)} is ${[a, b][i]}`],
    );
    const names = [...namesIn(right, namesIn(left))];
    const given = [...values, ...names.flatMap((name) => whoGave(name, input, sizes))].slice(0, 5);
    const operands = operandDetails(op.def, op.inputs.map(operandOf), marks, op.line, { names: false });
    throw new ShapeError({
      what: why,
      details: [...operands.slice(0, LINES - given.length), ...given],
      at: op.line,
      // Of 784*batch and 100*batch no feed makes the same.
      fix: hopeless(left, right) && fix ? fix : agreement(left, right, a === 1 || b === 1),
    });
  }
}

/** Which feed gave a named size its value. */
function whoGave(name: string, { fn, shapes }: BindInput, sizes: SizeBinding): readonly string[] {
  for (const [i, param] of fn.params.entries()) {
    const axis = param.shape?.findIndex((size) => soleName(size) === name) ?? -1;
    if (axis < 0) continue;
    return [
      `${sizeText(namedSize(name))} is ${sizes.get(name)}: axis ${axis} of "${param.op.name}", ${fedText(shapes[i]!)}`,
    ];
  }
  return [];
}
const fedText = (shape: readonly number[]): string =>
  `fed ${shapeText(shape)} at ${lineOf(captureStack()) ?? "an unknown line"}`;

const hopeless = (left: Size, right: Size): boolean =>
  [...namesIn(left)].sort().join() === [...namesIn(right)].sort().join();

function agreement(left: Size, right: Size, isOne: boolean): string {
  const [a, b] = [sizeText(left), sizeText(right)];
  const literal = isOne ? "; only a literal 1 broadcasts, not a named size that is 1" : "";
  if (a === "?" || b === "?") return `feed sizes that agree, or give both one name, "batch" instead of null${literal}`;
  if (soleName(left) === null || soleName(right) === null) return `feed sizes for which ${a} = ${b}${literal}`;
  return `feed equal sizes, or name both "${a}", so that feeds are checked against each other${literal}`;
}

export const bindingText = (sizes: SizeBinding): string =>
  [...sizes].map(([name, value]) => `${name.startsWith("?") ? "?" : name} = ${value}`).join(", ");

/** Runs a shape rule on numbers; what it throws also says what was fed. */
function withFeeds<T>({ fn, shapes }: BindInput, rule: () => T): T {
  try {
    return rule();
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const open = fn.params.flatMap((param, i) =>
      isFullyKnown(param.shape) ? [] : [`"${param.op.name}" was ${fedText(shapes[i]!)}`],
    );
    throw new ShapeError({ ...error.parts, details: [...(error.parts.details ?? []), ...open].slice(0, LINES) });
  }
}

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
  run(input, context) {
    const { sizes } = context;
    const { fn, shapes } = input;
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
        checkSizes(op, input, sizes);
        const attrs = bindAttrs(op.attrs, sizes);
        const withBound = op.def.control
          ? withBodies(attrs, (body) => bindSizes.run({ fn: body, shapes: shapesOfParams(op, inputs) }, context))
          : attrs;
        const bound = withFeeds(input, () => rebuilder.clone(op, inputs, withBound));
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
