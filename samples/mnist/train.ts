/**
 * Trains the lecture's network on the MNIST digits through a graph and a session, and draws the graph before and
 * after compilation: `npm start`. Options: `--epochs 3`, `--batch 64`, `--backend javascript`.
 */
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import { Session } from "../../src/index.ts";
import { writeSvg } from "../support/graphviz.ts";
import { type LabelledImages, loadMnist, pixelsPerImage, seededRandom, shuffle } from "./data.ts";
import { buildClassifier, type Classifier } from "./model.ts";

const BACKENDS = ["wasm", "javascript", "interpreter"] as const;
const { values: options } = parseArgs({
  options: {
    epochs: { type: "string", default: "5" },
    batch: { type: "string", default: "64" },
    backend: { type: "string", default: "wasm" },
    limit: { type: "string", default: "60000" },
  },
});
const epochs = Number(options.epochs);
const batchSize = Number(options.batch);
const backend = BACKENDS.find((name) => name === options.backend) ?? "wasm";

const data = loadMnist();
const limit = Math.min(Number(options.limit), data.train.count);
const model = buildClassifier();
const session = new Session(model.graph, { backend });
session.run(model.graph.initializer);

const parameters = model.graph.variables().filter((variable) => variable.trainable);
const count = parameters.reduce((sum, variable) => sum + variable.count, 0);
console.log(
  `784-64-64-10 with ${count.toLocaleString("en")} parameters, ${limit.toLocaleString("en")} digits to learn from`,
);

train(model, session, data.train);
await drawPictures(model, session);
const { accuracy } = evaluate(model, session, data.test);
console.log(`test accuracy ${accuracy.toFixed(4)}`);

function train(classifier: Classifier, trained: Session, digits: LabelledImages): void {
  const { images, labels, learningRate, loss, trainStep } = classifier;
  // Everything but the computation is done here, once; a last, smaller batch gets a plan of its own.
  const step = trained.prepare([loss, trainStep], [images, labels, learningRate], { copy: false });
  const order = Int32Array.from({ length: limit }, (_, i) => i);
  const random = seededRandom(7);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    shuffle(order, random);
    const rate = 0.003 * 0.5 ** (epoch - 1); // fed like any other value: nothing is compiled again
    const bar = new SingleBar({
      format: `epoch ${epoch}/${epochs} {bar} {value}/{total}  loss {loss}`,
      noTTYOutput: false,
    });
    bar.start(limit, 0, { loss: "" });
    const start = performance.now();
    let total = 0;
    let steps = 0;
    let inSteps = 0;
    for (let first = 0; first < limit; first += batchSize) {
      const batch = gatherBatch(digits, order.subarray(first, Math.min(first + batchSize, limit)));
      const before = performance.now();
      const [value] = step(batch.images, batch.labels, rate);
      total += value.item() * batch.labels.length;
      inSteps += performance.now() - before;
      steps++;
      bar.update(first + batch.labels.length, { loss: (total / (first + batch.labels.length)).toFixed(4) });
    }
    bar.stop();
    const seconds = (performance.now() - start) / 1000;
    const tested = evaluate(classifier, trained, data.test);
    console.log(
      `epoch ${epoch}  loss ${(total / limit).toFixed(4)}  test loss ${tested.loss.toFixed(4)}  ` +
        `test accuracy ${tested.accuracy.toFixed(4)}  ${seconds.toFixed(2)} s, ` +
        `${Math.round(steps / (inSteps / 1000)).toLocaleString("en")} steps/s`,
    );
  }
}

/** Copies the chosen digits next to one another. */
function gatherBatch(digits: LabelledImages, chosen: Int32Array): { images: Float32Array; labels: Int32Array } {
  const batch = { images: new Float32Array(chosen.length * pixelsPerImage), labels: new Int32Array(chosen.length) };
  chosen.forEach((digit, i) => {
    batch.images.set(digits.images.subarray(digit * pixelsPerImage, (digit + 1) * pixelsPerImage), i * pixelsPerImage);
    batch.labels[i] = digits.labels[digit]!;
  });
  return batch;
}

/** Loss and accuracy over all digits, in batches. */
function evaluate(
  classifier: Classifier,
  trained: Session,
  digits: LabelledImages,
): { loss: number; accuracy: number } {
  const { images, labels, loss, accuracy } = classifier;
  const size = 1000;
  const sums = { loss: 0, accuracy: 0 };
  for (let first = 0; first < digits.count; first += size) {
    const result = trained.run({ loss, accuracy }, [
      [images, digits.images.subarray(first * pixelsPerImage, (first + size) * pixelsPerImage)],
      [labels, digits.labels.subarray(first, first + size)],
    ]);
    sums.loss += result.loss.item() * size;
    sums.accuracy += result.accuracy.item() * size;
  }
  return { loss: sums.loss / digits.count, accuracy: sums.accuracy / digits.count };
}

/** The graph as it was built, and the kernels one training step became. */
async function drawPictures(classifier: Classifier, trained: Session): Promise<void> {
  const { graph, images, labels, learningRate, loss, trainStep } = classifier;
  const folder = fileURLToPath(new URL("output", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const example = gatherBatch(
    data.train,
    Int32Array.from({ length: batchSize }, (_, i) => i),
  );
  const plan = trained.plan(
    [loss, trainStep],
    [
      [images, example.images],
      [labels, example.labels],
      [learningRate, 0.001],
    ],
  );
  const operations = plan.trace[0]!.before().split("\n").length - 2;
  console.log(
    `one training step: ${operations} operations in the graph, ${plan.steps.length} kernels after fusion, ` +
      `${Math.ceil(plan.arenaBytes / 1024)} KB of memory for ${Math.ceil(plan.totalBytes / 1024)} KB of values`,
  );
  const before = join(folder, "graph.svg");
  const after = join(folder, "plan.svg");
  await writeSvg(before, graph, { fetches: [loss, trainStep] });
  await writeSvg(after, plan, {});
  console.log(`the graph before compilation: ${relative(process.cwd(), before)}`);
  console.log(`and after:                    ${relative(process.cwd(), after)}`);
}
