import type { Storage } from "../compiler/plan.ts";
import { type DType, type TypedArray, viewOf } from "../core/dtype.ts";
import { MemoryError } from "../core/errors.ts";
import { bytesText } from "../core/number-text.ts";

/** An address is the number of a buffer times this, plus an offset in it: more than any buffer may have. */
const SPAN = 2 ** 36;

const NONE = new ArrayBuffer(0);

/** Memory of backends that work on typed arrays: an ordinary buffer for each block, and one, the first, as the arena. */
export class ArrayStorage implements Storage {
  readonly capacity = Infinity;
  readonly arena = 0;
  readonly #buffers: ArrayBuffer[] = [NONE];
  /** Numbers of buffers that were given back. */
  readonly #free: number[] = [];
  #used = 0;
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }

  reserve(bytes: number): number {
    const buffer = this.#allocate(bytes);
    this.#used += bytes;
    const number = this.#free.pop() ?? this.#buffers.length;
    this.#buffers[number] = buffer;
    return number * SPAN;
  }

  release(address: number, bytes: number): void {
    this.#buffers[address / SPAN] = NONE;
    this.#free.push(address / SPAN);
    this.#used -= bytes;
  }

  reserveArena(bytes: number): void {
    const before = this.#buffers[0]!;
    if (bytes <= before.byteLength) return;
    this.#buffers[0] = this.#allocate(bytes);
    this.#used += bytes - before.byteLength;
    this.#generation++;
  }

  view(dtype: DType, address: number, length: number): TypedArray {
    const number = Math.floor(address / SPAN);
    return viewOf(dtype, this.#buffers[number]!, address - number * SPAN, length);
  }

  #allocate(bytes: number): ArrayBuffer {
    try {
      return new ArrayBuffer(bytes);
    } catch {
      throw new MemoryError({
        what: `memory: there are no ${bytesText(bytes)} more to be had`,
        details: [`${bytesText(this.#used)} are in use`],
      });
    }
  }
}
