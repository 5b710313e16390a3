/**
 * Easy examples first (Bengio and others, 2009): a recurrent network learns to tell whether ones are even or odd in
 * number, by `trainOnBatch`, from short sequences to long ones. From all at once it learns nothing, with most seeds.
 * `npx tsx samples/layers/curriculum.ts`, a few seconds.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NDArray } from "../../src/index.ts";
import { Dense, Embedding, input, SimpleRNN, sequential } from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { seededRandom } from "../mnist/data.ts";
import { folderFor } from "../support/output.ts";
import { writeChart } from "../support/plot.ts";

/** A sequence of zeros and ones. The longer, the harder. */
export interface Example {
  readonly bits: readonly (0 | 1)[];
  readonly isOdd: boolean;
}
export const longest = 32;
const batchSize = 32;
const batches = 20;

/** All lengths from `shortest` on are equally likely. */
export function drawExamples(count: number, random: () => number, shortest = 1): readonly Example[] {
  return Array.from({ length: count }, () => {
    const length = shortest + Math.floor((longest + 1 - shortest) * random());
    const bits = Array.from({ length }, () => (random() < 0.5 ? 0 : 1));
    return { bits, isOdd: bits.filter((bit) => bit === 1).length % 2 === 1 };
  });
}

/** Numbers for the network: 1 for a zero, 2 for a one, and 0, which is left out, behind the end. */
function arraysOf(examples: readonly Example[]) {
  const x = new Int32Array(examples.length * longest);
  for (const [i, { bits }] of examples.entries()) {
    const numbers = bits.map((bit) => bit + 1);
    x.set(numbers, i * longest);
  }
  const y = Float32Array.from(examples, ({ isOdd }) => Number(isOdd));
  return { x: new NDArray(x, [examples.length, longest], "int32"), y: new NDArray(y, [examples.length, 1], "float32") };
}

/** A scheduler: how long sequences may be in an epoch. */
export type Scheduler = (epoch: number, epochs: number) => number;
/** From two to the longest, which come in after four fifths of the time. */
export const easyFirst: Scheduler = (epoch, epochs) =>
  Math.min(longest, 2 + Math.floor((longest * epoch) / (0.8 * epochs)));
export const allAtOnce: Scheduler = () => longest;

export function parityNetwork(seed: number) {
  const layers = [
    input([longest], { dtype: "int32", name: "bits" }),
    new Embedding(3, 4, { maskZero: true }),
    new SimpleRNN(32),
    new Dense(1, { activation: "sigmoid", name: "odd" }),
  ] as const;
  const network = sequential(layers, { name: "parity", seed });
  const optimizer = new Adam(0.01, { clipNorm: 1 });
  return network.compile({ optimizer, loss: "binaryCrossentropy", metrics: ["accuracy"] });
}

/** @returns for each epoch accuracy on long sequences it never saw, and the numbers of the samples, in their order */
export function trainParity(scheduler: Scheduler, epochs: number, seed = 1) {
  const network = parityNetwork(seed);
  const random = seededRandom(seed);
  const pool = drawExamples(4000, random);
  const test = arraysOf(drawExamples(500, random, longest - 3));
  const order: (readonly number[])[] = [];
  const accuracy: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const allowed = scheduler(epoch, epochs);
    const easyEnough = [...pool.keys()].filter((number) => pool[number]!.bits.length <= allowed);
    const drawn: number[] = [];
    for (let batch = 0; batch < batches; batch++) {
      const chosen = Array.from({ length: batchSize }, () => easyEnough[Math.floor(random() * easyEnough.length)]!);
      const { x, y } = arraysOf(chosen.map((number) => pool[number]!));
      network.trainOnBatch(x, y);
      drawn.push(...chosen);
    }
    order.push(drawn);
    accuracy.push(network.testOnBatch(test.x, test.y).accuracy!);
  }
  return { pool, order, accuracy };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const rows: object[] = [];
  for (const [samples, scheduler] of Object.entries({ "easy ones first": easyFirst, "all at once": allAtOnce })) {
    const { pool, order, accuracy } = trainParity(scheduler, 60);
    const longestOf = (numbers: readonly number[]) => Math.max(...numbers.map((number) => pool[number]!.bits.length));
    const lengths = [0, 15, 30, 45, 59].map((epoch) => longestOf(order[epoch]!));
    console.log(`${samples}: accuracy ${accuracy.at(-1)!.toFixed(3)} on sequences of ${longest - 3} to ${longest}`);
    console.log(`  longest in epochs 1, 16, 31, 46, 60: ${lengths.join(", ")}`);
    rows.push(
      ...accuracy.map((value, i) => ({ epoch: i + 1, accuracy: value, longest: longestOf(order[i]!), samples })),
    );
  }
  const panel = (field: string, title: string, scale: object) => ({
    width: 300,
    height: 220,
    title,
    mark: "line",
    encoding: {
      x: { field: "epoch", type: "quantitative", scale: { domain: [1, 60], nice: false } },
      y: { field, type: "quantitative", title: null, scale },
      color: { field: "samples", type: "nominal", title: null, sort: null },
    },
  });
  await writeChart(join(folderFor(import.meta.url), "curriculum.svg"), {
    data: { values: rows },
    hconcat: [
      panel("accuracy", "Accuracy on long sequences", { domain: [0.4, 1] }),
      panel("longest", "Longest sequence of the epoch", { domain: [0, longest] }),
    ],
  });
}
