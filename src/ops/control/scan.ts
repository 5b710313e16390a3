import { GraphError } from "../../core/errors.ts";
import { type ShapeContext, type Sizes, sameShape, specText, type TensorSpec } from "../../core/shape.ts";
import { equalSizes, isKnown, type Size, sizeText } from "../../core/size.ts";
import type { FunctionBody } from "../../graph/body.ts";
import { builderOf, type GraphBuilder } from "../../graph/builder.ts";
import { defineOp } from "../../graph/define.ts";
import { type Nest, refill, structureOf, type Tensors } from "../../graph/nest.ts";
import type { Operation, Tensor } from "../../graph/operation.ts";
import { captureStack, lineOf } from "../../graph/origin.ts";
import { identity } from "../state.ts";
import { callError, type OpOptions } from "../support.ts";
import { rowsOf, stackRows } from "./rows.ts";
import { bodyWith, checkParams, checkParamTypes, intermediatesOf, tensorsIn, traceBodies } from "./trace.ts";

/**
 * Inputs of the operation: what is carried, what is run along, captures. Its body has a param for each, in that order;
 * its results are the new carry, and what is stacked.
 */
export type ScanAttrs = {
  readonly body: FunctionBody;
  /** How many of the inputs, and of the first results, are carried. */
  readonly carries: number;
  /** How many inputs, after those, are run along, a slice a step. */
  readonly sequences: number;
  readonly length: Size;
  /** How many outputs are the user's; a gradient may need the others. */
  readonly visible: number;
  readonly reverse: boolean;
  /** Keeps no more than what is carried for the gradient, which computes the inside of a step again. */
  readonly checkpoint: boolean;
};

/** A carried value keeps its shape and dtype from step to step. */
export function checkCarry(
  context: ShapeContext,
  inputs: readonly Sizes[],
  { params, results }: FunctionBody,
  carries: number,
): void {
  for (let i = 0; i < carries; i++) {
    const [before, after] = [inputs[i]!, results[i]!.shape];
    const problem = `the body makes ${specText(results[i]!.spec)} of carry ${i}, ${specText(params[i]!.spec)}`;
    if (results[i]!.dtype !== params[i]!.dtype || after?.length !== before.length) context.fail(problem);
    before.forEach((size, axis) => void context.require(size, after![axis]!, problem));
  }
}

export const scanOp = defineOp<ScanAttrs>({
  name: "scan",
  category: "control",
  doc: "Runs a function along the first axis of sequences, step by step: from what is carried and a slice of each, it makes what is carried on and what is stacked.\n$(c_t, y_t) = f(c_{t-1}, x_t),\\; t = 1 \\ldots T$\n\nA loop in the plan, not a copy of the function for each step. The outputs are the last carry, what the function returns for each step, stacked, and behind them whatever a gradient may need; what nobody reads is taken away before anything is compiled.",
  inputs: "many",
  control: "scan",
  dtypes: (inputs, { body, carries, sequences, length }, context) => {
    if (carries + sequences > inputs.length)
      context.fail(`${inputs.length} inputs for ${carries} carries and ${sequences} sequences`);
    if (isKnown(length) && length < 0) context.fail(`length is ${length}`);
    checkParamTypes(context, body, inputs);
    if (body.results.length < carries) context.fail(`the function gives less than the ${carries} values it carries on`);
    return body.results.map(({ dtype }) => dtype);
  },
  shapes: (inputs, { body, carries, sequences, length }, context) => {
    const isRow = (i: number): boolean => i >= carries && i < carries + sequences;
    checkParams(
      context,
      body,
      inputs.map((shape, i) => (isRow(i) ? shape.slice(1) : shape)),
    );
    checkCarry(context, inputs, body, carries);
    inputs.slice(carries, carries + sequences).forEach((shape, i) => {
      const problem = `sequence ${i} has ${sizeText(shape[0] ?? 0)} rows, the scan ${sizeText(length)} steps`;
      if (shape.length === 0) context.fail(`sequence ${i} is a scalar: it has no rows`);
      context.require(shape[0]!, length, problem, { fix: "all sequences have one length" });
    });
    return outputShapes(body, carries, length);
  },
  shapesOfUnknown: (_inputs, { body, carries, length }) => outputShapes(body, carries, length),
  gradient: "through-bodies",
  examples: [],
});

const outputShapes = ({ results }: FunctionBody, carries: number, length: Size): readonly (Sizes | null)[] =>
  results.map(({ shape }, i) => (i < carries || shape === null ? shape : [length, ...shape]));

export interface ScanOptions extends OpOptions {
  /** Runs from the last row to the first; what is stacked stays beside the row it was made from. */
  readonly reverse?: boolean;
  /** Number of steps; needed only where there are no sequences. */
  readonly length?: Size;
  /** Keeps less for the gradient, which computes the inside of each step again from what is carried. Default false. */
  readonly checkpoint?: boolean;
}

/**
 * Runs `step(carry, x)` along the first axis of `xs`. It returns `[carry, y]`: what is carried to the next step, and
 * what is stacked. Each of carry, x and y is a tensor, or tensors in lists and objects; null where there is none.
 *
 *     const [last, all] = scan((h, x) => { const next = tanh(add(matmul(x, w), matmul(h, u))); return [next, next]; }, h0, xs);
 *
 * @param xs tensors with one first axis, `[steps, …]`; null with `length`
 * @returns the last carry, and what is stacked: `[steps, …]`
 * @throws GraphError where `step` changes the structure of the carry, ShapeError where it changes its shape or dtype
 */
export function scan<C extends Nest | null, X extends Nest | null, Y extends Nest | null>(
  step: (carry: Tensors<C>, x: Tensors<X>) => readonly [carry: Nest | null, y: Y],
  carry: C,
  xs: X,
  options: ScanOptions = {},
): [carry: Tensors<C>, ys: Tensors<Y>] {
  const start = tensorsIn("scan", "carry", carry);
  const sequences = tensorsIn("scan", "xs", xs);
  const [first] = [...start.tensors, ...sequences.tensors];
  if (!first) throw callError("scan", "there is no tensor in carry and xs", "carry at least one tensor");
  const builder = builderOf(first);
  const length = lengthOf(sequences.tensors, options.length);
  const run = (c: readonly Tensor[], x: readonly Tensor[]) => {
    const result: unknown = step(refill(carry, c) as Tensors<C>, refill(xs, x) as Tensors<X>);
    if (!Array.isArray(result) || result.length !== 2) throw noPair(result);
    const [next, y] = result as [Nest | null, Y];
    const after = tensorsIn("scan", "the new carry", next);
    checkStructure(carry, next);
    checkSpecs("scan", start, after.tensors);
    return { next: after.tensors, y, ys: tensorsIn("scan", "y", y).tensors };
  };
  // Without rows nothing runs that could tell what y would be: then the step is traced, as it is in a graph.
  if (builder.runsAtOnce && length !== 0) {
    return runAtOnce(run, carry, start.tensors, sequences.tensors, length, options);
  }
  let y: Y | undefined;
  const named = (prefix: string, { places }: { places: readonly string[] }, i: number): string =>
    prefix + (places[i] ?? "").replace(/[^A-Za-z0-9]+/g, "_").replace(/_$/, "");
  const params = [
    ...start.tensors.map(({ spec }, i) => ({ spec, name: named("carry", start, i) })),
    ...sequences.tensors.map((tensor, i) => ({ spec: sliceSpec(tensor), name: named("x", sequences, i) })),
  ];
  const { bodies, captures } = traceBodies("scan", builder, [
    {
      what: "step",
      params,
      build: (own) => {
        const made = run(own.slice(0, start.tensors.length), own.slice(start.tensors.length));
        y = made.y;
        return [...made.next, ...made.ys];
      },
    },
  ]);
  const [traced] = bodies;
  const carries = start.tensors.length;
  const visible = traced!.results.slice(carries);
  const op = applyScan(
    builder,
    {
      ...traced!,
      carries,
      sequences: sequences.tensors.length,
      length,
      reverse: options.reverse ?? false,
      checkpoint: options.checkpoint ?? false,
    },
    [...start.tensors, ...sequences.tensors, ...captures],
    options,
  );
  const stacked = op.outputs.slice(carries, carries + visible.length);
  return [refill(carry, op.outputs.slice(0, carries)) as Tensors<C>, refill(y, stacked) as Tensors<Y>];
}

/** Applies a scan whose stacked results, beyond those given, are all that a gradient may ask for. */
export function applyScan(
  builder: GraphBuilder,
  traced: Parameters<typeof intermediatesOf>[0] & Omit<ScanAttrs, "body" | "visible">,
  inputs: readonly Tensor[],
  options: OpOptions = {},
): Operation<ScanAttrs> {
  const { carries, sequences, length, reverse, checkpoint, results } = traced;
  const hidden = [
    ...traced.params.slice(0, carries),
    ...(checkpoint ? [] : intermediatesOf(traced, results.slice(carries))),
  ];
  const body = bodyWith(traced, [...results, ...hidden]);
  return builder.apply(
    scanOp,
    inputs,
    { body, carries, sequences, length, visible: results.length, reverse, checkpoint },
    options,
  );
}

/**
 * Runs a function on each row of `xs`: a scan that carries nothing.
 * @returns what the function returns, stacked
 */
export function map<X extends Nest, Y extends Nest>(
  fn: (x: Tensors<X>) => Y,
  xs: X,
  options: Omit<ScanOptions, "reverse"> = {},
): Tensors<Y> {
  const step = (_: unknown, x: Tensor): [null, Tensor] => [null, fn(x as Tensors<X>) as Tensor];
  // For the type checker each of them is a tensor: structures of any depth are too much for it.
  const [, ys] = scan<null, Tensor, Tensor>(step, null, xs as Tensor, { name: "map", ...options });
  return ys as Tensors<Y>;
}

// ── arguments ────────────────────────────────────────────────────────────────────────────────────────────────────

function lengthOf(sequences: readonly Tensor[], wanted: Size | undefined): Size {
  for (const tensor of sequences) {
    if (tensor.shape?.length) continue;
    const problem = `xs has ${specText(tensor.spec)} in it, which has no rows to run along`;
    throw callError("scan", problem, "give sequences with an axis of steps in front; capture what is the same in all");
  }
  const lengths = sequences.map((tensor) => tensor.shape![0]!);
  const length = wanted ?? lengths[0];
  if (length === undefined) {
    throw callError("scan", "without xs, nothing says how many steps there are", "give { length: 10 }");
  }
  const other = lengths.find((size) => equalSizes(size, length) === false);
  if (other !== undefined) {
    const problem = `sequences of ${sizeText(length)} and ${sizeText(other)} steps`;
    throw callError("scan", problem, "all xs, and length, need one number of steps");
  }
  if (isKnown(length) && !(Number.isInteger(length) && length >= 0)) {
    throw callError("scan", `length is ${length}`, "give a whole number of steps");
  }
  return length;
}

const sliceSpec = ({ dtype, shape }: Tensor): TensorSpec => ({ dtype, shape: shape!.slice(1) });

function noPair(result: unknown): GraphError {
  const got = Array.isArray(result) ? `a list of ${result.length}` : String(result);
  return callError(
    "scan",
    `step returned ${got}, not [carry, y]`,
    "return [carry, y], with null for what there is not",
  );
}

function checkStructure(before: Nest | null, after: Nest | null): void {
  const [was, is] = [structureOf(before), structureOf(after)];
  if (was === is) return;
  throw callError("scan", `step was given a carry of ${was} and returned one of ${is}`, "return it as it was given");
}

/** @throws ShapeError naming what a step made of a carried value */
export function checkSpecs(
  user: string,
  { tensors, places }: { readonly tensors: readonly Tensor[]; readonly places: readonly string[] },
  after: readonly Tensor[],
): void {
  tensors.forEach((before, i) => {
    const now = after[i]!;
    const same =
      before.dtype === now.dtype &&
      (sameShape(before.shape, now.shape) ||
        (before.shape?.length === now.shape?.length &&
          (before.shape ?? []).every((size, axis) => equalSizes(size, now.shape![axis]!) !== false)));
    if (same) return;
    throw new GraphError({
      what: `${user}: carry${places[i]} begins as ${specText(before.spec)} and becomes ${specText(now.spec)}`,
      details: [
        `begins  "${before.name}", made at ${before.op.line ?? "an unknown line"}`,
        `becomes "${now.name}", made at ${now.op.line ?? "an unknown line"}`,
      ],
      at: lineOf(captureStack()),
      fix: "what is carried keeps its shape and dtype; broadcast or cast the first value",
    });
  });
}

// ── define-by-run ────────────────────────────────────────────────────────────────────────────────────────────────

function runAtOnce<C extends Nest | null, Y extends Nest | null>(
  run: (c: readonly Tensor[], x: readonly Tensor[]) => { next: readonly Tensor[]; y: Y; ys: readonly Tensor[] },
  carry: C,
  start: readonly Tensor[],
  sequences: readonly Tensor[],
  length: Size,
  { reverse = false }: ScanOptions,
): [Tensors<C>, Tensors<Y>] {
  const steps = length as number;
  const rows = sequences.map(rowsOf);
  const made: (readonly Tensor[])[] = new Array(steps);
  let current = start;
  let y: Y | undefined;
  for (let turn = 0; turn < steps; turn++) {
    const t = reverse ? steps - 1 - turn : turn;
    // Through an identity: so a tape sums up the gradients of one step before it adds those of ys, as a graph does.
    const result = run(
      current.map((carry) => identity(carry)),
      rows.map((row) => row[t]!),
    );
    current = result.next;
    y = result.y;
    made[t] = result.ys;
  }
  const stacked = (made[0] ?? []).map((_, i) => stackRows(made.map((ys) => ys[i]!)));
  return [refill(carry, current) as Tensors<C>, refill(y!, stacked) as Tensors<Y>];
}
