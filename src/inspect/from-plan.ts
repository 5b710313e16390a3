import type { Plan, Step } from "../compiler/plan.ts";
import { specText } from "../core/shape.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { type ContentOptions, countText, operationNode, writeEdge, writing } from "./from-graph.ts";
import { mergeEdges, type Picture, type PictureEdge, type PictureFrame, type PictureNode } from "./picture.ts";
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
  const frames: PictureFrame[] = [];
  const frameOf = new Map<Step, string>();
  for (const [i, step] of plan.steps.entries()) {
    const id = `c${i}`;
    const title = `${i + 1}  ${shortened(step.kernel.name, 44)}`;
    const stores = step.roots.map((root) => root.name).join(", ");
    frames.push({
      id,
      kind: "kernel",
      title,
      path: step.kernel.name,
      tooltip: `kernel ${step.kernel.name} stores ${stores}`,
      parent: null,
    });
    frameOf.set(step, id);
  }

  const sourceIds = new Map<Tensor, string>();
  const homes = homesOfState(plan, makers);
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
      const node = operationNode(op, roles.get(op) ?? "forward", roots.has(op), [...stored, ...results]);
      nodes.push({ ...node, id, frame: frameOf.get(step)! });
    }
    ids.set(step, inKernel);
  }
  for (const step of plan.steps) {
    const inKernel = ids.get(step)!;
    for (const [op, to] of inKernel) {
      for (const input of op.inputs) {
        const local = inKernel.get(input.op);
        const maker = makers.get(input);
        if (local) edges.push({ from: local, to, label: "", tooltip: shapeLabel(input.spec), kind: "data" });
        else if (maker) {
          const from = ids.get(maker)!.get(input.op)!;
          const why = reasons.get(input.op)?.get(op);
          const tooltip = `${input.name} is stored${why ? `: ${why}` : ""}`;
          edges.push({ from, to, label: shapeLabel(input.spec), tooltip, kind: "data" });
        } else if (!(scalarText(input) !== null || (options.hideConstants && input.op.def.effect === "constant"))) {
          edges.push({ from: source(input), to, label: shapeLabel(input.spec), tooltip: input.name, kind: "data" });
        }
      }
    }
  }
  for (const [value, variable] of written) {
    const maker = makers.get(value);
    const from = maker ? ids.get(maker)!.get(value.op)! : source(value);
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
