import { carriesOf, withOwnResults } from "../compiler/bodies.ts";
import type { Plan, Step } from "../compiler/plan.ts";
import { getOrMake } from "../core/collections.ts";
import { specText } from "../core/shape.ts";
import { bodiesOf, type FunctionBody } from "../graph/body.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { enter, givenTo, type Links, leave } from "./bodies.ts";
import { type ContentOptions, countText } from "./from-graph.ts";
import { operationNode, writeEdge, writing } from "./nodes.ts";
import { mergeEdges, type Picture, type PictureEdge, type PictureNode, type Role } from "./picture.ts";
import { framesOfPlan } from "./plan-frames.ts";
import { rolesOf } from "./roles.ts";
import { leafOf, scalarText, scopeOf, shapeLabel, shortened } from "./text.ts";

/** `dense_1/relu` → `dense_1/relu`, but of a deep name only the last two parts. */
const shortName = (name: string): string => {
  const scope = leafOf(scopeOf(name));
  return shortened(scope === "" ? leafOf(name) : `${scope}/${leafOf(name)}`);
};

/**
 * What a session runs: a frame per kernel with the operations it fuses, and between kernels the values that are
 * stored. Operations cheap enough to be computed twice stand in several frames.
 */
export function pictureOfPlan(plan: Plan, options: ContentOptions): Picture {
  const { fn } = plan;
  const fetched = new Set(fn.results);
  const written = new Map(fn.writes.map((write) => [write.value, write.variable]));
  const roles = rolesOf(fn.ops, fetched, new Set(written.keys()));
  const reasons = splitReasons(plan);
  const makers = new Map<Tensor, Step>(plan.steps.flatMap((step) => step.roots.map((root) => [root, step] as const)));
  const params = new Set(plan.feeds);

  const nodes: PictureNode[] = [];
  const edges: PictureEdge[] = [];
  const { frames, frameOf, controls, outermost } = framesOfPlan(plan);

  /** What runs in a loop or branch is there for the same reason as that. */
  const roleOf = (op: Operation, at: Step | Operation): Role =>
    roles.get(op) ?? roles.get(outermost.get(at) ?? op) ?? "forward";

  const sourceIds = new Map<Tensor, string>();
  const homes = homesOfState(plan, makers);
  /** Nodes of what loops run along and carry, and those where values of loops and branches come out. */
  const entryIds = new Map<Tensor, string>();
  const exitIds = new Map<Operation, string>();
  /** What a capture is outside of the body. */
  const outside = new Map<Tensor, Tensor>();
  /** A fed value, a variable or a constant: one node each, made when the first kernel needs it. */
  const source = (tensor: Tensor): string => {
    const known = sourceIds.get(tensor);
    if (known) return known;
    const id = `s${sourceIds.size}`;
    const home = homes.get(tensor);
    const role = params.has(tensor) ? "forward" : (roles.get(tensor.op) ?? "forward");
    const node = params.has(tensor)
      ? {
          kind: "placeholder" as const,
          role,
          title: shortened(leafOf(tensor.op.name)),
          lines: [specText(tensor.spec)],
          tooltip: `fed: ${tensor.name}: ${specText(tensor.spec)}`,
          strong: fetched.has(tensor),
          variable: null,
          writes: [],
          operations: 0,
        }
      : operationNode(tensor.op, role, fetched.has(tensor));
    const scope = scopeOf(tensor.op.name);
    const lines = scope === "" || node.kind === "constant" ? node.lines : [`in ${shortened(scope)}`, ...node.lines];
    nodes.push({ ...node, lines, id, frame: home ? (frameOf.get(home) ?? null) : null });
    sourceIds.set(tensor, id);
    return id;
  };

  /** Nodes by kernel and operation. */
  const ids = new Map<Step, ReadonlyMap<Operation, string>>();
  for (const step of plan.steps) {
    const inKernel = new Map<Operation, string>();
    const roots = new Set(step.roots.map((root) => root.op));
    for (const op of step.fuses) {
      if (!roots.has(op) && op.outputs.every((output) => scalarText(output) !== null)) continue;
      const id = `n${nodes.length - sourceIds.size}`;
      inKernel.set(op, id);
      // What becomes a variable's value is stored there, and says so.
      const isBuffer = roots.has(op) && !op.outputs.some((output) => written.has(output));
      const stored = isBuffer ? [`→ ${shortName(op.name)}`] : [];
      const results = op.outputs.some((output) => fetched.has(output)) ? ["fetched"] : [];
      const node = operationNode(op, roleOf(op, step), roots.has(op), [...stored, ...results]);
      nodes.push({ ...node, id, frame: frameOf.get(step)! });
    }
    ids.set(step, inKernel);
  }
  /** The node that shows a value, wherever it is made. */
  const nodeOf = (tensor: Tensor): string => {
    const maker = makers.get(tensor);
    const found = entryIds.get(tensor) ?? exitIds.get(tensor.op) ?? (maker && ids.get(maker)!.get(tensor.op));
    if (found) return found;
    const given = outside.get(tensor);
    return given ? nodeOf(given) : source(tensor);
  };
  for (const op of controls.keys()) {
    const given = givenTo(op);
    for (const { params } of bodiesOf(op)) params.forEach((param, i) => void outside.set(param, given[i]!));
  }
  const copies = copiesOf(makers.keys());
  const bonds = [...controls].map(([op, frame]) => {
    const add = (node: Omit<PictureNode, "id" | "frame">): string => {
      const id = `l${nodes.length}`;
      nodes.push({ ...node, id, frame });
      return id;
    };
    const results = (body: FunctionBody): readonly Tensor[] => ownResults(body, carriesOf(op), copies);
    const links: Links = { add, idOf: nodeOf, results, edges };
    const exit = add({ ...operationNode(op, roleOf(op, op), false), lines: [] });
    exitIds.set(op, exit);
    const entries = enter(op, roleOf(op, op), links);
    for (const { params } of bodiesOf(op)) entries.forEach((id, i) => void entryIds.set(params[i]!, id));
    return { op, exit, entries, links };
  });
  // What nobody reads was taken away before.
  const read = new Set([...controls.keys()].flatMap((op) => op.outputs));
  for (const { op, exit, entries, links } of bonds) leave(op, exit, entries, read, links);
  for (const step of plan.steps) {
    const inKernel = ids.get(step)!;
    for (const [op, to] of inKernel) {
      for (const input of op.inputs) {
        const local = inKernel.get(input.op);
        if (local) {
          edges.push({ from: local, to, label: "", tooltip: shapeLabel(input.spec), kind: "data" });
          continue;
        }
        const isStored = makers.has(input);
        const isConstant = scalarText(input) !== null || (options.hideConstants && input.op.def.effect === "constant");
        if (isConstant && !isStored) continue;
        const why = reasons.get(input.op)?.get(op);
        const tooltip = isStored ? `${input.name} is stored${why ? `: ${why}` : ""}` : input.name;
        edges.push({ from: nodeOf(input), to, label: shapeLabel(input.spec), tooltip, kind: "data" });
      }
    }
  }
  for (const [value, variable] of written) {
    const from = nodeOf(value);
    const at = nodes.findIndex((node) => node.id === from);
    nodes[at] = writing(nodes[at]!, variable);
    edges.push(writeEdge(from, source(variable), variable));
  }
  const memory = `${plan.steps.length} kernels, ${plan.arenaBytes} bytes of buffers`;
  return {
    title: options.title ?? `plan of ${fn.name}`,
    subtitle: `${memory}; ${countText(nodes)}`,
    nodes,
    frames,
    edges: mergeEdges(edges),
  };
}

/** Copies of values that a body gives away more than once, by what they are copies of. */
function copiesOf(roots: Iterable<Tensor>): ReadonlyMap<Tensor, Tensor[]> {
  const copies = new Map<Tensor, Tensor[]>();
  for (const root of roots) {
    const { def, inputs, origin } = root.op;
    const isCopy = def.name === "identity" && origin.kind === "rewrite" && origin.by === "result";
    if (isCopy) getOrMake(copies, inputs[0]!, (): Tensor[] => []).push(root);
  }
  return copies;
}

/** The results of a body as a plan has them: each computed in it, copies included. */
function ownResults(
  body: FunctionBody,
  carries: number,
  copies: ReadonlyMap<Tensor, readonly Tensor[]>,
): readonly Tensor[] {
  const used = new Map<Tensor, number>();
  return withOwnResults(body, carries).results.map((own, i) => {
    const result = body.results[i]!;
    if (own === result) return result;
    const count = used.get(result) ?? 0;
    used.set(result, count + 1);
    return copies.get(result)?.[count] ?? result;
  });
}

/** Why the value of one operation is stored for another, as the fusion pass noted it. */
function splitReasons(plan: Plan): ReadonlyMap<Operation, ReadonlyMap<Operation, string>> {
  const reasons = new Map<Operation, Map<Operation, string>>();
  for (const event of plan.trace.flatMap((record) => record.events)) {
    if (event.kind !== "split") continue;
    const byConsumer = reasons.get(event.producer) ?? new Map<Operation, string>();
    byConsumer.set(event.consumer, event.why);
    reasons.set(event.producer, byConsumer);
  }
  return reasons;
}

/** Variables that one kernel alone reads and writes, like the moments of Adam, stand in that kernel's frame. */
function homesOfState(plan: Plan, makers: ReadonlyMap<Tensor, Step>): ReadonlyMap<Tensor, Step> {
  const touching = new Map<Tensor, Set<Step>>();
  const touch = (tensor: Tensor, step: Step): void => {
    touching.set(tensor, (touching.get(tensor) ?? new Set()).add(step));
  };
  for (const step of plan.steps) for (const op of step.fuses) for (const input of op.inputs) touch(input, step);
  const homes = new Map<Tensor, Step>();
  for (const { variable, value } of plan.fn.writes) {
    const maker = makers.get(value);
    const all = touching.get(variable) ?? new Set();
    if (maker && [...all].every((step) => step === maker)) homes.set(variable, maker);
  }
  return homes;
}
