/**
 * First names, letter by letter, as `samples/names` learns them, here by layers and `fit`:
 * `npx tsx samples/layers/names.ts`, half a minute. Options: `--epochs 25`, `--units 128`, `--temperature 0.7`.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { assign, NDArray } from "../../src/index.ts";
import {
  Dense,
  Dropout,
  Embedding,
  input,
  LearningRateScheduler,
  LSTM,
  type Sequential,
  SparseCategoricalCrossentropy,
  sequential,
} from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { seededRandom } from "../mnist/data.ts";
import { judge, LetterCounts } from "../names/counts.ts";
import { loadNames, MARK, type Names, type Vocabulary } from "../names/data.ts";
import { folderFor } from "../support/output.ts";
import { writeHistory } from "../support/plot.ts";

const EMBEDDING = 24;
const DROPOUT = 0.3;

/** A row for each name, [names, steps]: what is read, and what comes next. Both end with zeros. */
export function rowsOf(names: readonly string[], vocabulary: Vocabulary, steps: number) {
  const [x, y] = [new Int32Array(names.length * steps), new Int32Array(names.length * steps)];
  for (const [row, name] of names.entries()) {
    const letters = vocabulary.encode(name);
    x.set([MARK, ...letters].map(asInput), row * steps);
    y.set([...letters, MARK], row * steps);
  }
  const shape = [names.length, steps];
  return { x: new NDArray(x, shape, "int32"), y: new NDArray(y, shape, "int32") };
}

/** The mark is 0 too, but counts where a name begins: to be read, numbers are one higher, and 0 is the filling. */
const asInput = (number: number): number => number + 1;

/** Layers that read `steps` letters at a time; `batch` is given for a network that remembers what it has read. */
function layersOf(letters: number, units: number, steps: number, batch?: number) {
  return [
    input([steps], { dtype: "int32", name: "letters", ...(batch === undefined ? {} : { batchSize: batch }) }),
    // Steps behind the end of a name are left out of everything behind this layer, also of the loss.
    new Embedding(letters + 1, EMBEDDING, { maskZero: true }),
    new LSTM(units, { returnSequences: true, stateful: batch !== undefined }),
    new Dropout(DROPOUT),
    new Dense(letters, { name: "next" }),
  ] as const;
}

/** Foretells each letter of names from those before. */
export function namesNetwork({ vocabulary }: Names, { units = 128, steps = 16, seed = 1 } = {}) {
  const network = sequential(layersOf(vocabulary.size, units, steps), { name: "names", seed });
  return network.compile({
    optimizer: new Adam(0.005, { clipGlobalNorm: 1 }),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
  });
}

/** The same network for a single letter of many names at a time: its memory stays from call to call. */
export class Writer {
  readonly #vocabulary: Vocabulary;
  readonly #network;
  readonly #memory;
  readonly #count: number;

  constructor(trained: Sequential, { vocabulary }: Names, { units = 128, count = 500 } = {}) {
    const layers = layersOf(vocabulary.size, units, 1, count);
    this.#memory = layers[2];
    this.#network = sequential(layers, { name: "writer" });
    this.#vocabulary = vocabulary;
    this.#count = count;
    // Its memory is the only thing the trained network has not got.
    const weights = this.#network.trainableVariables;
    for (const [i, variable] of trained.trainableVariables.entries()) assign(weights[i]!, variable);
  }

  /** Logits of what comes next, [names, 1, letters], behind everything since `begin`. */
  read(letters: Int32Array): NDArray {
    return this.#network.predictOnBatch(new NDArray(letters.map(asInput), [this.#count, 1], "int32"));
  }
  /** Forgets what was read. */
  begin(): void {
    this.#memory.resetStates();
  }

  /** At temperature 1 letters are drawn as likely as the network finds them, below 1 it is more careful. */
  write(temperature: number, random: () => number, turns = 16): string[] {
    this.begin();
    const names = Array.from({ length: this.#count }, (): number[] => []);
    let letters = new Int32Array(this.#count).fill(MARK);
    for (let turn = 0; turn < turns; turn++) {
      const logits = this.read(letters).data as Float32Array;
      letters = letters.map((_, row) => {
        const { size } = this.#vocabulary;
        return draw(logits.subarray(row * size, (row + 1) * size), temperature, random);
      });
      letters.forEach((letter, row) => void names[row]!.push(letter));
    }
    return names.map((name) => this.#vocabulary.decode(name));
  }
}

/** A number that is drawn as likely as `softmax(logits / temperature)` says. */
function draw(logits: Float32Array, temperature: number, random: () => number): number {
  const highest = Math.max(...logits);
  const shares = Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
  let left = random() * shares.reduce((sum, share) => sum + share, 0);
  for (const [number, share] of shares.entries()) {
    left -= share;
    if (left < 0) return number;
  }
  return MARK;
}

export async function trainNames(names: Names, { epochs = 25, units = 128, seed = 1 } = {}) {
  const { train, heldOut, vocabulary } = names;
  const steps = 1 + Math.max(...[...train, ...heldOut].map(({ length }) => length));
  const network = namesNetwork(names, { units, steps, seed });
  const { x, y } = rowsOf(train, vocabulary, steps);
  const unseen = rowsOf(heldOut, vocabulary, steps);
  const history = await network.fit(x, y, {
    epochs,
    batchSize: 64,
    validationData: [unseen.x, unseen.y],
    // All at once: a mean over batches would count letters of batches with short names for more.
    validationBatchSize: heldOut.length,
    callbacks: [new LearningRateScheduler((epoch) => 0.005 * (1 - epoch / epochs))],
    verbose: 0,
  });
  return { network, history, steps };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values: options } = parseArgs({
    options: {
      epochs: { type: "string", default: "25" },
      units: { type: "string", default: "128" },
      temperature: { type: "string", default: "0.7" },
    },
  });
  const names = loadNames();
  const [epochs, units] = [Number(options.epochs), Number(options.units)];
  const { network, history } = await trainNames(names, { epochs, units });
  console.log(network.summary());
  const heldOut = history.history.val_loss!.at(-1)!;
  console.log(`held-out loss ${heldOut.toFixed(4)}, perplexity ${Math.exp(heldOut).toFixed(2)}`);
  const written = new Writer(network, names, { units }).write(Number(options.temperature), seededRandom(1));
  const { fresh, real, perplexity } = judge(written, names, new LetterCounts(names.train, names.vocabulary, 3));
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  console.log(`500 written names: ${percent(fresh)} new, ${percent(real)} real though never seen,`);
  console.log(`perplexity for counts of triples ${perplexity.toFixed(2)}\n\n${written.slice(0, 20).join(", ")}`);
  await writeHistory(join(folderFor(import.meta.url), "names.svg"), history);
}
