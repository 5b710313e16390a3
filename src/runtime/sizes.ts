import { getOrMake } from "../core/collections.ts";
import { GraphError } from "../core/errors.ts";
import { namedSize, type SizeBinding, sizeText } from "../core/size.ts";
import type { RunTimeSize } from "../kernel/extent.ts";
import { here } from "./reading.ts";

/**
 * How plans treat a named size. `"exact"`: each value gets plans of its own. `"run-time"`: from the first run on one plan
 * takes all values up to a capacity, a power of two.
 */
export type SizeMode = "exact" | "run-time";
/** For all sizes, or by name. Without: exact, until a size takes its third value. */
export type SizeModes = SizeMode | Readonly<Record<string, SizeMode>>;

/** Values a size may take before it becomes a run-time integer: that of a batch, and that of the last one of an epoch. */
const EXACT_VALUES = 2;
/** Smaller sizes always have plans of their own: there sums of one element and empty axes would need care. */
const LEAST = 4;
/** The smallest capacity: below, there is nothing to vary. */
const LEAST_CAPACITY = 2 * LEAST;

/** Which sizes a function has plans for many values of: it learns which values there are, and what can not be done. */
export class SizePolicy {
  readonly #modes: SizeModes | undefined;
  readonly #seen = new Map<string, Set<number>>();
  readonly #capacity = new Map<string, number>();
  /** Sizes that something needs as numbers, and why. */
  readonly #blocked = new Map<string, string>();

  constructor(modes: SizeModes | undefined) {
    this.#modes = modes;
  }

  /** Sizes that could be run-time integers and are not, and why. */
  get exact(): readonly { readonly size: string; readonly why: string }[] {
    return [...this.#blocked].map(([name, why]) => ({ size: sizeText(namedSize(name)), why }));
  }

  /** From now on these have a plan for each value. */
  block(names: Iterable<string>, why: string): void {
    for (const name of names) this.#blocked.set(name, why);
  }

  /** Those of these sizes that the plan for them is to take as run-time integers. */
  choose(sizes: SizeBinding): readonly RunTimeSize[] {
    const chosen: RunTimeSize[] = [];
    for (const [name, value] of sizes) {
      const seen = this.#seen.get(name);
      const values = (seen?.size ?? 0) + (seen?.has(value) ? 0 : 1);
      if (value < LEAST || this.#blocked.has(name) || !this.#isRunTime(name, values)) continue;
      chosen.push({ name, slot: chosen.length, least: LEAST, capacity: this.#capacityFor(name, value) });
    }
    return chosen;
  }

  /** Remembers sizes that there is a plan for: what was refused has no part in what is chosen later. */
  learn(sizes: SizeBinding): void {
    for (const [name, value] of sizes) {
      const seen = getOrMake(this.#seen, name, () => new Set<number>());
      if (seen.size <= EXACT_VALUES) seen.add(value);
      this.#capacity.set(name, this.#capacityFor(name, value));
    }
  }

  #capacityFor = (name: string, value: number): number =>
    Math.max(this.#capacity.get(name) ?? LEAST_CAPACITY, powerOfTwo(value));

  #isRunTime(name: string, values: number): boolean {
    const mode = typeof this.#modes === "object" ? this.#modes[name] : this.#modes;
    return mode === undefined ? values > EXACT_VALUES : mode === "run-time";
  }
}

const powerOfTwo = (atLeast: number): number => (atLeast <= 1 ? 1 : 2 ** (32 - Math.clz32(atLeast - 1)));

/** @throws GraphError for a mode that does not exist */
export function requireModes(modes: SizeModes | undefined): void {
  const given = typeof modes === "object" ? Object.entries(modes) : [["", modes] as const];
  for (const [name, mode] of given) {
    if (mode === undefined || mode === "exact" || mode === "run-time") continue;
    throw new GraphError({
      what: `session: sizes${name && `.${name}`} is ${JSON.stringify(mode)}`,
      at: here(),
      fix: 'give "exact" or "run-time", for all sizes or by name: { sizes: { length: "run-time" } }',
    });
  }
}
