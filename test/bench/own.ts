/**
 * Measured process: what forerun is compared with limits for. Prints one line of JSON, the values by row variant.
 * Each runs in a process of its own, since a second plan finds warm code.
 */
import { add, Graph, matmul, mul, type Operation, relu, Session, sub, type Tensor } from "../../src/functional.ts";
import { batches, networkCase } from "./cases.ts";
import { smallestMemory } from "./live.ts";
import { trained } from "./networks.ts";
import type { Assignment } from "./protocol.ts";
import { backendOption } from "./workloads.ts";

const { workload, variant, backend } = JSON.parse(process.argv.at(-1)!) as Assignment;
const options = backendOption(backend);

const elapsed = <T>(run: () => T): [ms: number, result: T] => {
  const start = performance.now();
  const result = run();
  return [performance.now() - start, result];
};

/** The plan of a training step, from a finished graph to code that runs, several times in sessions of their own. */
function compileMlp(): Record<string, number | readonly number[]> {
  const [batch] = batches(32, 1) as [ReturnType<typeof batches>[number]];
  const plans: number[] = [];
  const firsts: number[] = [];
  let steady = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    const { graph, images, labels, loss, trainStep } = trained({ network: "mlp", task: "train", batch: 32 });
    const session = new Session(graph, options);
    session.run(graph.initializer);
    const fetches: [Tensor, Operation] = [loss, trainStep];
    const [planMs] = elapsed(() => session.plan(fetches, { images: batch.images, labels: batch.labels }));
    const step = session.prepare(fetches, [images, labels], { copy: false });
    const [firstMs] = elapsed(() => step(batch.images, batch.labels));
    plans.push(planMs);
    firsts.push(firstMs);
    for (let end = performance.now() + 100; performance.now() < end; ) {
      steady = Math.min(steady, elapsed(() => step(batch.images, batch.labels))[0]);
    }
  }
  return {
    "first plan of a process": plans[0]!,
    "later plan": plans.slice(3),
    // The first session's own code (feeds, checks) is still cold, which is no matter of the plan.
    "first step ÷ steady step": firsts.slice(3).map((first) => first / steady),
  };
}

/** A graph of `count` operations that do not all fuse into one: layers of 16 units with arithmetic between. */
function longGraph(count: number): { readonly graph: Graph; readonly result: Tensor } {
  const graph = new Graph();
  const x = graph.placeholder("x", [16, 16]);
  const w = graph.variable("w", [16, 16]);
  let y: Tensor = x;
  const turns = [
    (value: Tensor) => matmul(value, w),
    (value: Tensor) => add(value, x),
    (value: Tensor) => relu(value),
    (value: Tensor) => mul(value, 0.5),
    (value: Tensor) => sub(value, w),
  ];
  for (let i = 0; graph.operations.length < count; i++) y = turns[i % turns.length]!(y);
  return { graph, result: y };
}

function compileScale(): Record<string, number> {
  const feeds = { x: new Float32Array(256) };
  const compileOnce = (count: number): number => {
    const { graph, result } = longGraph(count);
    return elapsed(() => new Session(graph, options).plan(result, feeds))[0];
  };
  const fastest = (count: number, times: number): number =>
    Math.min(...Array.from({ length: times }, () => compileOnce(count)));
  const [hundred, thousand] = [fastest(100, 5), fastest(1000, 3)];
  const tenThousand = compileOnce(10_000);
  return {
    "100 ops": hundred,
    "1,000 ops": thousand,
    "10,000 ops": tenThousand,
    "time an op, 10,000 ÷ 1,000": tenThousand / (10 * thousand),
  };
}

/** The arena of a training plan over the bytes that must lie in it at once. */
function arena(): Record<string, number> {
  const wanted = networkCase(variant)!;
  const { loss, trainStep } = trained(wanted);
  const [batch] = batches(wanted.batch, 1) as [ReturnType<typeof batches>[number]];
  const session = new Session(loss.graph as Graph, options);
  const plan = session.plan([loss, trainStep], { images: batch.images, labels: batch.labels });
  const live = smallestMemory(plan);
  return { [`${variant}, arena ÷ live`]: plan.arenaBytes / live, arenaBytes: plan.arenaBytes, liveBytes: live };
}

const measurements: Readonly<Record<string, () => Record<string, number | readonly number[]>>> = {
  compile: compileMlp,
  "compile-scale": compileScale,
  memory: arena,
};
console.log(JSON.stringify(measurements[workload]!()));
