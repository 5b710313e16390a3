// Measured process: TensorFlow.js with its WebAssembly backend. JavaScript, as the peers' types are installed apart.
import * as tf from "@tensorflow/tfjs-core";
import { arrays, networkCase, sample } from "../cases.ts";
import { CannotError, serve } from "../protocol.ts";
import { training, useWasm } from "./tfjs-training.mjs";

const formulas = {
  matmul: (a, b) => tf.matMul(a, b),
  "chain-1m": (a, b, c, d) => tf.sub(tf.mul(tf.relu(tf.add(tf.mul(a, b), c)), d), a),
  "chain-1k": (a, b, c, d) => formulas["chain-1m"](a, b, c, d),
  "exp-1m": (x) => tf.add(tf.add(tf.sigmoid(x), tf.tanh(x)), tf.exp(x)),
  "softmax-1024": (x) => tf.softmax(x),
  "sum-axis0": (x) => tf.sum(x, 0),
  "sum-axis1": (x) => tf.sum(x, 1),
};

async function onArrays({ workload, variant, threads }) {
  await useWasm(threads);
  const operands = arrays(workload, variant).map(({ shape, values }) => tf.tensor(values, shape));
  const run = () => tf.tidy(() => formulas[workload](...operands));
  const check = () => {
    const result = run();
    const numbers = sample(result.dataSync());
    result.dispose();
    return numbers;
  };
  // The backend computes at once: nothing has to be waited for.
  return { check, call: () => run().dispose() };
}

await serve(async (assignment) => {
  const wanted = networkCase(assignment.workload);
  if (wanted?.task === "infer") throw new CannotError("not among the rows");
  const { threads } = assignment;
  const make = await (wanted ? training({ ...wanted, threads }) : onArrays(assignment));
  return { name: "tfjs-wasm", version: tf.version_core, ...make };
});
