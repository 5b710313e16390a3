/** Sequential API + Built-in Layers: `npx tsx samples/seed/keras-sequential.ts`. (The lecture's program, line by line.) */
import { Dense, sequential } from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { formatLogs, loadDigits } from "./keras-data.ts";

const { train, test } = loadDigits();

const model = sequential();
model.add(new Dense(64, { activation: "relu" }));
model.add(new Dense(64, { activation: "relu" }));
model.add(new Dense(10, { activation: "softmax" }));

// 훈련 설정 (configure the training)
model.compile({ optimizer: new Adam(0.001), loss: "categorical_crossentropy", metrics: ["accuracy"] });

// 모델 훈련 (train)
const { history } = await model.fit(train.data, train.labels, { epochs: 10, batchSize: 32, verbose: 0 });
console.log(`loss=${history.loss!.map((loss) => loss.toFixed(3)).join(" ")}`);

// 모델 평가 (evaluate)
console.log(formatLogs(await model.evaluate(test.data, test.labels)));

// 샘플 예측 (predict)
const newSample = test.data.data.subarray(0, 784);
const prediction = await model.predict({ data: newSample, shape: [1, 784] });
console.log(`prediction=[${Array.from(prediction.data, (p) => p.toFixed(3)).join(", ")}]`);

// 리스트로 한 번에 (the same in a list)
const list = sequential([new Dense(64), new Dense(64), new Dense(10)]);
console.log(list.layers.map(({ kind }) => kind).join(" → "));
