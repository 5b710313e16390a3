/** The steps that answer at once; see `Transform`. */
import { threefry, type Words } from "../core/threefry.ts";
import { codeFailed, DataError, type Origin } from "./errors.ts";
import { END, type End, NONE, type None, type Transform } from "./stage.ts";

const isPromise = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

/** Calls a function of the user for one sample after another. */
abstract class Calling<I, O> implements Transform<I, O> {
  readonly full = false;
  readonly #call: (item: I) => unknown;
  readonly #origin: Origin;
  #sample = 0;

  constructor(call: (item: I) => unknown, origin: Origin) {
    this.#call = call;
    this.#origin = origin;
  }
  abstract push(item: I): O | None;
  flush(): End {
    return END;
  }
  protected call(item: I): unknown {
    const sample = this.#sample++;
    let result: unknown;
    try {
      result = this.#call(item);
    } catch (cause) {
      throw codeFailed(this.#origin, "the function", sample, cause);
    }
    if (!isPromise(result)) return result;
    const { method, at } = this.#origin;
    throw new DataError({
      what: `${method}: the function returned a promise for sample ${sample}`,
      at,
      fix: method === "map" ? "write .mapAsync(…), which waits" : "compute the answer with .mapAsync(…) before",
    });
  }
}

export class Mapping<I, O> extends Calling<I, O> {
  push(item: I): O {
    return this.call(item) as O;
  }
}

export class Filtering<T> extends Calling<T, T> {
  push(item: T): T | None {
    return this.call(item) ? item : NONE;
  }
}

export class Taking<T> implements Transform<T, T> {
  #left: number;
  constructor(count: number) {
    this.#left = count;
  }
  get full(): boolean {
    return this.#left <= 0;
  }
  push(item: T): T {
    this.#left--;
    return item;
  }
  flush(): End {
    return END;
  }
}

export class Skipping<T> implements Transform<T, T> {
  readonly full = false;
  #left: number;
  constructor(count: number) {
    this.#left = count;
  }
  push(item: T): T | None {
    if (this.#left <= 0) return item;
    this.#left--;
    return NONE;
  }
  flush(): End {
    return END;
  }
}

/**
 * Keeps `size` elements and gives up a random one of them for each that comes, as tf.data does. When no more come, the
 * rest is shuffled where it lies (Fisher and Yates); with a buffer for all elements that is a uniform permutation.
 */
export class Shuffling<T> implements Transform<T, T> {
  readonly full = false;
  readonly #size: number;
  readonly #random: RandomIndices;
  readonly #kept: T[] = [];
  /** Elements of `#kept` given up at the end; -1 before. */
  #given = -1;

  constructor(size: number, random: RandomIndices) {
    this.#size = size;
    this.#random = random;
  }
  push(item: T): T | None {
    const kept = this.#kept;
    if (kept.length < this.#size) {
      kept.push(item);
      return NONE;
    }
    const chosen = this.#random.below(kept.length);
    const given = kept[chosen]!;
    kept[chosen] = item;
    return given;
  }
  flush(): T | End {
    if (this.#given < 0) this.#permute();
    return this.#given < this.#kept.length ? this.#kept[this.#given++]! : END;
  }
  #permute(): void {
    const kept = this.#kept;
    for (let last = kept.length - 1; last > 0; last--) {
      const chosen = this.#random.below(last + 1);
      const moved = kept[last]!;
      kept[last] = kept[chosen]!;
      kept[chosen] = moved;
    }
    this.#given = 0;
  }
}

/** Random whole numbers: a pure function of seed and epoch, the same on every machine. */
export class RandomIndices {
  readonly #key: Words;
  #block = 0;
  #spare: number | null = null;

  constructor(seed: number, epoch: number) {
    this.#key = [seed >>> 0, epoch >>> 0];
  }
  /** From 0 to `count - 1`; for more than two million elements not all are equally likely, by parts in a billion. */
  below(count: number): number {
    return Math.floor((this.#word() * count) / 2 ** 32);
  }
  #word(): number {
    const spare = this.#spare;
    if (spare !== null) {
      this.#spare = null;
      return spare;
    }
    const [word, next] = threefry(this.#key, [this.#block++ >>> 0, 0]);
    this.#spare = next;
    return word;
  }
}
