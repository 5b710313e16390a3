import { OpenSizeError, ShapeError } from "../../core/errors.ts";
import { bindShape, isFullyKnown, type Sizes, shapeText, type TensorSpec } from "../../core/shape.ts";
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
import { bodiesOf, withBodies } from "../../graph/body.ts";
import { type GraphFunction, PassBuilder, rebuild, verifyFunction } from "../../graph/function.ts";
import { operandDetails, operandOf } from "../../graph/infer.ts";
import type { Attr, Attrs, Operation, Tensor } from "../../graph/operation.ts";
import { captureStack, lineOf } from "../../graph/origin.ts";
import { functionText } from "../../graph/print.ts";
import { placeholderOp } from "../../ops/state.ts";
import { shapesOfParams } from "../bodies.ts";
import type { Pass, PassContext } from "../pass.ts";

/** What names become: numbers, and in a plan for many sizes other names. */
type Meaning = ReadonlyMap<string, Size>;

function bindAttr(attr: Attr, sizes: Meaning): Attr {
  if (attr instanceof SymbolicSize) return bindSize(attr, sizes);
  return Array.isArray(attr) ? attr.map((item: Attr) => bindAttr(item, sizes)) : attr;
}
/** True if an attribute is, or holds, a size that is not bound. */
export const holdsSize = (attr: Attr): boolean =>
  attr instanceof SymbolicSize || (Array.isArray(attr) && attr.some((item: Attr) => holdsSize(item)));

/** Attributes with symbolic sizes replaced; the same object if there are none. */
function bindAttrs(attrs: Attrs, sizes: Meaning): Attrs {
  if (!Object.values(attrs).some(holdsSize)) return attrs;
  return Object.fromEntries(Object.entries(attrs).map(([name, attr]) => [name, bindAttr(attr, sizes)]));
}

/** With the problem, the place and the fix a message has at most 12 lines. */
const LINES = 9;

/** Equalities the shape rules left open, now that numbers are known. Those of run-time sizes are checked for each run. */
function checkSizes(op: Operation, input: BindInput, sizes: SizeBinding, meaning: Meaning): void {
  for (const { left, right, why, marks, fix } of op.checks) {
    const [a, b] = [bindSize(left, meaning), bindSize(right, meaning)];
    if (a === b || !isKnown(a) || !isKnown(b)) continue;
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
const fedText = (shape: Sizes): string => `fed ${shapeText(shape)} at ${lineOf(captureStack()) ?? "an unknown line"}`;

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
function withFeeds<T>(op: Operation, { fn, shapes }: BindInput, { runTime }: PassContext, rule: () => T): T {
  try {
    return rule();
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    // The numbers fit, so it is the rule that can do nothing else.
    if (runTime.length > 0) tooOpen(op, "its shape rule needs numbers", namesOf(runTime));
    const open = fn.params.flatMap((param, i) =>
      isFullyKnown(param.shape) ? [] : [`"${param.op.name}" was ${fedText(shapes[i]!)}`],
    );
    throw new ShapeError({ ...error.parts, details: [...(error.parts.details ?? []), ...open].slice(0, LINES) });
  }
}

const namesOf = (sizes: readonly { readonly name: string }[]): readonly string[] => sizes.map(({ name }) => name);

function tooOpen(op: Operation, what: string, names: Iterable<string>): never {
  throw new OpenSizeError({ what }, [...names], { op: op.def.name, name: op.name });
}

/** What is compiled: a function, and what is fed to it. */
export interface BindInput {
  readonly fn: GraphFunction;
  /** Shape fed for each param; in bodies of a plan for many sizes not all of it is numbers. */
  readonly shapes: readonly Sizes[];
  /** Sizes that could have been run-time integers, and why they are not. */
  readonly exact?: readonly { readonly size: string; readonly why: string }[];
}

/**
 * What names become. Of run-time sizes that must be equal, one stands for all, so that what is compiled knows that they
 * are.
 */
function meaningOf(fn: GraphFunction, { sizes, runTime }: PassContext): Meaning {
  const meaning = new Map<string, Size>(sizes);
  for (const name of namesOf(runTime)) meaning.set(name, namedSize(name));
  if (runTime.length < 2) return meaning;
  const join = (one: GraphFunction): void => {
    for (const op of one.ops) {
      bodiesOf(op).forEach(join);
      for (const { left, right } of op.checks) {
        const [a, b] = [soleName(bindSize(left, meaning)), soleName(bindSize(right, meaning))];
        if (a === null || b === null || a === b) continue;
        for (const [name, size] of meaning) if (soleName(size) === b) meaning.set(name, namedSize(a));
      }
    }
  };
  join(fn);
  return meaning;
}

/** True if nothing is left to bind: every spec is known and params are placeholders. */
const isBound = (fn: GraphFunction): boolean =>
  fn.params.every((param) => param.op.def === placeholderOp) &&
  [...fn.params, ...fn.ops.flatMap((op) => op.outputs)].every((tensor) => isFullyKnown(tensor.shape));

export const bindSizes: Pass<BindInput, GraphFunction> = {
  name: "bind-sizes",
  doc: "Replaces named sizes by the numbers that were fed, and works out every spec again.\n\nx: float32[batch, 784], fed 32 rows  →  x: float32[32, 784]",
  run(input, context) {
    for (const { size, why } of input.exact ?? []) context.note({ kind: "exact", size, why });
    return bind(input, meaningOf(input.fn, context), context, true);
  },
  verify: verifyFunction,
  print: functionText,
};

function bind(input: BindInput, meaning: Meaning, context: PassContext, isMain = false): GraphFunction {
  const { sizes, runTime } = context;
  const { fn, shapes } = input;
  if (isBound(fn)) return fn;
  const builder = new PassBuilder(fn.name);
  const params = fn.params.map((param, i): Tensor => {
    const stays = isMain && runTime.length > 0 && param.shape !== null;
    const shape = stays ? bindShape(param.shape, meaning) : shapes[i]!;
    const spec: TensorSpec = { dtype: param.dtype, shape };
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
      checkSizes(op, input, sizes, meaning);
      const attrs = bindAttrs(op.attrs, meaning);
      const withBound = op.def.control
        ? withBodies(attrs, (body) => bind({ fn: body, shapes: shapesOfParams(op, inputs) }, meaning, context))
        : attrs;
      const bound = withFeeds(op, input, context, () => rebuilder.clone(op, inputs, withBound));
      bound.outputs.forEach((output, i) => {
        const promised = op.outputs[i]!.shape && bindShape(op.outputs[i]!.shape!, meaning);
        if (promised === null || String(promised) === String(output.shape)) return;
        const open = [...promised, ...(output.shape ?? [])].reduce(
          (names, size) => namesIn(size, names),
          new Set<string>(),
        );
        if (open.size > 0) tooOpen(op, "its sizes are equal only for some numbers", open);
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
}
