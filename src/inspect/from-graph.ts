import type { GraphBuilder } from "../graph/builder.ts";
import { type GraphFunction, reachable, type Write } from "../graph/function.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { drawBodies } from "./bodies.ts";
import { operationNode, paramNode, writeEdge, writing } from "./nodes.ts";
import { mergeEdges, type Picture, type PictureEdge, type PictureNode, ROLES, type Role } from "./picture.ts";
import { gradientSource, rolesOf } from "./roles.ts";
import { framesOf } from "./scopes.ts";
import { scalarText, shapeLabel } from "./text.ts";

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

/** What one run says about the operations and values of a picture. */
export interface Notes {
  /** Lines below an operation or a param. */
  node(output: Tensor): readonly string[];
  /** In the place of the shape of an operand. */
  edge(op: Operation, operand: number): Pick<PictureEdge, "label" | "tooltip" | "kind">;
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
export function pictureOfFunction(fn: GraphFunction, options: ContentOptions, notes?: Notes): Picture {
  const params = new Set(fn.params);
  const roots = [...fn.results, ...fn.writes.map((write) => write.value)].filter((tensor) => !params.has(tensor));
  const ops = reachable(
    roots.map((tensor) => tensor.op),
    (tensor) => params.has(tensor),
  );
  const { name, writes } = fn;
  return pictureOfOps({ name, ops, params: fn.params, fetched: new Set(fn.results), writes }, options, notes);
}

function pictureOfOps(content: Content, options: ContentOptions, notes?: Notes): Picture {
  const { params, fetched } = content;
  const written = new Set(content.writes.map((write) => write.value));
  const roles = rolesOf(content.ops, fetched, written);
  const ops = drawnOps(content, roles, options);
  const { frames: scopes, frameOf } = framesOf([
    ...params.map((param) => ({ name: param.op.name, gradientOf: null, keep: true })),
    ...ops.map((op) => {
      const role = roles.get(op)!;
      return { name: op.name, gradientOf: role === "backward" ? gradientSource(op) : null, keep: role === "forward" };
    }),
  ]);

  const frames = [...scopes];
  const nodes: PictureNode[] = [];
  /** The node that shows each tensor, and each operation (for controls). */
  const ids = new Map<Tensor | Operation, string>();
  const add = (shows: readonly (Tensor | Operation)[], name: string, node: Omit<PictureNode, "id" | "frame">): void => {
    const id = `n${nodes.length}`;
    const noted = notes ? shows.flatMap((shown) => ("op" in shown ? notes.node(shown) : [])) : [];
    nodes.push({ ...node, lines: [...node.lines, ...noted], id, frame: frameOf.get(name) ?? null });
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
  const edges = ops.flatMap((op) => edgesInto(op, ids, notes));
  // With numbers of a run, a loop is one step: what its turns pass on is not known.
  if (!notes) drawBodies(ops, [], (op) => roles.get(op)!, { nodes, frames, edges, ids });
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
    // Each operand has a gradient of its own, even of the same node.
    edges: notes ? edges : mergeEdges(edges),
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
  // The title of a loop has no place for numbers.
  const runOn = new Set(wanted.flatMap((op) => (op.def.control ? op.inputs : [])));
  const isRunOn = (op: Operation): boolean => op.outputs.some((output) => runOn.has(output));
  return wanted.filter((op) => {
    if (op.outputs.length === 0 || op.outputs.some((output) => fetched.has(output) || !isUsed.has(output))) return true;
    if (op.outputs.every((output) => scalarText(output) !== null)) return isRunOn(op);
    return !(options.hideConstants && op.def.effect === "constant");
  });
}

function edgesInto(op: Operation, ids: ReadonlyMap<Tensor | Operation, string>, notes?: Notes): PictureEdge[] {
  const to = ids.get(op)!;
  const edges: PictureEdge[] = [];
  op.inputs.forEach((input, i) => {
    if (op.def.control && !notes) return;
    const from = ids.get(input);
    if (!from) return;
    // An assign does not read its variable.
    if (op.def.effect === "assign" && i === 0) edges.push(writeEdge(to, from, input));
    else if (notes) edges.push({ from, to, ...notes.edge(op, i) });
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
