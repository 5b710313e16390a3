import type { PictureNode, Role } from "./picture.ts";

export interface RoleStyle {
  readonly fill: string;
  readonly line: string;
  /** In the legend. */
  readonly says: string;
}

/**
 * Blue, orange and purple of Okabe and Ito, which people with any kind of colour blindness tell apart, with pale fills
 * that keep black text readable.
 */
export const ROLE_STYLES: Readonly<Record<Role, RoleStyle>> = {
  forward: { fill: "#dcecf8", line: "#0072b2", says: "forward" },
  backward: { fill: "#fde5d2", line: "#d55e00", says: "backward (gradients)" },
  update: { fill: "#f3dfec", line: "#a2478a", says: "update" },
  initializer: { fill: "#eeeeee", line: "#777777", says: "initial values" },
};

/** Shape of a node in Graphviz; shape tells what colour does not. */
export const SHAPES: Readonly<Record<PictureNode["kind"], string>> = {
  placeholder: "invhouse",
  variable: "cylinder",
  constant: "note",
  op: "box",
  assign: "box",
  group: "octagon",
  box: "box3d",
};

/** Roles a picture has, in the order of the legend. */
export function rolesIn(nodes: readonly PictureNode[]): readonly Role[] {
  return (["forward", "backward", "update", "initializer"] as const).filter((role) =>
    nodes.some((node) => node.role === role),
  );
}
