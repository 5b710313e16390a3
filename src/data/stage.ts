/**
 * How elements flow. A stage describes a step of the pipeline and can be opened many times; each opening is a `Pull`
 * that is asked for one element after another. A step that keeps or drops, collects or reorders is written once, as a
 * `Transform`, and serves sources that answer at once and sources that have to be waited for.
 */
import { DataError, type Origin } from "./errors.ts";

/** Stands for the end of the elements: no sample can be it. */
export const END = Symbol("end");
export type End = typeof END;
/** Says that an element went in and none comes out yet. */
export const NONE = Symbol("none");
export type None = typeof NONE;

/** One iteration. After `END`, an exception or `close` it is not asked again. */
export interface Pull<T> {
  next(): T | End;
  /** The reader wants no more. Also called after the end. */
  close(): void;
}
export interface AsyncPull<T> {
  next(): T | End | Promise<T | End>;
  close(): void | Promise<void>;
}

export interface Stage<T> {
  /** Elements in one iteration; Infinity, or null where it can not be known. */
  readonly size: number | null;
  /** Whether it is certain that nothing has to be waited for. */
  readonly synchronous: boolean;
  /** @throws DataError if something has to be waited for */
  open(): Pull<T>;
  openAsync(): AsyncPull<T>;
}

/** What one iteration of a step does with the elements, told one by one. */
export interface Transform<I, O> {
  /** True when no further element is wanted. */
  readonly full: boolean;
  push(item: I): O | None;
  /** What is left once all elements went in; called until it says `END`. */
  flush(): O | End;
}

/** A step that has its answer for each element at once. */
export class TransformStage<I, O> implements Stage<O> {
  readonly size: number | null;
  readonly #parent: Stage<I>;
  readonly #start: () => Transform<I, O>;

  constructor(parent: Stage<I>, size: number | null, start: () => Transform<I, O>) {
    this.#parent = parent;
    this.size = size;
    this.#start = start;
  }
  get synchronous(): boolean {
    return this.#parent.synchronous;
  }
  open(): Pull<O> {
    return new TransformPull(this.#parent.open(), this.#start());
  }
  openAsync(): AsyncPull<O> {
    return this.synchronous ? this.open() : new AsyncTransformPull(this.#parent.openAsync(), this.#start());
  }
}

class TransformPull<I, O> implements Pull<O> {
  readonly #parent: Pull<I>;
  readonly #transform: Transform<I, O>;
  #ended = false;

  constructor(parent: Pull<I>, transform: Transform<I, O>) {
    this.#parent = parent;
    this.#transform = transform;
  }
  next(): O | End {
    const transform = this.#transform;
    while (!this.#ended && !transform.full) {
      const item = this.#parent.next();
      if (item === END) this.#ended = true;
      else {
        const made = transform.push(item as I);
        if (made !== NONE) return made as O;
      }
    }
    return transform.flush();
  }
  close(): void {
    this.#parent.close();
  }
}

/** The same, waiting. */
class AsyncTransformPull<I, O> implements AsyncPull<O> {
  readonly #parent: AsyncPull<I>;
  readonly #transform: Transform<I, O>;
  #ended = false;

  constructor(parent: AsyncPull<I>, transform: Transform<I, O>) {
    this.#parent = parent;
    this.#transform = transform;
  }
  async next(): Promise<O | End> {
    const transform = this.#transform;
    while (!this.#ended && !transform.full) {
      const item = await this.#parent.next();
      if (item === END) this.#ended = true;
      else {
        const made = transform.push(item as I);
        if (made !== NONE) return made as O;
      }
    }
    return transform.flush();
  }
  close(): void | Promise<void> {
    return this.#parent.close();
  }
}

/** The elements again and again. A pass without any ends it, so that an endless repetition of nothing does not hang. */
export class RepeatStage<T> implements Stage<T> {
  readonly size: number | null;
  readonly #parent: Stage<T>;
  readonly #count: number;

  /** @param count of passes, Infinity for endless */
  constructor(parent: Stage<T>, count: number) {
    this.#parent = parent;
    this.#count = count;
    this.size = parent.size === 0 || count === 0 ? 0 : parent.size === null ? null : parent.size * count;
  }
  get synchronous(): boolean {
    return this.#parent.synchronous;
  }
  open(): Pull<T> {
    return new RepeatPull(() => this.#parent.open(), this.#count);
  }
  openAsync(): AsyncPull<T> {
    return this.synchronous ? this.open() : new AsyncRepeatPull(() => this.#parent.openAsync(), this.#count);
  }
}

class RepeatPull<T> implements Pull<T> {
  readonly #open: () => Pull<T>;
  #left: number;
  #pass: Pull<T> | null = null;

  constructor(open: () => Pull<T>, count: number) {
    this.#open = open;
    this.#left = count;
  }
  next(): T | End {
    while (this.#pass !== null || this.#left > 0) {
      const begins = this.#pass === null;
      if (this.#pass === null) {
        this.#pass = this.#open();
        this.#left--;
      }
      const item = this.#pass.next();
      if (item !== END) return item;
      this.#endPass();
      if (begins) this.#left = 0;
    }
    return END;
  }
  close(): void {
    this.#left = 0;
    this.#endPass();
  }
  #endPass(): void {
    this.#pass?.close();
    this.#pass = null;
  }
}

class AsyncRepeatPull<T> implements AsyncPull<T> {
  readonly #open: () => AsyncPull<T>;
  #left: number;
  #pass: AsyncPull<T> | null = null;

  constructor(open: () => AsyncPull<T>, count: number) {
    this.#open = open;
    this.#left = count;
  }
  async next(): Promise<T | End> {
    while (this.#pass !== null || this.#left > 0) {
      const begins = this.#pass === null;
      if (this.#pass === null) {
        this.#pass = this.#open();
        this.#left--;
      }
      const item = await this.#pass.next();
      if (item !== END) return item;
      await this.#endPass();
      if (begins) this.#left = 0;
    }
    return END;
  }
  close(): Promise<void> {
    this.#left = 0;
    return this.#endPass();
  }
  async #endPass(): Promise<void> {
    const pass = this.#pass;
    this.#pass = null;
    await pass?.close();
  }
}

/** A step whose answers have to be waited for. */
export class WaitingStage<T> implements Stage<T> {
  readonly size: number | null;
  readonly synchronous = false;
  readonly #origin: Origin;
  readonly openAsync: () => AsyncPull<T>;

  constructor(origin: Origin, size: number | null, openAsync: () => AsyncPull<T>) {
    this.#origin = origin;
    this.size = size;
    this.openAsync = openAsync;
  }
  open(): never {
    throw mustWait(this.#origin);
  }
}

export const mustWait = ({ method, at }: Origin): DataError =>
  new DataError({
    what: `${method}: its elements have to be waited for, and a plain loop can not wait`,
    at,
    fix: "write `for await (… of …)`",
  });

/** A stage as plain JavaScript iterates. */
export function* iterate<T>(stage: Stage<T>): Generator<T, void, undefined> {
  const pull = stage.open();
  try {
    for (let item = pull.next(); item !== END; item = pull.next()) yield item as T;
  } finally {
    pull.close();
  }
}
export async function* iterateAsync<T>(stage: Stage<T>): AsyncGenerator<T, void, undefined> {
  const pull = stage.openAsync();
  try {
    for (let item = await pull.next(); item !== END; item = await pull.next()) yield item as T;
  } finally {
    await pull.close();
  }
}
