import { GraphError } from "../../core/errors.ts";
import { here } from "../../runtime/reading.ts";
import { CLAIM } from "./internal.ts";

/** 2³² / golden ratio: neighbouring numbers become seeds that lie far apart. The rule of `graph.variable`, too. */
const SPREAD = 0x9e3779b9;

/** The seed of the `number`-th thing that draws random numbers, in something with a seed of its own. */
export const spreadSeed = (seed: number, number: number): number => (seed + Math.imul(number, SPREAD)) >>> 0;

/** The model that may claim a seed, as far as one is known when the seed is wanted. */
export type SeedOwner = () => { [CLAIM](): void } | null;

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

/**
 * The seed of something that wants its first numbers now. The model that it belongs to, if there is one, gives seeds to
 * all that it holds; what is alone gets the next one.
 */
export function settleSeed(holder: { seed: number | null }, owner: SeedOwner): number {
  if (holder.seed === null) owner()?.[CLAIM]();
  holder.seed ??= spreadSeed(standaloneSeed, ++standaloneCount);
  return holder.seed;
}

export function requireSeed(user: string, seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed;
  throw new GraphError({ what: `${user}: ${seed} is not a seed`, at: here(), fix: "give a whole number from 0 on" });
}
