import { byteSize } from "../core/dtype.ts";
import { elementCount, knownShape } from "../core/shape.ts";
import type { Tensor } from "../graph/operation.ts";

/** Bytes of a tensor whose sizes are known. */
export const bytesOf = (tensor: Tensor): number => elementCount(knownShape(tensor.shape)) * byteSize(tensor.dtype);

/** Buffers start at multiples of this, so that vectors and cache lines fit. */
export const ALIGNMENT = 64;

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

interface Hole {
  offset: number;
  bytes: number;
}

/**
 * First-come storage over one growing block: the smallest hole that fits, else the end. Freed neighbours join.
 * Used at compile time only; the plan then knows every offset.
 */
export class Arena {
  readonly #holes: Hole[] = [];
  #end = 0;
  #peak = 0;

  /** Highest number of bytes in use. */
  get bytes(): number {
    return this.#peak;
  }

  allocate(wanted: number): number {
    const bytes = Math.max(ALIGNMENT, aligned(wanted));
    let best = -1;
    this.#holes.forEach((hole, i) => {
      if (hole.bytes >= bytes && (best < 0 || hole.bytes < this.#holes[best]!.bytes)) best = i;
    });
    if (best >= 0) {
      const hole = this.#holes[best]!;
      const { offset } = hole;
      if (hole.bytes === bytes) this.#holes.splice(best, 1);
      else {
        hole.offset += bytes;
        hole.bytes -= bytes;
      }
      return offset;
    }
    const offset = this.#end;
    this.#end += bytes;
    this.#peak = Math.max(this.#peak, this.#end);
    return offset;
  }

  free(offset: number, wanted: number): void {
    const bytes = Math.max(ALIGNMENT, aligned(wanted));
    let i = this.#holes.findIndex((hole) => hole.offset > offset);
    if (i < 0) i = this.#holes.length;
    this.#holes.splice(i, 0, { offset, bytes });
    const next = this.#holes[i + 1];
    if (next && offset + bytes === next.offset) {
      this.#holes[i]!.bytes += next.bytes;
      this.#holes.splice(i + 1, 1);
    }
    const before = this.#holes[i - 1];
    if (before && before.offset + before.bytes === offset) {
      before.bytes += this.#holes[i]!.bytes;
      this.#holes.splice(i, 1);
    }
    // A hole at the end gives the end back, so that the next buffer may grow over it.
    const last = this.#holes.at(-1);
    if (last && last.offset + last.bytes === this.#end) {
      this.#end = last.offset;
      this.#holes.pop();
    }
  }
}
