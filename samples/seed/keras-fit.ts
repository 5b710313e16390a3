/** model.fit with callbacks: `npx tsx samples/seed/keras-fit.ts`. (The lecture's call, line by line.) */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Dense, EarlyStopping, loadModel, ModelCheckpoint, sequential, TensorBoard } from "../../src/layers/index.ts";
import { RMSprop } from "../../src/train/index.ts";
import { formatLogs, makePlane } from "./keras-data.ts";

const { data: normedTrainData, labels: trainLabels } = makePlane();
const model = sequential([new Dense(16, { activation: "relu" }), new Dense(16, { activation: "relu" }), new Dense(1)]);
model.compile({ optimizer: new RMSprop(0.001), loss: "mse", metrics: ["mae"] });

// 강의의 Earlystopping(), Tensorboard()는 이름이 틀렸고, ModelCheckpoint()에는 경로가 있어야 한다.
// (The lecture's Earlystopping() and Tensorboard() are misspelt, and ModelCheckpoint() needs a path.)
const folder = mkdtempSync(join(tmpdir(), "keras-fit-"));
const checkpoint = join(folder, "best.safetensors");

// 모델을 고정된 epoch 수로 훈련 (train for a fixed number of epochs, or until it no longer gets better)
const history = await model.fit(normedTrainData, trainLabels, {
  epochs: 1000,
  validationSplit: 0.2,
  verbose: 0,
  callbacks: [
    new EarlyStopping({ patience: 3 }),
    new TensorBoard(join(folder, "logs")),
    new ModelCheckpoint(checkpoint, { saveBestOnly: true }),
  ],
});

const epochs = history.history.loss!.length;
console.log(`epochs=${epochs}`);
const last = Object.entries(history.history).map(([name, values]) => [name, values!.at(-1)!]);
console.log(formatLogs(Object.fromEntries(last)));
console.log(`logs: ${readdirSync(join(folder, "logs")).sort().join(", ")}`);

// 체크포인트에서 다시 (the best of them, from its file)
const best = await loadModel(checkpoint);
const least = history.history.val_loss!.indexOf(Math.min(...history.history.val_loss!));
console.log(`best epoch=${least + 1}, of ${best.layers.length} layers, goes on at epoch ${best.position.epoch}`);
rmSync(folder, { recursive: true });
