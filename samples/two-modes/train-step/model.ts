/** The lecture's `train_step`, for both ways of running it: eagerly, and through `func` (`@tf.function`). */

import { GradientTape, tensor, variable } from "../../../src/eager/index.ts";
import { add, matmul, mean, square, sub, type Tensor, tanh } from "../../../src/index.ts";
import { Adam } from "../../../src/train/index.ts";
import { hiddenWeights, inputs, outputWeights, targets, units } from "./data.ts";

export const x = tensor(inputs, { shape: [16, 1] });
export const y = tensor(targets, { shape: [16, 1] });

const w1 = variable(tensor(hiddenWeights, { shape: [1, units] }), { name: "w1" });
const b1 = variable({ shape: [units] }, { name: "b1" });
export const w2 = variable(tensor(outputWeights, { shape: [units, 1] }), { name: "w2" });
const weights = [w1, b1, w2] as const;
const optimizer = new Adam(0.05);

const model = (input: Tensor): Tensor => matmul(tanh(add(matmul(input, w1), b1)), w2);

export function trainStep(input: Tensor, target: Tensor): Tensor {
  const tape = new GradientTape();
  const loss = mean(square(sub(model(input), target)));
  const gradients = tape.gradient(loss, weights);
  optimizer.applyGradients(gradients.map((gradient, i) => [gradient, weights[i]!]));
  return loss;
}
