/** `forerun/inspect`: pictures of graphs, functions and plans. Re-exports only. */
export {
  Backpropagation,
  type BackpropagationEdge,
  type BackpropagationOptions,
  backpropagation,
} from "./backpropagation.ts";
export { type ChainFactor, type ChainPath, type ChainRule, chainRule } from "./chain-rule.ts";
export {
  type CheckGradientsOptions,
  checkGradients,
  type GradientCheckEntry,
  type GradientReport,
} from "./check-gradients.ts";
export { type DebugPrintOptions, debugPrint, explain } from "./debug.ts";
export { dotOf, toDot } from "./dot.ts";
export { mermaidOf, toMermaid } from "./mermaid.ts";
export { type PictureOptions, pictureOf, type Subject } from "./model.ts";
export type { Picture, PictureEdge, PictureFrame, PictureNode, Role } from "./picture.ts";
export { flopsOf, type Stats, type StatsOptions, type StatsRow, stats } from "./stats.ts";
export { type LayoutEngine, LayoutTimeout, type SvgOptions, sanitizeSvg, toSvg } from "./svg.ts";
