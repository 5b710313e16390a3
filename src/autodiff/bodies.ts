import { isFloat } from "../core/dtype.ts";
import { CompileError } from "../core/errors.ts";
import type { TensorSpec } from "../core/shape.ts";
import type { FunctionBody } from "../graph/body.ts";
import { buildInto, type GraphBuilder } from "../graph/builder.ts";
import { type GraphFunction, PassBuilder, reachable, rebuild } from "../graph/function.ts";
import { constantValue, type Operation, type Tensor } from "../graph/operation.ts";
import { neg } from "../ops/arithmetic.ts";
import { applyBranch, type BranchAttrs } from "../ops/control/branch.ts";
import { applyScan, type ScanAttrs } from "../ops/control/scan.ts";
import { isKept } from "../ops/control/trace.ts";
import { zerosLike } from "../ops/movement.ts";
import { placeholderOp } from "../ops/state.ts";
import type { GradientOptions } from "./gradients.ts";

type Back = (
  builder: GraphBuilder,
  ops: readonly Operation[],
  ys: readonly Tensor[],
  xs: readonly (readonly Tensor[])[],
  options: GradientOptions,
) => readonly (Tensor | null)[];
type MaybeTensors = readonly (Tensor | null)[];

/**
 * Gradients of the inputs of an operation that runs functions: an operation of the same kind that runs their gradients.
 * What those need of the way forward, they get: the operation gives it away among its outputs. So it runs once.
 */
export function throughBodies(builder: GraphBuilder, op: Operation, dy: MaybeTensors, back: Back): MaybeTensors {
  if (op.def.control === "branch") return throughBranches(builder, op as Operation<BranchAttrs>, dy, back);
  return throughScan(builder, op as Operation<ScanAttrs>, dy, back);
}

// ── one body ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** A gradient that flows into a tensor of a body. */
interface Seed {
  readonly into: Tensor;
  readonly name: string;
}

/** The gradient of a body, with what it needs of the way forward still as it is there. */
interface BodyGradient {
  readonly fn: GraphFunction;
  readonly builder: PassBuilder;
  /** Its params for the gradients that flow in. */
  readonly seeds: readonly Tensor[];
  /** Tensors of the body that it reads. */
  readonly needs: readonly Tensor[];
}

const param = (builder: GraphBuilder, { dtype, shape }: TensorSpec, name: string): Tensor =>
  builder.apply(placeholderOp, [], { dtype, shape }, { name }).outputs[0]!;

/**
 * @param xs params of the body: each gets a gradient, zeros where none flows
 * @param recompute true to compute again what lies between the params and the results
 */
function gradientOfBody(
  body: FunctionBody,
  seeds: readonly Seed[],
  xs: readonly Tensor[],
  recompute: boolean,
  back: Back,
): BodyGradient {
  const builder = new PassBuilder(`${body.name} gradient`);
  const flowing = seeds.map(({ into, name }) => param(builder, into.spec, name));
  const ys = seeds.map(({ into }) => into);
  const sources = xs.map((x) => [x]);
  const results = buildInto(builder, () =>
    back(builder, body.ops, ys, sources, { gradYs: flowing, unconnected: "zero" }),
  ) as readonly Tensor[];
  const given = new Set(body.params);
  if (!recompute) {
    for (const op of body.ops) if (isKept(op)) for (const output of op.outputs) given.add(output);
  }
  const isForeign = (tensor: Tensor): boolean => tensor.graph !== builder && isOutside(body, tensor);
  const isLeaf = (tensor: Tensor): boolean => given.has(tensor) || flowing.includes(tensor) || isForeign(tensor);
  const roots = results.filter((result) => !isLeaf(result)).map((result) => result.op);
  const ops = reachable(roots, isLeaf);
  const read = [...ops.flatMap((op) => op.inputs), ...results].filter(
    (tensor) => given.has(tensor) || isForeign(tensor),
  );
  const fn: GraphFunction = { name: builder.name, params: [], results, writes: [], ops };
  return { fn, builder, seeds: flowing, needs: [...new Set(read)] };
}

/** True for what a rule of the user's took from around the body. Constants belong anywhere. */
const isOutside = ({ params, ops }: FunctionBody, tensor: Tensor): boolean =>
  !params.includes(tensor) && !ops.includes(tensor.op) && !constantValue(tensor);

/** The gradient as a function of its own: `from` are the seeds and needs in the order of the new params, null for unread ones. */
function closed(
  { fn, builder }: BodyGradient,
  from: readonly { readonly tensor: Tensor | null; readonly spec: TensorSpec; readonly name: string }[],
): GraphFunction {
  const params = from.map(({ spec, name }) => param(builder, spec, name));
  const read = from.flatMap(({ tensor }, i) => (tensor ? [{ tensor, param: params[i]! }] : []));
  const made = rebuild(
    { ...fn, params: read.map(({ tensor }) => tensor) },
    () => null,
    read.map((entry) => entry.param),
  );
  return { ...made, params };
}

const missing = (op: Operation, tensor: Tensor): CompileError =>
  new CompileError({ what: `gradient of ${op.name}: it does not give "${tensor.name}" away` });

// ── branches ─────────────────────────────────────────────────────────────────────────────────────────────────────

function throughBranches(
  builder: GraphBuilder,
  op: Operation<BranchAttrs>,
  dy: MaybeTensors,
  back: Back,
): MaybeTensors {
  const { branches, shared } = op.attrs;
  const captures = op.inputs.slice(1);
  const wanted = captures.flatMap((capture, i) => (isFloat(capture.dtype) ? [i] : []));
  if (wanted.length === 0) return op.inputs.map(() => null);
  let own = shared;
  /** For each branch, the number of the output that each of its results is. */
  const outputs = branches.map(({ results }) => {
    const first = own;
    own += results.length - shared;
    return results.map((_, k) => (k < shared ? k : first + k - shared));
  });
  const gradientsOf = branches.map((body, b) => {
    const seeds = body.results.flatMap((into, k): Seed[] => (dy[outputs[b]![k]!] ? [{ into, name: "dy" }] : []));
    return gradientOfBody(
      body,
      seeds,
      wanted.map((i) => body.params[i]!),
      false,
      back,
    );
  });
  // Every branch has a param for what any of them reads.
  const given: { readonly outer: Tensor; readonly of: (b: number) => Tensor | null }[] = [];
  dy.forEach((outer, output) => {
    if (!outer) return;
    const of = (b: number): Tensor | null => {
      const flowing = outputs[b]!.filter((number) => dy[number]);
      return gradientsOf[b]!.seeds[flowing.indexOf(output)] ?? null;
    };
    given.push({ outer, of });
  });
  captures.forEach((outer, i) => {
    const of = (b: number): Tensor | null =>
      gradientsOf[b]!.needs.find((need) => need === branches[b]!.params[i]) ?? null;
    if (branches.some((_, b) => of(b))) given.push({ outer, of });
  });
  branches.forEach((body, b) => {
    for (const need of gradientsOf[b]!.needs) {
      if (body.params.includes(need)) continue;
      const outer = isOutside(body, need) ? need : op.outputs[outputs[b]![body.results.indexOf(need)] ?? -1];
      if (!outer) throw missing(op, need);
      given.push({ outer, of: (other) => (other === b ? need : null) });
    }
  });
  const bodies = gradientsOf.map((gradient, b) =>
    closed(
      gradient,
      given.map(({ outer, of }) => ({ tensor: of(b), spec: outer.spec, name: nameOf(outer) })),
    ),
  );
  const made = applyBranch(builder, op.def, bodies, [op.inputs[0]!, ...given.map(({ outer }) => outer)]);
  return op.inputs.map((_, i) => made.outputs[wanted.indexOf(i - 1)] ?? null);
}

const nameOf = (tensor: Tensor): string => tensor.op.name.split("/").at(-1)!;

// ── loops ────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The way back through a scan runs the other way round. It carries the gradient of what was carried, and the sums so far
 * of those of the captures; the order of their terms is that of the same network written out step by step.
 */
function throughScan(builder: GraphBuilder, op: Operation<ScanAttrs>, dy: MaybeTensors, back: Back): MaybeTensors {
  const { body, carries, sequences, length, reverse, checkpoint } = op.attrs;
  const { params, results } = body;
  const float = params.flatMap(({ dtype }, i) => (isFloat(dtype) ? [i] : []));
  const carried = float.filter((i) => i < carries);
  const rows = float.filter((i) => i >= carries && i < carries + sequences);
  const captured = float.filter((i) => i >= carries + sequences);
  if (float.length === 0) return op.inputs.map(() => null);
  const stacked = dy.flatMap((g, k) => (g && k >= carries ? [k] : []));
  const seeds: readonly Seed[] = [
    ...captured.map((i) => ({ into: params[i]!, name: "sum" })),
    ...stacked.map((k) => ({ into: results[k]!, name: "dy" })),
    ...carried.map((i) => ({ into: results[i]!, name: "dcarry" })),
  ];
  const order = [...carried, ...captured, ...rows];
  const gradient = gradientOfBody(
    body,
    seeds,
    order.map((i) => params[i]!),
    checkpoint,
    back,
  );
  const flowing = gradient.seeds.map((tensor, k) => ({ tensor, spec: tensor.spec, name: seeds[k]!.name }));
  const sums = flowing.slice(0, captured.length);
  const ofStacked = flowing.slice(captured.length, captured.length + stacked.length);
  const ofCarried = flowing.slice(captured.length + stacked.length);
  const isCapture = (tensor: Tensor): boolean =>
    params.indexOf(tensor) >= carries + sequences || isOutside(body, tensor);
  const needs = [...gradient.needs.filter((need) => !isCapture(need)), ...gradient.needs.filter(isCapture)];
  const outerOf = (need: Tensor): Tensor => {
    if (isOutside(body, need)) return need;
    const i = params.indexOf(need);
    const outer = i >= carries ? op.inputs[i] : op.outputs[results.indexOf(need, carries)];
    if (!outer) throw missing(op, need);
    return outer;
  };
  const given = needs.map((tensor) => ({ tensor, spec: tensor.spec, name: nameOf(tensor) }));
  const made = applyScan(
    builder,
    {
      ...closed(gradient, [...ofCarried, ...sums, ...ofStacked, ...given]),
      carries: carried.length + captured.length,
      sequences: stacked.length + needs.filter((need) => !isCapture(need)).length,
      length,
      reverse: !reverse,
      checkpoint,
    },
    [
      ...carried.map((i) => dy[i] ?? nothing(op.outputs[i]!)),
      ...captured.map((i) => nothing(op.inputs[i]!)),
      ...stacked.map((k) => dy[k]!),
      ...needs.map(outerOf),
    ],
  );
  return op.inputs.map((_, i) => made.outputs[order.indexOf(i)] ?? null);
}

/** The neutral element of a sum: -0 leaves every number as it is, and 0 makes 0 of -0. */
const nothing = (like: Tensor): Tensor => neg(zerosLike(like));
