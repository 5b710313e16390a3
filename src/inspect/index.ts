/** `forerun/inspect`: pictures of graphs, functions and plans. Re-exports only. */
export { dotOf, toDot } from "./dot.ts";
export { mermaidOf, toMermaid } from "./mermaid.ts";
export { type PictureOptions, pictureOf, type Subject } from "./model.ts";
export type { Picture, PictureEdge, PictureFrame, PictureNode, Role } from "./picture.ts";
export { type LayoutEngine, LayoutTimeout, type SvgOptions, sanitizeSvg, toSvg } from "./svg.ts";
