/** model.compile, both ways: `npx tsx samples/seed/keras-compile.ts`. (The lecture's calls, line by line.) */
import { CategoricalCrossentropy, Dense, metrics, sequential } from "../../src/layers/index.ts";
import { Adam, RMSprop } from "../../src/train/index.ts";
import { formatLogs, loadDigits, makePlane } from "./keras-data.ts";

// 회귀 모델 예시 (regression)
const regression = sequential([new Dense(16, { activation: "relu" }), new Dense(1)]);

// 1. 이름으로 지정: Default 값으로 실행할 때 (by name, with default options)
regression.compile({
  optimizer: new Adam(0.01),
  loss: "mse", // 평균 제곱 오차 (mean squared error)
  metrics: ["mae"], // 평균 절댓값 오차 (mean absolute error)
});
const plane = makePlane();
await regression.fit(plane.data, plane.labels, { epochs: 20, verbose: 0 });
console.log(`regression: ${formatLogs(await regression.evaluate(plane.data, plane.labels))}`);

// 분류 모델 예시 (classification)
const classification = sequential([new Dense(32, { activation: "relu" }), new Dense(10, { activation: "softmax" })]);

// 2. 객체를 생성해서 전달: 파라미터를 지정할 필요가 있을 때 (as objects, with options of their own)
classification.compile({
  optimizer: new RMSprop(0.01),
  loss: new CategoricalCrossentropy(),
  metrics: [new metrics.CategoricalAccuracy()],
});
const { train, test } = loadDigits();
await classification.fit(train.data, train.labels, { epochs: 5, verbose: 0 });
console.log(`classification: ${formatLogs(await classification.evaluate(test.data, test.labels))}`);
