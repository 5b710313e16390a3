import { type AsyncPull, END, type End, type Pull, type Stage } from "./stage.ts";

/** A change of which elements come and in what order, whatever they are. */
export type Rearrangement = <E>(elements: Stage<E>) => Stage<E>;

/**
 * Elements that are made only when somebody looks at them: what flows are keys, an index for each sample or the rows
 * of each batch. So a shuffle moves indices and not images, and a batch goes into a plan without ever being an array.
 */
export class DeferredStage<K, T> implements Stage<T> {
  readonly keys: Stage<K>;
  readonly read: (key: K) => T;

  constructor(keys: Stage<K>, read: (key: K) => T) {
    this.keys = keys;
    this.read = read;
  }
  /** The same elements, others or in another order. */
  rearranged(change: Rearrangement): DeferredStage<K, T> {
    return new DeferredStage(change(this.keys), this.read);
  }
  get size(): number | null {
    return this.keys.size;
  }
  get synchronous(): boolean {
    return this.keys.synchronous;
  }
  open(): Pull<T> {
    const keys = this.keys.open();
    return {
      next: () => {
        const key = keys.next();
        return key === END ? END : this.read(key as K);
      },
      close: () => keys.close(),
    };
  }
  openAsync(): AsyncPull<T> {
    if (this.synchronous) return this.open();
    const keys = this.keys.openAsync();
    return {
      next: async (): Promise<T | End> => {
        const key = await keys.next();
        return key === END ? END : this.read(key as K);
      },
      close: () => keys.close(),
    };
  }
}

/** The numbers 0 to `size - 1`. */
export class IndexStage implements Stage<number> {
  readonly size: number;
  readonly synchronous = true;
  constructor(size: number) {
    this.size = size;
  }
  open(): Pull<number> {
    let next = 0;
    return { next: () => (next < this.size ? next++ : END), close: () => {} };
  }
  openAsync(): AsyncPull<number> {
    return this.open();
  }
}
