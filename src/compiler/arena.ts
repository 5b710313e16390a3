import { byteSize } from "../core/dtype.ts";
import type { Tensor } from "../graph/operation.ts";
import { capacityOf } from "../kernel/extent.ts";

/** Bytes of a tensor, or that it can have. */
export const bytesOf = (tensor: Tensor): number => capacityOf(tensor.shape) * byteSize(tensor.dtype);

/** Buffers start at multiples of this many bytes, so that vectors and cache lines fit. */
export const ALIGNMENT = 64;

/** Bytes that a plan needs while its steps `from` to `to` run, both included. */
export interface Block {
  readonly bytes: number;
  readonly from: number;
  /** May grow while the plan is made: when an output takes over the memory of an input. */
  to: number;
  /** Byte offset in the arena; set by `placeBlocks`. */
  offset: number;
}

/** The largest sum of bytes in use at once: no arena can be smaller. */
export function liveBytes(blocks: readonly Block[]): number {
  const change = new Map<number, number>();
  const add = (step: number, bytes: number) => change.set(step, (change.get(step) ?? 0) + bytes);
  for (const { bytes, from, to } of blocks) {
    add(from, bytes);
    add(to + 1, -bytes);
  }
  let most = 0;
  let now = 0;
  for (const step of [...change.keys()].sort((a, b) => a - b)) {
    now += change.get(step)!;
    most = Math.max(most, now);
  }
  return most;
}

interface Layout {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Above this, one order is tried only: each costs time that grows with the square of the number of blocks. */
const FEW = 2000;

/**
 * Gives every block an offset; blocks whose times overlap do not share a byte. Used at compile time only.
 *
 * Blocks are placed one by one, each into the smallest gap that is free for its whole life. Large blocks go first, since
 * small ones fit into the gaps they leave: "greedy by size" of Pisarchyk and Lee, "Efficient memory management for deep
 * neural net inference" (2020), which comes close to the lower bound for most networks. Other orders are tried where it
 * does not get there.
 *
 * @returns bytes of the arena
 */
export function placeBlocks(blocks: readonly Block[]): number {
  const bound = liveBytes(blocks.map((block) => ({ ...block, bytes: aligned(block.bytes) })));
  const spread = blocks.map((_, i) => i);
  const life = (i: number): number => blocks[i]!.to - blocks[i]!.from;
  const size = (i: number): number => blocks[i]!.bytes;
  const orders: readonly ((a: number, b: number) => number)[] = [
    (a, b) => size(b) - size(a) || a - b,
    (a, b) => size(b) * (life(b) + 1) - size(a) * (life(a) + 1) || a - b,
    (a, b) => life(b) - life(a) || size(b) - size(a) || a - b,
    (a, b) => blocks[a]!.from - blocks[b]!.from || size(b) - size(a) || a - b,
  ];
  let best: Layout = { offsets: [], bytes: Infinity };
  for (const compare of blocks.length > FEW ? orders.slice(0, 1) : orders) {
    const layout = placeInOrder(blocks, [...spread].sort(compare));
    if (layout.bytes < best.bytes) best = layout;
    if (best.bytes <= bound) break;
  }
  blocks.forEach((block, i) => {
    block.offset = best.offsets[i]!;
  });
  return best.bytes;
}

/** Bytes from one thread's copy of an array to the next: no two share a cache line, nor one fetched along with it. */
export const copyStride = (bytes: number): number => aligned(bytes) + 2 * ALIGNMENT;

const aligned = (bytes: number): number => Math.ceil(Math.max(bytes, 1) / ALIGNMENT) * ALIGNMENT;

function placeInOrder(blocks: readonly Block[], order: readonly number[]): Layout {
  const offsets = blocks.map(() => 0);
  /** Blocks that have a place, by their offsets. */
  const placed: number[] = [];
  let total = 0;
  for (const i of order) {
    const { from, to } = blocks[i]!;
    const bytes = aligned(blocks[i]!.bytes);
    let offset = -1;
    let smallest = Infinity;
    /** End of what lies, at the same time, below the gap looked at. */
    let end = 0;
    for (const k of placed) {
      const other = blocks[k]!;
      if (other.from > to || other.to < from) continue;
      const gap = offsets[k]! - end;
      if (gap >= bytes && gap < smallest) {
        offset = end;
        smallest = gap;
      }
      end = Math.max(end, offsets[k]! + aligned(other.bytes));
    }
    offsets[i] = offset < 0 ? end : offset;
    total = Math.max(total, offsets[i]! + bytes);
    insertByOffset(placed, i, offsets);
  }
  return { offsets, bytes: total };
}

function insertByOffset(placed: number[], block: number, offsets: readonly number[]): void {
  let low = 0;
  let high = placed.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (offsets[placed[middle]!]! <= offsets[block]!) low = middle + 1;
    else high = middle;
  }
  placed.splice(low, 0, block);
}
