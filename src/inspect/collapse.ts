/**
 * Keeps pictures small enough to read. What is drawn as one box is chosen by how many nodes it saves, and updates are
 * folded before derivatives, derivatives before the model: a student looks for the model first.
 */
import { getOrMake } from "../core/collections.ts";
import { commonRole, mergeEdges, type Picture, type PictureFrame, type PictureNode, type Role } from "./picture.ts";
import { leafOf, shortened } from "./text.ts";

/** Frames with more than this directly inside are cut into runs, since one box for all of it would hide too much. */
const LARGEST_BOX = 32;
const SHORTEST_RUN = 4;
/** No picture gets smaller than this. */
const FEWEST = 8;

const WEIGHT: Readonly<Record<Role, number>> = { update: 4, initializer: 4, backward: 2, forward: 1 };

/** What stands directly in one frame, or outside of all (null). */
interface Holding {
  readonly frame: PictureFrame | null;
  readonly nodes: readonly PictureNode[];
}

/** Draws the scopes named by the user as boxes, then folds until at most `limit` nodes are left. */
export function collapse(picture: Picture, limit: number, named: readonly string[] = []): Picture {
  let current = picture;
  for (const path of named) current = foldScope(current, path.replace(/\/$/, ""));
  const most = Math.max(FEWEST, Math.floor(limit));
  while (current.nodes.length > most) {
    const next = foldOnce(current, most);
    if (next === null) return current;
    current = next;
  }
  return current;
}

/** A scope with all it holds becomes one box, whatever its size; so does every kernel of that name. */
function foldScope(picture: Picture, path: string): Picture {
  const matching = picture.frames.filter((frame) => frame.path === path);
  let current = picture;
  for (const frame of matching) {
    const inside = new Set<string>([frame.id]);
    for (const { id, parent } of current.frames) if (parent !== null && inside.has(parent)) inside.add(id);
    const nodes = current.nodes.filter((node) => node.frame !== null && inside.has(node.frame));
    current = replaceByBoxes(current, [scopeBox(frame, nodes, matching.length)], inside);
  }
  return current;
}

/** The fold that is worth most, or null if nothing is left to fold. */
function foldOnce(picture: Picture, most: number): Picture | null {
  const holdings = holdingsOf(picture);
  const isPlan = picture.frames.some((frame) => frame.kind === "kernel");
  const parents = new Set(picture.frames.map((frame) => frame.parent));
  const leaves = holdings.filter(({ frame }) => frame !== null && !parents.has(frame.id));
  const alike = new Map<string, Holding[]>();
  for (const leaf of leaves) {
    if (leaf.frame!.kind === "scope" && leaf.nodes.length > LARGEST_BOX) continue;
    getOrMake(alike, signatureOf(leaf), (): Holding[] => []).push(leaf);
  }
  const folds = [...alike.values()].map((group) => ({
    worth: group.reduce((sum, { nodes }) => sum + worthOf(nodes, nodes.length - 1), 0),
    apply: () =>
      replaceByBoxes(
        picture,
        group.map(({ frame, nodes }) => scopeBox(frame!, nodes, group.length)),
        new Set(group.map(({ frame }) => frame!.id)),
      ),
  }));
  for (const { frame, nodes } of holdings) {
    if (frame?.kind === "kernel") continue;
    const isLeaf = frame !== null && !parents.has(frame.id);
    if (isLeaf && nodes.length <= LARGEST_BOX) continue;
    const size = Math.max(SHORTEST_RUN, Math.ceil(picture.nodes.length / most) + 1);
    for (const holdsValue of [false, true]) {
      const runs = runsOf(
        nodes.filter((node) => (node.operations === 0) === holdsValue),
        size,
      ).filter((run) => run.length > 1);
      if (runs.length === 0) continue;
      const saved = runs.reduce((sum, run) => sum + run.length - 1, 0);
      // Runs have no name of their own, so whatever has one is folded before a short run; inputs and variables last.
      const liking = holdsValue ? 1e-4 : nodes.length > LARGEST_BOX && !isPlan ? 1 : 1e-2;
      folds.push({
        worth: worthOf(nodes, saved) * liking,
        apply: () => replaceByBoxes(picture, runs.map(runBox), new Set()),
      });
    }
  }
  // A frame with one node in it: its fold saves nothing, but what is around it can be folded then.
  const best = folds.sort((a, b) => b.worth - a.worth)[0];
  return best ? best.apply() : null;
}

function holdingsOf(picture: Picture): readonly Holding[] {
  const byFrame = new Map<string | null, PictureNode[]>([[null, []]]);
  for (const { id } of picture.frames) byFrame.set(id, []);
  for (const node of picture.nodes) byFrame.get(node.frame)?.push(node);
  return [null, ...picture.frames].map((frame) => ({ frame, nodes: byFrame.get(frame?.id ?? null)! }));
}

const worthOf = (nodes: readonly PictureNode[], saved: number): number => saved * WEIGHT[commonRole(nodes)];

/** Scopes with equal signatures are folded together, so that layers built alike also look alike. */
const signatureOf = ({ frame, nodes }: Holding): string =>
  `${frame!.kind} ${nodes
    .map((node) => `${node.kind}${node.kind === "variable" || node.kind === "constant" ? "" : node.title}${node.role}`)
    .sort()
    .join()}`;

/** Neighbours of one role, in the order they were made, cut into pieces of about `size`. */
function runsOf(nodes: readonly PictureNode[], size: number): readonly (readonly PictureNode[])[] {
  const byRole = new Map<Role, PictureNode[]>();
  for (const node of nodes) getOrMake(byRole, node.role, (): PictureNode[] => []).push(node);
  return [...byRole.values()].flatMap((all) => {
    const count = Math.ceil(all.length / size);
    const length = Math.ceil(all.length / count);
    return Array.from({ length: count }, (_, i) => all.slice(i * length, (i + 1) * length));
  });
}

/** A box and the nodes it takes the place of. */
interface Box {
  readonly node: Omit<PictureNode, "id">;
  readonly hides: readonly PictureNode[];
}

const countOf = (nodes: readonly PictureNode[]): number => nodes.reduce((sum, node) => sum + node.operations, 0);

function boxOf(nodes: readonly PictureNode[], title: string, lines: readonly string[], frame: string | null): Box {
  const kinds = nodes.map((node) => (node.kind === "box" ? `${node.title} (${node.operations})` : node.title));
  const writes = nodes.flatMap((node) => node.writes);
  return {
    node: {
      kind: "box",
      role: commonRole(nodes),
      title,
      lines: writes.length === 0 ? lines : [...lines, `new ${shortened(writes.map(leafOf).join(", "))}`],
      tooltip: `${title}: ${kinds.slice(0, 24).join(", ")}${kinds.length > 24 ? " …" : ""}`,
      strong: nodes.some((node) => node.strong),
      variable: null,
      writes,
      operations: countOf(nodes),
      frame,
    },
    hides: nodes,
  };
}

/** `13 operations, 2 variables`. */
function contentText(nodes: readonly PictureNode[]): string {
  const counts: readonly (readonly [number, string])[] = [
    [countOf(nodes), "operation"],
    ...(["variable", "placeholder", "constant"] as const).map(
      (kind) => [nodes.filter((node) => node.kind === kind).length, kind] as const,
    ),
  ];
  const texts = counts.map(([count, what]) => (count === 0 ? "" : `${count} ${what}${count === 1 ? "" : "s"}`));
  return texts.filter((text) => text !== "").join(", ");
}

function scopeBox(frame: PictureFrame, nodes: readonly PictureNode[], alike: number): Box {
  const lines = [contentText(nodes), ...(alike > 1 ? [`one of ${alike} alike`] : [])];
  return boxOf(nodes, frame.title, lines, frame.parent);
}

function runBox(nodes: readonly PictureNode[]): Box {
  const names = nodes.map((node) => shortened(node.title, 16));
  const [first, last] = [names[0]!, names.at(-1)!];
  const different = new Set(names).size;
  const title = different === 1 ? `${first} × ${names.length}` : `${first} … ${last}`;
  return boxOf(nodes, title, [contentText(nodes)], nodes[0]!.frame);
}

function replaceByBoxes(picture: Picture, boxes: readonly Box[], gone: ReadonlySet<string>): Picture {
  const boxAt = new Map<string, PictureNode>();
  const now = new Map<string, string>();
  for (const { node, hides } of boxes) {
    const first = hides[0];
    if (!first) continue;
    // A box keeps the place and the id of the first thing in it, so that pictures do not depend on how they came about.
    boxAt.set(first.id, { ...node, id: first.id });
    for (const { id } of hides) now.set(id, first.id);
  }
  const nodes = picture.nodes.flatMap((node) => {
    const target = now.get(node.id);
    if (target === undefined) return [node];
    return target === node.id ? [boxAt.get(node.id)!] : [];
  });
  const edges = picture.edges
    .map((edge) => ({ ...edge, from: now.get(edge.from) ?? edge.from, to: now.get(edge.to) ?? edge.to }))
    .filter((edge) => edge.from !== edge.to || !now.has(edge.from));
  const frames = picture.frames.filter((frame) => !gone.has(frame.id));
  return { ...picture, nodes, frames, edges: mergeEdges(edges) };
}
