import { getOrMake } from "../../core/collections.ts";
import { GraphError } from "../../core/errors.ts";
import type { PreparedEntry } from "../../eager/program.ts";
import { NDArray } from "../../runtime/ndarray.ts";
import { here } from "../../runtime/reading.ts";
import type { TrainingPosition } from "../saving/file.ts";
import { type SampleSource, shuffledOrder } from "./batches.ts";
import { type Data, takeApart } from "./structure.ts";
import type { BatchArrays, Mode, Trainer } from "./trainer.ts";

/** A batch that is ready: runs the step it is for, and gives what that computes. */
export type ReadyBatch = () => readonly NDArray[];

/** Where batches come from. */
export interface BatchFeed {
  /** Batches in an epoch; null if nobody knows. */
  readonly steps: number | null;
  /**
   * Begins an epoch.
   * @param skip batches to leave out, which were done before
   * @returns batches, one at each call; null at the end
   */
  begin(epoch: number, skip?: number): () => ReadyBatch | null | Promise<ReadyBatch | null>;
  /** Makes ready to begin the epoch of a position that training was at before. */
  goTo?(position: TrainingPosition): Promise<void>;
  /** Nothing more is wanted. */
  close?(): void;
}

/** Batches from arrays: rows are written to the memory that the plan reads them from. */
export class ArrayFeed implements BatchFeed {
  readonly steps: number;
  readonly #trainer: Trainer;
  readonly #mode: Mode;
  readonly #source: SampleSource;
  readonly #size: number;
  /** Null: in the order they have. */
  readonly #seed: number | null;
  readonly #entries = new Map<number, PreparedEntry>();

  constructor(trainer: Trainer, mode: Mode, source: SampleSource, size: number, seed: number | null) {
    if (!(Number.isInteger(size) && size > 0)) {
      throw new GraphError({ what: `batchSize is ${size}`, at: here(), fix: "give a whole number from 1 on" });
    }
    this.#trainer = trainer;
    this.#mode = mode;
    this.#source = source;
    this.#size = size;
    this.#seed = seed;
    this.steps = Math.ceil(source.count / size);
  }

  begin(epoch: number, skip = 0): () => ReadyBatch | null {
    const { count } = this.#source;
    const order = this.#seed === null ? null : shuffledOrder(count, this.#seed, epoch);
    let from = skip * this.#size;
    return () => {
      if (from >= count) return null;
      const to = Math.min(from + this.#size, count);
      const first = from;
      from = to;
      const prepared = this.#entryFor(first, to);
      return () => {
        this.#source.write(order, first, to, prepared.feeds);
        return prepared.run();
      };
    };
  }

  /** The plan for a batch of this size: there are two sizes at most. */
  #entryFor(from: number, to: number): PreparedEntry {
    return getOrMake(this.#entries, to - from, () => {
      const like = this.#source.batch(from, to);
      const step = this.#trainer.step(this.#mode, like);
      if (this.#entries.size === 0) this.#trainer.checkLabels(this.#mode, this.#source.samples);
      return step.prepare(like);
    });
  }
}

/** `[x, y]`, `[x, y, sampleWeight]`, `{ x, y, sampleWeight }`; for `predict` also `x` alone. */
export type Batch =
  | readonly [x: Data, y?: Data, sampleWeight?: Data]
  | { readonly x: Data; readonly y?: Data; readonly sampleWeight?: Data };
export type BatchSource = Iterable<Batch> | AsyncIterable<Batch>;

/** True for datasets, generators and the like; lists of numbers and arrays are data themselves. */
export const isBatchSource = (data: unknown): data is BatchSource =>
  typeof data === "object" &&
  data !== null &&
  !Array.isArray(data) &&
  !(data instanceof NDArray) &&
  !ArrayBuffer.isView(data) &&
  (Symbol.asyncIterator in data || Symbol.iterator in data);

/** Batches from something one can loop over. The next one is asked for while this one is learnt from. */
export class IterableFeed implements BatchFeed {
  readonly steps: number | null;
  readonly #trainer: Trainer;
  readonly #mode: Mode;
  readonly #source: BatchSource;
  readonly #arrange: (batch: BatchArrays) => BatchArrays;
  #iterator: Iterator<Batch> | AsyncIterator<Batch> | null = null;

  /**
   * @param steps batches to take for an epoch, which then go on where the last one ended; null: all
   * @param arrange what is done to a batch before it is used: class weights
   */
  constructor(
    trainer: Trainer,
    mode: Mode,
    source: BatchSource,
    steps: number | null,
    arrange: (batch: BatchArrays) => BatchArrays = (batch) => batch,
  ) {
    this.#trainer = trainer;
    this.#mode = mode;
    this.#source = source;
    this.#arrange = arrange;
    const { size } = source as { readonly size?: number | null };
    this.steps = steps ?? (typeof size === "number" && Number.isFinite(size) ? size : null);
    this.#limit = steps;
  }
  readonly #limit: number | null;

  begin(_epoch: number, skip = 0): () => ReadyBatch | null | Promise<ReadyBatch | null> {
    if (this.#limit === null) this.#iterator = null;
    let left = (this.#limit ?? Number.POSITIVE_INFINITY) - skip;
    let ahead: Promise<IteratorResult<Batch>> | null = null;
    let passed = skip === 0;
    // An epoch that begins where its loop ends begins another loop.
    let isGoingOn = this.#iterator !== null;
    const start = (result: IteratorResult<Batch>): ReadyBatch | null | Promise<ReadyBatch | null> => {
      const begins = result.done === true && isGoingOn;
      isGoingOn = false;
      if (!begins) return use(result);
      this.#iterator = null;
      const first = this.#ask();
      return first instanceof Promise ? first.then(use) : use(first);
    };
    const use = (result: IteratorResult<Batch>): ReadyBatch | null => {
      if (result.done) {
        this.#iterator = null;
        return null;
      }
      left--;
      const batch = this.#arrange(readBatch(this.#mode, result.value));
      const step = this.#trainer.step(this.#mode, batch);
      return () => step.run(batch);
    };
    const take = (): ReadyBatch | null | Promise<ReadyBatch | null> => {
      if (left <= 0) return null;
      if (!passed) {
        passed = true;
        return this.#pass(skip).then(take);
      }
      const next = ahead ?? this.#ask();
      ahead = null;
      if (!(next instanceof Promise)) return start(next);
      return next.then(async (result) => {
        const ready = await start(result);
        // While the caller computes, the next batch is on its way. A failure is told when its turn comes.
        if (ready && left > 0) {
          const coming = Promise.resolve(this.#ask());
          coming.catch(() => {});
          ahead = coming;
        }
        return ready;
      });
    };
    return take;
  }

  /**
   * A source begins where it always does: what was learnt from before is asked for again, and left out. A shuffled dataset
   * has another order in each loop, so it is looped over as often as before; loops of this program count.
   */
  async goTo({ epoch }: TrainingPosition): Promise<void> {
    const limit = this.#limit;
    if (limit !== null) {
      for (let done = 0; done < epoch; done++) await this.#pass(limit);
      return;
    }
    for (let loop = loops.get(this.#source) ?? 0; loop < epoch; loop++) {
      await this.#pass(1);
      this.close();
    }
  }

  #ask(): IteratorResult<Batch> | Promise<IteratorResult<Batch>> {
    if (!this.#iterator && this.#mode === "train") loops.set(this.#source, (loops.get(this.#source) ?? 0) + 1);
    this.#iterator ??= open(this.#source);
    return this.#iterator.next();
  }

  /** Leaves out that many batches, or as many as are left in the loop: as an epoch takes them. */
  async #pass(count: number): Promise<void> {
    let isGoingOn = this.#iterator !== null;
    for (let i = 0; i < count; ) {
      const { done } = await this.#ask();
      if (!done) i++;
      else {
        this.#iterator = null;
        if (!isGoingOn) return;
      }
      isGoingOn = false;
    }
  }

  close(): void {
    const iterator = this.#iterator;
    this.#iterator = null;
    void Promise.resolve(iterator?.return?.()).catch(() => {});
  }
}

/** How often training has begun to loop over a source. */
const loops = new WeakMap<BatchSource, number>();

const open = (source: BatchSource): Iterator<Batch> | AsyncIterator<Batch> =>
  // Datasets are both; those that have to wait for something say so when looped over without.
  Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();

function readBatch(mode: Mode, batch: Batch): BatchArrays {
  const what = mode === "train" ? "fit" : mode === "test" ? "evaluate" : "predict";
  const { x, y, sampleWeight } = partsOf(mode, batch);
  if (x === undefined) {
    const got =
      batch instanceof NDArray
        ? `${batch.dtype}[${batch.shape.join(", ")}]`
        : Array.isArray(batch)
          ? "a list"
          : typeof batch;
    throw new GraphError({
      what: `${what}: a batch without x and y: ${got}`,
      at: here(),
      fix: "give batches as [x, y] or { x, y }",
    });
  }
  return {
    x: takeApart(`${what}: x`, x),
    y: y === undefined || mode === "predict" ? null : takeApart(`${what}: y`, y),
    weight: sampleWeight === undefined || mode === "predict" ? null : takeApart(`${what}: sampleWeight`, sampleWeight),
  };
}

function partsOf(mode: Mode, batch: Batch): { readonly x?: Data; readonly y?: Data; readonly sampleWeight?: Data } {
  if (Array.isArray(batch) && batch.length <= 3 && !(typeof batch[0] === "number")) {
    const [x, y, sampleWeight] = batch as readonly Data[];
    return { x: x!, ...(y === undefined ? {} : { y }), ...(sampleWeight === undefined ? {} : { sampleWeight }) };
  }
  if (typeof batch === "object" && batch !== null && "x" in batch) return batch as { readonly x: Data };
  if (typeof batch === "object" && batch !== null && "xs" in batch) {
    // As tfjs calls them.
    const { xs, ys } = batch as { readonly xs: Data; readonly ys?: Data };
    return { x: xs, ...(ys === undefined ? {} : { y: ys }) };
  }
  return mode === "predict" ? { x: batch as Data } : {};
}
