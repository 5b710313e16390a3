import type { TypedArray } from "../core/dtype.ts";
import { FeedError } from "../core/errors.ts";
import type { UrlLike } from "../core/host.ts";
import type { NDArray } from "../runtime/ndarray.ts";
import { counted, here } from "../runtime/reading.ts";
import { Columns } from "./columns.ts";
import { DeferredStage, IndexStage, type Rearrangement } from "./deferred.ts";
import { DataError, originOf, requireCount } from "./errors.ts";
import { Feeding, type FeedTarget, type IntoOptions } from "./feed.ts";
import { mapInWorkerStage, type WorkerMapOptions } from "./map-in-worker.ts";
import { BatchStage, batchesOf, batchStage, SliceStage } from "./slices.ts";
import { isAnyIterable, type Source, SourceStage } from "./source.ts";
import { iterate, iterateAsync, RepeatStage, type Stage, TransformStage } from "./stage.ts";
import type { ShapedData, TensorLike, Tensors } from "./structure.ts";
import { Filtering, Mapping, RandomIndices, Shuffling, Skipping, Taking } from "./transforms.ts";
import { mapAsyncStage, prefetchStage } from "./waiting.ts";

export interface ShuffleOptions {
  /** Samples among which the next one is chosen. Default: all of them, a uniform permutation. */
  readonly bufferSize?: number | undefined;
  /** Whole number; the same seed gives the same orders, on every machine. Default 0. */
  readonly seed?: number | undefined;
  /** Whether each iteration has an order of its own. Default true. */
  readonly reshuffle?: boolean | undefined;
}

export interface BatchOptions {
  /** Whether to leave out the last batch if it would be smaller. Default false. */
  readonly dropRemainder?: boolean | undefined;
}

/** What `into` gives: loop over it, with `for` where nothing has to be waited for, else with `for await`. */
export interface FeedLoop extends Iterable<number>, AsyncIterable<number> {}

/**
 * Samples on their way to a training loop, as in tf.data: each method adds a step and returns a new dataset; nothing
 * happens before a loop asks for elements. It can be looped over again and again, unless its source can not.
 */
export class Dataset<T> implements AsyncIterable<T>, Iterable<T> {
  readonly #stage: Stage<T>;

  /** Use `dataset(…)`. */
  constructor(stage: Stage<T>) {
    this.#stage = stage;
  }

  /** Elements in one loop: Infinity for endless, null if that is not known before it ends. */
  get size(): number | null {
    return this.#stage.size;
  }

  /** Replaces every element by what `fn` returns for it. @throws DataError, while looping, if `fn` throws */
  map<O>(fn: (element: T) => O): Dataset<O> {
    const origin = originOf("map");
    return new Dataset(new TransformStage(this.#stage, this.size, () => new Mapping<T, O>(fn, origin)));
  }

  /** The same with a function that returns promises; each is waited for before the next element is asked for. */
  mapAsync<O>(fn: (element: T) => Promise<O>): Dataset<O> {
    return new Dataset(mapAsyncStage(this.#stage, fn, originOf("mapAsync")));
  }

  /**
   * The same on other threads. The function is named by its module and export, since functions can not be sent. What it
   * is given is a copy; the arrays it returns move here, so it must make them anew for each element.
   *
   * @param moduleUrl absolute: `new URL("./augment.js", import.meta.url)`
   * @throws DataError, while looping, if the function throws (`cause` has its message and stack) or its thread ends
   */
  mapInWorker<O>(moduleUrl: UrlLike | string, exportName: string, options: WorkerMapOptions = {}): Dataset<O> {
    const made = this.#stage instanceof BatchStage;
    return new Dataset(
      mapInWorkerStage<T, O>(this.#stage, moduleUrl, exportName, options, made, originOf("mapInWorker")),
    );
  }

  /** Keeps the elements for which `fn` returns true. @throws DataError, while looping, if `fn` throws */
  filter(fn: (element: T) => boolean): Dataset<T> {
    const origin = originOf("filter");
    return new Dataset(new TransformStage(this.#stage, null, () => new Filtering<T>(fn, origin)));
  }

  /**
   * Another order in each loop, which seed and number of the loop decide. Slices are not copied: what is shuffled are
   * their indices. Other sources are kept in memory, up to `bufferSize` elements of them.
   *
   * @throws DataError for a seed that is no whole number, or a buffer for less than one element
   */
  shuffle(options: ShuffleOptions = {}): Dataset<T> {
    const { bufferSize = Number.POSITIVE_INFINITY, seed = 0, reshuffle = true } = options;
    if (bufferSize !== Number.POSITIVE_INFINITY)
      requireCount("shuffle: bufferSize", bufferSize, 1, "give a whole number, at least 1, or leave it out");
    requireSeed(seed);
    let loops = 0;
    const random = () => new RandomIndices(seed, reshuffle ? loops++ : 0);
    return this.#rearrange(
      (elements) => new TransformStage(elements, elements.size, () => new Shuffling(bufferSize, random())),
      { keeps: true },
    );
  }

  /**
   * Puts `size` elements next to one another: an array of `[size, …shape]` for each tensor of a sample. The last batch
   * has the rest.
   *
   * @throws DataError for a size below 1; while looping ShapeError, DTypeError, DataError if samples do not go together
   */
  batch(size: number, options: BatchOptions = {}): Dataset<Tensors<T>> {
    requireCount("batch: size", size, 1, "give a whole number, at least 1");
    return new Dataset(batchStage(this.#stage, size, options.dropRemainder ?? false, originOf("batch")));
  }

  /** All elements `count` times, without a count endlessly. Each time is a loop of its own: shuffles differ. */
  repeat(count = Number.POSITIVE_INFINITY): Dataset<T> {
    if (count !== Number.POSITIVE_INFINITY)
      requireCount("repeat: count", count, 0, "give a whole number, or none for endless");
    return this.#rearrange((elements) => new RepeatStage(elements, count));
  }

  /** The first `count` elements. */
  take(count: number): Dataset<T> {
    requireCount("take: count", count, 0, "give a whole number");
    return this.#rearrange((elements) => {
      const size = elements.size === null ? null : Math.min(elements.size, count);
      return new TransformStage(elements, size, () => new Taking(count));
    });
  }

  /** All but the first `count` elements. */
  skip(count: number): Dataset<T> {
    requireCount("skip: count", count, 0, "give a whole number");
    return this.#rearrange((elements) => {
      const size = elements.size === null ? null : Math.max(elements.size - count, 0);
      return new TransformStage(elements, size, () => new Skipping(count));
    });
  }

  /**
   * Asks for up to `count` elements before the loop wants them. That helps where something is waited for: a file, the
   * network, a worker. What is computed on this thread takes its time all the same.
   */
  prefetch(count = 2): Dataset<T> {
    requireCount("prefetch: count", count, 1, "give a whole number, at least 1");
    return new Dataset(prefetchStage(this.#stage, count, originOf("prefetch")));
  }

  /**
   * Writes each batch straight into the feeds of a prepared run, and gives the number of its rows:
   * `for (const rows of batches.into(step)) step();`. Rows of slices go there without an array in between.
   *
   * @throws FeedError, at the latest while looping, if parts and feeds do not go together, or a batch has not their size
   */
  into(step: FeedTarget, options: IntoOptions = {}): FeedLoop {
    const origin = originOf("into");
    const stage = this.#stage;
    if (stage instanceof BatchStage && options.partial === undefined) requireWhole(stage.remainder);
    const batches = batchesOf(stage);
    const loop = new TransformStage(batches, batches.size, () => new Feeding(step, options, origin));
    return { [Symbol.iterator]: () => iterate(loop), [Symbol.asyncIterator]: () => iterateAsync(loop) };
  }

  /** @throws DataError if something has to be waited for */
  [Symbol.iterator](): Iterator<T, void, undefined> {
    return iterate(this.#stage);
  }
  [Symbol.asyncIterator](): AsyncIterator<T, void, undefined> {
    return iterateAsync(this.#stage);
  }

  /** @param keeps whether elements are kept while others are asked for */
  #rearrange(change: Rearrangement, { keeps = false } = {}): Dataset<T> {
    const stage = this.#stage;
    // The rows of a batch are overwritten by those of the next one.
    const late = stage instanceof DeferredStage && !(keeps && stage instanceof BatchStage);
    return new Dataset<T>(late ? (stage as DeferredStage<unknown, T>).rearranged(change) : change(stage));
  }
}

function requireSeed(seed: number): void {
  if (Number.isInteger(seed) && seed >= -(2 ** 31) && seed < 2 ** 32) return;
  throw new DataError({
    what: `shuffle: the seed is ${String(seed)}`,
    at: here(),
    fix: "give a whole number from 0 to 4294967295, or none, which is 0",
  });
}

/** @throws FeedError if a smaller last batch is sure to come, and nothing takes it */
function requireWhole(remainder: number): void {
  if (remainder === 0) return;
  throw new FeedError({
    what: `into: the last batch has only ${counted(remainder, "row")}, and a plan has one size`,
    at: here(),
    fix: "give it a plan of its own, into(step, { partial: session.prepare(…) }), or leave it out: .batch(size, { dropRemainder: true })",
  });
}

/** Tensors whose axis 0 counts samples, in objects and tuples. */
export type TensorSlices = TensorLike | { readonly [name: string]: TensorSlices } | readonly TensorSlices[];

/**
 * A dataset of
 * - an array of samples;
 * - tensors in an object, `{ images, labels }`, or one alone: samples are what lies at each index of axis 0;
 * - an iterable or async iterable; or a function that returns one, and is called for each loop.
 *
 * A sample is a number, a list of numbers, a typed array or an `NDArray`, or an object or tuple of such. Samples from
 * tensors are views of them.
 *
 * @throws ShapeError, DTypeError, DataError if tensors do not go together, or the source is none
 */
export function dataset(tensor: TypedArray | ShapedData): Dataset<NDArray>;
export function dataset<T>(source: Source<T>): Dataset<T>;
export function dataset<S extends { readonly [name: string]: TensorSlices }>(tensors: S): Dataset<Tensors<S>>;
export function dataset(source: unknown): Dataset<unknown> {
  if (Array.isArray(source)) {
    const samples: readonly unknown[] = source;
    return new Dataset(new DeferredStage(new IndexStage(samples.length), (index) => samples[index]));
  }
  if (!ArrayBuffer.isView(source) && (isAnyIterable(source) || typeof source === "function"))
    return new Dataset(new SourceStage(source as Source<unknown>, originOf("dataset")));
  if (typeof source === "object" && source !== null) return new Dataset(new SliceStage(new Columns(source)));
  throw new DataError({
    what: `dataset: ${String(source)} is no source of samples`,
    at: here(),
    fix: "give an array of samples, tensors by name, an iterable, or a function that returns one",
  });
}

/**
 * A dataset of slices along axis 0, as `tf.data.Dataset.from_tensor_slices`: like `dataset({ … })`, and also of a tuple
 * or a nested list, which `dataset` would take for an array of samples.
 *
 * @throws ShapeError, DTypeError, DataError if they do not go together
 */
export const fromTensorSlices = <const S extends TensorSlices>(tensors: S): Dataset<Tensors<S>> =>
  new Dataset(new SliceStage(new Columns(tensors)));
