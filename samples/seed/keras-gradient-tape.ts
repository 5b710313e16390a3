/** tf.GradientTape in a tf.function: `npx tsx samples/seed/keras-gradient-tape.ts`. (The lecture's step, line by line.) */
import { func, GradientTape, tensor } from "../../src/eager/index.ts";
import { argmax, mean, sparseCategoricalCrossEntropy, type Tensor } from "../../src/functional.ts";
import { Dense, sequential } from "../../src/layers/index.ts";
import { Adam } from "../../src/train/index.ts";
import { loadDigits } from "./keras-data.ts";

// from_logits=True이므로 마지막 계층에 softmax가 없다. (from_logits: the last layer has no softmax.)
const model = sequential([new Dense(64, { activation: "relu" }), new Dense(10)]);
const optimizer = new Adam(0.003);

// @tf.function
const trainStep = func((input: Tensor, target: Tensor) => {
  const tape = new GradientTape();
  // forward pass
  const predictions = model(input);
  // compute the loss
  const loss = mean(sparseCategoricalCrossEntropy(target, predictions, { fromLogits: true, reduction: "none" }));
  // compute gradients
  const grads = tape.gradient(loss, model.trainableVariables);
  // perform a gradient descent step
  optimizer.applyGradients(grads.map((gradient, i) => [gradient, model.trainableVariables[i]!]));
  return loss;
});

const { train } = loadDigits(320, 0);
const data = tensor(train.data);
const target = argmax(tensor(train.labels), 1);
for (let step = 0; step < 10; step++) {
  const loss = trainStep(data, target);
  if (step % 3 === 0) console.log(`step ${step}: loss=${loss.item().toFixed(4)}`);
}
