/** The workloads in forerun, for the measured side and for the profile. */
import {
  add,
  exp,
  Graph,
  matmul,
  mul,
  relu,
  Session,
  type SessionOptions,
  sigmoid,
  softmax,
  sub,
  sum,
  type Tensor,
  tanh,
} from "../../src/functional.ts";
import { arrays, batches, checkedSteps, type NetworkCase, networkCase, sample } from "./cases.ts";
import { network, trained } from "./networks.ts";
import type { Assignment, Side } from "./protocol.ts";

export type Runner = Pick<Side, "check" | "call">;

function training(wanted: NetworkCase, options: SessionOptions): Runner {
  const { graph, images, labels, loss, trainStep } = trained(wanted);
  const session = new Session(graph, options);
  session.run(graph.initializer);
  const step = session.prepare([loss, trainStep], [images, labels], { copy: false });
  const data = batches(wanted.batch);
  const call = (turn: number): number => {
    const batch = data[turn % data.length]!;
    return step(batch.images, batch.labels)[0].data[0]! as number;
  };
  return { check: () => Array.from({ length: checkedSteps(wanted) }, (_, turn) => call(turn)), call };
}

function inference(wanted: NetworkCase, options: SessionOptions): Runner {
  const { graph, images, logits } = network(wanted);
  const session = new Session(graph, options);
  session.run(graph.initializer);
  const infer = session.prepare(logits, [images], { copy: false });
  const data = batches(wanted.batch);
  const call = (turn: number) => infer(data[turn % data.length]!.images).data;
  return { check: () => [0, 1].flatMap((turn) => sample(call(turn) as ArrayLike<number>)), call };
}

/** Of the workloads on plain arrays. */
export function formula(workload: string, x: readonly Tensor[]): Tensor {
  const [a, b, c, d] = x as [Tensor, Tensor, Tensor, Tensor];
  switch (workload) {
    case "matmul":
      return matmul(a, b);
    case "chain-1m":
    case "chain-1k":
    case "chain-4":
      return sub(mul(relu(add(mul(a, b), c)), d), a);
    case "exp-1m":
      return add(add(sigmoid(a), tanh(a)), exp(a));
    case "softmax-1024":
      return softmax(a);
    case "sum-axis0":
      return sum(a, { axis: 0 });
    case "sum-axis1":
      return sum(a, { axis: 1 });
    default:
      throw new Error(`no formula is known for the workload ${workload}`);
  }
}

/** The operands stay in the session, as they stay on the device of the peers. */
function onArrays({ workload, variant }: Pick<Assignment, "workload" | "variant">, options: SessionOptions): Runner {
  const graph = new Graph();
  const operands = arrays(workload, variant);
  const variables = operands.map(({ name, shape }) => graph.variable(name, shape));
  const result = formula(workload, variables);
  const session = new Session(graph, options);
  for (const [i, variable] of variables.entries()) session.setValue(variable, operands[i]!.values);
  const run = session.prepare(result, [], { copy: false });
  return { check: () => sample(run().data as ArrayLike<number>), call: () => run() };
}

/** Builds the workload, opens a session, and gives what a measured process calls. */
export function forerunRunner(assignment: Pick<Assignment, "workload" | "variant">, options: SessionOptions): Runner {
  const wanted = networkCase(assignment.workload);
  if (!wanted) return onArrays(assignment, options);
  return wanted.task === "train" ? training(wanted, options) : inference(wanted, options);
}

/** What a session is opened with; without a name, the library chooses its backend. */
export const backendOption = (backend: string | undefined): SessionOptions =>
  backend === undefined ? {} : { backend: backend as NonNullable<SessionOptions["backend"]> };
