/** Batches straight into the memory from which a plan reads its feeds. */
import { type DType, dtypeOfArray, type TypedArray } from "../core/dtype.ts";
import { FeedError } from "../core/errors.ts";
import { shapeText } from "../core/shape.ts";
import type { PreparedRun } from "../runtime/prepared.ts";
import { counted } from "../runtime/reading.ts";
import type { Batch, BatchPart } from "./batch.ts";
import { fits } from "./cells.ts";
import type { Origin } from "./errors.ts";
import { END, type End, type Transform } from "./stage.ts";

/** Where batches go: what `session.prepare` gives. */
export type FeedTarget = Pick<PreparedRun<unknown>, "feeds">;

export interface IntoOptions {
  /**
   * For each feed, in the order in which `prepare` was given the tensors, which part of the sample goes there:
   * `"images"`, `"[0]"`; null for a feed that you write yourself. Default: the parts in the sample's own order, as many
   * as there are feeds.
   */
  readonly feeds?: readonly (string | null)[] | undefined;
  /** Takes the partial last batch: the same fetches prepared with the shapes of that one. */
  readonly partial?: FeedTarget | undefined;
}

/** Writes each batch into the target that has its size, and gives the number of its rows. */
export class Feeding implements Transform<Batch, number> {
  readonly full = false;
  readonly #step: FeedTarget;
  readonly #options: IntoOptions;
  readonly #origin: Origin;
  /** Part of the sample for each feed, null for none; worked out with the first batch. */
  #parts: readonly (number | null)[] | null = null;

  constructor(step: FeedTarget, options: IntoOptions, origin: Origin) {
    this.#step = step;
    this.#options = options;
    this.#origin = origin;
  }
  push(batch: Batch): number {
    // Taken anew each time: memory may have grown since.
    let feeds = this.#step.feeds;
    this.#parts ??= this.#match(batch, feeds);
    if (!this.#holds(batch, feeds)) {
      const partial = this.#options.partial?.feeds;
      if (partial === undefined || !this.#holds(batch, partial)) throw this.#wrongSize(batch, feeds, partial);
      feeds = partial;
    }
    for (let feed = 0; feed < feeds.length; feed++) {
      const part = this.#parts[feed]!;
      if (part !== null) batch.copyTo(part, feeds[feed]!, dtypeOfArray(feeds[feed]!)!);
    }
    return batch.rows;
  }
  flush(): End {
    return END;
  }

  #holds(batch: Batch, feeds: readonly TypedArray[]): boolean {
    for (let feed = 0; feed < feeds.length; feed++) {
      const part = this.#parts![feed]!;
      if (part !== null && batch.sizeOf(part) !== feeds[feed]!.length) return false;
    }
    return true;
  }

  /** @throws FeedError if parts and feeds do not go together, one by one */
  #match({ parts }: Batch, feeds: readonly TypedArray[]): readonly (number | null)[] {
    const names = this.#options.feeds ?? parts.map(({ path }) => path);
    const known = parts.map(({ path }) => (path === "" ? "the sample itself" : JSON.stringify(path))).join(", ");
    if (names.length !== feeds.length) {
      throw new FeedError({
        what: `into: ${counted(names.length, "part")} for ${counted(feeds.length, "feed")}`,
        details: [`the samples have ${known}`],
        at: this.#origin.at,
        fix: 'say what goes where: { feeds: ["images", "labels", null] }; null is a feed you write yourself',
      });
    }
    return names.map((name, feed) => {
      if (name === null) return null;
      const part = parts.findIndex(({ path }) => path === name);
      if (part < 0) {
        throw new FeedError({
          what: `into: the samples have no part ${JSON.stringify(name)} for feed ${feed}`,
          details: [`they have ${known}`],
          at: this.#origin.at,
          fix: "name a part of the sample, or null for a feed you write yourself",
        });
      }
      this.#requireFits(parts[part]!, feed, dtypeOfArray(feeds[feed]!)!);
      return part;
    });
  }

  #requireFits(part: BatchPart, feed: number, dtype: DType): void {
    if (fits(part, dtype)) return;
    throw new FeedError({
      what: `into: feed ${feed} is ${dtype}, ${part.path === "" ? "the samples are" : `${JSON.stringify(part.path)} is`} ${part.dtype}`,
      at: this.#origin.at,
      fix: "cast in the graph, or give the data in the dtype of the placeholder",
    });
  }

  #wrongSize(batch: Batch, feeds: readonly TypedArray[], partial: readonly TypedArray[] | undefined): FeedError {
    const parts = this.#parts!;
    const lines = parts.flatMap((part, feed) => {
      if (part === null) return [];
      const length = (views: readonly TypedArray[]) => views[feed]!.length;
      const room = partial === undefined ? length(feeds) : `${length(feeds)} or ${length(partial)}`;
      return [
        `feed ${feed}  ${batch.sizeOf(part)} elements, ${shapeText(batch.shapeOf(part))}, where there is room for ${room}`,
      ];
    });
    const shapes = parts.map((part) => (part === null ? "[…]" : shapeText(batch.shapeOf(part))));
    return new FeedError({
      what: `into: a batch of ${batch.rows} does not fill the feeds`,
      details: lines,
      at: this.#origin.at,
      fix:
        `a partial last batch needs a plan of its own, { partial: session.prepare(…, { shapes: [${shapes.join(", ")}] }) }, ` +
        "or is left out: .batch(size, { dropRemainder: true })",
    });
  }
}
