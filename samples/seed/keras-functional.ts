/** Functional API + Built-in Layers: `npx tsx samples/seed/keras-functional.ts`. (The lecture's program, line by line.) */
import { Dense, input as Input, model as Model } from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { formatLogs, loadDigits } from "./keras-data.ts";

const { train, test } = loadDigits();

// 입력과 출력을 연결해서 임의의 모델 그래프 생성 (connect inputs and outputs to any graph)
const input = Input([784], { name: "img" }); // 입력 플레이스 홀더 반환 (a placeholder)
const h1 = new Dense(64, { activation: "relu" })(input); // 각 계층 별로 Tensor를 전달하고 리턴 받음
const h2 = new Dense(64, { activation: "relu" })(h1); // (each layer takes a tensor and gives one)
const output = new Dense(10, { activation: "softmax" })(h2);
console.log(`${input}\n${h1}\n${output}`);

// 모델 생성: 입력 Tensor와 Output Tensor를 모델에 지정 (the model is what lies between them)
const model = Model(input, output);
console.log(model.summary());

// 훈련 설정 (configure the training)
model.compile({ optimizer: new Adam(0.001), loss: "categorical_crossentropy", metrics: ["accuracy"] });

// … (the rest is that of the sequential model, and so are the numbers)
const { history } = await model.fit(train.data, train.labels, { epochs: 10, batchSize: 32, verbose: 0 });
console.log(`loss=${history.loss!.map((loss) => loss.toFixed(3)).join(" ")}`);
console.log(formatLogs(await model.evaluate(test.data, test.labels)));
