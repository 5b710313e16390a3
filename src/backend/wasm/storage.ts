import type { Storage } from "../../compiler/plan.ts";
import { type DType, type TypedArray, viewOf } from "../../core/dtype.ts";
import { MemoryError } from "../../core/errors.ts";
import { bytesText } from "../../core/number-text.ts";

const PAGE = 65536;
/** The smallest page of the systems there are. */
const SYSTEM_PAGE = 4096;
/** As many as 32-bit addresses reach: 4 GiB. */
const MOST_PAGES = 65536;
/** Room before the first block and after the last: vector loads may read a little past an array, on either side. */
const SLACK = PAGE;
const ALIGNMENT = 64;
/** Bytes left between the end of one block and the next, for the same reason. */
const GAP = 256;
/** Memory grows by half at least, so that a session that grows often copies little. */
const GROWTH = 1.5;

/** How modules import a memory that threads share: it must say how large it may become. */
export const SHARED_MEMORY = { initial: 1, maximum: MOST_PAGES, shared: true } as const;

/** Bytes from one block to the next. */
const padded = (bytes: number): number => Math.ceil((bytes + GAP) / ALIGNMENT) * ALIGNMENT;

interface Hole {
  address: number;
  bytes: number;
}

/**
 * Session memory as one WebAssembly memory: blocks in the order in which they were asked for, the arena among them.
 * It grows and never shrinks; blocks given back are used again.
 */
export class WasmStorage implements Storage {
  readonly capacity = MOST_PAGES * PAGE - 2 * SLACK;
  readonly memory: WebAssembly.Memory;
  /** Address of the arena, as every module of the session imports it. */
  readonly arenaGlobal = new WebAssembly.Global({ value: "i32", mutable: true }, SLACK);
  readonly #budget: number;
  /** By address; neighbours are joined. */
  readonly #holes: Hole[] = [];
  #end = SLACK;
  #arenaBytes = 0;
  #buffer: ArrayBufferLike;
  #generation = 0;

  /**
   * @param budget bytes above which memory does not grow ahead of need
   * @param shared with other threads
   */
  constructor(budget = Infinity, shared = false) {
    this.#budget = budget;
    try {
      const initial = (2 * SLACK) / PAGE;
      this.memory = new WebAssembly.Memory(shared ? { ...SHARED_MEMORY, initial } : { initial });
    } catch (cause) {
      throw new MemoryError({
        what: `memory: a WebAssembly memory can not be made: ${cause instanceof Error ? cause.message : String(cause)}`,
        fix: "close sessions that are not used any more, and let go of them",
      });
    }
    this.#buffer = this.memory.buffer;
  }

  get arena(): number {
    return (this.arenaGlobal.value as number) >>> 0; // Globals hold signed numbers.
  }

  get generation(): number {
    this.#look();
    return this.#generation;
  }

  reserve(wanted: number): number {
    const bytes = padded(wanted);
    let best: Hole | null = null;
    for (const hole of this.#holes) if (hole.bytes >= bytes && (!best || hole.bytes < best.bytes)) best = hole;
    if (best) return this.#take(best, bytes);
    // A hole at the end is room as well; the rest is added to it.
    const last = this.#holes.at(-1);
    const address = last && last.address + last.bytes === this.#end ? last.address : this.#end;
    this.#growTo(address + bytes, wanted);
    if (address < this.#end) this.#holes.pop();
    this.#touch(this.#end, address + bytes);
    this.#end = address + bytes;
    return address;
  }

  release(address: number, wanted: number): void {
    const bytes = padded(wanted);
    let i = this.#holes.findIndex((hole) => hole.address > address);
    if (i < 0) i = this.#holes.length;
    this.#holes.splice(i, 0, { address, bytes });
    this.#join(i);
    this.#join(i - 1);
  }

  reserveArena(bytes: number): void {
    if (bytes <= this.#arenaBytes) return;
    // The old arena is part of what the new one may take: what it held is of no use any more.
    const before = this.#arenaBytes;
    if (before > 0) this.release(this.arena, before);
    try {
      this.arenaGlobal.value = this.reserve(bytes);
      this.#arenaBytes = bytes;
    } catch (error) {
      // Plans made earlier still need what they had; there is at least one hole that large.
      if (before > 0) this.arenaGlobal.value = this.reserve(before);
      throw error;
    } finally {
      this.#generation++;
    }
  }

  view(dtype: DType, address: number, length: number): TypedArray {
    return viewOf(dtype, this.memory.buffer, address, length);
  }

  /** The system finds room for its pages when they are first written to: here, so that no run waits for it. */
  #touch(from: number, to: number): void {
    const bytes = new Uint8Array(this.memory.buffer);
    for (let at = from; at < to; at += SYSTEM_PAGE) bytes[at] = 0;
  }

  #take(hole: Hole, bytes: number): number {
    const { address } = hole;
    hole.address += bytes;
    hole.bytes -= bytes;
    if (hole.bytes === 0) this.#holes.splice(this.#holes.indexOf(hole), 1);
    return address;
  }

  /** Joins a hole with the next one, if they touch. */
  #join(i: number): void {
    const hole = this.#holes[i];
    const next = this.#holes[i + 1];
    if (!hole || !next || hole.address + hole.bytes !== next.address) return;
    hole.bytes += next.bytes;
    this.#holes.splice(i + 1, 1);
  }

  /** Notices that the memory has grown: views made before show nothing any more. */
  #look(): void {
    if (this.memory.buffer === this.#buffer) return;
    this.#buffer = this.memory.buffer;
    this.#generation++;
  }

  #growTo(end: number, wanted: number): void {
    const pages = this.memory.buffer.byteLength / PAGE;
    const needed = Math.ceil((end + SLACK) / PAGE);
    if (needed <= pages) return;
    const ahead = Math.min(Math.ceil(pages * GROWTH), Math.ceil(this.#budget / PAGE), MOST_PAGES);
    if (!this.#grow(Math.max(needed, ahead) - pages) && !this.#grow(needed - pages)) {
      const inUse = this.#holes.reduce((bytes, hole) => bytes - hole.bytes, this.#end - SLACK);
      throw new MemoryError({
        what: `memory: there are no ${bytesText(wanted)} more to be had`,
        details: [`${bytesText(inUse)} are in use; a WebAssembly memory ends at ${bytesText(MOST_PAGES * PAGE)}`],
      });
    }
    this.#look();
  }

  #grow(pages: number): boolean {
    try {
      this.memory.grow(pages);
      return true;
    } catch {
      return false;
    }
  }
}
