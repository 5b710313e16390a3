import type { Dataset } from "../../src/data/index.ts";
import { type Feeds, Session } from "../../src/index.ts";
import { type NameBatch, type Names, shuffledBatches, toBatch } from "./data.ts";
import { buildNameModel, type NameModel } from "./model.ts";

export interface NameWriterOptions {
  readonly units?: number;
  readonly seed?: number;
  readonly threads?: number;
}

/** The model in a session: it learns from names and writes new ones. One seed gives the same ones, to the letter. */
export class NameWriter {
  readonly model: NameModel;
  readonly session: Session;
  readonly #names: Names;
  readonly #batches: Dataset<NameBatch>;
  /** Shapes of batches seen so far: each has a plan. */
  readonly #shapes = new Set<string>();

  constructor(names: Names, { units, seed = 1, threads = 1 }: NameWriterOptions = {}) {
    this.#names = names;
    this.#batches = shuffledBatches(names.train, names.vocabulary, { size: 64, seed });
    const letters = names.vocabulary.size;
    this.model = buildNameModel(units === undefined ? { letters, seed } : { letters, seed, units });
    this.session = new Session(this.model.graph, { threads });
    this.session.run(this.model.graph.initializer);
  }

  /** Steps of one epoch. */
  get steps(): number {
    return this.#batches.size!;
  }
  /** Training steps compiled so far: one for each length that the longest name of a batch had. */
  get plans(): number {
    return this.#shapes.size;
  }

  /**
   * One epoch: a step for each batch of the names to learn from.
   * @param report called after each step with the mean loss so far
   * @returns the mean loss
   */
  learn(learningRate: number, report: (steps: number, loss: number) => void = () => {}): number {
    const { loss, trainStep, learningRate: rate } = this.model;
    let [total, steps] = [0, 0];
    for (const batch of this.#batches) {
      this.#shapes.add(batch.inputs.shape.join());
      const [value] = this.session.run([loss, trainStep], [...this.#feeds(batch), [rate, learningRate]]);
      total += value.item();
      report(++steps, total / steps);
    }
    return total / steps;
  }

  /** Cross entropy in nats per letter: the perplexity is its exponential. */
  lossOf(names: readonly string[]): number {
    return this.session.run(this.model.testLoss, this.#feeds(toBatch(names, this.#names.vocabulary))).item();
  }

  /** 500 names, others each time. */
  write(temperature: number): string[] {
    const { written } = this.model;
    const text = this.session.run(written, [[this.model.temperature, temperature]]);
    const [turns, count] = text.shape as [number, number];
    return Array.from({ length: count }, (_, name) =>
      this.#names.vocabulary.decode(Array.from({ length: turns }, (_, turn) => text.at(turn, name))),
    );
  }

  #feeds({ inputs, targets, mask }: NameBatch) {
    return [
      [this.model.inputs, inputs],
      [this.model.targets, targets],
      [this.model.mask, mask],
    ] as const satisfies Feeds;
  }
}
