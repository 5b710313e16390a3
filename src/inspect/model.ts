import type { Plan } from "../compiler/plan.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { GraphFunction } from "../graph/function.ts";
import type { Operation, Tensor } from "../graph/operation.ts";
import { Backpropagation } from "./backpropagation.ts";
import { collapse } from "./collapse.ts";
import { type ContentOptions, pictureOfFunction, pictureOfGraph } from "./from-graph.ts";
import { pictureOfPlan } from "./from-plan.ts";
import { type Picture, withoutLongLoops } from "./picture.ts";

/** What can be drawn: a graph, a function cut out of one, a compiled plan, or backpropagation in numbers. */
export type Subject = GraphBuilder | GraphFunction | Plan | Backpropagation;

export interface PictureOptions extends ContentOptions {
  /** Of a graph: draws only what these need. */
  readonly fetches?: readonly (Tensor | Operation)[] | undefined;
  /** Nodes a picture may have; scopes beyond that become boxes. Default 120, never fewer than 8. */
  readonly maxNodes?: number | undefined;
  /** Scopes (or, of plans, kernels) to draw as one box whatever the size of the picture: `["dense_1", "adam"]`. */
  readonly collapse?: readonly string[] | undefined;
  /** `"down"` (default) or `"right"`. */
  readonly direction?: "down" | "right" | undefined;
}

/** The picture behind `toDot` and `toMermaid`, for drawing it in some other way. */
export function pictureOf(subject: Subject, options: PictureOptions = {}): Picture {
  let picture: Picture;
  if (subject instanceof GraphBuilder) picture = pictureOfGraph(subject, options.fetches, options);
  else if (subject instanceof Backpropagation) picture = subject.picture;
  else if ("steps" in subject) picture = pictureOfPlan(subject, options);
  else picture = pictureOfFunction(subject, options);
  return withoutLongLoops(collapse(picture, options.maxNodes ?? 120, options.collapse));
}
