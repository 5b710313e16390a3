import { specText } from "../core/shape.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { type GraphFunction, reachable, type Write } from "../graph/function.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { mergeEdges, type Picture, type PictureEdge, type PictureNode, ROLES, type Role } from "./picture.ts";
import { gradientSource, rolesOf } from "./roles.ts";
import { framesOf } from "./scopes.ts";
import {
  attributeLine,
  constantText,
  givenName,
  leafOf,
  scalarText,
  shapeLabel,
  shortened,
  titleOf,
  tooltipOf,
} from "./text.ts";

export interface ContentOptions {
  readonly title?: string | undefined;
  /** Leaves out constants that hold different numbers too. Those of one number, however often, always stand in their users' titles. */
  readonly hideConstants?: boolean | undefined;
  /** Draws how variables get their first values. Default: only where they are fetched, or nothing else would be left. */
  readonly initializers?: boolean | undefined;
}

/** What of a graph is drawn. */
interface Content {
  readonly name: string;
  /** Inputs before users. */
  readonly ops: readonly Operation[];
  readonly params: readonly Tensor[];
  readonly fetched: ReadonlySet<Tensor>;
  readonly writes: readonly Write[];
}

/** A whole graph, or what `fetches` need of it. */
export function pictureOfGraph(
  graph: GraphBuilder,
  fetches: readonly (Tensor | Operation)[] | undefined,
  options: ContentOptions,
): Picture {
  const roots = fetches?.map((fetch) => ("op" in fetch ? fetch.op : fetch));
  const fetched = new Set(fetches?.flatMap((fetch) => ("op" in fetch ? [fetch] : [])) ?? []);
  const ops = roots ? reachable(roots) : graph.operations;
  // What fetches reach is wanted, initial values included.
  const { initializers = roots !== undefined } = options;
  return pictureOfOps({ name: graph.name, ops, params: [], fetched, writes: [] }, { ...options, initializers });
}

/** A function as it stands before or after some pass: its params take the place of what made them. */
export function pictureOfFunction(fn: GraphFunction, options: ContentOptions): Picture {
  const params = new Set(fn.params);
  const roots = [...fn.results, ...fn.writes.map((write) => write.value)].filter((tensor) => !params.has(tensor));
  const ops = reachable(
    roots.map((tensor) => tensor.op),
    (tensor) => params.has(tensor),
  );
  const { name, writes } = fn;
  return pictureOfOps({ name, ops, params: fn.params, fetched: new Set(fn.results), writes }, options);
}

function pictureOfOps(content: Content, options: ContentOptions): Picture {
  const { params, fetched } = content;
  const written = new Set(content.writes.map((write) => write.value));
  const roles = rolesOf(content.ops, fetched, written);
  const ops = drawnOps(content, roles, options);
  const { frames, frameOf } = framesOf([
    ...params.map((param) => ({ name: param.op.name, gradientOf: null, keep: true })),
    ...ops.map((op) => {
      const role = roles.get(op)!;
      return { name: op.name, gradientOf: role === "backward" ? gradientSource(op) : null, keep: role === "forward" };
    }),
  ]);

  const nodes: PictureNode[] = [];
  /** The node that shows each tensor, and each operation (for controls). */
  const ids = new Map<Tensor | Operation, string>();
  const add = (shows: readonly (Tensor | Operation)[], name: string, node: Omit<PictureNode, "id" | "frame">): void => {
    const id = `n${nodes.length}`;
    nodes.push({ ...node, id, frame: frameOf.get(name) ?? null });
    for (const shown of shows) ids.set(shown, id);
  };
  for (const param of params) add([param], param.op.name, paramNode(param, fetched.has(param)));
  for (const op of ops) {
    const isFetched = op.outputs.some((output) => fetched.has(output));
    add(
      [op, ...op.outputs.filter((output) => !ids.has(output))],
      op.name,
      operationNode(op, roles.get(op)!, isFetched),
    );
  }
  const edges = ops.flatMap((op) => edgesInto(op, ids));
  for (const { variable, value, by } of content.writes) {
    const from = ids.get(value);
    const to = ids.get(variable);
    // Where its assign is drawn, that shows the write.
    if (!from || ids.has(by)) continue;
    const at = nodes.findIndex((node) => node.id === from);
    nodes[at] = writing(nodes[at]!, variable);
    if (to && from !== to) edges.push(writeEdge(from, to, variable));
  }
  return {
    title: options.title ?? content.name,
    subtitle: countText(nodes),
    nodes,
    frames,
    edges: mergeEdges(edges),
  };
}

function drawnOps(
  content: Content,
  roles: ReadonlyMap<Operation, Role>,
  options: ContentOptions,
): readonly Operation[] {
  const { ops, fetched } = content;
  const rest = ops.filter((op) => roles.get(op) !== "initializer");
  const wanted = options.initializers || rest.length === 0 ? ops : rest;
  const isUsed = new Set(wanted.flatMap((op) => op.inputs));
  return wanted.filter((op) => {
    if (op.outputs.length === 0 || op.outputs.some((output) => fetched.has(output) || !isUsed.has(output))) return true;
    if (op.outputs.every((output) => scalarText(output) !== null)) return false;
    return !(options.hideConstants && op.def.effect === "constant");
  });
}

function paramNode(param: Tensor, isFetched: boolean): Omit<PictureNode, "id" | "frame"> {
  return {
    kind: "placeholder",
    role: "forward",
    title: shortened(leafOf(param.index === 0 ? param.op.name : param.name)),
    lines: [specText(param.spec)],
    tooltip: `fed: ${param.name}: ${specText(param.spec)}`,
    strong: isFetched,
    variable: null,
    writes: [],
    operations: 0,
  };
}

/** How an operation is drawn, wherever it stands. */
export function operationNode(
  op: Operation,
  role: Role,
  strong: boolean,
  more: readonly string[] = [],
): Omit<PictureNode, "id" | "frame"> {
  const { effect } = op.def;
  const spec = op.outputs[0] ? specText(op.outputs[0].spec) : "";
  const shared = { role, strong, tooltip: tooltipOf(op), variable: null, writes: [], operations: 1 };
  const value = { ...shared, operations: 0 };
  if (effect === "placeholder" || effect === "variable") {
    const variable = effect === "variable" ? op.name : null;
    return { ...value, kind: effect, variable, title: shortened(leafOf(op.name)), lines: [spec, ...more] };
  }
  if (effect === "constant") {
    return { ...value, kind: "constant", title: constantText(op), lines: [givenName(op) ?? "", spec, ...more] };
  }
  if (effect === "assign") {
    const variable = op.inputs[0]!.op.name;
    const lines = [`to ${shortened(variable)}`, ...more];
    return { ...shared, kind: "assign", title: "assign", writes: [variable], lines };
  }
  const lines = [shortened(givenName(op) ?? ""), attributeLine(op), ...more];
  return { ...shared, kind: effect === "group" ? "group" : "op", title: titleOf(op), lines };
}

/** A node whose value becomes the next value of a variable, without an `assign` of its own. */
export const writing = (node: PictureNode, variable: Tensor): PictureNode => ({
  ...node,
  lines: [...node.lines, `new ${shortened(variable.op.name)}`],
  writes: [...node.writes, variable.op.name],
});

export const writeEdge = (from: string, to: string, variable: Tensor): PictureEdge => ({
  from,
  to,
  label: "",
  tooltip: `new value of ${variable.op.name}, when the run ends`,
  kind: "write",
});

function edgesInto(op: Operation, ids: ReadonlyMap<Tensor | Operation, string>): PictureEdge[] {
  const to = ids.get(op)!;
  const edges: PictureEdge[] = [];
  op.inputs.forEach((input, i) => {
    const from = ids.get(input);
    if (!from) return;
    // An assign does not read its variable.
    if (op.def.effect === "assign" && i === 0) edges.push(writeEdge(to, from, input));
    else edges.push({ from, to, label: shapeLabel(input.spec), tooltip: input.name, kind: "data" });
  });
  for (const control of op.controls) {
    const from = ids.get(control);
    if (from) edges.push({ from, to, label: "", tooltip: `runs ${control.name}`, kind: "control" });
  }
  return edges;
}

/** `operations: 21 forward, 20 backward, 85 update`. */
export function countText(nodes: readonly PictureNode[]): string {
  const counts = ROLES.flatMap((role) => {
    const count = nodes.filter((node) => node.role === role).reduce((sum, node) => sum + node.operations, 0);
    return count > 0 ? [`${count} ${role}`] : [];
  });
  return `operations: ${counts.join(", ") || "none"}`;
}
