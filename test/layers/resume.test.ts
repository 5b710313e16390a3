/** Training that is stopped, saved, loaded and taken up again: the same bits as if it had never stopped. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { fromTensorSlices } from "../../src/data/index.ts";
import { loadModel } from "../../src/layers/saving/load.ts";
import { bitsOf, compiled, EPOCHS, makers, STEPS, train, type Which, x, y } from "./resumable.ts";

const folder = mkdtempSync(join(tmpdir(), "forerun-resume-"));
afterAll(() => rmSync(folder, { recursive: true }));
const kinds = Object.keys(makers) as Which[];

/** Goes on from a file in a process of its own, which knows nothing but the file and the data. */
function inNewProcess(which: Which, path: string): string {
  const text = `
    import { loadModel } from "./src/layers/saving/load.ts";
    import { bitsOf, compiled, makers, train } from "./test/layers/resumable.ts";
    const path = ${JSON.stringify(path)};
    let network;
    if (${which === "own"}) {
      network = compiled(makers.own());
      await network.load(path);
    } else network = compiled(await loadModel(path));
    await train(network, true);
    console.log(bitsOf(network));
  `;
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const args = ["--import", "tsx", "--input-type=module", "--eval", text];
  return execFileSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 60_000 }).trim();
}

describe("row 94: save, load and go on equals never having stopped, bit for bit", () => {
  test.each(kinds)("%s, in a new process, in the middle of an epoch", { timeout: 90_000 }, async (which) => {
    const whole = compiled(makers[which]());
    await train(whole);
    const stopped = compiled(makers[which]());
    await train(stopped, false, STEPS + 2);
    expect(stopped.position).toEqual({ epoch: 1, batch: 2 });
    const path = join(folder, `${which}.safetensors`);
    await stopped.save(path);
    expect(inNewProcess(which, path)).toBe(bitsOf(whole));
  });

  test("at every step, the end of an epoch included", { timeout: 90_000 }, async () => {
    const whole = compiled(makers.sequential());
    const losses = await train(whole);
    const wanted = bitsOf(whole);
    for (let stop = 1; stop < EPOCHS * STEPS; stop++) {
      const stopped = compiled(makers.sequential());
      await train(stopped, false, stop);
      expect(stopped.position).toEqual({ epoch: Math.floor(stop / STEPS), batch: stop % STEPS });
      const next = compiled(loadModel(stopped.save()));
      const rest = await train(next, true);
      expect(bitsOf(next), `stopped after ${stop}`).toBe(wanted);
      // The means of the epoch, too, are of all its batches.
      expect(rest).toEqual(losses.slice(stop));
    }
  });

  test("in the same program, without a file, and from a file in a model that has gone on", async () => {
    const whole = compiled(makers.functional());
    await train(whole);
    const stopped = compiled(makers.functional());
    await train(stopped, false, 4);
    const file = stopped.save();
    await train(stopped, true);
    expect(bitsOf(stopped)).toBe(bitsOf(whole));
    stopped.load(file);
    expect(stopped.position).toEqual({ epoch: 0, batch: 4 });
    await train(stopped, true);
    expect(bitsOf(stopped)).toBe(bitsOf(whole));
  });
});

describe("random numbers", () => {
  test("go on as in the file, whatever the seed of the model that takes it up", async () => {
    const whole = compiled(makers.sequential());
    await train(whole);
    const stopped = compiled(makers.sequential());
    await train(stopped, false, STEPS + 1);
    const other = compiled(makers.sequential(99));
    other.load(stopped.save());
    await train(other, true);
    expect(bitsOf(other)).toBe(bitsOf(whole));
  });

  test("a model that has drawn others already refuses the file, and stays what it was", async () => {
    const [one, other] = [compiled(makers.sequential(1)), compiled(makers.sequential(2))];
    await train(one, false, 2);
    await train(other, false, 3);
    const before = bitsOf(other);
    expect(() => other.load(one.save())).toThrow(
      /^load: "dropout\/counter" draws from another stream of random numbers than in the file\n[\s\S]*fix: /,
    );
    expect(bitsOf(other)).toBe(before);
  });
});

describe("datasets", () => {
  const pairs = () => fromTensorSlices({ x, y }).shuffle({ seed: 4 }).batch(8);
  const options = { verbose: 0 as const };
  type Any = ReturnType<typeof compiled>;
  const stopAt = (network: Any, stop: number) => {
    let batches = 0;
    return {
      onTrainBatchEnd() {
        if (++batches === stop) network.stopTraining = true;
      },
    };
  };

  test("a shuffled dataset, made again as in a new program, gives the same batches", async () => {
    const whole = compiled(makers.sequential());
    await whole.fit(pairs(), { ...options, epochs: 3 });
    for (const stop of [1, STEPS, STEPS + 2, 2 * STEPS + 3]) {
      const stopped = compiled(makers.sequential());
      await stopped.fit(pairs(), { ...options, epochs: 3, callbacks: [stopAt(stopped, stop)] });
      const next = compiled(loadModel(stopped.save()));
      await next.fit(pairs(), { ...options, epochs: 3, resume: true });
      expect(bitsOf(next), `stopped after ${stop}`).toBe(bitsOf(whole));
    }
  });

  test("an endless one, with steps in an epoch", async () => {
    const endless = () => pairs().repeat();
    const whole = compiled(makers.sequential());
    await whole.fit(endless(), { ...options, epochs: 4, stepsPerEpoch: 4 });
    for (const stop of [3, 4, 9]) {
      const stopped = compiled(makers.sequential());
      await stopped.fit(endless(), { ...options, epochs: 4, stepsPerEpoch: 4, callbacks: [stopAt(stopped, stop)] });
      const next = compiled(loadModel(stopped.save()));
      await next.fit(endless(), { ...options, epochs: 4, stepsPerEpoch: 4, resume: true });
      expect(bitsOf(next), `stopped after ${stop}`).toBe(bitsOf(whole));
    }
  });

  test("batches of a dataset are the batches of arrays: none is overwritten while it is learnt from", async () => {
    const [a, b] = [compiled(makers.sequential()), compiled(makers.sequential())];
    await a.fit(fromTensorSlices({ x, y }).batch(8), { ...options, epochs: 2 });
    await b.fit(x, y, { ...options, epochs: 2, batchSize: 8, shuffle: false });
    expect(bitsOf(a)).toBe(bitsOf(b));
  });
});
