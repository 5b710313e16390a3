import { clean } from "./dot.ts";
import { type PictureOptions, pictureOf, type Subject } from "./model.ts";
import type { Picture, PictureFrame, PictureNode } from "./picture.ts";
import { ROLE_STYLES, rolesIn } from "./style.ts";

/**
 * A graph, function or plan as a Mermaid flowchart, for Markdown files and web pages that draw those.
 * @param subject as for `toDot`
 */
export function toMermaid(subject: Subject, options: PictureOptions = {}): string {
  return mermaidOf(pictureOf(subject, options), options.direction);
}

/** Brackets that give each kind its outline. */
const BRACKETS: Readonly<Record<PictureNode["kind"], readonly [string, string]>> = {
  placeholder: ["[/", "\\]"],
  variable: ["[(", ")]"],
  constant: ["(", ")"],
  op: ["(", ")"],
  assign: [">", "]"],
  group: ["{{", "}}"],
  box: ["[[", "]]"],
};

const ARROWS = { data: "-->", both: "<-->", carry: "-.->", write: "-.->", control: "-.-" } as const;

/** As `toMermaid`, for a picture made before. */
export function mermaidOf(picture: Picture, direction: PictureOptions["direction"] = "down"): string {
  const lines = ["---", `title: ${JSON.stringify(escapeText(picture.title))}`, "---"];
  lines.push(`flowchart ${direction === "right" ? "LR" : "TB"}`);
  const children = new Map<string | null, (PictureFrame | PictureNode)[]>([[null, []]]);
  for (const { id } of picture.frames) children.set(id, []);
  for (const node of picture.nodes) children.get(node.frame)?.push(node);
  for (const frame of picture.frames) children.get(frame.parent)?.push(frame);
  const write = (parent: string | null, indent: string): void => {
    for (const child of children.get(parent)!) {
      if ("role" in child) lines.push(`${indent}${nodeText(child)}`);
      else {
        lines.push(`${indent}subgraph ${child.id}["${escapeText(child.title)}"]`);
        write(child.id, `${indent}  `);
        lines.push(`${indent}end`);
      }
    }
  };
  write(null, "  ");
  for (const { from, to, kind, label } of picture.edges) {
    lines.push(`  ${from} ${ARROWS[kind]}${label === "" ? "" : `|"${escapeText(label)}"|`} ${to}`);
  }
  for (const role of rolesIn(picture.nodes)) {
    const { fill, line } = ROLE_STYLES[role];
    lines.push(`  classDef ${role} fill:${fill},stroke:${line},color:#1a1a1a`);
  }
  const strong = picture.nodes.filter((node) => node.strong).map((node) => node.id);
  if (strong.length > 0) lines.push("  classDef strong stroke-width:3px", `  class ${strong.join(",")} strong`);
  return lines.join("\n");
}

function nodeText(node: PictureNode): string {
  const [open, close] = BRACKETS[node.kind];
  const label = [node.title, ...node.lines.filter((text) => text !== "")].map(escapeText).join("<br/>");
  return `${node.id}${open}"${label}"${close}:::${node.role}`;
}

/**
 * Mermaid writes special characters as `#code;`. Escaped is whatever ends a label or means something in HTML,
 * Markdown or Mermaid itself.
 */
const escapeText = (text: string): string =>
  clean(text)
    .replace(/[#&;"'`<>\\{}*_~%]/g, (character) => `#${character.codePointAt(0)};`)
    .replace(/\n/g, "<br/>")
    // A label that begins like a list or a link would be one.
    .replace(/:\/\//g, "#58;//");
