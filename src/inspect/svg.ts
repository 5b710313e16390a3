import { ForerunError } from "../core/errors.ts";
import { dotOf } from "./dot.ts";
import { type PictureOptions, pictureOf, type Subject } from "./model.ts";
import { sanitizeSvg } from "./sanitize.ts";

export { sanitizeSvg } from "./sanitize.ts";

/**
 * Turns DOT into SVG. The library brings none: it has no dependencies and runs in browsers too. `samples/support`
 * has one for Node that runs Graphviz in a worker.
 *
 * Must reject with `LayoutTimeout` when it was stopped after `timeout` milliseconds.
 */
export type LayoutEngine = (dot: string, timeout: number) => Promise<string>;

/** Layout took too long and was stopped. */
export class LayoutTimeout extends ForerunError {
  override name = "LayoutTimeout";
}

export interface SvgOptions extends PictureOptions {
  readonly layout: LayoutEngine;
  /** Milliseconds one layout may take; a second one, of a smaller picture, is tried after it. Default 20,000. */
  readonly timeout?: number | undefined;
}

/** How much smaller the second picture is, if the first one could not be laid out in time. */
const SHRINK = 3;

/**
 * A picture as SVG text, without scripts or links.
 * @throws LayoutTimeout if a picture collapsed to a third can not be laid out in time either
 */
export async function toSvg(subject: Subject, options: SvgOptions): Promise<string> {
  const { layout, timeout = 20_000, direction } = options;
  const first = pictureOf(subject, options);
  try {
    return sanitizeSvg(await layout(dotOf(first, direction), timeout));
  } catch (error) {
    if (!(error instanceof LayoutTimeout)) throw error;
  }
  const smaller = pictureOf(subject, { ...options, maxNodes: Math.floor(first.nodes.length / SHRINK) });
  try {
    return sanitizeSvg(await layout(dotOf(smaller, direction), timeout));
  } catch (error) {
    if (!(error instanceof LayoutTimeout)) throw error;
    throw new LayoutTimeout({
      what: `picture: "${first.title}" could not be laid out in ${timeout / 1000} s`,
      details: [
        `tried with ${first.nodes.length} nodes and ${first.edges.length} edges`,
        `and with ${smaller.nodes.length} nodes and ${smaller.edges.length} edges`,
      ],
      fix: `lower maxNodes, draw less with fetches or collapse, or raise timeout (now ${timeout} ms)`,
    });
  }
}
