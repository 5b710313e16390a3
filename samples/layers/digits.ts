/** A small convolutional network on the MNIST digits: `npx tsx samples/layers/digits.ts`, half a minute. */
import { fileURLToPath } from "node:url";
import { NDArray } from "../../src/index.ts";
import {
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  input,
  MaxPooling2D,
  ReduceLROnPlateau,
  SparseCategoricalCrossentropy,
  sequential,
} from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { classCount, type LabelledImages, loadMnist } from "../mnist/data.ts";
import { folderFor } from "../support/output.ts";
import { writeHistory } from "../support/plot.ts";

/** 28 × 28 grey pixels in, a number for each digit out. */
export function digitsNetwork(seed = 1) {
  return sequential(
    [
      input([28, 28, 1], { name: "img" }),
      new Conv2D(16, 3, { activation: "relu" }),
      new MaxPooling2D(2),
      new Conv2D(32, 3, { activation: "relu" }),
      new MaxPooling2D(2),
      new Flatten(),
      new Dropout(0.25),
      new Dense(64, { activation: "relu" }),
      new Dense(classCount),
    ],
    { name: "digits", seed },
  );
}

export const imagesOf = ({ images, count }: LabelledImages): NDArray =>
  new NDArray(images, [count, 28, 28, 1], "float32");
export const labelsOf = ({ labels, count }: LabelledImages): NDArray => new NDArray(labels, [count], "int32");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { train, test } = loadMnist();
  const network = digitsNetwork();
  console.log(network.summary());
  network.compile({
    optimizer: new Adam(0.002),
    loss: new SparseCategoricalCrossentropy({ fromLogits: true }),
    metrics: ["accuracy"],
    session: { threads: 2 },
  });
  const history = await network.fit(imagesOf(train), labelsOf(train), {
    epochs: 4,
    batchSize: 64,
    validationSplit: 0.1,
    callbacks: [new ReduceLROnPlateau({ patience: 0, factor: 0.3 })],
    verbose: process.stdout.isTTY ? 1 : 2,
  });
  const { loss, accuracy } = await network.evaluate(imagesOf(test), labelsOf(test), { batchSize: 500 });
  console.log(`test loss ${loss!.toFixed(4)}, accuracy ${accuracy!.toFixed(4)}`);
  await writeHistory(`${folderFor(import.meta.url)}/digits.svg`, history);
}
