import type { NDArray } from "../../runtime/ndarray.ts";

/** An array of a batch, and how it is called: `x`, `y.kind`. */
export interface NamedArray {
  readonly name: string;
  readonly array: NDArray;
}

/**
 * Which axes of a model's data take many sizes, as the length of text does: one trace serves all of them. The first axis,
 * the batch, always does; others once they are seen to.
 */
export class OpenAxes {
  /** Sizes seen first, by array. */
  readonly #first = new Map<string, readonly number[]>();
  readonly #open = new Map<string, Set<number>>();
  #isPinned = false;

  /** Looks at the sizes of a batch. */
  see(arrays: readonly NamedArray[]): void {
    if (this.#isPinned) return;
    for (const { name, array } of arrays) {
      const first = this.#first.get(name);
      if (first?.length !== array.shape.length) {
        this.#first.set(name, array.shape);
        this.#open.delete(name);
        continue;
      }
      for (let axis = 1; axis < first.length; axis++) if (first[axis] !== array.shape[axis]) this.#openAxis(name, axis);
    }
  }

  #openAxis(name: string, axis: number): void {
    const open = this.#open.get(name) ?? new Set<number>();
    this.#open.set(name, open.add(axis));
  }

  get any(): boolean {
    return this.#open.size > 0;
  }

  /** Takes sizes as they come from now on: the model needs them as numbers. */
  pin(): void {
    this.#isPinned = true;
    this.#open.clear();
  }

  /** The sizes to trace for: a name where any will do. */
  sizesOf({ name, array }: NamedArray): readonly (number | string)[] {
    const open = this.#open.get(name);
    const word = name.replace(/\W+/g, "_").replace(/_$/, "");
    return array.shape.map((size, axis) => (axis === 0 ? "batch" : open?.has(axis) ? `${word}_${axis}` : size));
  }
}
