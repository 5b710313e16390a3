/**
 * What can be said of names by counting alone: the share of each letter behind the letters before it. Such models are
 * the measure of the network, and judge what it writes.
 */
import { MARK, type Names, type Vocabulary } from "./data.ts";

/**
 * The probability of a letter behind the `order - 1` letters before it (of order 1, 2, 3: unigram, bigram, trigram).
 * What was seen rarely leans on the shorter context, and in the end on equal shares (MacKay and Peto, 1995):
 *
 *     p(x | context) = (count(context x) + w p(x | shorter context)) / (count(context) + w)
 *
 * With w = 10 the best of them, that of order 6, foretells held-out names best.
 */
export class LetterCounts {
  readonly order: number;
  readonly vocabulary: Vocabulary;
  readonly #weight: number;
  /** How often each sequence of up to `order` numbers occurs, as the end of what was read so far. */
  readonly #counts = new Map<string, number>();
  /** How often anything at all follows a context. */
  readonly #contexts = new Map<string, number>();

  constructor(names: readonly string[], vocabulary: Vocabulary, order: number, weight = 10) {
    this.order = order;
    this.vocabulary = vocabulary;
    this.#weight = weight;
    for (const name of names) {
      this.#visit(name, (context, letter) => {
        for (let from = 0; from <= context.length; from++) {
          const shorter = context.slice(from);
          increase(this.#contexts, shorter.join());
          increase(this.#counts, [...shorter, letter].join());
        }
      });
    }
  }

  /** @param context the numbers before, at most `order - 1` of them */
  probability(context: readonly number[], letter: number): number {
    const shorter = context.length === 0 ? 1 / this.vocabulary.size : this.probability(context.slice(1), letter);
    const seen = this.#counts.get([...context, letter].join()) ?? 0;
    return (seen + this.#weight * shorter) / ((this.#contexts.get(context.join()) ?? 0) + this.#weight);
  }

  /** Among how many equally likely letters one chooses, on average; the mark behind a name is one of them. */
  perplexity(names: readonly string[]): number {
    let [surprise, letters] = [0, 0];
    for (const name of names) {
      this.#visit(name, (context, letter) => {
        surprise -= Math.log(this.probability(context, letter));
        letters++;
      });
    }
    return Math.exp(surprise / letters);
  }

  /** Names whose letters know nothing of one another but the context; without letters there is no name. */
  write(count: number, random: () => number): string[] {
    const names: string[] = [];
    while (names.length < count) {
      const numbers = [MARK];
      do numbers.push(this.#draw(this.#contextOf(numbers, numbers.length), random));
      while (numbers.at(-1) !== MARK);
      if (numbers.length > 2) names.push(this.vocabulary.decode(numbers.slice(1)));
    }
    return names;
  }

  #draw(context: readonly number[], random: () => number): number {
    let left = random();
    for (let letter = 0; letter < this.vocabulary.size; letter++) {
      left -= this.probability(context, letter);
      if (left < 0) return letter;
    }
    return MARK;
  }

  #contextOf(numbers: readonly number[], at: number): readonly number[] {
    return numbers.slice(Math.max(0, at - this.order + 1), at);
  }

  #visit(name: string, act: (context: readonly number[], letter: number) => void): void {
    const numbers = [MARK, ...this.vocabulary.encode(name), MARK];
    for (let at = 1; at < numbers.length; at++) act(this.#contextOf(numbers, at), numbers[at]!);
  }
}

const increase = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

/** What written names are worth, in numbers. */
export interface Judgement {
  /** Share of those that are not among the names learned from. */
  readonly fresh: number;
  /** Share of those that are real names the model never saw. */
  readonly real: number;
  /** Share of those that are there for the first time. */
  readonly distinct: number;
  /** Perplexity per letter under the counts of a trigram model: near that of real names if they look like names. */
  readonly perplexity: number;
}

export function judge(written: readonly string[], { train, heldOut }: Names, counts: LetterCounts): Judgement {
  const [known, unseen] = [new Set(train), new Set(heldOut)];
  const share = (count: number): number => count / written.length;
  return {
    fresh: share(written.filter((name) => !known.has(name)).length),
    real: share(written.filter((name) => unseen.has(name)).length),
    distinct: share(new Set(written).size),
    perplexity: counts.perplexity(written),
  };
}
