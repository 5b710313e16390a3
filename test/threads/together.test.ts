/** Several sessions with threads at once: more threads than the machine has cores, and threads that change hands. */
import { expect, test } from "vitest";
import type { SessionOptions } from "../../src/index.ts";
import { hashOf } from "../support/hash.ts";
import { convolutional, dense, type Training, training } from "../support/networks.ts";
import { ALL_LOOPS, gathered, reluOf, threaded } from "./support.ts";

const STEPS = 40;
const NETWORKS = [
  ["dense", dense, 32],
  ["convolutional", convolutional, 8],
] as const;
const start = (options: SessionOptions) =>
  NETWORKS.map(([name, network, batch]) => ({ name, ...training(network, options, batch) }));

const hashes = (trainings: readonly (Training & { readonly name: string })[]) =>
  trainings.map(({ name, session, variables }) => {
    const hash = `${name} ${hashOf(variables())}`;
    session.close();
    return hash;
  });

const alone = start({});
for (const { step } of alone) for (let i = 0; i < STEPS; i++) step();
const wanted = hashes(alone);

/** Opens a session, uses it once, and closes it. */
function passBy(n: number): void {
  const { graph, x, y } = reluOf(n);
  using session = threaded(graph, 3);
  expect(session.run(y, [[x, new Float32Array(n).fill(-1)]]).data[n - 1]).toBe(0);
}

test("steps of two sessions in turn, while others come and go", () => {
  const trainings = start({ backend: gathered(2), compile: ALL_LOOPS });
  for (let i = 0; i < STEPS; i++) {
    for (const { step } of trainings) step();
    if (i % 8 === 0) passBy(1000 + i);
  }
  expect(hashes(trainings)).toEqual(wanted);
});

test("asynchronous runs of two sessions at the same time, while others come and go", async () => {
  const trainings = start({ threads: 2, compile: ALL_LOOPS });
  let running = true;
  const others = (async () => {
    for (let i = 0; running; i++) {
      passBy(1000 + i);
      await new Promise((turn) => setTimeout(turn, 5));
    }
  })();
  await Promise.all(
    trainings.map(async ({ stepAsync }) => {
      for (let i = 0; i < STEPS; i++) await stepAsync();
    }),
  );
  running = false;
  await others;
  expect(hashes(trainings)).toEqual(wanted);
});

test("sessions closed in the middle of their runs leave those of others alone", async () => {
  const trainings = start({ threads: 2, compile: ALL_LOOPS });
  let closed = 0;
  for (let i = 0; i < STEPS; i++) {
    const doomed = training(convolutional, { threads: 3 }, 16);
    const ended = doomed.stepAsync().catch((error: Error) => {
      expect(error.message).toContain("session: closed before an asynchronous run had ended");
      closed++;
    });
    await Promise.all(trainings.map(({ stepAsync }) => stepAsync()));
    doomed.session.close();
    await ended;
  }
  expect(closed).toBeGreaterThan(0);
  expect(hashes(trainings)).toEqual(wanted);
});
