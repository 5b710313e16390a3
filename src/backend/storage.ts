import type { Storage } from "../compiler/plan.ts";
import { type DType, type TypedArray, viewOf } from "../core/dtype.ts";

/** Session memory as an ordinary array buffer for each block; an address is a block's number times this. */
const SPAN = 2 ** 40;

/** Memory of backends that work on typed arrays. */
export class ArrayStorage implements Storage {
  readonly arena = 0;
  readonly #blocks: (ArrayBuffer | null)[] = [new ArrayBuffer(0)];
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }
  reserve(bytes: number): number {
    return (this.#blocks.push(new ArrayBuffer(bytes)) - 1) * SPAN;
  }
  release(address: number): void {
    this.#blocks[address / SPAN] = null;
  }
  reserveArena(bytes: number): void {
    if (bytes <= this.#blocks[0]!.byteLength) return;
    this.#blocks[0] = new ArrayBuffer(bytes);
    this.#generation++;
  }
  view(dtype: DType, address: number, length: number): TypedArray {
    const block = Math.floor(address / SPAN);
    return viewOf(dtype, this.#blocks[block]!, address - block * SPAN, length);
  }
}
