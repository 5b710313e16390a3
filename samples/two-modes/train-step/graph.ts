/** Training as one operation of a graph: gradients and updates are added once, and each run does a step. */
import { add, Graph, matmul, mean, Session, square, sub, tanh } from "../../../src/index.ts";
import { Adam } from "../../../src/train/index.ts";
import { hiddenWeights, inputs, outputWeights, targets, units } from "./data.ts";

const graph = new Graph();
const x = graph.placeholder("x", [16, 1]);
const y = graph.placeholder("y", [16, 1]);
const w1 = graph.variable("w1", [1, units], { initial: hiddenWeights });
const b1 = graph.variable("b1", [units]);
const w2 = graph.variable("w2", [units, 1], { initial: outputWeights });

const prediction = matmul(tanh(add(matmul(x, w1), b1)), w2);
const loss = mean(square(sub(prediction, y)));
const trainStep = new Adam(0.05).minimize(loss);

const session = new Session(graph);
session.run(graph.initializer);
for (let step = 1; step <= 5; step++) {
  const [value] = session.run([loss, trainStep], { x: inputs, y: targets });
  console.log(`loss ${step} = ${value}`);
}
console.log(`w2 = ${session.value(w2)}`);
