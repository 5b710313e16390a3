/**
 * Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", 2011): a
 * function of a key and a counter that scrambles the counter so well that counting gives random numbers. It keeps no
 * state, so any element of a random tensor can be computed at any time, in any order, twice.
 *
 * The reference on plain integers; `ops/random.ts` writes the same formula for kernels.
 */
export type Words = readonly [number, number];

/** Bits by which the second word is turned in each round; repeats after eight. */
export const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
export const ROUNDS = 20;
/** Every fourth round mixes in key words; the third one is the parity of the other two. */
export const ROUNDS_PER_KEY = 4;
export const PARITY = 0x1bd11bda;

const add = (x: number, y: number): number => (x + y) >>> 0;
const xor = (x: number, y: number): number => (x ^ y) >>> 0;
const rotate = (x: number, bits: number): number => ((x << bits) | (x >>> (32 - bits))) >>> 0;

/** Two random words for a key of two words and a counter of two words (all unsigned). */
export function threefry(key: Words, counter: Words): Words {
  const keys = [key[0], key[1], xor(xor(key[0], key[1]), PARITY)];
  let x = add(counter[0], keys[0]!);
  let y = add(counter[1], keys[1]!);
  for (let round = 0; round < ROUNDS; round++) {
    x = add(x, y);
    y = xor(rotate(y, ROTATIONS[round % ROTATIONS.length]!), x);
    if ((round + 1) % ROUNDS_PER_KEY !== 0) continue;
    const injection = (round + 1) / ROUNDS_PER_KEY;
    x = add(x, keys[injection % 3]!);
    y = add(add(y, keys[(injection + 1) % 3]!), injection);
  }
  return [x, y];
}

/** A new key from a key and a word: `foldIn` of `ops/random.ts`. */
export const foldWord = (key: Words, word: number): Words => threefry(key, [1, word]);
