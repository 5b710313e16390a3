/** Loops and branches: the functions that operations run, drawn in frames of their own. */
import { carriesOf } from "../compiler/bodies.ts";
import { type Size, sizeText } from "../core/size.ts";
import { bodiesOf, type FunctionBody } from "../graph/body.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { operationNode, paramNode } from "./nodes.ts";
import type { PictureEdge, PictureFrame, PictureNode, Role } from "./picture.ts";
import { givenName, scalarText, shapeLabel, shortened } from "./text.ts";

/** A picture in the making. */
export interface Drawing {
  readonly nodes: PictureNode[];
  readonly frames: PictureFrame[];
  readonly edges: PictureEdge[];
  /** The node that shows each tensor and each operation. */
  readonly ids: Map<Tensor | Operation, string>;
}

/** `for each of 20 rows`, `while`, `if`, `case`. */
export function runText(op: Operation): string {
  const { length, reverse, sequences } = op.attrs;
  if (op.def.control === "while") return "while";
  if (op.def.control === "branch") return op.inputs[0]!.dtype === "bool" ? "if" : "case";
  const count = sizeText(length as Size);
  return sequences === 0 ? `${count} times` : `for each of ${count} rows${reverse ? ", from the last" : ""}`;
}

/** `then`, `else`; or `case 2`. */
export const branchText = (op: Operation, branch: number): string =>
  op.inputs[0]!.dtype === "bool" ? ["then", "else"][branch]! : `case ${branch}`;

/** What it does, with the name it was given. */
export function frameTitle(op: Operation): string {
  const name = givenName(op);
  return name ? `${shortened(name)}: ${runText(op)}` : runText(op);
}

/** What the params of every body stand for. */
export const givenTo = (op: Operation): readonly Tensor[] =>
  op.def.control === "branch" ? op.inputs.slice(1) : op.inputs;

/** The function that makes the values of an operation: of a loop its last body, behind the test. */
export const makingBodies = (op: Operation): readonly FunctionBody[] =>
  op.def.control === "branch" ? bodiesOf(op) : bodiesOf(op).slice(-1);

/** For each result of a body the output that gives it away; null for none. */
export function outputsFor(op: Operation, body: FunctionBody): readonly (Tensor | null)[] {
  if (op.def.control !== "branch") return body.results.map((_, i) => op.outputs[i] ?? null);
  // Behind what all branches give stands what each of them gives alone.
  const shared = Number(op.attrs.shared);
  let own = shared;
  for (const earlier of makingBodies(op)) {
    if (earlier === body) break;
    own += earlier.results.length - shared;
  }
  return body.results.map((_, i) => op.outputs[i < shared ? i : own + i - shared] ?? null);
}

/**
 * Draws what the loops and branches among some operations run. The node of the operation stands in the frame with it,
 * and is where its values come out.
 *
 * @param results values of these operations that are of use outside
 * @param roleOf the role of each operation, which its bodies share
 */
export function drawBodies(
  ops: readonly Operation[],
  results: readonly Tensor[],
  roleOf: (op: Operation) => Role,
  drawing: Drawing,
): void {
  const read = new Set([...ops.flatMap((op) => op.inputs), ...results]);
  for (const op of ops) if (op.def.control) drawControl(op, read, roleOf(op), drawing);
}

function drawControl(op: Operation, read: ReadonlySet<Tensor>, role: Role, drawing: Drawing): void {
  const { nodes, ids } = drawing;
  const at = nodes.findIndex(({ id }) => id === ids.get(op));
  const outer = addFrame(drawing, frameTitle(op), op.name, nodes[at]!.frame);
  nodes[at] = { ...nodes[at]!, lines: [], frame: outer };
  const links: Links = {
    add: (node) => addNode(drawing, node, outer),
    idOf: (tensor) => ids.get(tensor),
    edges: drawing.edges,
  };
  const entries = enter(op, role, links);
  const given = givenTo(op);
  bodiesOf(op).forEach((body, number) => {
    const isBranch = op.def.control === "branch";
    const frame = isBranch ? addFrame(drawing, branchText(op, number), `${op.name}/${body.name}`, outer) : outer;
    body.params.forEach((param, i) => {
      const id = entries[i] ?? ids.get(given[i]!);
      if (id) ids.set(param, id);
    });
    const outputs = outputsFor(op, body);
    const isTest = !makingBodies(op).includes(body);
    const wanted = body.results.filter((_, i) => isTest || i < visibleOf(op) || isIn(read, outputs[i]));
    drawBody(body, wanted, role, frame, drawing);
  });
  leave(op, ids.get(op)!, entries, read, links);
}

const isIn = (set: ReadonlySet<Tensor>, tensor: Tensor | null | undefined): boolean => !!tensor && set.has(tensor);

/** What ties a loop or branch to what is around it. */
export interface Links {
  /** Draws a node in the frame of the operation. */
  add(node: Omit<PictureNode, "id" | "frame">): string;
  /** The node that shows a value; undefined if none does. */
  idOf(tensor: Tensor): string | undefined;
  /** The results of a body, where a plan computes others in their place. */
  results?(body: FunctionBody): readonly Tensor[];
  readonly edges: PictureEdge[];
}

const connect = ({ idOf, edges }: Links, tensor: Tensor, to: string, label: string): void => {
  const from = idOf(tensor);
  if (from && from !== to) edges.push({ from, to, label, tooltip: tensor.name, kind: "data" });
};

/**
 * What is carried or run along has a node of its own in the frame; captures are what they are outside.
 * @returns nodes for the first params of every body
 */
export function enter(op: Operation, role: Role, links: Links): readonly string[] {
  const carries = carriesOf(op);
  const rows = carries + Number(op.attrs.sequences ?? 0);
  return bodiesOf(op)
    .at(-1)!
    .params.slice(0, rows)
    .map((param, i) => {
      const node = paramNode(param, false);
      const says = i < carries ? "carried" : "a row";
      const id = links.add({ ...node, role, lines: [says, ...node.lines], tooltip: `${says}: ${param.name}` });
      const given = op.inputs[i]!;
      connect(links, given, id, shapeLabel(given.spec));
      return id;
    });
}

/**
 * Edges to where the values of the operation come out, from what decides and from what its bodies make; and from what
 * is carried on to where it is carried to.
 *
 * @param exit the node of the operation
 * @param entries what `enter` gave
 * @param read what is of use outside
 */
export function leave(
  op: Operation,
  exit: string,
  entries: readonly string[],
  read: ReadonlySet<Tensor>,
  links: Links,
): void {
  const { control } = op.def;
  const carries = carriesOf(op);
  if (control === "branch") connect(links, op.inputs[0]!, exit, runText(op));
  if (control === "while") connect(links, bodiesOf(op)[0]!.results[0]!, exit, "go on?");
  for (const body of makingBodies(op)) {
    const outputs = outputsFor(op, body);
    const results = links.results?.(body) ?? body.results;
    results.forEach((result, i) => {
      const from = links.idOf(result);
      const [back, isCarry] = [entries[i]!, i < carries];
      if (isCarry && from && from !== back) {
        const tooltip = `${result.name} is carried on to the next turn`;
        links.edges.push({ from, to: back, label: "", tooltip, kind: "carry" });
      }
      if (i >= visibleOf(op) && !isIn(read, outputs[i])) return;
      const label = control === "branch" ? "" : isCarry ? "the last" : "stacked";
      // A loop that ends at a test gives what it carried last.
      connect(links, control === "while" ? body.params[i]! : result, exit, label);
    });
  }
}

const visibleOf = ({ attrs, outputs }: Operation): number => Number(attrs.visible ?? attrs.shared ?? outputs.length);

/** @param wanted the results that are of use outside */
function drawBody(body: FunctionBody, wanted: readonly Tensor[], role: Role, frame: string, drawing: Drawing): void {
  const { ids, edges } = drawing;
  const results = new Set(wanted);
  const runOn = new Set(body.ops.flatMap((op) => (op.def.control ? op.inputs : [])));
  const drawn = body.ops.filter((op) =>
    op.outputs.some((output) => scalarText(output) === null || results.has(output) || runOn.has(output)),
  );
  for (const op of drawn) {
    const id = addNode(drawing, operationNode(op, role, false), frame);
    for (const shown of [op, ...op.outputs]) ids.set(shown, id);
  }
  for (const op of drawn) {
    if (op.def.control) continue;
    for (const input of op.inputs) {
      const from = ids.get(input);
      if (from)
        edges.push({ from, to: ids.get(op)!, label: shapeLabel(input.spec), tooltip: input.name, kind: "data" });
    }
  }
  drawBodies(drawn, wanted, () => role, drawing);
}

function addNode({ nodes }: Drawing, node: Omit<PictureNode, "id" | "frame">, frame: string): string {
  const id = `n${nodes.length}`;
  nodes.push({ ...node, id, frame });
  return id;
}

function addFrame({ frames }: Drawing, title: string, path: string, parent: string | null): string {
  const id = `c${frames.length}`;
  frames.push({ id, kind: "body", title, path, tooltip: title, parent });
  return id;
}
