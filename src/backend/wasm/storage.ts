import type { Storage } from "../../compiler/plan.ts";
import { type DType, type TypedArray, viewOf } from "../../core/dtype.ts";
import { StateError } from "../../core/errors.ts";

const PAGE = 65536;
const PAGES = 65536;
/** Room before the first block and after the last: vector loads may read a little past an array. */
const SLACK = PAGE;
const ALIGNMENT = 64;
/** Bytes left between blocks. */
const GAP = 256;

const aligned = (bytes: number): number => Math.ceil((bytes + GAP) / ALIGNMENT) * ALIGNMENT;

/** Session memory as one WebAssembly memory. */
export class WasmStorage implements Storage {
  readonly memory: WebAssembly.Memory;
  /** Address of the arena, as every module of the session imports it. */
  readonly arenaGlobal = new WebAssembly.Global({ value: "i32", mutable: true }, SLACK);
  readonly #limit: number;
  readonly #free: { address: number; bytes: number }[] = [];
  #end = SLACK;
  #arenaBytes = 0;
  #buffer: ArrayBufferLike;
  #generation = 0;

  constructor(limit = PAGES * PAGE) {
    this.#limit = limit;
    this.memory = new WebAssembly.Memory({ initial: 2 });
    this.#buffer = this.memory.buffer;
  }

  get arena(): number {
    return this.arenaGlobal.value as number;
  }

  get generation(): number {
    this.#look();
    return this.#generation;
  }

  reserve(wanted: number): number {
    const bytes = aligned(wanted);
    const i = this.#free.findIndex((block) => block.bytes >= bytes);
    if (i >= 0) {
      const block = this.#free[i]!;
      const { address } = block;
      block.address += bytes;
      block.bytes -= bytes;
      if (block.bytes === 0) this.#free.splice(i, 1);
      return address;
    }
    const address = this.#end;
    this.#grow(address + bytes + SLACK, wanted);
    this.#end = address + bytes;
    return address;
  }

  release(address: number, wanted: number): void {
    this.#free.push({ address, bytes: aligned(wanted) });
  }

  reserveArena(bytes: number): void {
    if (bytes <= this.#arenaBytes) return;
    if (this.#arenaBytes > 0) this.release(this.arena, this.#arenaBytes);
    this.arenaGlobal.value = this.reserve(bytes);
    this.#arenaBytes = bytes;
    this.#generation++;
  }

  view(dtype: DType, address: number, length: number): TypedArray {
    return viewOf(dtype, this.memory.buffer, address, length);
  }

  /** Notices that the memory has grown. */
  #look(): void {
    if (this.memory.buffer === this.#buffer) return;
    this.#buffer = this.memory.buffer;
    this.#generation++;
  }

  #grow(end: number, wanted: number): void {
    const pages = this.memory.buffer.byteLength / PAGE;
    const needed = Math.ceil(end / PAGE);
    if (needed <= pages) return;
    const most = Math.min(PAGES, Math.floor(this.#limit / PAGE));
    try {
      if (needed > most) throw new RangeError("over the limit");
      this.memory.grow(Math.max(needed, Math.min(most, Math.ceil(pages * 1.5))) - pages);
    } catch {
      throw new StateError({
        what: `memory: ${wanted} bytes more are not to be had`,
        details: [`${this.#end} bytes are in use, the memory may have ${most * PAGE}`],
      });
    }
    this.#look();
  }
}
