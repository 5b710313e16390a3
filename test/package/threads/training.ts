/** The networks of the benchmark, trained with the package as it is published: in Node, in pages and in their workers. */
import { relu, type Session, setWarningHandler } from "../../../src/index.ts";
import { hashOf } from "../../support/hash.ts";
import { convolutional, dense, training } from "../../support/networks.ts";
import { type Watch, watchRuns } from "./watch.ts";

export interface Wanted {
  readonly network: "MLP" | "CNN";
  readonly steps: number;
  readonly batch: number;
  readonly threads: number;
  /** By `runAsync` instead of a prepared run. */
  readonly later?: boolean;
  /** In each such run this thread waits for another one to take part; it must not be a page's main thread. Default: never. */
  readonly wait?: number;
  readonly workerUrl?: string;
}

export interface Trained {
  /** Of all variables, those of the optimiser among them. */
  readonly hash: string;
  /** How many threads the session says it has. */
  readonly threads: number;
  /** Shared steps in which this thread took part; steps in which it waited for others; those to which others came. */
  readonly ownRuns: number;
  readonly looks: number;
  readonly helped: number;
  readonly warnings: readonly string[];
  readonly seconds: number;
}

export async function trainOnThreads(wanted: Wanted): Promise<Trained> {
  const { network, steps, batch, threads, later = false, wait = 0, workerUrl } = wanted;
  const warnings: string[] = [];
  const handler = setWarningHandler((warning) => warnings.push(warning));
  const watch = watchRuns(threads);
  const start = performance.now();
  const options = { threads, ...(workerUrl === undefined ? {} : { workerUrl }) };
  const { session, step, stepAsync, variables } = training(network === "MLP" ? dense : convolutional, options, batch);
  if (session.threads > 1) await untilReady(session, watch);
  watch.ownRuns = 0;
  watch.every = wait;
  for (let i = 0; i < steps; i++) {
    if (later) await stepAsync();
    else step();
  }
  const { ownRuns, looks, helped } = watch;
  watch.stop();
  const hash = hashOf(variables());
  const seconds = (performance.now() - start) / 1000;
  setWarningHandler(handler);
  session.close();
  return { hash, threads: session.threads, ownRuns, looks, helped, warnings, seconds };
}

/**
 * Waits until a thread does a run of its own. In a worker of a page this must come before a loop of `run`: threads can
 * not start while who started them is busy.
 */
async function untilReady(session: Session, watch: Watch): Promise<void> {
  const probe = session.graph.placeholder("probe", [300_000]);
  const result = relu(probe);
  const value = new Float32Array(300_000);
  for (let i = 0; i < 500; i++) {
    const { ownRuns } = watch;
    await session.runAsync(result, [[probe, value]]);
    if (watch.ownRuns === ownRuns) return;
    await new Promise((turn) => setTimeout(turn, 20));
  }
  throw new Error("no thread has come in 10 s");
}
