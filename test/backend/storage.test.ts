/** Session memory of the backends: addresses, growth, reuse. */
import { describe, expect, test } from "vitest";
import { ArrayStorage } from "../../src/backend/storage.ts";
import { WasmStorage } from "../../src/backend/wasm/storage.ts";
import { RandomStream } from "../support/random.ts";

describe.each([
  ["typed arrays", () => new ArrayStorage()],
  ["WebAssembly", () => new WasmStorage()],
] as const)("%s", (_, open) => {
  test("blocks keep what is written while memory grows and the arena moves", () => {
    const storage = open();
    const blocks = Array.from({ length: 50 }, (_, i) => {
      const address = storage.reserve(4 * (i + 1) * 100);
      storage.view("float32", address, (i + 1) * 100).fill(i);
      storage.reserveArena(i * 10_000);
      storage.view("float32", storage.arena, i * 2500).fill(-1);
      return address;
    });
    blocks.forEach((address, i) => {
      expect(storage.view("float32", address, (i + 1) * 100).every((value) => value === i)).toBe(true);
    });
  });

  test("views say by the generation when they are out of date", () => {
    const storage = open();
    storage.reserveArena(1000);
    const before = storage.generation;
    storage.reserveArena(1000);
    expect(storage.generation).toBe(before);
    storage.reserveArena(1_000_000);
    expect(storage.generation).not.toBe(before);
  });

  test("an array of no elements has a place", () => {
    const storage = open();
    expect(storage.view("float64", storage.reserve(0), 0).length).toBe(0);
  });
});

describe("one WebAssembly memory", () => {
  test("random requests: aligned, apart, within memory with room on both sides; what is given back is used again", () => {
    const storage = new WasmStorage();
    const random = new RandomStream(7);
    const live: { address: number; bytes: number }[] = [];
    let reserved = 0;
    for (let turn = 0; turn < 2000; turn++) {
      if (live.length > 20 && random.whole(0, 1) === 0) {
        const { address, bytes } = live.splice(random.whole(0, live.length - 1), 1)[0]!;
        storage.release(address, bytes);
      } else {
        const bytes = random.whole(0, 9_999);
        reserved += bytes;
        live.push({ address: storage.reserve(bytes), bytes });
      }
      if (turn % 100 === 0) storage.reserveArena(turn * 100);
    }
    const blocks = [...live, { address: storage.arena, bytes: 190_000 }].sort((a, b) => a.address - b.address);
    blocks.forEach(({ address, bytes }, i) => {
      expect(address % 64).toBe(0);
      expect(address).toBeGreaterThanOrEqual(65536);
      const next = blocks[i + 1]?.address ?? storage.memory.buffer.byteLength - 65536 + 256;
      expect(address + bytes + 256).toBeLessThanOrEqual(next);
    });
    expect(storage.memory.buffer.byteLength).toBeLessThan(reserved / 4);
  });

  test("grows by half at least, but not ahead of need beyond the budget", () => {
    const free = new WasmStorage();
    free.reserve(2 ** 20);
    const before = free.memory.buffer.byteLength;
    free.reserve(2 ** 18);
    expect(free.memory.buffer.byteLength).toBeGreaterThanOrEqual(1.5 * before);
    const tight = new WasmStorage(2 ** 20);
    for (let i = 0; i < 16; i++) tight.reserve(2 ** 16 - 256);
    expect(tight.memory.buffer.byteLength).toBe(2 ** 20 + 2 ** 17);
  });

  test("the arena grows where it lies if there is room behind it", () => {
    const storage = new WasmStorage();
    storage.reserve(100);
    storage.reserveArena(1000);
    const { arena } = storage;
    storage.reserveArena(100_000);
    expect(storage.arena).toBe(arena);
    expect(storage.arenaGlobal.value).toBe(arena);
    const block = storage.reserve(100);
    storage.reserveArena(200_000);
    expect(storage.arena).toBeGreaterThan(block);
    // What the old arena left is used before memory grows.
    expect(storage.reserve(90_000)).toBe(arena);
  });

  test("refuses more than 4 GiB and says how much is in use", () => {
    const storage = new WasmStorage();
    storage.reserve(100_000);
    expect(() => storage.reserve(2 ** 32)).toThrow(
      "memory: there are no 4,294,967,296 bytes more to be had\n  100,288 bytes are in use",
    );
    expect(storage.reserve(100)).toBeGreaterThan(65536);
    // The arena is left as it was.
    storage.reserveArena(1000);
    expect(() => storage.reserveArena(2 ** 32)).toThrow("memory: there are no");
    const { arena } = storage;
    const block = storage.reserve(500);
    expect(block >= arena + 1000 || block + 500 <= arena).toBe(true);
  });
});
