/**
 * Two networks that learn from one another (Goodfellow and others, 2014), by `trainOnBatch`: a generator that turns
 * noise into numbers, and a discriminator that tells these from numbers of a normal distribution.
 * `npx tsx samples/layers/gan.ts`, some seconds.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EagerTensor, eager } from "../../src/eager/index.ts";
import { foldIn, NDArray, randomKey, randomNormal, type Tensor } from "../../src/index.ts";
import { BinaryCrossentropy, Dense, input, LeakyReLU, model, sequential } from "../../src/layers/index.ts";
import { Adam, exponentialDecay } from "../../src/train/index.ts";
import { folderFor } from "../support/output.ts";
import { writeChart } from "../support/plot.ts";

export const target = { mean: 4, deviation: 1.25 } as const;
const noiseSize = 4;
const batchSize = 128;

/**
 * The discriminator learns four times as fast as the generator, and its weights shrink a little in each step: without
 * that the two go on circling one another. For the same reason Adam forgets old gradients soon, and steps become smaller.
 */
const adam = (rate: number, weightDecay: number): Adam =>
  new Adam(exponentialDecay(rate, { decaySteps: 1000, decayRate: 0.3 }), { beta1: 0.5, weightDecay });

export class Gan {
  readonly generator;
  readonly discriminator;
  /** The discriminator behind the generator. Only the generator learns from what comes out. */
  readonly #chain;
  readonly #key: Tensor;
  #draws = 0;

  constructor(seed = 1) {
    this.#key = randomKey(eager, seed);
    const hidden = () => [new Dense(16), new LeakyReLU()];
    this.generator = sequential([input([noiseSize]), ...hidden(), new Dense(1)], { name: "generator", seed });
    this.discriminator = sequential([input([1]), ...hidden(), ...hidden(), new Dense(1)], {
      name: "discriminator",
      seed: seed + 1,
    });
    this.discriminator.compile({ optimizer: adam(0.004, 0.1), loss: new BinaryCrossentropy({ fromLogits: true }) });

    const noise = input([noiseSize], { name: "noise" });
    this.#chain = model(noise, this.discriminator(this.generator(noise)), { name: "chain" });
    // What is frozen when a model is compiled stays so for that model alone: the discriminator itself was compiled before.
    this.discriminator.trainable = false;
    this.#chain.compile({ optimizer: adam(0.001, 0), loss: new BinaryCrossentropy({ fromLogits: true }) });
  }

  /** Shows the discriminator as many numbers of the generator as real ones. @returns its loss */
  teachDiscriminator(): number {
    const numbers = new Float32Array(2 * batchSize);
    numbers.set(this.#normal(1, target).data);
    numbers.set(this.make(), batchSize);
    return this.discriminator.trainOnBatch(column(numbers), realThenMade).loss!;
  }

  /** Tells the generator how to make the discriminator say "real". @returns its loss */
  teachGenerator(): number {
    return this.#chain.trainOnBatch(this.#normal(noiseSize), allReal).loss!;
  }

  /** Teaches both in turn, so many times. */
  train(steps: number): void {
    for (let step = 0; step < steps; step++) {
      this.teachDiscriminator();
      this.teachGenerator();
    }
  }

  /** Numbers of the generator, as many as a batch has. */
  make(): Float32Array {
    return this.generator.predictOnBatch(this.#normal(noiseSize)).data as Float32Array;
  }

  /** Normally distributed numbers, [batch, size], others each time. */
  #normal(size: number, { mean = 0, deviation = 1 } = {}) {
    const key = foldIn(this.#key, this.#draws++);
    const { value } = randomNormal(key, [batchSize, size], { mean, deviation }) as EagerTensor;
    return { data: value.data as Float32Array, shape: [batchSize, size] };
  }
}

const column = (values: Float32Array): NDArray => new NDArray(values, [values.length, 1], "float32");
const allReal = column(new Float32Array(batchSize).fill(1));
const realThenMade = column(Float32Array.from({ length: 2 * batchSize }, (_, i) => Number(i < batchSize)));

/** Numbers the generator makes, with their mean and deviation. */
export function judge(gan: Gan, batches = 80) {
  const numbers = Array.from({ length: batches }, () => [...gan.make()]).flat();
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
  return { numbers, mean, deviation: Math.sqrt(variance) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const parts = [0, 200, 300, 1500];
  let done = 0;
  const gan = new Gan();
  const rows: { readonly number: number; readonly by: string }[] = [];
  for (const steps of parts) {
    gan.train(steps);
    done += steps;
    const { numbers, mean, deviation } = judge(gan);
    console.log(`after ${String(done).padStart(4)} steps: mean ${mean.toFixed(2)}, deviation ${deviation.toFixed(2)}`);
    rows.push(...numbers.map((number) => ({ number, by: `after ${done} steps` })));
  }
  console.log(`to be learnt:     mean ${target.mean.toFixed(2)}, deviation ${target.deviation.toFixed(2)}`);
  await drawDensities(rows);
}

/** How numbers are spread: the target, and what the generator made of noise so far. */
async function drawDensities(rows: readonly { readonly number: number; readonly by: string }[]): Promise<void> {
  const ends = [-2, 9] as const;
  const along = Array.from({ length: 111 }, (_, i) => ends[0] + i / 10);
  const { mean, deviation } = target;
  const height = (at: number) => Math.exp(-0.5 * ((at - mean) / deviation) ** 2) / (deviation * Math.sqrt(2 * Math.PI));
  const encoding = {
    x: { field: "number", type: "quantitative", scale: { domain: ends, nice: false } },
    y: { field: "density", type: "quantitative", scale: { domain: [0, 0.9] } },
  };
  await writeChart(join(folderFor(import.meta.url), "gan.svg"), {
    width: 400,
    height: 260,
    title: { text: "What the generator makes", subtitle: "grey: what it is to make" },
    layer: [
      {
        data: { values: along.map((number) => ({ number, density: height(number), by: "to be learnt" })) },
        mark: { type: "area", color: "lightgrey" },
        encoding,
      },
      {
        data: { values: rows },
        transform: [{ density: "number", groupby: ["by"], extent: ends, as: ["number", "density"] }],
        mark: { type: "line", clip: true },
        encoding: { ...encoding, color: { field: "by", type: "nominal", title: null, sort: null } },
      },
    ],
  });
}
