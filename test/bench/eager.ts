/** The workloads in define-by-run: the formulas of `workloads.ts`, op by op, or as traced functions. */
import { configureEager, type EagerTensor, func, GradientTape, tensor, variable } from "../../src/eager/index.ts";
import { sparseSoftmaxCrossEntropy, type Tensor } from "../../src/functional.ts";
import type { SessionOptions } from "../../src/runtime/session.ts";
import { Adam } from "../../src/train/index.ts";
import { ADAM, arrays, batches, checkedSteps, mlpParameters, type NetworkCase, networkCase, sample } from "./cases.ts";
import { mlpLogits } from "./networks.ts";
import type { Assignment } from "./protocol.ts";
import { formula, type Runner } from "./workloads.ts";

type Wanted = Pick<Assignment, "workload" | "variant" | "mode">;

/** What a measured process calls; lines are remembered in the mode that says so. */
export function eagerRunner(wanted: Wanted, options: SessionOptions): Runner {
  configureEager({ ...options, lines: wanted.mode === "eager with lines" });
  const network = networkCase(wanted.workload);
  const traced = wanted.mode === "traced";
  return network ? training(network, traced, options) : onArrays(wanted, traced, options);
}

function training({ network, task, batch }: NetworkCase, traced: boolean, session: SessionOptions): Runner {
  if (network !== "mlp" || task !== "train") throw new Error("of the networks, only the MLP's step is measured here");
  const parameters = mlpParameters().map(({ name, shape, values }) =>
    variable(tensor<Float32Array, readonly number[]>(values, { shape }), { name }),
  );
  const { learningRate, beta1, beta2, epsilon } = ADAM;
  const optimizer = new Adam(learningRate, { beta1, beta2, epsilon });
  const train = (images: Tensor, labels: Tensor): Tensor => {
    const tape = new GradientTape();
    const loss = sparseSoftmaxCrossEntropy(labels, mlpLogits(images, parameters));
    const slopes = tape.gradient(loss, parameters);
    optimizer.applyGradients(slopes.map((gradient, i) => [gradient, parameters[i]!]));
    return loss;
  };
  const step = traced ? func(train, { session }) : train;
  const data = batches(batch);
  const call = (turn: number): number => {
    const { images, labels } = data[turn % data.length]!;
    return (step(tensor(images, { shape: [batch, 784] }), tensor(labels)) as EagerTensor).item();
  };
  return { check: () => Array.from({ length: checkedSteps({ network, task, batch }) }, (_, turn) => call(turn)), call };
}

/** Operands that stay: in a trace, variables of its session. */
function onArrays({ workload, variant }: Wanted, traced: boolean, session: SessionOptions): Runner {
  const operands = arrays(workload, variant).map(({ shape, values }) =>
    variable(tensor<Float32Array, readonly number[]>(values, { shape })),
  );
  const compute = (): Tensor => formula(workload, operands);
  const run = traced ? func(compute, { session }) : compute;
  return { check: () => sample((run() as EagerTensor).data as ArrayLike<number>), call: () => run() };
}
