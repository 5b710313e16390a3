import { type PictureOptions, pictureOf, type Subject } from "./model.ts";
import type { Picture, PictureEdge, PictureFrame, PictureNode, Role } from "./picture.ts";
import { ROLE_STYLES, rolesIn, SHAPES } from "./style.ts";

/**
 * A graph, function or plan as text for Graphviz. Equal subjects give equal text. Names end up in quotes and nowhere
 * else, and no attribute that could hold a link is ever written.
 *
 * @param subject a `Graph`, a `GraphFunction`, or what `session.plan(…)` returns
 */
export function toDot(subject: Subject, options: PictureOptions = {}): string {
  return dotOf(pictureOf(subject, options), options.direction);
}

const FONT = "Helvetica";

/** As `toDot`, for a picture made before. */
export function dotOf(picture: Picture, direction: PictureOptions["direction"] = "down"): string {
  const lines = [
    "digraph forerun {",
    `  graph [${attributes({
      label: [picture.title, picture.subtitle],
      labelloc: "t",
      fontname: FONT,
      fontsize: "16",
      rankdir: direction === "right" ? "LR" : "TB",
      nodesep: "0.22",
      ranksep: "0.3",
      // Iterations of the network simplex: without a limit, a chain beside its mirrored gradients takes minutes.
      nslimit: "2",
      nslimit1: "2",
      splines: "spline",
      tooltip: [picture.title],
    })}];`,
    `  node [${attributes({ fontname: FONT, fontsize: "13", fontcolor: "#1a1a1a", margin: "0.17,0.06", height: "0.3" })}];`,
    `  edge [${attributes({ fontname: FONT, fontsize: "10", fontcolor: "#444444", arrowsize: "0.6" })}];`,
  ];
  const children = new Map<string | null, (PictureFrame | PictureNode)[]>([[null, []]]);
  for (const { id } of picture.frames) children.set(id, []);
  for (const node of picture.nodes) children.get(node.frame)?.push(node);
  for (const frame of picture.frames) children.get(frame.parent)?.push(frame);

  const write = (parent: string | null, indent: string): void => {
    for (const child of children.get(parent)!) {
      if ("role" in child) lines.push(`${indent}${nodeText(child)}`);
      else {
        lines.push(`${indent}subgraph cluster_${child.id} {`, `${indent}  ${frameText(child)}`);
        write(child.id, `${indent}  `);
        lines.push(`${indent}}`);
      }
    }
  };
  write(null, "  ");
  const roles = new Map(picture.nodes.map((node) => [node.id, node.role]));
  for (const edge of picture.edges) lines.push(`  ${edgeText(edge, roles.get(edge.from)!, roles.get(edge.to)!)}`);
  lines.push(...legend(rolesIn(picture.nodes)), "}");
  return lines.join("\n");
}

/** Attribute values: what is a list consists of texts of any origin, a line each; a string was written here. */
type Values = Readonly<Record<string, string | readonly string[]>>;

const attributes = (values: Values): string =>
  Object.entries(values)
    .map(([name, value]) => {
      if (typeof value === "string") return `${name}="${value}"`;
      // How often Graphviz reads the escape sequences of a tooltip depends on what it belongs to, so they hold none:
      // a backslash becomes the sign for set difference, which looks like one.
      const texts = name.endsWith("tooltip") ? value.map((text) => text.replaceAll("\\", "\u2216")) : value;
      return `${name}="${texts.map(escapeText).join("\\n")}"`;
    })
    .join(", ");

/**
 * Text for inside a quoted DOT string. Graphviz reads the escape sequences of labels twice, before and after it decodes
 * entities. Written as two entities, a backslash gets past the first reading, which would put the node's id in the
 * place of a backslash and N, and the second reading makes one of the two.
 */
function escapeText(text: string): string {
  return clean(text)
    .replace(/&/g, "&amp;")
    .replace(/\\/g, "&#92;&#92;")
    .replace(/"/g, "&quot;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/\n/g, "\\n");
}

/** Without control characters, which SVG may not hold, and halves of surrogate pairs, which UTF-8 can not. */
export function clean(text: string): string {
  return text
    .replace(/\r\n?|[\u2028\u2029]/g, "\n")
    .replace(/\t/g, " ")
    .replace(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, (character) => (character === "\n" ? "\n" : "\uFFFD"));
}

function nodeText(node: PictureNode): string {
  const { fill, line } = ROLE_STYLES[node.role];
  const shape = SHAPES[node.kind];
  const lines = node.lines.filter((text) => text !== "");
  const values: Values = {
    label: [node.title, ...lines],
    shape,
    style: node.kind === "op" ? "rounded,filled" : "filled",
    fillcolor: fill,
    color: line,
    penwidth: node.strong ? "2.4" : "1",
    tooltip: [node.tooltip],
    ...(node.kind === "assign" ? { peripheries: "2" } : {}),
    // Titles of boxes are names, in bold letters that Graphviz takes for narrower than they are.
    ...(node.kind === "box" ? { margin: "0.3,0.06" } : {}),
  };
  return `${node.id} [${attributes(values)}];`;
}

function frameText(frame: PictureFrame): string {
  const kernel = frame.kind === "kernel";
  return `graph [${attributes({
    label: [frame.title],
    labeljust: "l",
    fontsize: "12",
    fontcolor: "#333333",
    style: frame.kind === "body" ? "rounded,filled,dashed" : "rounded,filled",
    fillcolor: kernel ? "#f7f7f2" : "#00000008",
    color: frame.kind === "scope" ? "#bbbbbb" : "#777777",
    penwidth: kernel ? "1.4" : "1",
    margin: "8",
    tooltip: [frame.tooltip],
  })}];`;
}

function edgeText(edge: PictureEdge, from: Role, to: Role): string {
  const { line } = ROLE_STYLES[edge.kind === "write" || edge.kind === "control" ? "update" : from];
  const values: Record<string, string | readonly string[]> = { color: `${line}` };
  if (edge.label !== "") values.label = edge.label.split("\n").map((text) => ` ${text} `);
  // Two lines side by side, each with its own head: the value goes down in one, the gradient up in the other.
  if (edge.kind === "both") Object.assign(values, { color: `${line}:${ROLE_STYLES.backward.line}`, dir: "both" });
  if (edge.tooltip !== "") {
    values.tooltip = [edge.tooltip];
    values.labeltooltip = [edge.tooltip];
  }
  if (edge.kind === "control") Object.assign(values, { style: "dotted" });
  // Updates close the circle of training, what is carried on that of a loop; they must not turn the picture upside down.
  if (edge.kind === "write" || edge.kind === "carry") Object.assign(values, { style: "dashed", constraint: "false" });
  // Gradients run upwards, beside what they are gradients of: written the other way round, with the head at the tail.
  // That also keeps edges from forward to backward short, without which laying out long chains takes very long.
  if (from === "backward" && to === "backward" && edge.kind === "data") {
    return `${edge.to} -> ${edge.from} [${attributes({ ...values, dir: "back" })}];`;
  }
  return `${edge.from} -> ${edge.to} [${attributes(values)}];`;
}

function legend(roles: readonly Role[]): readonly string[] {
  if (roles.length < 2) return [];
  return [
    "  subgraph cluster_legend {",
    `    graph [${attributes({ label: "legend", fontsize: "11", style: "rounded", color: "#bbbbbb", margin: "6" })}];`,
    // Side by side; the invisible lines keep the order.
    `    { rank=same; ${roles.map((role) => `legend_${role}`).join(" -> ")} [${attributes({ style: "invis" })}]; }`,
    ...roles.map((role) => {
      const { fill, line, says } = ROLE_STYLES[role];
      return `    legend_${role} [${attributes({ label: says, shape: "box", style: "rounded,filled", fillcolor: fill, color: line, fontsize: "11" })}];`;
    }),
    "  }",
  ];
}
