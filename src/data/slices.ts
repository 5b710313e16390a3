/** Samples that are rows of columns, and batches of rows: they flow as indices, see `DeferredStage`. */
import { type Batch, Batching, ColumnBatch, SampleBatch, stack, WholeBatch } from "./batch.ts";
import type { Columns } from "./columns.ts";
import { DeferredStage, IndexStage, type Rearrangement } from "./deferred.ts";
import type { Origin } from "./errors.ts";
import { END, type Stage, type Transform, TransformStage } from "./stage.ts";

/** Samples by their index along axis 0. */
export class SliceStage<T> extends DeferredStage<number, T> {
  readonly columns: Columns;

  constructor(columns: Columns, indices: Stage<number> = new IndexStage(columns.rows)) {
    super(indices, (index) => columns.sample(index) as T);
    this.columns = columns;
  }
  override rearranged(change: Rearrangement): SliceStage<T> {
    return new SliceStage(this.columns, change(this.keys));
  }
}

/** Batches; a key is good until the next one is asked for. */
export class BatchStage<T> extends DeferredStage<Batch, T> {
  /** Rows of a partial last batch that follows full ones, if it is known that there is one; else 0. */
  readonly remainder: number;

  constructor(batches: Stage<Batch>, remainder: number) {
    super(batches, (batch) => stack(batch) as T);
    this.remainder = remainder;
  }
  override rearranged(change: Rearrangement): BatchStage<T> {
    const batches = change(this.keys);
    const reachesEnd = batches.size !== null && this.size !== null && batches.size >= this.size;
    return new BatchStage(batches, reachesEnd ? this.remainder : 0);
  }
}

export function batchStage<T>(
  stage: Stage<unknown>,
  size: number,
  dropRemainder: boolean,
  origin: Origin,
): BatchStage<T> {
  const samples = stage.size;
  const count = samples === null ? null : dropRemainder ? Math.floor(samples / size) : Math.ceil(samples / size);
  const partial = samples !== null && samples > size && Number.isFinite(samples) && !dropRemainder;
  const batches =
    stage instanceof SliceStage
      ? new TransformStage(stage.keys, count, () => {
          const batch = new ColumnBatch(stage.columns);
          return new Batching<number>(size, dropRemainder, (indices, rows) => batch.set(indices, rows));
        })
      : new TransformStage(
          stage,
          count,
          () =>
            new Batching<unknown>(
              size,
              dropRemainder,
              (kept, rows, before) => new SampleBatch(kept.slice(0, rows), before, origin),
            ),
        );
  return new BatchStage(batches, partial ? samples % size : 0);
}

/** What goes into a plan: batches that were not made yet, or else the elements as they are. */
export const batchesOf = (stage: Stage<unknown>): Stage<Batch> =>
  stage instanceof BatchStage ? stage.keys : new TransformStage(stage, stage.size, () => new Whole());

class Whole implements Transform<unknown, Batch> {
  readonly full = false;
  #place = 0;
  push(element: unknown): Batch {
    return new WholeBatch(element, this.#place++);
  }
  flush(): typeof END {
    return END;
  }
}
