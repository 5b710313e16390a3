/** What a picture consists of, before anyone decides how it is written: DOT, Mermaid, or something of your own. */

/**
 * Why an operation is there: it computes the model, a derivative, a variable's next value, or its first value.
 * Pictures colour by it.
 */
export type Role = "forward" | "backward" | "update" | "initializer";

export const ROLES: readonly Role[] = ["forward", "backward", "update", "initializer"];

export interface PictureNode {
  readonly id: string;
  readonly kind: "placeholder" | "variable" | "constant" | "op" | "assign" | "group" | "box";
  readonly role: Role;
  /** First line, set off from the rest: `matmul`, `add(·, 1)`, the name of a variable. */
  readonly title: string;
  /** What stands below it, in small letters. */
  readonly lines: readonly string[];
  readonly tooltip: string;
  /** Its value is stored in a buffer (plans), or fetched. */
  readonly strong: boolean;
  /** Full name of the variable it shows; null for all else. */
  readonly variable: string | null;
  /** Names of the variables it gives new values. */
  readonly writes: readonly string[];
  /** Operations it stands for: none for what only holds a value, more than one for most boxes. */
  readonly operations: number;
  /** The frame it stands in; null for none. */
  readonly frame: string | null;
}

/** A name scope, a kernel, or what an operation runs (a loop, a branch), drawn as a frame around what belongs to it. */
export interface PictureFrame {
  readonly id: string;
  readonly kind: "scope" | "kernel" | "body";
  readonly title: string;
  /** Scope as users write it, or the kernel's name. */
  readonly path: string;
  readonly tooltip: string;
  readonly parent: string | null;
}

export interface PictureEdge {
  readonly from: string;
  readonly to: string;
  /** Shape of what flows along it; empty where it would say nothing new. */
  readonly label: string;
  readonly tooltip: string;
  /**
   * A value, a value with the gradient that is passed back for it, what a loop carries on to its next turn, the update
   * of a variable, or "runs with".
   */
  readonly kind: "data" | "both" | "carry" | "write" | "control";
}

export interface Picture {
  readonly title: string;
  readonly subtitle: string;
  readonly nodes: readonly PictureNode[];
  /** Outer frames before inner ones. */
  readonly frames: readonly PictureFrame[];
  readonly edges: readonly PictureEdge[];
}

/**
 * Leaves out lines that would cross the whole picture to say what a node's text says already: from an update to its
 * variable, and from a variable to its own update. Between single operations of one frame, or of none, they stay.
 */
export function withoutLongLoops(picture: Picture): Picture {
  const nodes = new Map(picture.nodes.map((node) => [node.id, node]));
  const edges = picture.edges.filter((edge) => {
    const [from, to] = [nodes.get(edge.from)!, nodes.get(edge.to)!];
    if (from.frame === to.frame && from.kind !== "box" && to.kind !== "box") return true;
    return edge.kind !== "write" && !(from.variable !== null && to.writes.includes(from.variable));
  });
  return { ...picture, edges };
}

/** The role most of these have: colours what stands for all of them. */
export function commonRole(nodes: readonly PictureNode[]): Role {
  const counts = new Map<Role, number>();
  for (const node of nodes) counts.set(node.role, (counts.get(node.role) ?? 0) + node.operations + 0.1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? "forward";
}

/** Joins edges between the same two nodes, so that a box is not tied to another by twenty lines. */
export function mergeEdges(edges: readonly PictureEdge[]): readonly PictureEdge[] {
  const bundles = new Map<string, PictureEdge[]>();
  for (const edge of edges) {
    const key = `${edge.from} ${edge.to} ${edge.kind}`;
    const bundle = bundles.get(key);
    if (bundle) bundle.push(edge);
    else bundles.set(key, [edge]);
  }
  return [...bundles.values()].map((bundle) => {
    const labels = [...new Set(bundle.map((edge) => edge.label).filter((label) => label !== ""))];
    const more = labels.length > 2 ? ` and ${labels.length - 2} more` : "";
    const tooltips = [...new Set(bundle.map((edge) => edge.tooltip).filter((tooltip) => tooltip !== ""))];
    return { ...bundle[0]!, label: labels.slice(0, 2).join(", ") + more, tooltip: tooltips.slice(0, 8).join("\n") };
  });
}
