/** The steps whose answers have to be waited for, on this thread. */
import { codeFailed, type Origin } from "./errors.ts";
import { type AsyncPull, END, type End, type Stage, WaitingStage } from "./stage.ts";

/** Wakes who waits. */
export class Signal {
  #wake: (() => void) | null = null;
  #waiting: Promise<void> | null = null;

  wait(): Promise<void> {
    this.#waiting ??= new Promise((resolve) => {
      this.#wake = resolve;
    });
    return this.#waiting;
  }
  wake(): void {
    this.#wake?.();
    this.#wake = null;
    this.#waiting = null;
  }
}

/** `map` with a function that returns promises, one sample after the other. */
export function mapAsyncStage<I, O>(parent: Stage<I>, map: (item: I) => Promise<O>, origin: Origin): Stage<O> {
  return new WaitingStage(origin, parent.size, () => {
    const pull = parent.openAsync();
    let sample = 0;
    return {
      next: async (): Promise<O | End> => {
        const item = await pull.next();
        if (item === END) return END;
        const place = sample++;
        try {
          return await map(item as I);
        } catch (cause) {
          throw codeFailed(origin, "the function", place, cause);
        }
      },
      close: () => pull.close(),
    };
  });
}

export const prefetchStage = <T>(parent: Stage<T>, count: number, origin: Origin): Stage<T> =>
  new WaitingStage(origin, parent.size, () => new Prefetching(parent.openAsync(), count));

/** Asks for elements ahead of the reader, at most `count` of them. */
class Prefetching<T> implements AsyncPull<T> {
  readonly #parent: AsyncPull<T>;
  readonly #count: number;
  readonly #ready: T[] = [];
  readonly #changed = new Signal();
  #producing: Promise<void> | null = null;
  #ended = false;
  #stopped = false;
  #failure: { readonly error: unknown } | null = null;

  constructor(parent: AsyncPull<T>, count: number) {
    this.#parent = parent;
    this.#count = count;
  }

  async next(): Promise<T | End> {
    this.#producing ??= this.#produce();
    while (this.#ready.length === 0) {
      if (this.#failure) throw this.#failure.error;
      if (this.#ended || this.#stopped) return END;
      await this.#changed.wait();
    }
    const item = this.#ready.shift()!;
    this.#changed.wake();
    return item;
  }

  async close(): Promise<void> {
    this.#stopped = true;
    this.#changed.wake();
    // First the parent: it may be what the producer waits for.
    await this.#parent.close();
    await this.#producing;
  }

  async #produce(): Promise<void> {
    try {
      while (!this.#stopped) {
        if (this.#ready.length >= this.#count) {
          await this.#changed.wait();
          continue;
        }
        const item = await this.#parent.next();
        if (item === END) break;
        this.#ready.push(item as T);
        this.#changed.wake();
      }
    } catch (error) {
      this.#failure = { error };
    }
    this.#ended = true;
    this.#changed.wake();
  }
}
