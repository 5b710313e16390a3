import { GraphError } from "../../core/errors.ts";
import { here } from "../../runtime/reading.ts";

/** 2³² / golden ratio: neighbouring numbers become seeds that lie far apart. The rule of `graph.variable`, too. */
const SPREAD = 0x9e3779b9;

/** The seed of the `number`-th thing that draws random numbers, in something with a seed of its own. */
export const spreadSeed = (seed: number, number: number): number => (seed + Math.imul(number, SPREAD)) >>> 0;

let standaloneSeed = 0;
let standaloneCount = 0;

/**
 * Seed of all that belongs to no model with a seed of its own: layers used alone. A program that does not set it draws
 * the same numbers each time it runs.
 * @param seed whole number from 0 on
 * @throws GraphError for anything else
 */
export function setSeed(seed: number): void {
  standaloneSeed = requireSeed("setSeed", seed);
  standaloneCount = 0;
}

export const nextStandaloneSeed = (): number => spreadSeed(standaloneSeed, ++standaloneCount);

export function requireSeed(user: string, seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new GraphError({ what: `${user}: ${seed} is not a seed`, at: here(), fix: "give a whole number from 0 on" });
}
