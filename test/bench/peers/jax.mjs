// Measured process: jax-js.
import { readFileSync } from "node:fs";
import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np } from "@jax-js/jax";
import { arrays, networkCase, sample } from "../cases.ts";
import { CannotError, serve } from "../protocol.ts";
import { toArray, training } from "./jax-training.mjs";

const formulas = {
  matmul: (a, b) => np.matmul(a, b),
  "chain-1m": (a, b, c, d) => nn.relu(a.ref.mul(b).add(c)).mul(d).sub(a),
  "exp-1m": (x) => nn.sigmoid(x.ref).add(np.tanh(x.ref)).add(np.exp(x)),
  "softmax-1024": (x) => nn.softmax(x, -1),
  "sum-axis0": (x) => np.sum(x, 0),
  "sum-axis1": (x) => np.sum(x, 1),
};

async function onArrays({ workload, variant }) {
  await init("wasm");
  defaultDevice("wasm");
  const operands = arrays(workload, variant).map(toArray);
  const compiled = jit(formulas[workload]);
  const run = () => compiled(...operands.map((operand) => operand.ref));
  const call = async () => {
    const result = run();
    await blockUntilReady(result);
    result.dispose();
  };
  return { check: () => sample(run().dataSync()), call };
}

await serve(async (assignment) => {
  if (assignment.threads !== 1) throw new CannotError("it has no threads");
  const wanted = networkCase(assignment.workload);
  if (wanted?.task === "infer") throw new CannotError("not among the rows");
  const manifest = new URL("../@jax-js/jax/package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  return { name: "jax-js", version, ...(await (wanted ? training(wanted) : onArrays(assignment))) };
});
