import { isFloat } from "../core/dtype.ts";
import { GradientError } from "../core/errors.ts";
import { sameShape, specText } from "../core/shape.ts";
import { builderOf, buildInto, type GraphBuilder } from "../graph/builder.ts";
import { describeTensor, type Operation, type Tensor } from "../graph/operation.ts";
import { captureStack, lineOf } from "../graph/origin.ts";
import { inOrderMade, reachable } from "../graph/reachable.ts";
import { add } from "../ops/arithmetic.ts";
import { onesLike, zerosLike } from "../ops/movement.ts";
import type { ShapeOf } from "../ops/support.ts";
import { throughBodies } from "./bodies.ts";

export interface GradientOptions {
  /** Gradient that flows into each `y`; default 1 for each element. */
  readonly gradYs?: readonly (Tensor | null)[];
  /** Tensors to treat as constants. */
  readonly stopGradients?: readonly Tensor[];
  /**
   * What to give for an `x` on which no `y` depends: `"error"` (default) says where the path was cut, `"zero"` gives
   * zeros, `"none"` null.
   */
  readonly unconnected?: "error" | "zero" | "none";
  /** Scope of the new operations. */
  readonly name?: string;
}

/** A tensor of its shape for each. */
export type GradientsOf<Xs extends readonly Tensor[], Or = never> = {
  -readonly [I in keyof Xs]: Tensor<ShapeOf<Xs[I]>> | Or;
};

/**
 * Reverse-mode derivatives of `Σ ys` with respect to each of `xs`, as tensors of the same graph: they can be fetched,
 * fused and differentiated again.
 *
 * @param ys one or more floating-point tensors
 * @param xs tensors of the same graph; intermediate values are fine
 * @returns for each x a tensor of its shape
 * @throws GradientError if an x is unconnected (unless told otherwise), a y is not floating point, or a rule misbehaves
 */
export function gradients<const Xs extends readonly Tensor[]>(
  ys: Tensor | readonly Tensor[],
  xs: Xs,
  options: GradientOptions & { readonly unconnected: "none" },
): GradientsOf<Xs, null>;
export function gradients<const Xs extends readonly Tensor[]>(
  ys: Tensor | readonly Tensor[],
  xs: Xs,
  options?: GradientOptions,
): GradientsOf<Xs>;
export function gradients(
  ys: Tensor | readonly Tensor[],
  xs: readonly Tensor[],
  options: GradientOptions = {},
): (Tensor | null)[] {
  const roots = Array.isArray(ys) ? (ys as readonly Tensor[]) : [ys as Tensor];
  if (!roots[0]) {
    throw new GradientError({
      what: "gradients: there is nothing to differentiate",
      at: lineOf(captureStack()),
      fix: "give at least one y: gradients(loss, [w])",
    });
  }
  const builder = builderOf(roots[0]);
  if (builder.runsAtOnce) {
    throw new GradientError({
      what: `gradients: ${describeTensor(roots[0])} is a value: it does not know how it was computed`,
      at: lineOf(captureStack()),
      fix: "record the computation: with a GradientTape, or grad((x) => …)(x), of forerun/eager",
    });
  }
  const from = roots.map((y) => builder.standIns(y).at(-1)!);
  const to = xs.map((x) => builder.standIns(x));
  checkRoots(from, to.flat(), options.gradYs);
  const first = builder.operations.length;
  // The order decides how gradients are added up: that in which a tape records, so that both give the same bits.
  const ops = inOrderMade(reachable(from.map((y) => y.op)));
  const found = builder.scope(options.name ?? "gradients", () => backpropagate(builder, ops, from, to, options));
  // Rules build the gradient of every operand; what nobody asked for leaves the graph again.
  builder.discardUnused(
    first,
    found.flatMap((tensor) => (tensor ? [tensor.op] : [])),
  );
  return found;
}

export function checkRoots(roots: readonly Tensor[], xs: readonly Tensor[], gradYs?: readonly (Tensor | null)[]): void {
  const at = () => lineOf(captureStack());
  for (const y of roots) {
    if (isFloat(y.dtype)) continue;
    throw new GradientError({
      what: `gradients: ${describeTensor(y)} is not floating point`,
      details: [`"${y.op.name}" was made at ${y.op.line ?? "an unknown line"}`],
      at: at(),
      fix: 'derivatives need floating point: compute it from float32, cast(x, "float32")',
    });
  }
  const foreign = [...roots, ...xs].find((tensor) => tensor.graph !== roots[0]!.graph);
  if (foreign) {
    throw new GradientError({
      what: `gradients: "${foreign.name}" belongs to graph "${foreign.graph.name}", "${roots[0]!.name}" to "${roots[0]!.graph.name}"`,
      details: [`"${foreign.op.name}" was made at ${foreign.op.line ?? "an unknown line"}`],
      at: at(),
      fix: "differentiate within one graph: y must be computed from x",
    });
  }
  if (gradYs && gradYs.length !== roots.length) {
    throw new GradientError({
      what: `gradients: ${gradYs.length} gradYs for ${roots.length} ys`,
      at: at(),
      fix: "give one gradient for each y; null lets none flow in",
    });
  }
  gradYs?.forEach((g, i) => {
    if (!g || (sameShape(g.shape, roots[i]!.shape) && g.dtype === roots[i]!.dtype)) return;
    throw new GradientError({
      what: `gradients: gradYs[${i}] is ${specText(g.spec)}, its y is ${specText(roots[i]!.spec)}`,
      details: [
        `y    ${describeTensor(roots[i]!)}  made at ${roots[i]!.op.line ?? "?"}`,
        `grad ${describeTensor(g)}  made at ${g.op.line ?? "?"}`,
      ],
      at: at(),
      fix: "an incoming gradient has the shape and dtype of its y",
    });
  });
}

/**
 * Goes back through operations from `ys` to `xs`, applying to `builder` what their rules say.
 * @param ops all that may lie between, inputs first
 * @param xs of each the tensors that stand for it: what flows to them is added up
 */
export function backpropagate(
  builder: GraphBuilder,
  ops: readonly Operation[],
  ys: readonly Tensor[],
  xs: readonly (readonly Tensor[])[],
  options: GradientOptions,
): (Tensor | null)[] {
  const stops = new Set(options.stopGradients ?? []);
  const carries = tensorsThatDependOn(xs.flat(), ops, stops);

  /** Gradient contributions collected so far; one tensor once they are summed. */
  const pending = new Map<Tensor, Tensor[]>();
  const contribute = (to: Tensor, gradient: Tensor): void => {
    const list = pending.get(to);
    if (list) list.push(gradient);
    else pending.set(to, [gradient]);
  };
  const total = (tensor: Tensor): Tensor | null => {
    const list = pending.get(tensor);
    if (!list) return null;
    const sum = list.reduce((a, b) => derive(builder, tensor.op, () => add(a, b)));
    pending.set(tensor, [sum]);
    return sum;
  };

  ys.forEach((y, i) => {
    const seed = options.gradYs?.[i];
    if (seed !== null) contribute(y, seed ?? derive(builder, y.op, () => onesLike(y)));
  });
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i]!;
    if (!op.inputs.some((input) => carries.has(input) && !stops.has(input))) continue;
    const dy = op.outputs.map(total);
    if (dy.every((g) => g === null)) continue;
    const wanted = (input: Tensor): boolean => carries.has(input) && !stops.has(input);
    const dx = gradientOf(builder, op, dy, wanted);
    op.inputs.forEach((input, k) => {
      const g = dx[k];
      if (g && wanted(input)) contribute(input, g);
    });
  }
  return xs.map((tensors) => {
    const [x] = tensors as readonly [Tensor];
    const parts = tensors.flatMap((tensor) => (carries.has(tensor) ? (total(tensor) ?? []) : []));
    if (parts.length > 0) return parts.reduce((a, b) => derive(builder, x.op, () => add(a, b)));
    if (options.unconnected === "none") return null;
    if (options.unconnected === "zero") return derive(builder, x.op, () => zerosLike(x));
    throw unconnectedError(ys, x, ops);
  });
}

/** Makes ops that come from differentiating `op`: named after it, pointing at it. */
const derive = <T>(builder: GraphBuilder, op: Operation, build: () => T): T =>
  builder.derive({ kind: "gradient", of: op, by: op.def.name }, build);

/** Applies the op's rule; checks that each gradient has the spec of its operand. */
function gradientOf(
  builder: GraphBuilder,
  op: Operation,
  dy: readonly (Tensor | null)[],
  wanted: (input: Tensor) => boolean,
): readonly (Tensor | null)[] {
  const { gradient } = op.def;
  if (gradient === "none") return op.inputs.map(() => null);
  return derive(builder, op, () =>
    builder.scope(`${op.name}_grad`, () => {
      if (gradient === "zero") return op.inputs.map((input) => (isFloat(input.dtype) ? zerosLike(input) : null));
      if (gradient === "through-bodies") return throughBodies(builder, op, dy, backpropagate);
      if (gradient === "via-decompose") return throughDecomposition(builder, op, dy);
      const wants = (operand: number): boolean => !builder.runsAtOnce || wanted(op.inputs[operand]!);
      const dx = gradient({ op, x: op.inputs, y: op.outputs, dy, g: dy.find((g) => g !== null)!, wants });
      dx.forEach((g, k) => {
        const x = op.inputs[k]!;
        const compatible = g === null || (g.dtype === x.dtype && (g.shape?.length ?? -1) === (x.shape?.length ?? -1));
        if (compatible) return;
        throw new GradientError({
          what: `the gradient rule of ${op.def.name} gave ${specText(g.spec)} for operand ${k}, which is ${describeTensor(x)}`,
        });
      });
      return dx;
    }),
  );
}

function throughDecomposition(
  builder: GraphBuilder,
  op: Operation,
  dy: readonly (Tensor | null)[],
): readonly (Tensor | null)[] {
  const { outputs, ops } = builder.recorded(() => buildInto(builder, () => op.def.decompose!(op)));
  const connected = outputs.filter((_, i) => dy[i]);
  const inputs = [...new Set(op.inputs)].filter((input) => isFloat(input.dtype));
  const sources = inputs.map((input) => [input]);
  const found = backpropagate(builder, ops, connected, sources, {
    gradYs: dy.filter((g) => g !== null),
    unconnected: "none",
  });
  // An operand used twice gets its whole gradient once.
  const left = new Map(inputs.map((input, i) => [input, found[i]!]));
  return op.inputs.map((input) => {
    const g = left.get(input) ?? null;
    left.delete(input);
    return g;
  });
}

/** Whether derivatives can pass from an operand of `op` to its outputs. */
const passes = (op: Operation): boolean => op.def.gradient !== "none" && op.outputs.some((y) => isFloat(y.dtype));

/** Tensors that depend on some x along a differentiable path. */
function tensorsThatDependOn(
  xs: readonly Tensor[],
  ops: readonly Operation[],
  stops: ReadonlySet<Tensor>,
): ReadonlySet<Tensor> {
  const carries = new Set(xs);
  for (const op of ops) {
    if (!passes(op) || !op.inputs.some((input) => carries.has(input) && !stops.has(input))) continue;
    for (const output of op.outputs) carries.add(output);
  }
  return carries;
}

/** Says why no gradient reaches x: no path at all, or a path with an op that cuts it. */
function unconnectedError(ys: readonly Tensor[], x: Tensor, ops: readonly Operation[]): GradientError {
  const reached = new Set<Tensor>([x]);
  const cuts: Operation[] = [];
  for (const op of ops) {
    if (!op.inputs.some((input) => reached.has(input))) continue;
    if (passes(op)) for (const output of op.outputs) reached.add(output);
    else cuts.push(op);
  }
  const what = `gradients: no gradient flows from ${ys.map((y) => `"${y.name}"`).join(", ")} to "${x.name}"`;
  const at = lineOf(captureStack());
  const madeX = `"${x.name}" was made at ${x.op.line ?? "an unknown line"}`;
  const backwards = ys.find((y) => reachable([x.op]).includes(y.op));
  if (cuts.length === 0) {
    return new GradientError({
      what,
      details: [
        ...ys.slice(0, 4).map((y) => `"${y.name}", made at ${y.op.line ?? "?"}, does not depend on "${x.name}"`),
        madeX,
      ],
      at,
      fix: backwards
        ? `"${x.name}" depends on "${backwards.name}": what is differentiated comes first, gradients(y, [x])`
        : 'differentiate what depends on it, or pass { unconnected: "zero" } or { unconnected: "none" }',
    });
  }
  return new GradientError({
    what,
    details: [
      ...cuts
        .slice(0, 4)
        .map((op) => `the path is cut by ${op.def.name} "${op.name}" at ${op.line ?? "?"}, which has no derivative`),
      madeX,
    ],
    at,
    fix: 'go around it with differentiable ops, or pass { unconnected: "zero" } or { unconnected: "none" }',
  });
}
