/** Custom training loop, batch by batch: `npx tsx samples/seed/keras-train-on-batch.ts`. (Slide: Training 방식.) */
import { Dense, sequential } from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { formatLogs, loadDigits, type Samples } from "./keras-data.ts";

const { train, test } = loadDigits(960, 100);
const model = sequential([new Dense(32, { activation: "relu" }), new Dense(10, { activation: "softmax" })]);
model.compile({ optimizer: new Adam(0.003), loss: "categorical_crossentropy", metrics: ["accuracy"] });

/** Samples `from … to - 1`. */
const slice = ({ data, labels }: Samples, from: number, to: number) => ({
  x: { data: data.data.subarray(784 * from, 784 * to), shape: [to - from, 784] },
  y: { data: labels.data.subarray(10 * from, 10 * to), shape: [to - from, 10] },
});

const batchSize = 32;
for (let epoch = 0; epoch < 3; epoch++) {
  let logs = {};
  for (let from = 0; from < 960; from += batchSize) {
    const { x, y } = slice(train, from, from + batchSize);
    logs = model.trainOnBatch(x, y); // train_on_batch()
  }
  console.log(`epoch ${epoch}, last batch: ${formatLogs(logs)}`);
}

const { x, y } = slice(test, 0, 100);
console.log(`test: ${formatLogs(model.testOnBatch(x, y))}`); // test_on_batch()

const probabilities = model.predictOnBatch(slice(test, 0, 5).x); // predict_on_batch()
const digits = Array.from({ length: 5 }, (_, i) => {
  const row = probabilities.data.subarray(10 * i, 10 * i + 10);
  return row.indexOf(Math.max(...row));
});
console.log(`digits: ${digits.join(" ")}`);
