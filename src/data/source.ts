/** Where the elements come from. */
import { here } from "../runtime/reading.ts";
import { codeFailed, DataError, type Origin } from "./errors.ts";
import { type AsyncPull, END, type End, mustWait, type Pull, type Stage } from "./stage.ts";

type AnyIterable<T> = Iterable<T> | AsyncIterable<T>;

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.iterator in value;
const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;
export const isAnyIterable = (value: unknown): value is AnyIterable<unknown> =>
  isIterable(value) || isAsyncIterable(value);

/** What `dataset` takes besides tensors and arrays. */
export type Source<T> = AnyIterable<T> | (() => AnyIterable<T> | Promise<AnyIterable<T>>);

/** Elements of an iterable, or of what a function returns each time it is called. */
export class SourceStage<T> implements Stage<T> {
  readonly size = null;
  readonly synchronous: boolean;
  readonly #source: Source<T>;
  readonly #origin: Origin;
  #opened = false;

  constructor(source: Source<T>, origin: Origin) {
    this.#source = source;
    this.#origin = origin;
    this.synchronous = isIterable(source);
  }

  open(): Pull<T> {
    const iterable = this.#begin();
    if (!isIterable(iterable)) throw mustWait(this.#origin);
    const iterator = (iterable as Iterable<T>)[Symbol.iterator]();
    let place = 0;
    return {
      next: () => {
        try {
          const { done, value } = iterator.next();
          place++;
          return done ? END : value;
        } catch (cause) {
          throw this.#failed(place, cause);
        }
      },
      close: () => void iterator.return?.(),
    };
  }

  openAsync(): AsyncPull<T> {
    if (this.synchronous) return this.open();
    let iterator: Iterator<T> | AsyncIterator<T> | null = null;
    let place = 0;
    return {
      next: async (): Promise<T | End> => {
        try {
          iterator ??= iteratorOf(await this.#begin());
          const { done, value } = await iterator.next();
          place++;
          return done ? END : value;
        } catch (cause) {
          throw this.#failed(place, cause);
        }
      },
      close: async () => void (await iterator?.return?.()),
    };
  }

  #failed(place: number, cause: unknown): DataError {
    return cause instanceof DataError ? cause : codeFailed(this.#origin, "the source", place, cause);
  }

  /** @throws DataError if the source can be read once only, and was */
  #begin(): AnyIterable<T> | Promise<AnyIterable<T>> {
    const source = this.#source;
    if (typeof source === "function") {
      try {
        return source();
      } catch (cause) {
        throw this.#failed(0, cause);
      }
    }
    if (this.#opened && readsOnce(source)) {
      throw new DataError({
        what: "dataset: the source was read before, and can be read only once",
        details: ["it is an iterator, which does not begin again"],
        at: this.#origin.at,
        fix: "give a function that returns a new one each time: dataset(() => …)",
      });
    }
    this.#opened = true;
    return source;
  }
}

/** Iterators are iterables of themselves, unlike collections. */
function readsOnce(source: AnyIterable<unknown>): boolean {
  if (Symbol.iterator in source) return (source[Symbol.iterator]() as unknown) === source;
  return (source[Symbol.asyncIterator]() as unknown) === source;
}

function iteratorOf<T>(source: AnyIterable<T>): Iterator<T> | AsyncIterator<T> {
  if (isAsyncIterable(source)) return (source as AsyncIterable<T>)[Symbol.asyncIterator]();
  if (isIterable(source)) return (source as Iterable<T>)[Symbol.iterator]();
  throw new DataError({
    what: `dataset: the function returned ${source === undefined ? "nothing" : String(source)}, which can not be iterated`,
    at: here(),
    fix: "return an array, a generator, or another iterable",
  });
}
